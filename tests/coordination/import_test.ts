// Taking over what another system has written, and writing it again: all or nothing, once, and with
// nothing of it lost.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { type Ground, withGround } from "./ground.ts";

/** As the original documents have it. */
const SEED = `{
  "tasks": [
    {
      "id": "task-001",
      "description": "Implement user validation",
      "status": "done",
      "claimed_by": "terminal-2",
      "priority": 1,
      "dependencies": [],
      "context": {
        "files": ["src/models/user.ts"],
        "hints": "Use zod for validation"
      }
    },
    {
      "id": "task-002",
      "description": "Add the endpoint\\nwith its tests",
      "status": "claimed",
      "claimed_by": "terminal-3",
      "priority": 2,
      "dependencies": ["task-001"],
      "context": null
    },
    {
      "id": "task-003",
      "description": "Document it",
      "status": "available",
      "claimed_by": null,
      "priority": 3,
      "dependencies": ["task-002"]
    },
    {
      "id": "task-004",
      "description": "Broken",
      "status": "failed",
      "priority": 4,
      "result": {"error": "no disk"},
      "created_at": "2025-03-01T10:00:00.123456"
    }
  ]
}
`;

function seedFolder(ground: Ground, tasks = SEED): void {
  ground.write("tasks.json", tasks);
  ground.write("master-plan.md", "# Build it\n\nIn small steps.\n");
  ground.write(
    "context/discoveries.md",
    "# Findings\n\n- zod 4 is here\n\n## terminal-3\nslow db\n",
  );
  ground.write(
    "results/task-001.md",
    "# Task Result: task-001\n\n## Output\n\nvalidated\n\n## Files Modified\n\n- src/user.ts\n",
  );
  ground.write("results/other.md", "of nobody\n");
}

Deno.test("skein import: states, dependencies, results, findings, goal; dead claims are free", async () => {
  await withGround(async (ground) => {
    seedFolder(ground);
    const originals = new Map(ground.files().map((name) => [name, ground.read(name)]));
    assertMatch(await ground.text("import", "--dry-run"), /would take over 4 tasks and 2/);
    assertEquals((await ground.ok("task", "list")).tasks, []);
    // A claim of somebody who is here stays.
    const answer = await ground.ok("import");
    assertEquals([answer.tasks, answer.known, answer.discoveries], [4, 0, 2]);
    assertEquals([answer.released, answer.renamed], [["task-002"], {}]);
    const { task: first } = await ground.ok("task", "get", "task-001");
    assertEquals([first.status, first.summary, first.completed_by], [
      "completed",
      "validated",
      "terminal-2",
    ]);
    assertEquals([first.artifacts.files, first.files], [["src/user.ts"], ["src/models/user.ts"]]);
    assertMatch(first.description, /Hints: Use zod/);
    const { task: second } = await ground.ok("task", "get", "task-002");
    assertEquals([second.status, second.ready], ["pending", true]);
    assertMatch(second.notes[0].text, /claimed by terminal-3 when it was taken over/);
    const { task: third } = await ground.ok("task", "get", "task-003");
    assertEquals([third.blocked_by, third.priority], [["task-002"], 3]);
    const { task: fourth } = await ground.ok("task", "get", "task-004");
    assertEquals([fourth.status, fourth.failure], ["failed", "no disk"]);
    assertEquals((await ground.ok("leader", "status")).goal, "Build it");
    // Everything that was replaced is kept, everything else is where it was.
    for (const [name, text] of originals) {
      const now = ground.has(`${name}.yours`) ? ground.read(`${name}.yours`) : ground.read(name);
      if (name !== "context/discoveries.md") assertEquals(now, text, name);
    }
    const found = ground.read("context/discoveries.md");
    assert(found.indexOf("zod 4 is here") < found.indexOf("slow db"), "in their order");
    // Again: nothing changes.
    const before = new Map(ground.files().map((name) => [name, ground.read(name)]));
    const again = await ground.ok("import");
    assertEquals([again.tasks, again.known, again.discoveries], [0, 4, 0]);
    for (const [name, text] of before) {
      if (!name.startsWith("logs/")) assertEquals(ground.read(name), text, name);
    }
    assertEquals((await ground.ok("worker", "claim", "w1")).task.id, "task-002");
    await ground.text("worker", "complete", "w1", "task-002", "done");
    assertEquals((await ground.ok("worker", "claim", "w1")).task.id, "task-003");
  });
});

