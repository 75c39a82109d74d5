// As whom a command line acts: the human's terminal is the human, an agent's shell is that agent,
// whatever its environment says or no longer says, and nobody else.

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Shell } from "../door/shell.ts";
import { startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { Client, type ClientOptions } from "./client.ts";
import { rows, Tally } from "./ground.ts";
import type { Json } from "../operations/flock.ts";

const tally = new Tally();
/** Elsewhere no system tells what its processes are called, nor what stands above one. */
const LINUX = Deno.build.os === "linux";

interface Stage {
  readonly shell: Shell;
  start(options?: ClientOptions): Promise<Client>;
}

async function withStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  await withTempFolder(async (temp) => {
    const clients: Client[] = [];
    const shell = new Shell(temp);
    const { home, folder } = shell;
    try {
      await body({
        shell,
        start: async (options) => {
          const client = await Client.start({ home, folder, temp }, options);
          clients.push(client);
          await client.peer.ok("join");
          return client;
        },
      });
    } finally {
      for (const client of clients) await client.end();
    }
  });
}

function whoMade(home: string): string[] {
  return rows<{ created_by: string }>(home, "SELECT created_by FROM task ORDER BY n")
    .map((row) => row.created_by);
}

Deno.test("shell: a terminal is the human's; a session in the environment is that session's", async () => {
  await withTempFolder(async (temp) => {
    const shell = new Shell(temp);
    assertEquals((await shell.ok("join")).you.name, "operator");
    await shell.ok("task", "create", "by the human");
    const { home, folder } = shell;
    const session = "5e55";
    const options = { home, folder, name: "ann", session, clientName: "claude-code" };
    const peer = await startPeer(options);
    try {
      await peer.ok("join");
      const env = { CLAUDE_CODE_SESSION_ID: session };
      const made = await shell.run(["task", "create", "by ann", "--json"], { env });
      assertEquals(made.code, 0, made.stdout);
      assertEquals(whoMade(home), ["operator", "ann"]);
      for (const value of ["", " "]) {
        // What says nothing is nothing; only that does.
        const { json } = await shell.run(["join", "--json"], {
          env: { CLAUDE_CODE_SESSION_ID: value },
        });
        assertEquals(json.you.name === "operator", value === "", JSON.stringify(json));
      }
    } finally {
      await peer.close();
    }
  });
});

Deno.test("shell: of an agent acts as nobody else, by whatever name", async () => {
  await withTempFolder(async (temp) => {
    const shell = new Shell(temp);
    const { home, folder } = shell;
    await shell.ok("join");
    await shell.ok("join", "--as", "leased");
    const ann = await startPeer({ home, folder, name: "ann" });
    const own = { home, folder, name: "bob", session: "s-bob", clientName: "claude-code" };
    const bob = await startPeer(own);
    try {
      await ann.ok("join");
      await bob.ok("join");
      const session = { CLAUDE_CODE_SESSION_ID: "s-bob" };
      const attempts: readonly [Record<string, string>, readonly string[], RegExp][] = [
        [session, ["--as", "ann"], /NOT_YOU|NAME_TAKEN/],
        [session, ["--as", "leased"], /NOT_YOU|NAME_TAKEN/],
        [session, ["--as", "newcomer"], /NOT_YOU/],
        [session, ["--as", "operator"], /INVALID_INPUT/],
        [session, ["--as", "BOB"], /NOT_YOU/],
        [{ ...session, SKEIN_NAME: "ann" }, [], /NOT_YOU|NAME_TAKEN/],
        [{ ...session, PEER_ID: "ann" }, [], /NOT_YOU|NAME_TAKEN/],
        [{ ...session, SKEIN_ROLE: "operator" }, [], /INVALID_INPUT/],
        // Nor does a human who says no more than a name become a session that lives.
        [{}, ["--as", "ann"], /NAME_TAKEN/],
        [{ SKEIN_NAME: "bob" }, [], /NAME_TAKEN/],
      ];
      const got = await Promise.all(attempts.map(async ([env, flags, code]) => {
        tally.add(env, flags);
        const ran = await shell.run(["task", "create", "x", ...flags, "--json"], { env });
        const told = `${JSON.stringify(env)} ${flags.join(" ")}: ${ran.stdout}`;
        return code.test(ran.json.error?.code ?? "") ? "" : told;
      }));
      assertEquals(got.filter((one) => one !== ""), []);
      assertEquals(whoMade(home), []);
      // A role that the shell's environment names changes nothing about who it is.
      tally.add("SKEIN_ROLE=architect");
      await shell.run(["join", "--json"], { env: { ...session, SKEIN_ROLE: "architect" } });
      assertEquals((await bob.ok("join")).you.role, "worker");
    } finally {
      await Promise.all([ann.close(), bob.close()]);
    }
  });
});

