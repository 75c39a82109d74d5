// What checks do to where they run, to their output and to others' patience; when there is none, and that
// what somebody sets, holds up or approves meanwhile counts.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lives, told } from "../agent/ground.ts";
import { eventually } from "../support/eventually.ts";
import {
  abandonedRun,
  attemptsAre,
  audit,
  auditGit,
  change,
  exists,
  hostsOf,
  killAll,
  letGo,
  realGit,
  rows,
  startHost,
} from "./ground.ts";
import { HANDS_IN, onTask, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

const tries = (stage: Stage): unknown[] =>
  rows(stage, "SELECT kind, state, cause FROM attempt ORDER BY id").map((row) =>
    Object.values(row)
  );

Deno.test("check: whatever it does where it runs is nobody's work, and the next one begins in order", async () => {
  await withStage(async (stage) => {
    Deno.writeTextFileSync(join(stage.repo, ".gitignore"), "cache\n");
    await stage.git("add", ".gitignore");
    await stage.git("commit", "-q", "-m", "ignore");
    stage.play([WRITES]);
    const plan = stage.plan(["a", "b", "c"].map((name) => ({ description: `write ${name}.txt` })));
    const seen = join(stage.folder, "environment");
    const script = join(stage.folder, "check.sh");
    Deno.writeTextFileSync(
      script,
      `#!/bin/sh
set -e
env > '${seen}'
test -z "$(git status --porcelain)"
git=; test -e a.txt && test -e b.txt && test ! -e c.txt && test -e cache && git=broken
echo built > cache
echo changed > README.md; echo new > report.txt; mkdir shut; echo x > shut/x; chmod 555 shut
git init -q inner; echo x > inner/x
git -c user.name=a -c user.email=b@c commit -q -a -m 'of the check'
git switch -q -c elsewhere; git tag of-the-check; git stash -q -u || true
touch .git/index.lock
if [ -n "$git" ]; then rm -rf .git; fi
`,
      { mode: 0o755 },
    );
    const order = ["run", "a", "--tasks", plan, "-w", "1", "--check", script, "--json"];
    const ran = await stage.skein(order);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), [".gitignore", "README.md", "a.txt", "b.txt", "c.txt"]);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "README.md")), "a project\n");
    assertEquals(tries(stage), Array(3).fill(["work", "done", null]));
    const refs = await stage.git("for-each-ref", "--format=%(refname)");
    assertEquals(refs.match(/parked|elsewhere|of-the-check|stash/), null, refs);
    const names = Deno.readTextFileSync(seen).match(/^(SKEIN|GIT|CLAUDE|PEER)_\w+/gm) ?? [];
    const identity = names.filter((name) => /TOKEN|HOME|NAME|ROLE|_DIR|SESSION/.test(name));
    assertEquals(identity, [], "it is nobody's session, and bound to no repository");
    await audit(stage, { tasks: 3 });
    const left = [...Deno.readDirSync(join(stage.home, "worktrees"))].filter((one) =>
      one.isDirectory
    )
      .flatMap(({ name }) => [...Deno.readDirSync(join(stage.home, "worktrees", name, "r1"))])
      .filter(({ name }) => name.startsWith(".check"));
    assertEquals(left, [], "nothing of it is left at the end");
  });
});

