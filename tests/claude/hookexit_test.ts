// Exit codes of command hooks are a protocol with the client: 2 begins a turn of an idle session, which
// costs money. Whatever is wrong with the environment, with what the client writes or with the home, a
// hook that did not mean to wake anybody never ends with 2.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { VARIABLES } from "../../src/node/settings.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { CommandHook, type Ground, groundTest } from "./client.ts";

/** Values that make no sense, by variable. */
const BAD: Readonly<Record<string, string>> = {
  SKEIN_HOME: "relative/home",
  SKEIN_INSTALLED_HOME: "/another/home",
  SKEIN_NAME: "QmPeer/1",
  PEER_ID: "QmPeer/1",
  SKEIN_ROLE: "operator",
  PEER_ROLE: "boss",
  SKEIN_DIR: "/no/such/folder",
  PEER_DIR: "/no/such/folder",
  SKEIN_PORT: "99999",
  SKEIN_RATE: "many",
  SKEIN_POLICY: "lax",
  SKEIN_SECRET: "short",
  SKEIN_LEASE_S: "0",
  SKEIN_AGENTS: "-1",
  SKEIN_STALLED_S: "soon",
  SKEIN_SYNC: "perhaps",
};
/** Any value of these makes sense to a hook. */
const ANY = ["SKEIN_TOOLS", "SKEIN_TOKEN", "SKEIN_AGENT", "SKEIN_BIN"];
const EVENTS = ["woken", "wait", "session-start", "no-such-event"];
const CLIENT = { CLAUDE_CODE_ENTRYPOINT: "cli", CLAUDE_PID: `${Deno.pid}` };

Deno.test("hook: the test knows a bad value of every variable", () => {
  const left = VARIABLES.map(({ name }) => name).filter((name) => BAD[name] === undefined);
  assertEquals(left.filter((name) => !ANY.includes(name)), []);
});

for (const event of EVENTS) {
  groundTest(`hook ${event}: a bad variable fails it with 1 and its name`, async (ground) => {
    for (const [name, value] of Object.entries(BAD)) {
      const hook = ground.commandHook(event, { session_id: "s-1" }, { ...CLIENT, [name]: value });
      const { code, stdout, stderr } = await hook.ended;
      assertEquals([code, stdout], [1, ""], `${name}=${value}: ${stderr}`);
      assertStringIncludes(stderr, name === "SKEIN_INSTALLED_HOME" ? "SKEIN_HOME" : name);
    }
  });
}

groundTest("hook: whatever the client writes, none ends with 2", async (ground) => {
  for (const event of EVENTS) {
    for (const text of ["{torn", "[]", "null", "7", "x".repeat(3_000_000)]) {
      const { code } = await said(ground, event, text).ended;
      assert(code === 0 || code === 1 || code === 3, `${event} ${text.slice(0, 9)}: ${code}`);
    }
  }
});

groundTest("hook: a home that is no folder wakes nobody", async (ground) => {
  Deno.writeTextFileSync(ground.home, "");
  for (const event of EVENTS.slice(0, 3)) {
    const hook = ground.commandHook(event, { session_id: "s-1" }, CLIENT);
    assertEquals((await hook.ended).code, 1, event);
  }
});

groundTest(
  "waiter in a shell: a bad variable, or a lock it cannot make, wakes nobody",
  async (ground) => {
    const wake = join(ground.home, "wake");
    Deno.mkdirSync(wake, { recursive: true, mode: 0o700 });
    Deno.chmodSync(ground.home, 0o700);
    const bad = ground.waiter("s-1", { PEER_ID: "QmPeer/1" });
    assertEquals((await bad.ended).code, 1);
    // A folder where the lock has to be: a shell ends with 2 when it cannot open what it is told to.
    const pid = `${Deno.pid}0`;
    Deno.mkdirSync(join(wake, `client-${pid}.waiter`));
    const ended = await ground.waiter("s-1", { CLAUDE_PID: pid }).ended;
    assertEquals(ended.code, 0, ended.stderr);
  },
);

/** A hook that is given this text, whatever it is. */
function said(ground: Ground, event: string, text: string): CommandHook {
  return new CommandHook(
    [...SOURCE_COMMAND, "hook", event],
    text,
    testEnv({ SKEIN_HOME: ground.home, ...CLIENT }),
    ground.folder,
  );
}
