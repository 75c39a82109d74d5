// The formats and the comparison of texts, without files: what is written is read back as it was.

import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { changesOf } from "../../src/mirror/diff.ts";
import {
  discoveries,
  lastLogged,
  logLine,
  logName,
  masterPlan,
  readFindings,
  readMasterPlan,
  stateOf,
  wordOf,
} from "../../src/mirror/rules.ts";
import { lineOfItem, lineOfPosition } from "../../src/coordination/lines.ts";
import { splitHints, withHints } from "../../src/task/rules.ts";

const WORDS = fc.stringMatching(/^[a-z]{1,8}( [a-z]{1,8}){0,3}$/);

Deno.test("changesOf: lines put in anywhere are additions; anything else is an edit", () => {
  const lines = fc.array(WORDS, { minLength: 1, maxLength: 12 });
  fc.assert(fc.property(lines, lines, fc.nat(20), (base, more, where) => {
    const marked = more.map((line) => `NEW ${line}`);
    const at = where % (base.length + 1);
    const now = [...base.slice(0, at), ...marked, ...base.slice(at)];
    const { added, edited } = changesOf(base.join("\n"), now.join("\n"));
    assertEquals([added, edited], [[marked.join("\n")], false]);
    const cut = base.toSpliced(at % base.length, 1, "OTHER");
    assertEquals(changesOf(base.join("\n"), cut.join("\n")).edited, true);
    assertEquals(changesOf(base.join("\n"), cut.join("\n")).added, []);
  }));
  assertEquals(changesOf("a\nb\nc", "a\nx\nb\nC\n"), { added: ["x"], edited: true });
});

Deno.test("masterPlan: goal and plan are read back, also of plans that are documents", () => {
  const at = { created_at: "2026-01-01T00:00:00.000Z", status: "active" };
  for (
    const [goal, plan] of [["g", ""], ["g", "steps\n\nmore"], [
      "Big",
      "# Big\n\n## Objective\n\nBig\n",
    ]]
  ) {
    const text = masterPlan({ goal: goal ?? "", plan: plan ?? "", ...at });
    assertEquals(readMasterPlan(text), { goal: goal ?? "", plan: plan ?? "" });
    assertEquals(masterPlan({ ...readMasterPlan(text) ?? { goal: "", plan: "" }, ...at }), text);
  }
  const free = "Make it fast\n\nby caching\n";
  assertEquals(readMasterPlan(free), { goal: "Make it fast", plan: free });
  assertEquals(masterPlan({ goal: "Make it fast", plan: free, ...at }), free);
  assertEquals(readMasterPlan("\n\n"), null);
});

Deno.test("discoveries: are read back with author, time and key", () => {
  const found = [
    { key: "discovery/1", author: "terminal-2", at: "2026-01-01T00:00:00.000Z", value: "a\n\nb" },
    { key: "k", author: "anna", at: "2026-01-02T00:00:00.000Z", value: "## one\n- two\n ## x" },
  ];
  assertEquals(readFindings(discoveries(found)), found);
  assertEquals(readFindings("# Findings\n\nplain words\n"), [{ value: "plain words" }]);
  assertEquals(readFindings(""), []);
});

Deno.test("logLine: says up to where a log has come; names of logs stay inside of the folder", () => {
  const act = { seq: 7, at: "T", actor: "a", op: "claim_task", subject: "task/t1", text: "x\ny" };
  assertEquals(logLine(act), "[T] CLAIM_TASK: t1 x y #7\n");
  assertEquals(lastLogged(`${logLine(act)}somebody's line\n`), 7);
  assertEquals(lastLogged("nothing"), 0);
  assertEquals([logName("operator"), logName("skein"), logName("../x")], [
    "leader",
    "system",
    "__x",
  ]);
});

Deno.test("stateOf and wordOf: every word has a state, and every state a word", () => {
  const task = (status: string, progress = ""): string => wordOf({ status, progress });
  assertEquals(["pending", "completed", "failed"].map((one) => task(one)), [
    "available",
    "done",
    "failed",
  ]);
  assertEquals([task("in_progress"), task("in_progress", "started")], ["claimed", "in_progress"]);
  for (const state of ["pending", "completed", "failed", "cancelled", "proposed", "in_review"]) {
    assertEquals(stateOf(task(state)), state);
  }
  assertEquals(stateOf("constructor"), undefined);
});

Deno.test("withHints: are split off again", () => {
  for (const [text, hints] of [["", ""], ["a", ""], ["", "h"], ["a\n\nb", "h\n\ni"]] as const) {
    assertEquals(splitHints(withHints(text, hints)), { description: text, hints });
  }
});

Deno.test("lineOfItem: finds the line of a task and of its field, whatever stands around it", () => {
  const text =
    '{\n "x": [1, {"tasks": "no, ] }"}],\n "tasks": [\n  {"id": "a\\"]"},\n  {\n   "id": 5\n  }\n ]\n}';
  assertEquals(JSON.parse(text).tasks.length, 2);
  assertEquals([lineOfItem(text, 0), lineOfItem(text, 1), lineOfItem(text, 1, "id")], [4, 5, 6]);
  assertEquals(lineOfItem('[\n"a",\n["b"]]', 1), 3);
  let message = "";
  try {
    JSON.parse('{\n "a": 1,\n oops\n}');
  } catch (thrown) {
    message = String(thrown);
  }
  assertEquals(lineOfPosition('{\n "a": 1,\n oops\n}', message), 3);
  assertMatch(message, /JSON/);
});
