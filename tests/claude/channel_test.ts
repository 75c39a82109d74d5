// Channels: rung only where the client was started to take them, once for each idle time, and never
// in place of the waiter: what a client drops without a word is said again by another way.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CHANNEL_FLAG, channelRing, takesChannel } from "../../src/claude/channel.ts";
import { NAME } from "../../src/claude/plugin.ts";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND } from "../support/peer.ts";
import { groundTest, type Session } from "./client.ts";

/** A client that was started with the flag: a shell with it on its command line. */
const WITH_FLAG = ["sh", "-c", 'shift 2; "$@"; exit', "client", ...CHANNEL_FLAG.split(" ")];

/** Rings that reach the client of a session. */
function rings(session: Session): string[] {
  const heard: string[] = [];
  session.peer.client.fallbackNotificationHandler = ({ method }) => {
    if (method.startsWith("notifications/claude/")) heard.push(method);
    return Promise.resolve();
  };
  return heard;
}

Deno.test("channel: the command lines of clients that take it", () => {
  assertEquals(CHANNEL_FLAG, `--channels plugin:${NAME}@${NAME}`);
  for (
    const line of [
      `claude ${CHANNEL_FLAG}`,
      "claude --channels=plugin:skein@skein -p x",
      "node /x/cli.js --channels plugin:telegram@official plugin:skein@skein",
      "claude --dangerously-load-development-channels server:skein",
    ]
  ) assert(takesChannel(line), line);
});

Deno.test("channel: the command lines of clients that do not", () => {
  for (
    const line of [
      "claude",
      "claude --resume skein",
      "claude --channels plugin:telegram@official",
      "claude --channels plugin:skeins@other",
      "claude --channels plugin:telegram@official --plugin-dir plugin:skein",
      "claude plugin:skein@skein",
      "",
    ]
  ) assert(!takesChannel(line), line);
});

Deno.test("channel: the ring carries no mail, in the form that the client reads", () => {
  const { method, params } = channelRing();
  assertEquals(method, "notifications/claude/channel");
  assertEquals(Object.keys(params), ["content"]);
  assertStringIncludes(String(params["content"]), "check");
});

groundTest(
  "channel: mail rings it once, and the turn that follows brings the mail",
  async (ground) => {
    const bob = await ground.peer("bob");
    const ann = await ground.session("s-1", "ann", [...WITH_FLAG, ...SOURCE_COMMAND]);
    const heard = rings(ann);
    await ann.hook("UserPromptSubmit");
    assertEquals(await ann.stop(), null);
    const { id } = await bob.ok("send", { to: "ann", content: "by the channel" });
    await eventually(() => heard.length > 0);
    // Not acknowledged, so nothing counts as shown before the turn that shows it.
    assertEquals((await bob.ok("check", { id })).deliveries[0].state, "queued");
    assertStringIncludes(await ann.stop() ?? "", "by the channel");
    assertEquals(await ann.stop(true), null);
    assertEquals(heard.length, 1);
  },
);

groundTest("channel: a client that drops the ring is woken by its waiter", async (ground) => {
  const bob = await ground.peer("bob");
  const ann = await ground.session("s-1", "ann", [...WITH_FLAG, ...SOURCE_COMMAND]);
  const heard = rings(ann);
  await ann.hook("UserPromptSubmit");
  assertEquals(await ann.stop(), null);
  const waiter = ground.waiter("s-1", { CLAUDE_PID: `${ann.peer.pid}` });
  await bob.ok("send", { to: "ann", content: "dropped by the channel" });
  const { code, stderr } = await waiter.ended;
  assertEquals(code, 2);
  assertStringIncludes(stderr, "dropped by the channel");
  assertEquals(heard.length, 1);
});

groundTest("channel: without the flag nothing is rung", async (ground) => {
  const bob = await ground.peer("bob");
  const ann = await ground.session("s-1", "ann");
  const heard = rings(ann);
  await ann.hook("UserPromptSubmit");
  assertEquals(await ann.stop(), null);
  const waiter = ground.waiter("s-1");
  await bob.ok("send", { to: "ann", content: "by the waiter" });
  assertEquals((await waiter.ended).code, 2);
  assertEquals(heard, []);
});
