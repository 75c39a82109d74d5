// The mirror: files that people edit, too. Nothing of theirs is lost, whatever is killed when; what
// they find out is taken in, once; what is outside of the folder is never reached.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { mirror } from "../../src/coordination/mirror.ts";
import { Refusal } from "../../src/core/errors.ts";
import { eventually } from "../support/eventually.ts";
import { makeRepository } from "../support/git.ts";
import { testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { type Ground, withGround } from "./ground.ts";

const FINDINGS = "context/discoveries.md";

function append(ground: Ground, name: string, text: string): void {
  Deno.writeTextFileSync(join(ground.mirror, name), text, { append: true });
}

async function findings(ground: Ground): Promise<string[]> {
  const { entries } = await ground.ok("memory", "get", "--type", "discovery");
  return entries.map((entry: { value: string }) => entry.value).sort();
}

function kept(ground: Ground): string[] {
  return ground.files().filter((name) => name.includes(".yours"));
}

Deno.test("mirror: files, logs and results in the formats that others read", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    await ground.text("leader", "add-task", "one");
    await ground.text("worker", "claim", "terminal-2");
    await ground.text("worker", "complete", "terminal-2", "t1", "did it", "-m", "a.ts");
    assertEquals(ground.files(), [
      FINDINGS,
      "logs/leader.log",
      "logs/terminal-2.log",
      "master-plan.md",
      "results/t1.md",
      "tasks.json",
    ]);
    const whole = JSON.parse(ground.read("tasks.json"));
    assertEquals(Object.keys(whole), ["version", "created_at", "last_updated", "tasks"]);
    assertEquals(whole.version, "1.0");
    assertEquals(Object.keys(whole.tasks[0]).slice(0, 7), [
      "id",
      "description",
      "status",
      "claimed_by",
      "priority",
      "dependencies",
      "context",
    ]);
    assertEquals(ground.read("tasks.json").split("\n")[1], '  "version": "1.0",');
    const result = ground.read("results/t1.md");
    assertMatch(
      result,
      /^# Task Result: t1\n\n## Description\n\none\n\n## Completed By\n\nterminal-2/,
    );
    assertMatch(result, /## Output\n\ndid it\n\n## Files Modified\n\n- a\.ts\n\n## Files Created/);
    assertMatch(result, /## Status\n\nSUCCESS\n$/);
    const log = ground.read("logs/terminal-2.log").trimEnd().split("\n");
    assertEquals(log.length, 2);
    for (const line of log) assertMatch(line, /^\[\d{4}-.*Z\] [A-Z_]+: t1.* #\d+$/);
    assertMatch(ground.read("logs/leader.log"), /\] CREATE_TASK: t1 one #/);
  });
});

Deno.test("mirror: in a repository it stands at the top, is in no commit, and one for all trees", async () => {
  await withGround(async (ground) => {
    const git = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await new Deno.Command("git", {
        args: ["-c", "user.name=a", "-c", "user.email=a@b", ...args],
        cwd: ground.folder,
        stdin: "null",
      }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    await git("init", "-q");
    await git("commit", "-q", "--allow-empty", "-m", "x");
    await git("worktree", "add", "-q", "tree");
    Deno.mkdirSync(join(ground.folder, "src"));
    const below = { cwd: join(ground.folder, "src") };
    assertEquals((await ground.run(["leader", "add-task", "a"], below)).code, 0);
    const beside = { cwd: join(ground.folder, "tree") };
    assertEquals((await ground.run(["leader", "add-task", "b"], beside)).code, 0);
    assertEquals(ground.tasks().map((task) => task.description), ["a", "b"]);
    assertEquals(await git("status", "--short", "--", ".coordination"), "");
  });
});

Deno.test("promise 8: mirror: what was changed by hand is kept, each version, with a warning", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    for (const text of ["first edit", "second edit", "second edit"]) {
      ground.write("tasks.json", text);
      const { stderr } = await ground.run(["leader", "add-task", "t"]);
      assertMatch(
        stderr,
        /warning: .*tasks\.json is not as skein wrote it: kept as tasks\.json\.yours/,
      );
    }
    assertEquals(kept(ground), ["tasks.json.yours", "tasks.json.yours.2"]);
    assertEquals(ground.read("tasks.json.yours"), "first edit");
    assertEquals(ground.read("tasks.json.yours.2"), "second edit");
    assertEquals(ground.tasks().length, 3);
    // What skein has nothing new to say about stays as its user wants it.
    ground.write("master-plan.md", "my plan");
    await ground.text("leader", "add-task", "t");
    assertEquals(ground.read("master-plan.md"), "my plan");
    await ground.text("leader", "init", "another goal");
    assertEquals(ground.read("master-plan.md.yours"), "my plan");
    append(ground, "logs/leader.log", "my line, without an end");
    await ground.text("leader", "add-task", "t");
    assertMatch(ground.read("logs/leader.log"), /my line, without an end\n\[/);
  });
});