Deno.test({
  name: "shell: with a scrubbed environment it still is the agent's above it, never the human's",
  ignore: !LINUX,
  fn: () =>
    withStage(async ({ shell, start }) => {
      await shell.ok("join");
      await shell.ok("join", "--as", "leased");
      const ann = await start({ name: "ann" });
      const bob = await start({ name: "bob", session: "s-bob" });
      for (const [client, name] of [[ann, "ann"], [bob, "bob"]] as const) {
        tally.add("scrubbed", name);
        const { json, stdout } = await client.skein(["join"]);
        assertEquals(json.you?.name, name, stdout);
        await client.skein(["task", "create", "from a shell"]);
      }
      assertEquals(whoMade(shell.home), ["ann", "bob"]);
      const attempts: readonly [readonly string[], Record<string, string>][] = [
        [["control", "kill", "ann"], {}],
        [["policy", "open"], {}],
        [["status", "--as", "ann"], {}],
        [["status", "--as", "leased"], {}],
        [["status", "--as", "newcomer"], {}],
        [["status"], { SKEIN_NAME: "ann" }],
        [["status"], { SKEIN_NAME: "operator" }],
        [["status"], { SKEIN_ROLE: "operator" }],
        [["status"], { SKEIN_TOKEN: "skein1.x.y" }],
      ];
      for (const [args, env] of attempts) {
        tally.add("scrubbed", args, env);
        const { code, json, stdout } = await bob.skein(args, env);
        assert(code !== 0, `${args.join(" ")}: ${stdout}`);
        assertMatch(json.error.code, /NOT_ALLOWED|NOT_YOU|NAME_TAKEN|INVALID_INPUT|TOKEN_INVALID/);
      }
      // The terminal beside it goes on being the human's.
      assertEquals((await shell.ok("join")).you.name, "operator");
    }),
});

/** What an agent's shell may put in place of its own session. */
const OTHERS: readonly [string, string, boolean][] = [
  ["another agent's session", "s-ann", false],
  ["a session of nobody", "s-of-nobody", false],
  ["no session", "", true],
];

for (const [what, session, own] of OTHERS) {
  Deno.test({
    name: `shell: an agent that puts ${what} into its environment stays who it is`,
    ignore: !LINUX,
    fn: () =>
      withStage(async ({ start }) => {
        await start({ name: "ann", session: "s-ann" });
        const bob = await start({ name: "bob", session: "s-bob", role: "worker" });
        tally.add(what);
        const ran = await bob.skein(["join"], { CLAUDE_CODE_SESSION_ID: session });
        const name: Json = ran.json.you?.name ?? ran.json.error?.code;
        if (own) assertEquals(name, "bob", ran.stdout);
        else assertMatch(name, /^(bob|NOT_YOU|NAME_TAKEN)$/, `it acts as ${ran.stdout}`);
      }),
  });
}

Deno.test({
  name: "shell: a pinned worker's takes no seat, though it is empty and it scrubs everything",
  ignore: !LINUX,
  fn: () =>
    withStage(async ({ shell, start }) => {
      const bob = await start({ name: "bob", session: "s-bob", role: "worker" });
      const attempts: readonly Record<string, string>[] = [
        { SKEIN_ROLE: "architect" },
        { SKEIN_ROLE: "architect", SKEIN_NAME: "bob" },
        { SKEIN_ROLE: "architect", SKEIN_NAME: "newcomer" },
        { SKEIN_ROLE: "architect", CLAUDE_CODE_SESSION_ID: "s-bob" },
        { SKEIN_ROLE: "architect", CLAUDE_CODE_SESSION_ID: "s-new" },
        { SKEIN_ROLE: "architect", CLAUDE_CODE_SESSION_ID: "s-new-2", SKEIN_NAME: "newcomer" },
      ];
      const climbed: string[] = [];
      for (const env of attempts) {
        tally.add("pinned", env);
        const { json } = await bob.skein(["control", "ping", "--all"], env);
        if (json.error === undefined) climbed.push(JSON.stringify(env));
      }
      const asked = await bob.skein(["join", "--role", "architect"]);
      assertEquals(asked.json.error?.code, "NOT_ALLOWED");
      assertEquals(climbed, []);
      assertNotEquals((await shell.ok("peer", "list")).peers[0].role, "architect");
    }),
});

tally.print();
