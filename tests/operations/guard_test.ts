// Locks at the moment of writing: what the client's hooks ask before an edit and a shell command, what
// is taken for an editor, what is told afterwards, and what the end of a turn lets go.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { git, write } from "../support/git.ts";
import { type Flock, flockTest, type Json, type Member } from "./flock.ts";

const A = { paths: ["a.ts"] };

/** Edits as the hook announces it: by absolute path. */
function edit(flock: Flock, member: Member, path: string): Promise<Json> {
  return member.call("guard_edit", { paths: [join(flock.project, path)] });
}

function shell(member: Member, command: string, cwd?: string): Promise<Json> {
  return member.call("guard_shell", { command, ...(cwd === undefined ? {} : { cwd }) });
}

/** Why a command is refused; its code and the rest of the refusal. */
function stopped(member: Member, code: string, command: string, cwd?: string): Promise<Json> {
  return member.refused(code, "guard_shell", { command, ...(cwd === undefined ? {} : { cwd }) });
}

/** A first commit with these files. */
async function committed(flock: Flock, ...files: string[]): Promise<void> {
  for (const file of files) write(join(flock.project, file), "one\n");
  await git(flock.project, "add", ".");
  await git(flock.project, "commit", "-q", "-m", "first");
}

/** A second working tree, and where it is below the flock's folder. */
async function otherTree(flock: Flock): Promise<string> {
  await git(flock.project, "worktree", "add", "-q", "-b", "side", join(flock.folder, "side"));
  return "side";
}

function holders(answer: Json): string[] {
  return answer.locks.map((lock: Json) => `${lock.holder} ${lock.path} ${lock.automatic === true}`);
}

flockTest("guard_edit: refused where another holds it, by any spelling", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  write(join(flock.project, "src/a.ts"), "");
  Deno.symlinkSync("src", join(flock.project, "link"));
  const { id } = await lead.call("create_task", { title: "a" });
  await anna.call("lock_file", { paths: "src/a.ts", task: id });
  const spellings = ["src/a.ts", "./src/../src/a.ts", "link/a.ts", "src//a.ts"];
  for (const path of [...spellings, ...spellings.map((one) => join(flock.project, one))]) {
    const { refused } = await bob.refused("LOCK_HELD", "guard_edit", { paths: [path] });
    assertEquals([refused[0].holder, refused[0].task], ["anna", id], path);
    assert(!Number.isNaN(Date.parse(refused[0].since)));
    assertEquals(refused[0].automatic, undefined, "it was asked for");
  }
  assertEquals((await edit(flock, anna, "src/a.ts")).taken, [], "her own is not taken again");
});

flockTest("guard_edit: refused inside of a held folder and of a glob", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["src/", "docs/*.md"] });
  for (const path of ["src/new/deep.ts", "docs/a.md"]) {
    const paths = [join(flock.project, path)];
    const { refused } = await bob.refused("LOCK_HELD", "guard_edit", { paths });
    assertEquals([refused[0].holder, typeof refused[0].held], ["anna", "string"]);
  }
  await edit(flock, bob, "docs/a.txt");
});

flockTest("guard_edit: takes a lock that everybody sees", async (flock) => {
  const { anna, bob } = await flock.crew();
  const { taken } = await edit(flock, anna, "src/a.ts");
  assertEquals(taken.length, 1);
  const { locks } = await bob.call("list_locks", { path: "src/a.ts" });
  assertEquals(locks.map((lock: Json) => [lock.holder, lock.automatic, lock.mode]), [[
    "anna",
    true,
    "exclusive",
  ]]);
  assert(locks[0].expires_in_s > 590 && locks[0].expires_in_s <= 600, "ten minutes");
  const { refused } = await bob.refused("LOCK_HELD", "guard_edit", { paths: ["src/a.ts"] });
  assertEquals([refused[0].holder, refused[0].automatic], ["anna", true]);
  await bob.refused("LOCK_HELD", "lock_file", { paths: ["src/a.ts"] });
  await bob.refused("LOCK_HELD", "lock_file", { paths: ["src/"] });
});

flockTest("guard_edit: only looks when it is told to", async (flock) => {
  const { anna, bob } = await flock.crew();
  assertEquals((await anna.call("guard_edit", { ...A, look_only: "true" })).taken, []);
  assertEquals((await anna.call("list_locks")).locks, []);
  await bob.call("lock_file", A);
  await anna.refused("LOCK_HELD", "guard_edit", { ...A, look_only: "true" });
});

flockTest("guard_edit: an editor in another working tree is in nobody's way", async (flock) => {
  await committed(flock, "a.ts");
  const anna = await flock.member("anna");
  const bob = await flock.member("bob", { folder: await otherTree(flock) });
  await anna.call("guard_edit", A);
  await bob.call("guard_edit", A);
  await anna.refused("LOCK_HELD", "guard_edit", {
    paths: [join(flock.folder, "side", "a.ts")],
  });
  // A lock that was asked for is in everybody's way.
  await anna.call("end_turn");
  await bob.call("end_turn");
  await bob.call("lock_file", A);
  await anna.refused("LOCK_HELD", "guard_edit", A);
});

