// What a run's rules do with agents that fail, hang, go in circles, hit a limit or spend too much. Each
// kind of agent is a task of one run, told apart by the first word of its title.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, change, endDelays, exists, letGo, rows } from "./ground.ts";
import { HANDS_IN, onTask, type Ran, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

interface Tried {
  readonly title: string;
  readonly task: string;
  readonly state: string;
  readonly reason: string;
  readonly cause: string;
  readonly model: string | null;
  readonly ms: number;
}

function tried(stage: Stage): Tried[] {
  return rows<Tried>(
    stage,
    `SELECT t.title, a.task, a.state, coalesce(a.reason, '') AS reason, coalesce(a.cause, '') AS cause,
       a.model, a.ended_ms - a.started_ms AS ms FROM attempt a JOIN task t ON t.id = a.task ORDER BY a.id`,
  );
}

function the(attempts: readonly Tried[], word: string): Tried {
  const found = attempts.find(({ title }) => title.startsWith(word));
  if (found === undefined) throw new Error(`no attempt of ${word}: ${JSON.stringify(attempts)}`);
  return found;
}

function statuses(ran: Ran): string[] {
  return resultOf(ran).tasks.map(({ title, status }) => `${title.split(" ")[0]}: ${status}`).sort();
}

Deno.test("supervision: every way to fail is a failure with its own reason, and -t ends the slow in time", async () => {
  await withStage(async (stage) => {
    const same = { do: "tool", name: "Read", input: { path: "x" }, answer: "the same" } as const;
    stage.play([
      onTask("slow", { do: "say", text: "at it" }, { do: "hang" }),
      onTask("circle", ...Array(8).fill(same), { do: "hang" }),
      onTask("error", { do: "result", fields: { is_error: true, result: "I cannot" } }),
      onTask("exit", { do: "say", text: "oh" }, { do: "exit", code: 7 }),
      onTask("verdictless", { do: "say", text: "bye" }, { do: "exit", code: 0 }),
      onTask("giveup", {
        do: "mcp",
        name: "update_task",
        input: { id: "$<task>", action: "fail", note: "it cannot be done" },
      }),
      onTask(
        "costly",
        { do: "say", text: "thinking", tokens: 600 },
        { do: "say", text: "more", tokens: 600 },
        { do: "hang" },
      ),
      onTask("outside", { do: "write", path: join(stage.folder, "outside.txt"), text: "x" }),
      WRITES,
    ]);
    const words = ["slow", "circle", "error", "exit", "verdictless", "giveup", "costly", "outside"];
    const plan = stage.plan([
      ...words.map((word) => ({ id: word, description: `${word} one` })),
      { id: "next", description: "write next.txt", dependencies: ["error"] },
      { id: "last", description: "write last.txt", dependencies: ["next"] },
      { id: "free", description: "write free.txt" },
    ]);
    const args = ["run", "all", "--tasks", plan, "--attempts", "1", "-t", "2", "-w", "9", "--json"];
    const ran = await stage.skein([...args, "--task-tokens", "1000"]);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    assertEquals(statuses(ran), [
      "circle: failed",
      "costly: failed",
      "error: failed",
      "exit: failed",
      "giveup: failed",
      "outside: failed",
      "slow: failed",
      "verdictless: failed",
      "write: completed",
      "write: pending",
      "write: pending",
    ]);
    const all = tried(stage);
    assertEquals(
      all.length,
      9,
      "nothing is tried twice, and what waits for a failed task not at all",
    );
    const slow = the(all, "slow");
    assertEquals(slow.cause, "timeout", slow.reason);
    assert(slow.ms >= 1_900 && slow.ms < 5_000, `ended after ${slow.ms} ms`);
    for (
      const [word, cause, reason] of [
        ["circle", "stuck", "the same call"],
        ["error", "agent", "I cannot"],
        ["exit", "agent", "code 7"],
        ["verdictless", "no_verdict", "without a result"],
        ["costly", "budget", "1200 tokens"],
        ["outside", "agent", "changed nothing"],
      ] as const
    ) {
      const one = the(all, word);
      assertEquals(one.cause, cause, `${word}: ${one.reason}`);
      assert(one.reason.includes(reason), `${word}: ${one.reason}`);
    }
    const [gave] = rows<{ failure: string }>(
      stage,
      "SELECT failure FROM task WHERE title LIKE 'giveup%'",
    );
    assert(gave?.failure.includes("it cannot be done"), JSON.stringify(gave));
    // Dependents of a failed task are shown as blocked, those of the dependents, too.
    const { run } = await stage.ask("run", "status", "r1") as { run: { tasks: unknown } };
    assertEquals((run.tasks as { blocked: number }).blocked, 2, JSON.stringify(run));
    const branches = await stage.files("skein/run/r1");
    assertEquals(branches, ["README.md", "free.txt"]);
    assert(exists(join(stage.folder, "outside.txt")));
    await audit(stage, { tasks: 11, done: 1 });
  });
});

Deno.test("supervision: no first output, and silence after it, end an agent before its time", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("quiet", { do: "say", text: "let me think" }, { do: "hang" }),
      WRITES,
    ]);
    const scenario = join(stage.folder, "mute.json");
    Deno.writeTextFileSync(
      scenario,
      JSON.stringify({ silent: true, rules: [{ steps: [{ do: "hang" }] }] }),
    );
    const args = ["--attempts", "1", "--quiet-after", "1.5", "--first-output", "1", "--json"];
    const quiet = stage.plan([{ description: "quiet one" }], "quiet.json");
    const mute = stage.plan([{ description: "mute one" }], "mute-tasks.json");
    const both = await Promise.all([
      stage.skein(["run", "quiet", "--tasks", quiet, ...args, "--first-output", "10"]),
      stage.skein(["run", "mute", "--tasks", mute, ...args], { FAKE_AGENT: scenario }),
    ]);
    for (const { code, stdout } of both) assertEquals(code, 1, stdout);
    const all = tried(stage);
    assertEquals(the(all, "quiet").cause, "stuck", the(all, "quiet").reason);
    assertEquals(the(all, "mute").cause, "timeout", the(all, "mute").reason);
    assert(the(all, "mute").reason.includes("no output"), the(all, "mute").reason);
    for (const { ms, title } of all) assert(ms < 5_000, `${title}: ${ms} ms`);
  });
});

