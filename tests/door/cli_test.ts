// The command line: every operation within reach, answers for people and for programs, exit codes
// that a script can rely on, and help that is derived from the same catalogue.

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { CATALOGUE } from "../../mod.ts";
import { COMMANDS } from "../../src/door/commands.ts";
import { commandHelp } from "../../src/door/help.ts";
import { describedFields, meaningOf } from "../../src/door/meanings.ts";
import { withShell } from "./shell.ts";
import type { Json } from "./wire.ts";

/** One call of every operation, in an order in which each can succeed. */
const CALLS: readonly (readonly [name: string, args: string])[] = [
  ["join", "join w1 --summary busy"],
  ["run", "run start Ship-it"],
  ["create_task", "task create First --priority high --files a.ts --files b.ts"],
  ["list_tasks", "task list --status ready --limit 5"],
  ["claim_task", "task claim --as w1"],
  ["update_task", "task update t1 --progress half --as w1"],
  ["get_task", "task get t1"],
  ["lock_file", "file lock a.ts b.ts --mode shared --ttl-s 60 --as w1"],
  ["list_locks", "lock list"],
  ["unlock_file", "file unlock --as w1"],
  ["send", "send w1 hello --category question"],
  ["check", "check --as w1"],
  ["set_memory", "memory set port 8080 --type decision"],
  ["get_memory", "memory get port"],
  ["complete_task", "task complete t1 done --as w1"],
  ["list_peers", "peer list machine"],
  ["status", "status"],
  ["search", "search first"],
  ["spawn_worker", "worker spawn w9 --how headless"],
  ["control", "control ping w1"],
  ["log_conversation", "conversation log user hello --as w1"],
  ["get_conversation", "conversation get w1"],
  ["report_usage", "usage report --tokens 5 --cost-usd 0.5 --as w1"],
  ["policy", "policy strict"],
  ["issue_token", "token issue --ttl-s 60"],
  ["issue_link", "link issue"],
  ["list_projects", "project list"],
  ["flock_state", "flock_state"],
  ["list_messages", "message list --peer w1 --limit 5"],
  ["task_graph", "task_graph --done"],
  ["timeline", "timeline --minutes 5"],
  ["list_audit", "audit list --op send"],
  ["verify_audit", "audit verify"],
  ["why", "why t1"],
  ["acknowledge_audit", "audit acknowledge"],
  ["note_copy", "copy note --what backup --folder /tmp/copy"],
  ["guard_edit", "edit guard b.ts --as w1"],
  ["guard_shell", "shell guard ls --as w1"],
  ["report_touched", "touched report --paths b.ts --as w1"],
  ["end_turn", "turn end --as w1"],
  ["report_waiting", "waiting report --tool Bash --as w1"],
  ["export_project", "project export overview"],
  ["take_findings", 'finding take --discoveries [{"value":"found"}] --as w1'],
  ["import_project", "project import --goal g --plan p --tasks [] --discoveries []"],
];

Deno.test("skein: every operation is a subcommand that answers as JSON", async () => {
  await withShell(async (shell) => {
    const called = new Set<string>();
    await shell.ok("join", "--as", "w1");
    for (const [name, args] of CALLS) {
      const words = name === "join" ? ["status"] : args.split(" ");
      const answer = await shell.ok(...words);
      assertEquals(typeof answer, "object", args);
      called.add(name);
    }
    await shell.ok("task", "create", "to review", "--as", "w1");
    await shell.ok("task", "claim", "t2", "--as", "w1");
    await shell.ok("task", "update", "t2", "--action", "request_review", "--as", "w1");
    const { task } = await shell.ok("task", "review", "t2", "approve");
    assertEquals(task.status, "completed");
    called.add("review_task");
    await shell.ok("task", "create", "driven", "--run", "r1");
    const driven: readonly (readonly [name: string, ...words: string[]])[] = [
      ["conduct_run", "run", "conduct", "r1", "--repo", "."],
      ["accept_plan", "plan", "accept", "r1"],
      ["note_cleaning", "cleaning", "note", "r1", "refs/skein/parked/r1/t1-1/x 0123"],
      ["begin_attempt", "attempt", "begin", "r1", "--as", "w1"],
      ["note_attempt", "attempt", "note", "--attempt", "1", "--output", "--as", "w1"],
      ["list_attempts", "attempt", "list", "r1"],
      ["stop_attempt", "attempt", "stop", "t3"],
      ["end_attempt", "attempt", "end", "--attempt", "1", "--outcome", "done", "--as", "w1"],
    ];
    for (const [name, ...words] of driven) {
      const answer = await shell.ok(...words);
      if (name === "begin_attempt") assertEquals(answer.attempt?.task, "t3", answer.reason);
      called.add(name);
    }
    assertEquals((await shell.ok("get_task", "t3")).task.status, "completed");
    const { stdout } = await shell.run(["audit", "export"]);
    const rows = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(rows.map(({ seq }) => seq), rows.map((_, i) => i + 1));
    called.add("export_audit");
    assertEquals([...called].sort(), CATALOGUE.map((operation) => operation.name).sort());
    const { task: first } = await shell.ok("get_task", "t1");
    assertEquals([first.title, first.priority, first.files], ["First", 3, ["a.ts", "b.ts"]]);
    assertEquals([first.run, first.progress, first.summary], ["r1", "half", "done"]);
  });
});