Deno.test("mirror: findings added by hand are taken in, each once, by whoever comes first", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    append(ground, FINDINGS, "\n- the lexer is slow\n- and the parser, too\n");
    const adds = [1, 2, 3, 4].map((n) => ground.ok("leader", "add-task", `t${n}`));
    await Promise.all(adds);
    assertEquals(await findings(ground), ["- the lexer is slow\n- and the parser, too"]);
    append(ground, FINDINGS, "\n## terminal-2\nthe db is fast\n\n## terminal-3\nit rains\n");
    await ground.text("leader", "add-task", "t");
    const all = await findings(ground);
    assertEquals(all.slice(0, 2), ["## terminal-2\nthe db is fast", "## terminal-3\nit rains"]);
    // In the middle, with an edit beside it: the addition is taken, the edit kept.
    const text = ground.read(FINDINGS);
    const edited = text.replace("it rains", "it snows").replace(
      " ## terminal-2",
      "a line in the middle\n\n ## terminal-2",
    );
    ground.write(FINDINGS, edited);
    const { stderr } = await ground.run(["leader", "add-task", "t"]);
    assertMatch(stderr, /discoveries\.md\.yours/);
    assertEquals(ground.read(`${FINDINGS}.yours`), edited);
    assertEquals((await findings(ground)).includes("a line in the middle"), true);
    assertEquals((await findings(ground)).length, 4);
    for (const value of await findings(ground)) {
      assert(ground.read(FINDINGS).includes(value.replace(/^## /, " ## ")), value);
    }
    await ground.text("leader", "add-task", "t");
    assertEquals((await findings(ground)).length, 4);
  });
});

Deno.test("promise 8: mirror: links are not followed, and nothing outside is written", async () => {
  await withGround(async (ground) => {
    const outside = join(ground.folder, "outside");
    Deno.mkdirSync(outside);
    Deno.writeTextFileSync(join(outside, "secret.txt"), "mine");
    await ground.text("leader", "init", "g");
    const file = join(ground.mirror, "tasks.json");
    Deno.removeSync(file);
    Deno.symlinkSync(join(outside, "secret.txt"), file);
    await ground.text("leader", "add-task", "a");
    assertEquals(Deno.readTextFileSync(join(outside, "secret.txt")), "mine");
    assertEquals(Deno.readLinkSync(`${file}.yours`), join(outside, "secret.txt"));
    assertEquals(ground.tasks().length, 1);
    for (const name of ["logs", ".skein", "context"]) {
      const path = join(ground.mirror, name);
      Deno.renameSync(path, `${path}.moved`);
      Deno.symlinkSync(outside, path);
      const { code, stderr } = await ground.run(["leader", "add-task", name]);
      assertEquals(code, 0, "what was asked for is done");
      assertMatch(stderr, /warning: .*is behind: .*is no folder/, name);
      Deno.removeSync(path);
      Deno.renameSync(`${path}.moved`, path);
    }
    const log = join(ground.mirror, "logs/leader.log");
    Deno.removeSync(log);
    Deno.symlinkSync(join(outside, "secret.txt"), log);
    await ground.run(["leader", "add-task", "x"]);
    assertEquals([...Deno.readDirSync(outside)].map((entry) => entry.name), ["secret.txt"]);
    assertEquals(Deno.readTextFileSync(join(outside, "secret.txt")), "mine");
    Deno.renameSync(ground.mirror, `${ground.mirror}.moved`);
    Deno.symlinkSync(outside, ground.mirror);
    assertMatch((await ground.run(["leader", "add-task", "y"])).stderr, /is no folder/);
    assertEquals([...Deno.readDirSync(outside)].length, 1);
  });
});