flockTest("end_turn: frees what was taken, and nothing else", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["kept.ts"] });
  await anna.call("guard_edit", { paths: ["kept.ts", "a.ts"] });
  assertEquals(holders(await bob.call("list_locks")), ["anna a.ts true", "anna kept.ts false"]);
  assertEquals((await anna.call("end_turn")).released, ["a.ts"]);
  assertEquals(holders(await bob.call("list_locks")), ["anna kept.ts false"]);
  assertEquals((await anna.call("end_turn")).released, [], "again, it changes nothing");
  await bob.call("guard_edit", A);
});

flockTest("end_turn: wakes who waits for it", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("guard_edit", A);
  const answer = bob.call("lock_file", { ...A, wait_ms: 20_000 });
  answer.catch(() => {});
  await eventually(async () => (await anna.call("list_locks")).locks[0].waiting !== undefined);
  const startMs = performance.now();
  await anna.call("end_turn");
  assertEquals((await answer).granted, ["a.ts"]);
  assert(performance.now() - startMs < 900, "told, not polled");
});

flockTest("guard_edit: asked for afterwards, the lock outlives the turn", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("guard_edit", A);
  await anna.call("lock_file", A);
  await anna.call("guard_edit", A);
  assertEquals((await anna.call("end_turn")).released, []);
  assertEquals(holders(await bob.call("list_locks")), ["anna a.ts false"]);
});

flockTest("guard_edit: the lock lasts ten minutes, each edit begins them anew", async (flock) => {
  const { anna, bob } = await flock.crew();
  const leftS = async (): Promise<number> => (await bob.call("list_locks")).locks[0].expires_in_s;
  await anna.call("guard_edit", A);
  flock.pass(500);
  assert(Math.abs(await leftS() - 100) <= 2);
  await anna.call("guard_edit", A);
  assert(Math.abs(await leftS() - 600) <= 2);
  flock.pass(590);
  await stopped(bob, "LOCK_HELD", "touch a.ts");
  flock.pass(11);
  await shell(bob, "touch a.ts");
});

flockTest("guard_edit: a session that comes back gets no editor's lock back", async (flock) => {
  const { bob } = await flock.crew();
  const eve = await flock.member("eve", { session: "s-eve" });
  await eve.call("lock_file", { paths: ["kept.ts"] });
  await eve.call("guard_edit", A);
  await eve.leave();
  assertEquals((await bob.call("list_locks")).locks, []);
  await flock.member("eve", { session: "s-eve" });
  assertEquals(holders(await bob.call("list_locks")), ["eve kept.ts false"]);
});

flockTest("guard_edit: a path outside of the project is nobody's business", async (flock) => {
  const { anna, bob } = await flock.crew();
  const outside = join(flock.folder, "elsewhere.ts");
  assertEquals((await anna.call("guard_edit", { paths: [outside] })).taken, []);
  assertEquals((await bob.call("guard_edit", { paths: [outside] })).taken, []);
  assertEquals((await anna.call("list_locks")).locks, []);
  await shell(bob, `rm -rf ${outside}`);
});

flockTest("guards: a paused peer edits nothing; its shell may look", async (flock) => {
  const { lead, anna } = await flock.crew();
  await lead.call("control", { peer: "anna", action: "pause" });
  await anna.refused("PAUSED", "guard_edit", A);
});

flockTest("guards: a killed peer neither edits nor runs commands", async (flock) => {
  const { lead, anna } = await flock.crew();
  await lead.call("control", { peer: "anna", action: "kill" });
  await anna.refused("KILLED", "guard_edit", A);
  await stopped(anna, "KILLED", "ls");
});

flockTest(
  "guard_shell: writing what another holds is refused, reading it is not",
  async (flock) => {
    const { anna, bob } = await flock.crew();
    write(join(flock.project, "src/a.ts"), "");
    await anna.call("lock_file", { paths: ["src/a.ts", "docs/"] });
    const src = join(flock.project, "src");
    for (
      const [command, cwd] of [
        ["echo x > src/a.ts"],
        ["cd src && echo x >> a.ts"],
        ["echo x > a.ts", src],
        ["sed -i s/a/b/ src/a.ts"],
        ["rm -rf src"],
        ["rm src/*.ts"],
        ["mv src/a.ts src/b.ts"],
        ["git checkout -- src/a.ts"],
        ["cat x | tee docs/new.md"],
        [`cp x ${join(src, "a.ts")}`],
      ] as const
    ) {
      const { refused } = await stopped(bob, "LOCK_HELD", command, cwd);
      assertEquals(refused[0].holder, "anna", command);
      await shell(anna, command, cwd);
    }
    for (const command of ["cat src/a.ts", "grep x > /dev/null", "echo 'x > src/a.ts'", "ls"]) {
      await shell(bob, command);
    }
    assertEquals((await bob.call("list_locks")).locks.length, 2, "a command takes no lock");
  },
);

