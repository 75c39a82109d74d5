// What the model is shown at the seams of its turns, with the real client: mail at the prompt and at
// the end, the task it has not finished, the slash commands, and the greeting at the start. Where a
// subagent works, all of this stays its parent's. Run with: deno task test:clients

import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { runPrint, startTui } from "./claude.ts";
import { endProcess, type Place } from "./program.ts";
import type { ApiRequest } from "./script.ts";
import { call, NAMED, noClaude, noTmux, onStageWithBob, rows, type SharedStage } from "./stage.ts";

const linux = Deno.build.os === "linux";
/** The stage, and another agent who has made a task. */
const onStage = (body: (stage: SharedStage) => Promise<void>): Promise<void> =>
  onStageWithBob(body, {
    tools: ["Bash", "Agent"],
    first: (bob) => bob.ok("create_task", { title: "Spin the yarn" }),
  });

/** How far the deliveries have come: 0 queued, 1 offered, 2 seen. */
function states(place: Place): unknown[] {
  return rows(place, "SELECT state FROM delivery ORDER BY message").map((row) => row["state"]);
}

/** The programs that wait for an idle session, and the shells that wait for them. */
function waiters(place: Place): number[] {
  const line = (pid: number): string => Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  return place.servers().filter((pid) => /hook.wait|hook.woken|^flock/.test(line(pid)));
}

Deno.test({
  name: "mail at the prompt: what has come is part of the request that the prompt makes, once",
  ignore: noTmux || !linux,
  fn: () =>
    onStage(async ({ place, api, bob, options }) => {
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: [{ text: "resting" }] },
        { match: /the port is 8080/, blocks: [{ text: "heard it" }] },
        { match: /once more/, blocks: [{ text: "nothing new" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      // The turn is over, its last hook included, when the client says how long it took.
      await tui.waitForScreen(/resting[^]*\u273b \S+ for \d/);
      // Without its waiter nothing wakes the session: only the prompt can bring the mail.
      await eventually(() => waiters(place).length > 0, { what: "a waiter" });
      for (const pid of waiters(place)) endProcess(pid);
      await bob.ok("send", { to: ["weaver"], content: "the port is 8080" });
      await tui.say("any news?");
      await tui.waitForScreen(/heard it/);
      const { shown } = await api.waitFor(/the port is 8080/);
      assertMatch(shown, /any news\?[^]*UserPromptSubmit hook additional context: skein: messages/);
      await tui.say("once more");
      await tui.waitForScreen(/nothing new/);
      assertEquals(states(place), [2]);
      await tui.exit();
    }),
});

Deno.test({
  name: "mail at the prompt: the first prompt of a resumed session has what came meanwhile",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ api, bob, options }) => {
      const session = crypto.randomUUID();
      api.script([NAMED, { match: /"name":"weaver"/, blocks: [{ text: "later" }] }]);
      await runPrint("begin", { ...options, session });
      await bob.ok("send", { to: ["weaver"], content: "while you were away" });
      const before = api.requests.length;
      await runPrint("any news?", { ...options, args: ["--resume", session] });
      assertMatch(api.requests[before]?.shown ?? "", /UserPromptSubmit.*[^]*while you were away/);
    }),
});

Deno.test({
  name: "mail at the end: holds the turn up once; more that comes does not hold it up again",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ place, api, bob, options }) => {
      const sendThenSay = (content: string, text: string) => async () => {
        await bob.ok("send", { to: ["weaver"], content });
        return [{ text }];
      };
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: sendThenSay("first news", "done, I think") },
        { match: /first news/, blocks: sendThenSay("second news", "done now") },
      ]);
      const end = await runPrint("begin", options);
      assertEquals(end.result?.result, "done now", api.transcript());
      assertEquals(api.requests.length, 3, api.transcript());
      assertMatch(api.requests[2]?.shown ?? "", /Stop hook feedback:\nskein: messages from other/);
      assertEquals(states(place), [2, 0], "the second waits for the next turn");
    }),
});

Deno.test({
  name: "a claimed task holds the end of a turn up once, with what to do about it",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ api, options }) => {
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: [call("claim_task")] },
        { match: /Spin the yarn/, blocks: [{ text: "done, I think" }] },
        { match: /you still have t1 \("Spin the yarn"\).*complete_task/, blocks: [{ text: "no" }] },
      ]);
      const end = await runPrint("begin", options);
      assertEquals([end.result?.result, end.result?.num_turns], ["no", 4], api.transcript());
      assertEquals(api.requests.length, 4, api.transcript());
    }),
});

const COMMANDS: readonly (readonly [typed: string, expected: RegExp])[] = [
  [
    "/skein:lead Ship the parser",
    /Lead the flock to this goal: Ship the parser\n[^]*run with action/,
  ],
  [
    "/skein:work the tests",
    /Work as a member of the flock\. Repeat:\n[^]*claim_task[^]*if anything: the tests/,
  ],
  ["/skein:review t7", /Review the tasks[^]*review_task with verdict[^]*if anything: t7/],
  ["/skein:standup", /stand-up of the flock[^]*Change nothing\./],
  ["/skein:work", /Work as a member of the flock\. Repeat:\n/],
  ["/skein:review", /Review the tasks that list_tasks shows with status in_review\.\n/],
];

