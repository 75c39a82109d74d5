// Who a session is, whatever the real client does to it: cleared, resumed, continued, killed, cut
// off from its server, it stays one peer with its name, its mail, its claims and its locks. Run with: deno task test:clients

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { runPrint, startPrint, startTui, type Tui } from "./claude.ts";
import { endProcess, type Place } from "./program.ts";
import type { ApiRequest, Block, ScriptedApi, Step } from "./script.ts";
import { call, NAMED, noClaude, noTmux, onStageWithBob, rows, type SharedStage } from "./stage.ts";

/** The stage, and another agent who has made a task. */
const onStage = (body: (stage: SharedStage) => Promise<void>): Promise<void> =>
  onStageWithBob(body, { first: (bob) => bob.ok("create_task", { title: "Spin the yarn" }) });

/** A turn in which the session takes a name, a task and a lock. */
function settling(last: Step["blocks"]): Step[] {
  return [
    NAMED,
    { match: /"name":"weaver"/, blocks: [call("claim_task")] },
    { match: /Spin the yarn/, blocks: [call("lock_file", { paths: ["held.txt"] })] },
    { match: /"granted":\["held.txt"\]/, blocks: last },
  ];
}

/** What stands in the store of everybody but bob: one agent, whatever it went through. */
function weaverHas(place: Place): Record<string, unknown>[] {
  return rows(
    place,
    `SELECT name, state,
       (SELECT group_concat(id) FROM task WHERE claim_incarnation = peer.incarnation) AS tasks,
       (SELECT group_concat(shown) FROM lock WHERE lock.incarnation = peer.incarnation) AS locks
     FROM peer WHERE kind = 'resident' AND name <> 'bob'`,
  );
}

const ALL_HELD = [{ name: "weaver", state: "live", tasks: "t1", locks: "held.txt" }];

/** Waits until the client says of itself that its turn is over. */
async function idle(tui: Tui): Promise<void> {
  const path = join(tui.user.config, "sessions", `${tui.pid}.json`);
  await eventually(() => JSON.parse(Deno.readTextFileSync(path)).status === "idle", {
    what: "an idle session",
  });
}

/** In how many requests a text was new to the model. */
function timesShown(api: ScriptedApi, text: string): number {
  return api.requests.filter((one) => one.shown.includes(text)).length;
}

Deno.test({
  name:
    "identity: /clear keeps name, claim, lock and mail; what is sent before and after wakes once",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, bob, options }) => {
      api.script([
        ...settling([{ text: "settled" }]),
        { match: /you still have t1/, blocks: [{ text: "resting" }] },
        { match: /before the clear/, blocks: [{ text: "heard one" }] },
        { match: /who am i/, blocks: [call("join")] },
        { match: /"name":"weaver"/, blocks: [{ text: "still weaver" }] },
        { match: /you still have t1/, blocks: [{ text: "resting again" }] },
        { match: /after the clear/, blocks: [{ text: "heard two" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      await idle(tui);
      await bob.ok("send", { to: ["weaver"], content: "before the clear" });
      await tui.waitForScreen(/heard one/);
      await idle(tui);
      const [first] = api.requests;
      await tui.say("/clear");
      await eventually(async () => !/heard one/.test(await tui.screen()), { what: "/clear" });
      await tui.say("who am i");
      await tui.waitForScreen(/resting again/);
      await idle(tui);
      assert(api.requests.at(-1)?.session !== first?.session, "the client calls it a new session");
      assertEquals(weaverHas(place), ALL_HELD);
      await bob.ok("send", { to: ["weaver"], content: "after the clear" });
      await tui.waitForScreen(/heard two/);
      assertEquals(timesShown(api, "before the clear"), 1);
      assertEquals(timesShown(api, "after the clear"), 1);
      assertEquals((await bob.ok("list_peers")).peers.length, 2);
      await tui.exit();
    }),
});

Deno.test({
  name: "identity: right after /clear, before any prompt, mail still wakes the session",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ api, bob, options }) => {
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: [{ text: "resting" }] },
        { match: /are you there/, blocks: [{ text: "here I am" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      await idle(tui);
      await tui.say("/clear");
      await eventually(async () => !/resting/.test(await tui.screen()), { what: "/clear" });
      await bob.ok("send", { to: ["weaver"], content: "are you there" });
      await tui.waitForScreen(/here I am/);
      assertEquals(timesShown(api, "are you there"), 1);
      await tui.exit();
    }),
});

/** A resumed session: what it is told, who it is, what it has. */
async function resumes(
  { place, api, bob, options }: SharedStage,
  session: string,
  args: readonly string[],
): Promise<ApiRequest[]> {
  const before = api.requests.length;
  api.script([
    { match: /proceed/, blocks: [call("join")] },
    { match: /"name":"weaver"/, blocks: [{ text: "still weaver" }] },
    {
      match: /you still have t1/,
      blocks: async () => {
        assertEquals(weaverHas(place), ALL_HELD);
        assertEquals((await bob.ok("list_peers")).peers.length, 2);
        return [{ text: "finished" }];
      },
    },
  ]);
  const end = await runPrint("proceed", { ...options, args });
  assertEquals([end.result?.result, end.code], ["finished", 0], api.transcript());
  const requests = api.requests.slice(before);
  assertEquals(requests[0]?.session, session);
  return requests;
}

Deno.test({
  name: "identity: --resume in a new process gets name, task, lock and mail back",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { place, api, bob, options } = stage;
      const session = crypto.randomUUID();
      api.script([
        ...settling([{ text: "settled" }]),
        { match: /you still have t1/, blocks: [{ text: "later" }] },
      ]);
      const end = await runPrint("begin", { ...options, session });
      assertEquals(end.result?.result, "later", api.transcript());
      await eventually(() => weaverHas(place)[0]?.["state"] === "gone", { what: "weaver's end" });
      await bob.ok("send", { to: ["weaver"], content: "while you were away" });
      const [first] = await resumes(stage, session, ["--resume", session]);
      assertMatch(first?.shown ?? "", /SessionStart hook additional context.*\n- You are weaver/);
      assertEquals(timesShown(api, "while you were away"), 1);
    }),
});