Deno.test("supervision: a failed attempt is followed by another after a delay, with the next model", async () => {
  await withStage(async (stage) => {
    const failing = onTask("write", { do: "result", fields: { is_error: true, result: "no" } });
    stage.play([{ ...failing, times: 2 }, WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const args = ["run", "a", "--tasks", plan, "--model", "small", "--model", "large", "--json"];
    const run = stage.start(args);
    const delays: number[] = [];
    for (const failed of [1, 2]) {
      await attemptsAre(stage, "failed", failed);
      const [{ wait = 0 } = {}] = rows<{ wait: number }>(
        stage,
        "SELECT not_before_s - max((SELECT max(rate_at_s) FROM peer)) AS wait FROM task",
      );
      delays.push(wait);
      assertEquals(tried(stage).length, failed, "it waits");
      endDelays(stage);
    }
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tried(stage).map(({ model, state }) => [model, state]), [
      ["small", "failed"],
      ["large", "failed"],
      ["large", "done"],
    ]);
    assert((delays[1] ?? 0) > (delays[0] ?? 0) && (delays[0] ?? 0) >= 20, `delays: ${delays}`);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("supervision: a usage limit parks all workers until its end, costs no attempt, and they start apart", async () => {
  await withStage(async (stage) => {
    const limited = { match: "Task t1:", times: 1, steps: [{ do: "limit", inS: 3_600 }] } as const;
    stage.play([limited, WRITES]);
    const files = ["a.txt", "b.txt"];
    const plan = stage.plan(files.map((file) => ({ description: `write ${file}` })));
    const args = ["run", "all", "--tasks", plan, "-w", "1", "--attempts", "1", "--json"];
    const run = stage.start(args);
    await attemptsAre(stage, "limited", 1);
    const until = Number(
      rows<{ value: string }>(stage, "SELECT value FROM meta WHERE key = 'agents_wait_until_ms'")[0]
        ?.value,
    );
    assert(Math.abs(until - Date.now() - 3_600_000) < 60_000, `until ${new Date(until)}`);
    await eventually(
      () =>
        rows(stage, "SELECT 1 FROM task WHERE status = 'pending' AND attempts = 0").length === 2,
      { what: "both wait, no attempt counted" },
    );
    // An hour later.
    change(stage, `UPDATE meta SET value = '${Date.now()}' WHERE key = 'agents_wait_until_ms'`);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const starts = rows<{ started_ms: number }>(
      stage,
      "SELECT started_ms FROM attempt WHERE state = 'done' ORDER BY id",
    );
    const apart = (starts[1]?.started_ms ?? 0) - (starts[0]?.started_ms ?? 0);
    assert(apart >= 2_900, `started ${apart} ms apart`);
    await audit(stage, { tasks: 2 });
  });
});

Deno.test("supervision: a run's budget ends it with a word, and more lets it go on", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const files = ["a.txt", "b.txt", "c.txt"];
    const plan = stage.plan(files.map((file) => ({ description: `write ${file}` })));
    const args = ["run", "all", "--tasks", plan, "-w", "1", "--max-tokens", "20", "--json"];
    const ran = await stage.skein(args);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals(result["state"], "budget");
    assert(JSON.stringify(result["notes"]).includes("20 tokens"), JSON.stringify(result["notes"]));
    assertEquals(result["tasks_completed"], 2);
    assertEquals(await stage.files(), ["README.md"]);
    const more = await stage.skein(["run", "--resume", "r1", "--max-tokens", "1000", "--json"]);
    assertEquals(more.code, 0, more.stdout + more.stderr);
    assertEquals(await stage.files(), ["README.md", ...files]);
    await audit(stage, { tasks: 3 });
  });
});

Deno.test("supervision: over budget nobody more is started, however long an agent is still at work", async () => {
  await withStage(async (stage) => {
    const held = join(stage.folder, "go");
    stage.play([
      // Of no cost: whether it was counted yet when the quick one has ended is not to matter.
      onTask("long", { do: "wait", file: held }, HANDS_IN),
      onTask("quick", { do: "say", text: "hm", tokens: 100 }, HANDS_IN),
    ]);
    const plan = stage.plan(
      ["long a", "quick b", "quick c"].map((description) => ({ description })),
    );
    const args = ["run", "all", "--tasks", plan, "-w", "2", "--max-tokens", "100", "--json"];
    const run = stage.start(args);
    await attemptsAre(stage, "done", 1);
    await attemptsAre(stage, "running", 1);
    // Several looks of the conductor long, each of which found a place free before.
    const waited = await stage.skein(["wait", "t2", "-t", "3"]);
    assertEquals(waited.code, 0, "t2 is done");
    assertEquals((await stage.skein(["wait", "t1", "-t", "3"])).code, 3, waited.stdout);
    letGo(stage);
    const ran = await run.ended;
    assertEquals(resultOf(ran)["state"], "budget", ran.stdout + ran.stderr);
    const started = ran.lines.filter(({ kind }) => kind === "worker").length;
    assertEquals(started, 2, "as many as were wanted at first");
  });
});

Deno.test("supervision: what goes beyond the run's budget is ended at work, and its work is kept", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("greedy", { do: "write", path: "half.txt", text: "half\n" }, {
        do: "say",
        text: "more",
        tokens: 900,
      }, { do: "hang" }),
    ]);
    const plan = stage.plan([{ description: "greedy one" }]);
    const args = ["run", "all", "--tasks", plan, "--max-tokens", "100", "--json"];
    const ran = await stage.skein(args);
    assertEquals(resultOf(ran)["state"], "budget", ran.stdout + ran.stderr);
    const [one] = tried(stage);
    assertEquals([one?.state, one?.reason], [
      "stopped",
      "the run's budget is spent: 900 tokens",
    ]);
    const parked = await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked");
    assertEquals(await stage.git("show", `${parked.trim()}:half.txt`), "half\n");
    await eventually(() => stage.processes().length === 0, { what: "every process has ended" });
  });
});
