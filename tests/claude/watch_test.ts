// What a shell command did to files that others hold: seen by their size, time and inode, told to the
// holder once, and to whoever ran the command. Nothing else that changed is anybody's news.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { changedSince, snapshot, type Watched } from "../../src/claude/watch.ts";
import { flockTest, type Json } from "../operations/flock.ts";
import { write } from "../support/git.ts";
import { withTempFolder } from "../support/temp.ts";

/** What `act` changes of the watched, by the path inside of the folder. */
async function changes(
  watched: readonly { path: string; pattern: boolean }[],
  act: (folder: string) => void,
): Promise<string[]> {
  return await withTempFolder(async (folder) => {
    for (const path of ["a.ts", "src/b.ts", "src/deep/c.ts", "src/.git/x", "docs/d.md"]) {
      write(join(folder, path), "one\n");
    }
    const all: Watched[] = watched.map((one) => ({ ...one, path: join(folder, one.path) }));
    const before = await snapshot(all);
    act(folder);
    const changed = changedSince(before, await snapshot(all, before));
    return changed.map((path) => path.slice(folder.length + 1)).sort();
  });
}

const NEW = { write: true, createNew: true };
const FILE = { path: "a.ts", pattern: false };
const FOLDER = { path: "src/**", pattern: true };

Deno.test("watch: a file that was changed, made anew, removed or left alone", async () => {
  assertEquals(await changes([FILE], (at) => write(join(at, "a.ts"), "two, longer\n")), ["a.ts"]);
  assertEquals(await changes([FILE], (at) => Deno.removeSync(join(at, "a.ts"))), ["a.ts"]);
  assertEquals(
    await changes([FILE], (at) => {
      // The same content under another inode: an editor that writes aside and renames.
      write(join(at, "new"), "one\n");
      Deno.renameSync(join(at, "new"), join(at, "a.ts"));
    }),
    ["a.ts"],
  );
  assertEquals(await changes([FILE], (at) => void Deno.readTextFileSync(join(at, "a.ts"))), []);
  assertEquals(await changes([FILE], (at) => write(join(at, "docs/d.md"), "two\n")), []);
});

Deno.test("watch: a path that was not there yet", async () => {
  const later = { path: "later.ts", pattern: false };
  assertEquals(await changes([later], (at) => write(join(at, "later.ts"), "")), ["later.ts"]);
  assertEquals(await changes([{ ...FOLDER, path: "no/**" }], (at) => write(join(at, "no/x"), "")), [
    "no/x",
  ]);
});

Deno.test("watch: a folder is watched whole, without git's own files", async () => {
  const act = (at: string): void => {
    write(join(at, "src/deep/c.ts"), "two, longer\n");
    write(join(at, "src/new.ts"), "");
    write(join(at, "src/.git/x"), "two, longer\n");
    write(join(at, "a.ts"), "two, longer\n");
  };
  assertEquals(await changes([FOLDER], act), ["src/deep/c.ts", "src/new.ts"]);
});

Deno.test("watch: a glob is watched where it fits", async () => {
  const act = (at: string): void => {
    for (const path of ["docs/d.md", "docs/e.txt", "docs/deep/f.md"]) write(join(at, path), "22\n");
  };
  assertEquals(await changes([{ path: "docs/*.md", pattern: true }], act), ["docs/d.md"]);
  assertEquals(await changes([{ path: "docs/**/*.md", pattern: true }], act), [
    "docs/d.md",
    "docs/deep/f.md",
  ]);
});

Deno.test("watch: a folder of very many files is looked at in part, and ends", async () => {
  await withTempFolder(async (folder) => {
    for (let n = 0; n < 2_500; n++) Deno.writeTextFileSync(join(folder, `${n}.ts`), "");
    const all = [{ path: `${folder}/**`, pattern: true }];
    const before = await snapshot(all);
    assertEquals([before.files.size, before.whole], [2_000, false]);
    const [seen = ""] = before.files.keys();
    const unseen = Array.from({ length: 2_500 }, (_, n) => join(folder, `${n}.ts`))
      .find((path) => !before.files.has(path)) ?? "";
    Deno.removeSync(seen);
    Deno.writeTextFileSync(unseen, "changed, but nobody saw it before");
    // What fills the place of the removed one in another part is nobody's news.
    assertEquals(changedSince(before, await snapshot(all, before)), [seen]);
  });
});