Deno.test("check: one that floods its output, in colours, and leaves a daemon is told of like any other", async () => {
  await withStage(async (stage) => {
    const daemon = join(stage.folder, "daemon");
    stage.play([
      {
        match: "left with code 3: .*the last words",
        steps: [{ do: "write", path: "b", text: "" }],
      },
      WRITES,
    ]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const check = `[ -e b ] && exit 0; env -i PATH="$PATH" setsid sh -c 'echo $$ >> "${daemon}"; ` +
      `exec sleep 1000' & while [ ! -e '${daemon}' ]; do sleep 0.05; done; yes x | head -c 40000000; ` +
      `printf '\\033[31mthe last\\033[0m words\\007\\000\\n'; exit 3`;
    const ran = await stage.skein(["run", "a", "--tasks", plan, "--check", check, "--json"]);
    assertEquals(ran.code, 0, ran.stdout.slice(-2_000) + ran.stderr);
    assertEquals(tries(stage), [["work", "failed", "check"], ["work", "done", null]]);
    const log = join(stage.home, "logs", "r1", "t1-1-check.log");
    assert(Deno.statSync(log).size < 17_000_000, "its log has a bound");
    const [reason = ""] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt")
      .map((row) => row.reason);
    assert(reason.endsWith("the last words"), reason);
    for (const pid of told(daemon)) Deno.kill(pid, "SIGKILL");
  });
});

Deno.test("check: none is run while somebody holds the run branch; what was approved is checked before it is merged", async () => {
  await withStage(async (stage) => {
    const count = join(stage.folder, "count");
    stage.play([onTask("write", { do: "write", path: "$<rest>", text: "once\n" }, {
      do: "mcp",
      name: "update_task",
      input: { id: "$<task>", action: "request_review", note: "please look" },
    })]);
    const plan = stage.plan([{ description: "write a.txt" }, { description: "write b.txt" }]);
    const check = `echo >> '${count}'; test -e a.txt`;
    const run = stage.start(["run", "a", "--tasks", plan, "--check", check, "-w", "1", "--json"]);
    await attemptsAre(stage, "review", 2);
    const look = join(stage.folder, "look");
    await stage.git("worktree", "add", "-q", look, "skein/run/r1");
    await stage.ask("task", "review", "t1", "approve");
    await attemptsAre(stage, "waiting", 1);
    await eventually(() => String(tries(stage)).includes("waiting,held"));
    const { attention } = await stage.ask("status") as { attention: { text: string }[] };
    assert(JSON.stringify(attention).includes(`checked out in ${look}`), JSON.stringify(attention));
    assert(!exists(count), "nothing was checked that could not be merged");
    await stage.git("worktree", "remove", look);
    // Nobody is left but who drives it, and the other is still to be looked at.
    killAll(hostsOf(stage));
    await attemptsAre(stage, "done", 1);
    await stage.ask("task", "review", "t2", "approve");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), Array(2).fill(["work", "done", null]));
    assertEquals(Deno.readTextFileSync(count), "\n\n", "once each");
    assertEquals(resultOf(ran).tasks.map(({ status }) => status), ["completed", "completed"]);
    await auditGit(stage);
  });
});

Deno.test("check: one that kills whoever runs it is a failure in the end", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const order = ["run", "a", "--tasks", plan, "--attempts", "1", "--check", "kill -9 $PPID"];
    await abandonedRun(stage, order);
    for (const code of [137, 137, 137, 0]) assertEquals((await startHost(stage).ended).code, code);
    assertEquals(tries(stage), [["work", "failed", "check"]]);
    const [{ reason = "" } = {}] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt");
    assertEquals(reason, "3 workers' processes have died in the check (kill -9 $PPID)");
  });
});