Deno.test({
  name: "identity: --resume after kill -9 of the client gets everything back",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { place, api, bob, options } = stage;
      const session = crypto.randomUUID();
      api.script(settling(() => new Promise(() => {})));
      const run = await startPrint("begin", { ...options, session });
      await api.waitFor(/"granted"/);
      run.kill("SIGKILL");
      await run.ended;
      await eventually(() => weaverHas(place)[0]?.["state"] === "gone", { what: "weaver's end" });
      await bob.ok("send", { to: ["weaver"], content: "while you were dead" });
      await resumes(stage, session, ["--resume", session]);
      assertEquals(timesShown(api, "while you were dead"), 1);
    }),
});

Deno.test({
  name: "identity: --continue is the old peer, though its environment names another session",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { api, options } = stage;
      const session = crypto.randomUUID();
      api.script([
        ...settling([{ text: "settled" }]),
        { match: /you still have t1/, blocks: [{ text: "later" }] },
      ]);
      await runPrint("begin", { ...options, session });
      await resumes(stage, session, ["--continue"]);
    }),
});

Deno.test({
  name: "identity: of two live servers with one session the newer acts, the older is FENCED",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ place, api, bob, options }) => {
      const session = crypto.randomUUID();
      const released = Promise.withResolvers<readonly Block[]>();
      const fenced = /FENCED.*a newer session acts as weaver/;
      api.script([
        ...settling(() => released.promise),
        { match: fenced, blocks: [{ text: "given up" }] },
      ], (request) => !/proceed/.test(history(request)));
      api.script([
        { match: /proceed/, blocks: [call("join")] },
        {
          match: /"name":"weaver"/,
          blocks: async () => {
            released.resolve([call("unlock_file", { paths: ["held.txt"] })]);
            await api.waitFor(fenced);
            assertEquals(weaverHas(place), ALL_HELD);
            assertEquals((await bob.ok("list_peers")).peers.length, 2);
            return [{ text: "in charge" }];
          },
        },
        { match: /you still have t1/, blocks: [{ text: "still in charge" }] },
      ]);
      const older = await startPrint("begin", { ...options, session });
      await api.waitFor(/"granted":\["held.txt"\]/);
      const newer = await runPrint("proceed", { ...options, args: ["--resume", session] });
      assertEquals(newer.result?.result, "still in charge", api.transcript());
      assertEquals((await older.ended).result?.result, "given up", api.transcript());
    }),
});

function history({ body }: ApiRequest): string {
  return JSON.stringify(body.messages);
}

Deno.test({
  name: "identity: a server that dies in a call comes back as the same peer",
  ignore: noClaude || Deno.build.os !== "linux",
  fn: () =>
    onStage(async ({ place, api, bob, options }) => {
      api.script([
        ...settling([call("check", { wait_ms: 30_000 })]),
        { match: /Connection closed|No such tool/, blocks: [call("join")], repeat: true },
        { match: /"name":"weaver"/, blocks: [{ text: "still weaver" }] },
        {
          match: /you still have t1/,
          blocks: async () => {
            assertEquals(weaverHas(place), ALL_HELD);
            assertEquals((await bob.ok("list_peers")).peers.length, 2);
            return [{ text: "finished" }];
          },
        },
      ]);
      const run = await startPrint("begin", options);
      await api.waitFor(/"granted"/);
      const [row] = rows(place, "SELECT pid FROM peer WHERE name = 'weaver'");
      // The call is under way by then; bob waits in the same manner.
      await bob.call("check", { wait_ms: 300 });
      endProcess(Number(row?.["pid"]));
      const end = await run.ended;
      assertEquals(end.result?.result, "finished", api.transcript());
    }),
});

Deno.test({
  name:
    "identity: after /compact the model is told who it is and what it holds; mail still wakes it",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, bob, options }) => {
      api.script([
        ...settling([{ text: "settled" }]),
        { match: /you still have t1/, blocks: [{ text: "resting" }] },
        { match: /summar/i, blocks: [{ text: "<summary>all forgotten</summary>" }] },
        { match: /after the summary/, blocks: [{ text: "heard it" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      await idle(tui);
      await tui.say("/compact");
      await tui.waitForScreen(/Compacted/);
      assertEquals(weaverHas(place), ALL_HELD);
      await bob.ok("send", { to: ["weaver"], content: "after the summary" });
      await tui.waitForScreen(/heard it/);
      const told = (await api.waitFor(/after the summary/)).shown;
      for (const fact of [/You are weaver, worker/, /claimed t1/, /reserved held.txt/]) {
        assertMatch(told, fact);
      }
      assertEquals(timesShown(api, "after the summary"), 1);
      await tui.exit();
    }),
});