Deno.test("skein import: the claim of a terminal that is here stays its claim", async () => {
  await withGround(async (ground) => {
    seedFolder(ground);
    await ground.ok("join", "--as", "terminal-3");
    const answer = await ground.ok("import");
    assertEquals(answer.released, []);
    assertEquals((await ground.refused(4, "worker", "claim", "w1", "task-002")).code, "TASK_TAKEN");
    await ground.text("worker", "complete", "terminal-3", "task-002", "went on");
  });
});

Deno.test("skein import: what is bad is refused with file, line and reason; nothing is half taken", async () => {
  await withGround(async (ground) => {
    const cases: [string, string, RegExp][] = [
      ['"done"', '"wild"', /line 6: status wild is none of available/],
      ['"priority": 2', '"priority": 11', /line 20: priority has to be an integer from 1 to 10/],
      ['"id": "task-003"', '"id": "task-001"', /line 25: id task-001 stands in line 4 already/],
      ['"id": "task-003"', '"id": "../x"', /line 25: id has to be/],
      ['["task-002"]', '["task-009"]', /line 30: .*depends on task-009, which is no task/],
      ['["task-001"]', '["task-003"]', /cycle: task-002 -> task-003 -> task-002/],
      ['["task-002"]', '["task-003"]', /line 30: task-003 waits for itself/],
      ['"description": "Document it",', "", /line 24: description is required/],
      ['"description": "Document it",', '"description": 7,', /line 26: description is required/],
      ['"context": null', '"context": null,,', /tasks.json, line 22: no JSON/],
      ['"tasks"', '"jobs"', /has no list "tasks"/],
      ['["src/models/user.ts"]', "[5]", /line 11: files has to be a list of texts/],
      ["Document it", "Document \\u0000 it", /line 26: .*title has the control character/],
    ];
    for (const [from, to, message] of cases) {
      seedFolder(ground, SEED.replace(from, to));
      const error = await ground.refused(error2(message), "import");
      assertMatch(error.message, message);
      assertMatch(error.hint, /Nothing was taken over|Remove one/);
    }
    Deno.writeFileSync(join(ground.mirror, "tasks.json"), new Uint8Array([0xff, 0xfe, 0]));
    assertMatch((await ground.refused(2, "import")).message, /tasks.json is not UTF-8/);
    assertEquals((await ground.refused(2, "import", "nowhere")).field, "path");
    assertEquals((await ground.ok("task", "list")).tasks, []);
    assertEquals((await ground.ok("memory", "get")).entries, []);
    assertEquals((await ground.ok("run", "list")).runs, []);
    assertEquals(ground.has(".skein.json"), false);
  });
});

/** A cycle is refused by what is in the way, everything else by its form. */
function error2(message: RegExp): number {
  return message.source.includes("cycle") ? 4 : 2;
}

Deno.test("skein import: a worker cannot; links are not followed", async () => {
  await withGround(async (ground) => {
    seedFolder(ground);
    assertEquals((await ground.refused(4, "import", "--as", "w1")).code, "NOT_ALLOWED");
    const path = join(ground.mirror, "tasks.json");
    Deno.renameSync(path, join(ground.folder, "elsewhere.json"));
    Deno.symlinkSync(join(ground.folder, "elsewhere.json"), path);
    assertEquals((await ground.refused(2, "import")).code, "PATH_OUTSIDE");
  });
});