Deno.test("skein: exit codes tell what happened", async () => {
  await withShell(async (shell) => {
    const cases: [number, string[], Record<string, string>?][] = [
      [0, ["task", "create", "a"]],
      [0, ["help"]],
      [0, ["--version"]],
      [0, ["task", "create", "--help"]],
      [1, ["status"], { SKEIN_HOME: "/dev/null/x" }],
      [2, ["no-such-command"]],
      [2, ["task", "no-such-verb"]],
      [2, ["task", "list", "--no-such-flag"]],
      [2, ["task", "get"]],
      [2, ["task", "get", "t1", "one-too-many"]],
      [2, ["task", "create", "x", "--priority", "soon"]],
      [2, ["task", "create", "--tasks", "{not json"]],
      [2, ["task", "create", "--tasks", "@no-such-file"]],
      [2, ["completions", "no-such-shell"]],
      [2, ["status"], { SKEIN_RATE: "fast" }],
      [2, ["status"], { SKEIN_ROLE: "king" }],
      [2, ["status"], { SKEIN_DIR: "/no/such/folder" }],
      [2, ["task", "get", "t99"]],
      [2, ["send", "nobody", "x"]],
      [3, ["check", "--wait-ms", "50"]],
      [4, ["join", "--role", "operator", "--as", "w1"]],
      [4, ["task", "complete", "t1", "x", "--as", "w1"]],
      [4, ["memory", "set", "k", "v", "--type", "decision", "--as", "w1"]],
    ];
    for (const [code, args, env = {}] of cases) {
      const ran = await shell.run(args, { env });
      assertEquals(ran.code, code, `skein ${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
      assertEquals(ran.stderr === "", code === 0 || code === 3, args.join(" "));
    }
  });
});

Deno.test("skein: refusals go to stderr with what to do next, with --json to stdout", async () => {
  await withShell(async (shell) => {
    const human = await shell.run(["task", "get", "t99"]);
    assertEquals([human.code, human.stdout], [2, ""]);
    assertStringIncludes(human.stderr, "UNKNOWN_TASK task t99 does not exist");
    assertStringIncludes(human.stderr, "next: skein task list shows the tasks");
    const program = await shell.run(["task", "get", "t99", "--json"]);
    assertEquals([program.code, program.stderr], [2, ""]);
    assertEquals(program.json.error.code, "UNKNOWN_TASK");
    const unknown = await shell.run(["task", "frobnicate", "--json"]);
    assertEquals(unknown.json.error.code, "INVALID_INPUT");
  });
});

Deno.test("skein: help lists every command, and each command every field", async () => {
  await withShell(async (shell) => {
    const all = (await shell.run(["help", "all"])).stdout;
    for (const { words } of COMMANDS) assertStringIncludes(all, `  ${words.join(" ")} `);
    for (const word of ["mcp", "up", "completions", "SKEIN_HOME", "Exit codes"]) {
      assertStringIncludes(all, word);
    }
    const { stdout } = await shell.run(["help"]);
    for (const word of ["task claim", "doctor", "help all", "--json"]) {
      assertStringIncludes(stdout, word);
    }
    for (const word of ["attempt begin", "SKEIN_SECRET"]) assertFalse(stdout.includes(word), word);
    assertEquals((await shell.run([])).stdout, stdout);
    assertEquals((await shell.run(["--help"])).stdout, stdout);
    const plain = { colour: false, width: 80 };
    for (const command of COMMANDS) {
      const text = commandHelp(command, plain);
      for (const field of Object.keys(command.fields)) {
        assertStringIncludes(text, `--${field.replaceAll("_", "-")} `);
        assert(meaningOf(command.operation.name, field), `${command.operation.name}.${field}`);
      }
      for (const line of text.split("\n")) assert(line.length <= plain.width, line);
      for (const name of command.required) assertMatch(text, new RegExp(`<${name}|required`));
    }
    const ways = [["task", "create", "--help"], ["help", "task", "create"]];
    for (const way of ways) {
      assertMatch((await shell.run(way)).stdout, /Usage: skein task create \[title\]/);
    }
    assertFalse([...Deno.readDirSync(shell.folder)].length > 0, "help leaves no trace");
  });
});

Deno.test("skein run: a goal, or an action with what belongs to it", async () => {
  await withShell(async (shell) => {
    const started = await shell.ok("run", "start", "Ship version 2");
    assertEquals([started.run.id, started.run.goal], ["r1", "Ship version 2"]);
    assertEquals((await shell.ok("run", "start", "--goal", "list")).run.goal, "list");
    assertEquals((await shell.ok("run", "start", "Third", "--plan", "p")).run.plan, "p");
    assertEquals((await shell.ok("run", "list")).runs.length, 3);
    assertEquals((await shell.ok("run", "resume", "r1")).run.id, "r1");
    assertEquals((await shell.ok("run")).run.id, "r1");
    assertEquals((await shell.ok("run", "status", "r2")).run.goal, "list");
    assertEquals((await shell.ok("run", "end", "r1", "--plan", "reached")).run.status, "ended");
    assertEquals((await shell.run(["run", "two", "words"])).code, 2);
  });
});

Deno.test("skein task create: a DAG from JSON, a file or standard input", async () => {
  await withShell(async (shell) => {
    const dag = (key: string): string =>
      JSON.stringify([{ key, title: `${key} \u{1f9a2}` }, { title: "after", blocked_by: [key] }]);
    Deno.writeTextFileSync(`${shell.folder}/plan.json`, dag("file"));
    const made: Json[] = [await shell.ok("task", "create", "--tasks", dag("word"))];
    made.push(await shell.ok("task", "create", "--tasks", "@plan.json"));
    const args = ["task", "create", "--tasks", "-", "--json"];
    made.push((await shell.run(args, { stdin: dag("stdin") })).json);
    assertEquals(made.map(({ ids }) => Object.keys(ids).sort()), [
      ["2", "word"],
      ["2", "file"],
      ["2", "stdin"],
    ]);
    const { tasks } = await shell.ok("task", "list");
    assertEquals(tasks.filter((task: Json) => task.title === "stdin \u{1f9a2}").length, 1);
  });
});

Deno.test("skein: the same --key does nothing twice", async () => {
  await withShell(async (shell) => {
    const args = ["task", "create", "once", "--key", "k1"];
    assertEquals(await shell.ok(...args), await shell.ok(...args));
    assertEquals((await shell.ok("task", "list")).tasks.length, 1);
    const other = await shell.run(["task", "create", "other", "--key", "k1"]);
    assertEquals(other.code, 4);
    assertMatch(other.stderr, /KEY_REUSED/);
  });
});

Deno.test("skein completions: are programs of their shells, and complete", async () => {
  await withShell(async (shell) => {
    const { stdout } = await shell.run(["completions", "bash"]);
    const bash = async (script: string): Promise<string> => {
      const { success, stdout, stderr } = await new Deno.Command("bash", {
        args: ["--norc", "-c", script],
        stdin: "null",
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout).trim();
    };
    Deno.writeTextFileSync(`${shell.folder}/skein.bash`, stdout);
    await bash(`bash -n ${shell.folder}/skein.bash`);
    const complete = (line: string, word: number): Promise<string> =>
      bash(
        `source ${shell.folder}/skein.bash; COMP_WORDS=(${line}); COMP_CWORD=${word}; ` +
          `_skein; echo "\${COMPREPLY[@]}"`,
      );
    assertEquals(await complete("skein ta", 1), "task");
    assertEquals(await complete("skein GO", 1), "", "a word of the help, and no command");
    assertEquals(await complete("skein run", 1), "run");
    assertEquals(await complete("skein task cl", 2), "claim");
    assertEquals((await complete("skein task ''", 2)).split(" ").slice(0, 7).sort(), [
      "claim",
      "complete",
      "create",
      "get",
      "list",
      "review",
      "update",
    ]);
    for (const other of ["zsh", "fish"]) {
      const ran = await shell.run(["completions", other]);
      assertEquals(ran.code, 0);
      assertStringIncludes(ran.stdout, "memory");
    }
  });
});

Deno.test("skein: no meaning is told of a field that is not there", () => {
  const fields = new Set(
    COMMANDS.flatMap(({ operation, fields }) =>
      Object.keys(fields).map((field) => `${operation.name}.${field}`)
    ),
  );
  assertEquals(describedFields().filter((field) => !fields.has(field)), []);
});

Deno.test("skein: --help of a command that other programs start tells, and starts nothing", async () => {
  await withShell(async (shell) => {
    for (const name of ["mcp", "hook", "host", "up", "completions", "version"]) {
      const { code, stdout } = await shell.run([name, "--help"]);
      assertEquals(code, 0, name);
      assertFalse(stdout.trim() === "", name);
    }
    assertThrows(() => Deno.statSync(join(shell.home, "skein.db")), "help leaves no trace");
  });
});