Deno.test("promise 8: mirror: a folder that skein did not write is left as it is", async () => {
  await withGround(async (ground) => {
    ground.write("tasks.json", '{"tasks": []}');
    ground.write("master-plan.md", "# Theirs\n");
    const { code, stderr } = await ground.run(["leader", "add-task", "a"]);
    assertEquals(code, 0);
    assertMatch(stderr, /was not written by this project's skein.*skein import/);
    assertEquals(ground.read("tasks.json"), '{"tasks": []}');
    assertEquals(ground.files(), ["master-plan.md", "tasks.json"]);
    // Nor is that of another home, whose tasks this one does not know.
    Deno.removeSync(ground.mirror, { recursive: true });
    await ground.text("leader", "add-task", "b");
    const before = ground.read("tasks.json");
    const other = await ground.run(["leader", "add-task", "c"], {
      env: { SKEIN_HOME: `${ground.home}-2` },
    });
    assertMatch(other.stderr, /was not written by this project's skein/);
    assertEquals(ground.read("tasks.json"), before);
  });
});

const DYING = fromFileUrl(new URL("./dying.ts", import.meta.url));

/** Mirrors, killed before its first step, then its second, until one comes to its end. */
async function dieAtEach(
  ground: Ground,
  before: (at: number) => Promise<void>,
  after: () => void,
): Promise<number> {
  for (let at = 1; at < 200; at++) {
    await before(at);
    const { signal } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", DYING, "mirror", "--once"],
      cwd: ground.folder,
      env: testEnv({ SKEIN_HOME: ground.home, DIE_AT: String(at) }),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    after();
    if (signal === "SIGKILL") continue;
    assert(at > 15, `only ${at} steps`);
    return at;
  }
  throw new Error("it never came to its end");
}

Deno.test("promise 8: mirror: kill -9 at every step leaves whole files, and nothing is taken for the user's", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    await ground.text("leader", "add-task", "the first");
    await ground.text("worker", "claim", "w1");
    const rounds = await dieAtEach(ground, async (at) => {
      append(ground, FINDINGS, `\n## finding ${at}.\n`);
      await ground.ok("leader", "add-task", `task ${at}`, "--no-mirror");
      if (at === 5) await ground.ok("worker", "complete", "w1", "t1", "did it", "--no-mirror");
    }, () => {
      assert(ground.tasks().length >= 1, "tasks.json is whole");
      assertMatch(ground.read("master-plan.md"), /## Notes/);
      assertMatch(ground.read(FINDINGS), /^# Shared Discoveries/);
    });
    await ground.text("mirror", "--once");
    assertEquals(kept(ground), []);
    assertEquals(ground.tasks().length, rounds + 1);
    const words = ground.read(FINDINGS);
    for (let n = 1; n <= rounds; n++) {
      assertEquals(words.split(`finding ${n}.`).length, 2, `finding ${n}`);
    }
    const log = ground.read("logs/leader.log").trimEnd().split("\n");
    assertEquals(new Set(log).size, log.length, "each line once");
    assertEquals(log.filter((line) => line.includes("CREATE_TASK")).length, rounds + 1);
    assertMatch(ground.read("results/t1.md"), /did it/);
    assertEquals(ground.files(ground.mirror, ".skein"), [".skein/lock"]);
  });
});

Deno.test("promise 8: mirror: kill -9 at every step loses no edit", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    const replaced: string[] = [];
    let edit = "";
    const rounds = await dieAtEach(ground, async (at) => {
      ground.write("tasks.json", edit = `edit ${at}`);
      await ground.ok("leader", "add-task", `task ${at}`, "--no-mirror");
    }, () => {
      if (ground.read("tasks.json") !== edit) replaced.push(edit);
    });
    await ground.text("mirror", "--once");
    assertEquals(ground.tasks().length, rounds);
    const edits = kept(ground).map((name) => ground.read(name));
    assertEquals(edits.sort(), replaced.sort(), "every edit that was replaced is kept, once");
    assert(edits.length >= 5, `${edits.length} edits of ${rounds} were met`);
    assertEquals(ground.files(ground.mirror, ".skein"), [".skein/lock"]);
  });
});

Deno.test("skein mirror: follows the store and the findings, takes turns, ends when told", async () => {
  await withGround(async (ground) => {
    const mirrors = [
      ground.start("mirror"),
      ground.start("mirror"),
      ground.start("mirror", "--json"),
    ];
    await eventually(() => ground.has("tasks.json"), { withinMs: 20_000 });
    await ground.ok("task", "create", "by another way");
    await eventually(() => ground.tasks()[0]?.description === "by another way");
    append(ground, FINDINGS, "\n## by hand\nwhile it runs\n");
    await eventually(async () => (await findings(ground)).length === 1, { withinMs: 10_000 });
    await eventually(() => /discovery\/.*\n\n ## by hand/.test(ground.read(FINDINGS)));
    await Promise.all([1, 2, 3, 4].map((n) => ground.ok("leader", "add-task", `t${n}`)));
    await eventually(() => ground.tasks().length === 5);
    for (const [child, signal] of mirrors.map((one, n) => [one, n] as const)) {
      child.kill((["SIGINT", "SIGTERM", "SIGHUP"] as const)[signal] ?? "SIGTERM");
      assertEquals((await child.status).code, 0);
    }
    assertEquals(kept(ground), []);
    assertEquals((await findings(ground)).length, 1);
  });
});

Deno.test("mirror: one whose maker was killed at once is no part of a commit either", async () => {
  await withTempFolder(async (folder) => {
    await makeRepository(folder);
    const path = join(folder, ".coordination");
    Deno.mkdirSync(join(path, ".skein"), { recursive: true });
    Deno.writeTextFileSync(join(path, ".skein", "lock"), "");
    const nothing = () => Promise.reject(new Refusal("STORE_BUSY", "not now"));
    await mirror(nothing, path);
    assertEquals(Deno.readTextFileSync(join(path, ".gitignore")), "*\n");
    // Who took it away wants the files in.
    Deno.removeSync(join(path, ".gitignore"));
    Deno.writeTextFileSync(join(path, "tasks.json"), "{}");
    await mirror(nothing, path);
    assertEquals([...Deno.readDirSync(path)].some(({ name }) => name === ".gitignore"), false);
  });
});