Deno.test("skein export: what it writes is taken over elsewhere and written the same again", async () => {
  await withGround(async (ground) => {
    seedFolder(ground);
    await ground.ok("import");
    await ground.text("leader", "add-task", "our own", "-d", "task-003", "--hints", "h");
    await ground.text("memory", "set", "parser/kind", "it is LL(1)", "--type", "discovery");
    const out = join(ground.folder, "out");
    assertMatch(await ground.text("export", out), /files written/);
    assertEquals(ground.read("tasks.json"), Deno.readTextFileSync(join(out, "tasks.json")));
    const other = join(ground.folder, "other");
    Deno.mkdirSync(other);
    const env = { SKEIN_HOME: `${ground.home}-2` };
    const run = (...args: string[]) => ground.run([...args, "--json"], { cwd: other, env });
    const taken = (await run("import", out)).json;
    assertEquals([taken.tasks, taken.renamed], [5, {}]);
    const again = join(ground.folder, "again");
    assertEquals((await run("export", again)).code, 0);
    const timeless = (text: string): string => text.replaceAll(/"\w+_(at|updated)": .*/g, "");
    for (const name of ["master-plan.md", "context/discoveries.md"]) {
      const [a, b] = [out, again].map((one) => Deno.readTextFileSync(join(one, name)));
      assertEquals(a, b, name);
    }
    const [a, b] = [out, again].map((one) => Deno.readTextFileSync(join(one, "tasks.json")));
    const byId = (text = ""): unknown =>
      JSON.parse(text).tasks.map((task: { id: string }) => timeless(JSON.stringify(task, null, 1)))
        .sort();
    assertEquals(byId(b), byId(a));
    // Ids that another project of the same home has get a mark, the same each time.
    const third = join(ground.folder, "third");
    Deno.mkdirSync(third);
    for (const known of [0, 5]) {
      const marked = (await ground.run(["import", out, "--json"], { cwd: third })).json;
      assertMatch(marked.renamed["task-001"], /^task-001\.[0-9a-f]{6}$/);
      assertEquals(marked.known, known);
    }
  });
});

Deno.test("skein export: JSON lines of everything, and a report of a run", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "The | goal");
    await ground.text("leader", "add-task", "one | two");
    await ground.text("worker", "claim", "w1");
    await ground.text("worker", "complete", "w1", "t1", "all fine", "-c", "new.ts");
    await ground.text("send", "operator", "a secret", "--as", "w1");
    await ground.text("memory", "set", "k", "found it", "--type", "discovery");
    const lines = (await ground.text("export", "--format", "jsonl")).trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line));
    const kinds = new Set(records.map(({ record }) => record));
    for (const kind of ["project", "run", "task", "memory", "message", "peer", "act"]) {
      assert(kinds.has(kind), `${kind} of ${[...kinds]}`);
    }
    assertEquals(records.find(({ record }) => record === "task").files_created, ["new.ts"]);
    assertEquals(records.find(({ record }) => record === "memory").type, "discovery");
    // A worker gets what it may read: not what others wrote to each other.
    const seen = await ground.text("export", "--format", "jsonl", "--as", "w2");
    assertEquals([seen.includes("a secret"), lines.join().includes("a secret")], [false, true]);
    const report = await ground.text("export", "--format", "report", "--run", "r1");
    for (
      const part of [
        "# Report of r1: The | goal",
        "- Tasks: 1 of 1 done (100 %)",
        "| t1 | one \\| two | done | w1 |",
        "all fine",
        "Files created: new.ts",
        "found it",
      ]
    ) assert(report.includes(part), `${part} in\n${report}`);
    assertMatch(report, /\| w1 \| \d+ s \|/);
    await ground.text("export", "--format", "report", "--output", "r.md");
    assertEquals(Deno.readTextFileSync(join(ground.folder, "r.md")), report);
    const twice = await ground.refused(2, "export", "--format", "report", "--output", "r.md");
    assertMatch(twice.message, /is there already/);
    assertEquals(
      (await ground.refused(2, "export", "--format", "report", "--run", "r9")).code,
      "UNKNOWN_RUN",
    );
    assertEquals((await ground.refused(2, "export", "--format", "xml")).field, "format");
    Deno.mkdirSync(join(ground.folder, "theirs"));
    Deno.writeTextFileSync(join(ground.folder, "theirs/tasks.json"), "theirs");
    assertEquals((await ground.run(["export", "theirs"])).code, 1);
    assertEquals(Deno.readTextFileSync(join(ground.folder, "theirs/tasks.json")), "theirs");
  });
});
