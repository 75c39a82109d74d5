// The slash commands, one after the other as a team uses them, with the real client: a model that
// does what each says leads a goal to its end, and the next one finds what the last has left. Run
// with: deno task test:clients

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type ClaudeOptions, runPrint } from "./claude.ts";
import type { ScriptedApi, Step } from "./script.ts";
import { call, noClaude, onStage, rows } from "./stage.ts";

const GOAL = "Ship the parser";

/** A session that types one command, and does these steps; every one of them has to happen. */
async function session(
  name: string,
  typed: string,
  steps: readonly Step[],
  { api, options }: { readonly api: ScriptedApi; readonly options: ClaudeOptions },
): Promise<void> {
  const id = crypto.randomUUID();
  api.script([...steps, { blocks: [{ text: `${name} is done` }] }], id);
  const env = { ...options.env, SKEIN_NAME: name };
  const end = await runPrint(typed, { ...options, env, session: id });
  assertEquals(end.result?.result, `${name} is done`, api.transcript());
  assertEquals(api.pending(), [], api.transcript());
}

const LEADING: readonly Step[] = [
  {
    match: /Lead the flock to this goal: Ship the parser/,
    blocks: [call("join", { role: "architect", summary: "leads" })],
  },
  { match: /"name":"lea"/, blocks: [call("run", { action: "start", goal: GOAL, plan: "two" })] },
  {
    match: /Ship the parser/,
    blocks: [call("create_task", {
      tasks: [
        { key: "a", title: "Write the lexer", files: ["lexer.txt"], accept: "it is there" },
        { key: "b", title: "Write the parser", blocked_by: ["a"] },
      ],
    })],
  },
  {
    match: /"t2"/,
    blocks: [call("set_memory", { key: "style", value: "tabs, never spaces", type: "decision" })],
  },
];

function working(path: string): readonly Step[] {
  return [
    { match: /Work as a member of the flock/, blocks: [call("claim_task")] },
    // The briefing has what binds everybody.
    {
      match: /Write the lexer[^]*tabs, never spaces/,
      blocks: [call("lock_file", { paths: ["lexer.txt"] })],
    },
    { match: /granted/, blocks: [{ tool: "Write", input: { file_path: path, content: "x\n" } }] },
    {
      match: /created successfully/,
      blocks: [call("complete_task", { id: "t1", summary: "lexed", files: ["lexer.txt"] })],
    },
    { match: /"t2"/, blocks: [call("claim_task")] },
    {
      match: /Write the parser[^]*lexed/,
      blocks: [call("update_task", { id: "t2", action: "request_review", note: "look at it" })],
    },
    { match: /in_review/, blocks: [call("claim_task")] },
    { match: /"task":null/, blocks: [call("unlock_file")] },
  ];
}

const REVIEWING: readonly Step[] = [
  { match: /Review the tasks[^]*if anything: t2/, blocks: [call("get_task", { id: "t2" })] },
  {
    match: /look at it/,
    blocks: [call("review_task", { id: "t2", verdict: "approve", findings: "none" })],
  },
];

const STANDING: readonly Step[] = [
  { match: /Give a stand-up of the flock/, blocks: [call("status")] },
  { match: /"attention"/, blocks: [call("run", { action: "status" })] },
];

Deno.test({
  name: "commands: lead, work, review, standup and status take a goal from plan to end",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { place, at } = stage;
      await session("lea", `/skein:lead ${GOAL}`, LEADING, stage);
      await session("wim", "/skein:work", working(at("lexer.txt")), stage);
      await session("ria", "/skein:review t2", REVIEWING, stage);
      await session("sam", "/skein:standup", STANDING, stage);
      const status = [{ match: /Call the skein tool status/, blocks: [call("status")] }];
      await session("tea", "/skein:status", status, stage);
      assertEquals(Deno.readTextFileSync(at("lexer.txt")), "x\n");
      const tasks = rows(place, "SELECT id, status FROM task ORDER BY id");
      assertEquals(tasks.map(({ id, status }) => `${id} ${status}`), [
        "t1 completed",
        "t2 completed",
      ]);
      const shown = stage.api.requests.findLast(({ shown }) => shown.includes('"goal"'))?.shown ??
        "";
      assertStringIncludes(shown, GOAL, "the stand-up saw the run");
    }, { tools: ["Write"] }),
});