Deno.test("check: work that changes nothing needs none, and odd names of files hold nothing up", async () => {
  await withStage(async (stage) => {
    const long = `${"long/".repeat(250)}name.txt`;
    const hidden = "hidden\u202ename.txt";
    stage.play([
      onTask("look", HANDS_IN),
      onTask("write", { do: "write", path: long, text: "x\n" }, {
        do: "write",
        path: hidden,
        text: "x\n",
      }),
    ]);
    const plan = stage.plan([{ description: "look around" }, { description: "write much" }]);
    const check = "test -e long && ls hidden*name.txt";
    const ran = await stage.skein(["run", "a", "--tasks", plan, "--check", check, "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), Array(2).fill(["work", "done", null]));
    const { task } = await stage.ask("task", "get", "t1") as { task: Record<string, unknown> };
    assertEquals((task["artifacts"] as { files: string[] }).files, []);
  });
});

Deno.test("check: what nobody is left to end ends with its run", async () => {
  await withStage(async (stage) => {
    const pids = join(stage.folder, "pids");
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const order = ["run", "a", "--tasks", plan, "--check", `echo $$ >> '${pids}'; sleep 1000`];
    const run = stage.start(order);
    await eventually(() => told(pids).length === 1, { withinMs: 20_000 });
    killAll([run.pid, ...hostsOf(stage)]);
    await run.ended;
    await eventually(() => hostsOf(stage).length === 0);
    await stage.ask("run", "end", "r1");
    assertEquals((await stage.skein(["run", "clean"])).code, 0);
    assertEquals(told(pids).filter(lives), []);
  });
});

Deno.test("check: where it cannot be begun the work waits, says why, and is tried again now and then", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const folder = join(stage.folder, "bin");
    Deno.mkdirSync(folder);
    const tried = join(stage.folder, "tried");
    Deno.writeTextFileSync(
      join(folder, "git"),
      `#!/bin/sh
case " $* " in *" checkout -q --force --detach "*)
  if [ ! -e '${stage.folder}/mended' ]; then echo >> '${tried}'; echo no filter >&2; exit 1; fi
esac
exec '${realGit()}' "$@"
`,
      { mode: 0o755 },
    );
    const path = `${folder}:${Deno.env.get("PATH")}`;
    const order = ["run", "a", "--tasks", plan, "--check", "true", "-w", "2", "--json"];
    const run = stage.start(order, { PATH: path });
    await eventually(() => tries(stage).some((one) => String(one) === "work,waiting,service"));
    const times = (): number => Deno.readTextFileSync(tried).length;
    const { attention } = await stage.ask("status") as { attention: { text: string }[] };
    assert(attention[0]?.text.includes("no filter"), JSON.stringify(attention));
    await stage.ask("send", "*", "somebody rings all bells");
    assertEquals(times(), 1, "not with every look");
    letGo(stage, "mended");
    change(
      stage,
      "UPDATE attempt SET ended_at = '2020-01-01T00:00:00.000Z' WHERE state = 'waiting'",
    );
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "done", null]]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("check: one that is set while work goes on holds for whatever is merged from then on", async () => {
  await withStage(async (stage) => {
    const wait = { do: "wait", file: join(stage.folder, "go") } as const;
    stage.play([onTask("write", wait, { do: "write", path: "$<rest>", text: "once\n" })]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "a", "--tasks", plan, "--attempts", "1", "--json"]);
    await attemptsAre(stage, "running", 1);
    await stage.ask("run", "conduct", "r1", "--check", "echo no; false");
    letGo(stage);
    assertEquals(resultOf(await run.ended)["state"], "failed");
    assertEquals(tries(stage), [["work", "failed", "check"]]);
    assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
  });
});

Deno.test("check: where nothing is merged there is none, and it can be taken away again", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const order = ["run", "a", "--tasks", plan, "--check", "false", "--attempts", "1"];
    const refused = await stage.skein([...order, "--no-worktree"]);
    assertEquals(refused.code, 2, refused.stdout + refused.stderr);
    assert(/nothing is checked.*\n?.*git repository/s.test(refused.stderr), refused.stderr);
    assert(!exists(join(stage.home, "skein.db")), "before there is a run, or a store");
    const failed = await stage.skein([...order, "--json"]);
    assertEquals(resultOf(failed)["state"], "failed", failed.stdout + failed.stderr);
    const unmet = await stage.skein(["run", "conduct", "r1", "--worktrees", "false"]);
    assertEquals(unmet.code, 2, unmet.stdout + unmet.stderr);
    assertEquals((await stage.skein(["retry", "t1"])).code, 0);
    stage.play([onTask("write", { do: "write", path: "$<rest>", text: "again\n", append: true })]);
    const ran = await stage.skein(["run", "--resume", "r1", "--check", "", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
  });
});