flockTest("guard_shell: a command for the whole tree waits for others' changes", async (flock) => {
  await committed(flock, "a.ts", "b.ts");
  const { anna, bob } = await flock.crew();
  await shell(anna, "git reset --hard");
  await bob.call("guard_edit", { paths: ["b.ts"] });
  write(join(flock.project, "b.ts"), "two\n");
  await bob.call("end_turn");
  for (const command of ["git reset --hard", "git stash", "git checkout .", "git clean -fd"]) {
    const { files, peers, message } = await stopped(anna, "TREE_SHARED", command);
    assertEquals([files, peers.sort()], [["b.ts"], ["bob", "lead"]]);
    assertStringIncludes(message, command);
  }
  for (const command of ["git status", "git stash list", "git reset --soft HEAD", "make"]) {
    await shell(anna, command);
  }
  // They are bob's own: he may.
  await shell(bob, "git stash");
});

flockTest("guard_shell: one's own changes may be thrown away, unknown ones not", async (flock) => {
  await committed(flock, "a.ts", "b.ts");
  const { anna, bob } = await flock.crew();
  await anna.call("guard_edit", A);
  await anna.call("end_turn");
  write(join(flock.project, "a.ts"), "two\n");
  await shell(anna, "git checkout .");
  write(join(flock.project, "b.ts"), "whose?\n");
  assertEquals((await stopped(anna, "TREE_SHARED", "git checkout .")).files, ["b.ts"]);
  Deno.removeSync(join(flock.project, "b.ts"));
  await git(flock.project, "checkout", "-q", "b.ts");
  // The last editor counts.
  await bob.call("guard_edit", A);
  await bob.call("end_turn");
  assertEquals((await stopped(anna, "TREE_SHARED", "git checkout .")).files, ["a.ts"]);
});

flockTest("guard_shell: alone, or in a tree of one's own, everything goes", async (flock) => {
  await committed(flock, "a.ts");
  const anna = await flock.member("anna");
  write(join(flock.project, "a.ts"), "whose?\n");
  await shell(anna, "git reset --hard");
  const bob = await flock.member("bob", { folder: await otherTree(flock) });
  await shell(anna, "git reset --hard");
  await shell(bob, "git reset --hard");
  const eve = await flock.member("eve");
  assertMatch((await stopped(anna, "TREE_SHARED", "git reset --hard")).message, /eve/);
  await eve.leave();
  await shell(anna, "git reset --hard");
});

flockTest("guard_shell: who holds a file from another project holds it", async (flock) => {
  const { anna } = await flock.crew();
  write(join(flock.project, "a.ts"), "");
  const eve = await flock.member("eve", { folder: "elsewhere" });
  await eve.call("lock_file", { paths: [join(flock.project, "a.ts")] });
  await anna.refused("LOCK_HELD", "guard_edit", A);
  await stopped(anna, "LOCK_HELD", "echo x > a.ts");
  await anna.refused("LOCK_HELD", "guard_edit", { ...A, look_only: "true" });
});

flockTest("guard_shell: a command for everything meets every lock in it", async (flock) => {
  await committed(flock, "a.ts");
  const { anna, bob } = await flock.crew();
  await bob.call("lock_file", A);
  const all = ["rm -rf *", "prettier --write .", "sed -i s/a/b/ *", `rm -rf ${flock.project}`];
  for (const command of all) await stopped(anna, "LOCK_HELD", command);
});

flockTest("guard_shell: the tree is the one that the command runs in", async (flock) => {
  await committed(flock, "a.ts");
  const { anna } = await flock.crew();
  write(join(flock.project, "a.ts"), "whose?\n");
  const side = join(flock.folder, await otherTree(flock));
  await shell(anna, "git reset --hard", side);
  await stopped(anna, "TREE_SHARED", `git -C ${flock.project} reset --hard`, side);
  await stopped(anna, "TREE_SHARED", `cd ${flock.project} && git reset --hard`, side);
  await shell(anna, `git -C ${side} reset --hard`);
});

flockTest("guard_shell: what was edited under a lock of one's own is one's own", async (flock) => {
  await committed(flock, "a.ts");
  const { anna } = await flock.crew();
  await anna.call("lock_file", A);
  await anna.call("guard_edit", A);
  write(join(flock.project, "a.ts"), "two\n");
  await shell(anna, "git stash");
});

flockTest("guard_shell: a new file in a new folder is its editor's", async (flock) => {
  await committed(flock, "a.ts");
  const { anna } = await flock.crew();
  await anna.call("guard_edit", { paths: ["new/b.ts"] });
  write(join(flock.project, "new/b.ts"), "two\n");
  await shell(anna, "git stash -u");
});