for (const [typed, expected] of COMMANDS) {
  Deno.test({
    name: `command ${typed}: reaches the model with its text and argument`,
    ignore: noClaude,
    fn: () =>
      onStage(async ({ api, options }) => {
        const end = await runPrint(typed, options);
        assertEquals(end.code, 0, end.stderr);
        const shown = api.requests[0]?.shown ?? "";
        const at = shown.indexOf("<command-name>");
        assertMatch(shown.slice(at, at + 1_500), expected);
        assert(!shown.includes("$ARGUMENTS"));
      }),
  });
}

Deno.test({
  name: "command /skein:lead: typed into the TUI, it is the same",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ api, options }) => {
      await using tui = await startTui(options);
      await tui.say("/skein:lead Ship the parser");
      await api.waitFor(/Lead the flock to this goal: Ship the parser/);
      await tui.exit();
    }),
});

Deno.test({
  name: "greeting: a new session is told who else is at work, and what there is to do",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ api, bob, options }) => {
      await bob.ok("join", { summary: "winds the bobbins" });
      await runPrint("begin", options);
      const shown = api.requests[0]?.shown ?? "";
      assertMatch(shown, /SessionStart hook additional context: skein, the flock/);
      assertMatch(shown, /Also at work.*: bob \(architect, says: "winds the bobbins"\)\./);
      assertMatch(shown, /Tasks: 1 ready to claim, 0 in progress\./);
    }),
});

Deno.test({
  name: "greeting: a resumed session is told what it holds",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ api, options }) => {
      const session = crypto.randomUUID();
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: [call("claim_task")] },
        { match: /Spin the yarn/, blocks: [call("lock_file", { paths: ["held.txt"] })] },
      ]);
      await runPrint("begin", { ...options, session });
      const before = api.requests.length;
      await runPrint("proceed", { ...options, args: ["--resume", session] });
      const shown = api.requests[before]?.shown ?? "";
      for (
        const fact of [
          /You are weaver, worker\./,
          /(claimed|Yours again[^\n]*) t1/,
          /reserved held\.txt/,
        ]
      ) {
        assertMatch(shown, fact);
      }
    }),
});

Deno.test({
  name: "-p: ends at once although the plugin has a waiter, and leaves no process",
  ignore: noClaude || !linux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      const others = place.servers();
      api.script([NAMED, { match: /"name":"weaver"/, blocks: [{ text: "finished" }] }]);
      const end = await runPrint("begin", options);
      assertEquals([end.code, end.late, end.result?.result], [0, false, "finished"]);
      const [last] = api.requests.slice(-1);
      assert(performance.now() - (last?.atMs ?? 0) < 3_000, "nothing was waited for");
      await eventually(() => place.servers().length === others.length, { what: "no waiter" });
    }),
});

/** A subagent at work while mail comes; `background` is what the client does unless it is told. */
async function helped(
  { place, api, bob, options }: SharedStage,
  background: boolean,
): Promise<void> {
  const helper = (request: ApiRequest): boolean =>
    request.headers["x-claude-code-agent-id"] !== undefined;
  const input = {
    description: "look",
    prompt: "look around for me",
    subagent_type: "general-purpose",
    run_in_background: background,
  };
  const looked = Promise.withResolvers<void>();
  let unasked = "";
  let stateThen: unknown[] = [];
  api.script([
    {
      match: /look around for me/,
      blocks: async () => {
        await bob.ok("send", { to: ["weaver"], content: "for weaver alone" });
        return [call("status"), { tool: "Bash", input: { command: "true" } }];
      },
    },
    {
      match: /"attention"/,
      blocks: (request) => {
        looked.resolve();
        unasked = request.shown;
        return Promise.resolve([call("check")]);
      },
    },
    {
      // It may look into the inbox if it is asked to; that is nobody's acknowledgement.
      match: /for weaver alone/,
      blocks: () => {
        stateThen = states(place);
        return Promise.resolve([{ text: "looked around" }]);
      },
    },
  ], helper);
  const alone = (request: ApiRequest): boolean => !helper(request);
  api.script([
    { match: /begin/, blocks: [call("join", { name: "weaver" })] },
    { match: /"name":"weaver"/, blocks: [{ tool: "Agent", input }] },
    {
      match: background ? /launched/ : /looked around/,
      blocks: async () => {
        await looked.promise;
        return [{ text: "over" }];
      },
    },
    { match: /for weaver alone/, blocks: [{ text: "over" }] },
  ], alone);
  const end = await runPrint("begin", options);
  assertEquals(end.code, 0, api.transcript());
  assertMatch(unasked, /"attention"/);
  assert(!unasked.includes("for weaver alone"), unasked);
  if (!background) assertEquals(stateThen, [0], "a look of the helper counts for nobody");
  const shown = api.requests.filter((one) => one.shown.includes("for weaver alone"));
  assertEquals(shown.filter(alone).length, 1, api.transcript());
  await eventually(() => states(place).every((state) => state === 2), {
    what: "seen by the parent",
  });
}

Deno.test({
  name: "subagent: one that works does not eat its parent's mail, though it calls skein itself",
  ignore: noClaude,
  fn: () => onStage((stage) => helped(stage, false)),
});

Deno.test({
  name: "subagent: one in the background does not eat it either",
  ignore: noClaude,
  fn: () => onStage((stage) => helped(stage, true)),
});