Deno.test("watch: several patterns over one tree are each looked at where they fit", async () => {
  const patterns = ["src/**", "src/deep/*.ts", "**/*.md", "docs/d.*"].map((path) => ({
    path,
    pattern: true,
  }));
  const act = (at: string): void => {
    for (const path of ["src/deep/c.ts", "docs/d.md", "docs/e.txt", "x/y/z.md", "a.ts"]) {
      write(join(at, path), "22\n");
    }
  };
  assertEquals(await changes(patterns, act), ["docs/d.md", "src/deep/c.ts", "x/y/z.md"]);
});

Deno.test("watch: a tree of very many names is given up in time, and holds nobody up", async () => {
  await withTempFolder(async (folder) => {
    for (let at = 0; at < 600; at++) {
      Deno.mkdirSync(join(folder, `${at}`));
      for (let n = 0; n < 100; n++) Deno.openSync(join(folder, `${at}/${n}.ts`), NEW).close();
    }
    // None of them fits: what is bounded is the names that are read, and the time for them.
    const all = ["a", "b", "c", "d"].map((one) => ({
      path: `${folder}/**/*.${one}`,
      pattern: true,
    }));
    let stalledMs = 0;
    let lastMs = performance.now();
    const ticks = setInterval(() => {
      stalledMs = Math.max(stalledMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 1);
    const startMs = performance.now();
    const { whole } = await snapshot(all);
    const tookMs = performance.now() - startMs;
    clearInterval(ticks);
    assertEquals(whole, false);
    assert(tookMs < 2_000, `it took ${tookMs} ms`);
    assert(stalledMs < 300, `the process stood still for ${stalledMs} ms`);
  });
});

flockTest("guard_shell: says what others hold, to be looked at afterwards", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["a.ts", "src/"] });
  await anna.call("lock_file", { paths: ["read.ts"], mode: "shared" });
  await anna.call("guard_edit", { paths: ["b.ts"] });
  await bob.call("guard_edit", { paths: ["own.ts"] });
  const { watch } = await bob.call("guard_shell", { command: "make" });
  assertEquals(watch.map((one: Json) => [one.path, one.pattern, one.holder]), [
    [join(flock.project, "a.ts"), false, "anna"],
    [join(flock.project, "b.ts"), false, "anna"],
    [join(flock.project, "src/**"), true, "anna"],
  ]);
  const { watch: annas } = await anna.call("guard_shell", { command: "make" });
  assertEquals(annas.map((one: Json) => one.holder), ["bob"]);
  await anna.leave();
  assertEquals((await bob.call("guard_shell", { command: "make" })).watch, []);
});

flockTest("report_touched: the holder is told once, of what it holds alone", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["a.ts", "src/"] });
  const paths = ["a.ts", "src/x.ts", "src/y.ts", "free.ts"].map((it) => join(flock.project, it));
  const { touched } = await bob.call("report_touched", { paths });
  assert(touched.every((one: Json) => one.holder === "anna" && one.since !== ""));
  const [alert, ...more] = await anna.inbox();
  assertEquals([alert.category, more.length], ["alert", 0]);
  for (const part of ["bob", "a.ts", "src/"]) assertStringIncludes(alert.content, part);
  assert(!alert.content.includes("free.ts"));
  assertEquals(await bob.inbox(), [], "who ran the command is told by the answer");
  const free = { paths: [join(flock.project, "free.ts")] };
  assertEquals(await bob.call("report_touched", free), { touched: [] });
  assertEquals(await anna.inbox(), []);
});

flockTest("report_touched: says every path that was touched inside of a folder", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["src/"] });
  const paths = ["src/x.ts", "src/y.ts"].map((it) => join(flock.project, it));
  const { touched } = await bob.call("report_touched", { paths });
  assertEquals(touched.map((one: Json) => one.path).sort(), paths);
});
