// `skein backup` and `skein restore`: a copy that is made while sessions work, put back when none is
// there, by the human alone; whatever goes wrong on the way, the home and the backup stay as they are.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { onDisk, onRealDisk } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { type Peer, startPeer } from "../support/peer.ts";
import { type Ran, type Shell, withShell } from "./shell.ts";

/** Runs `body` with a peer of the shell's home; it is gone afterwards, whatever happens. */
async function withPeer(
  { home, folder }: Shell,
  name: string,
  body: (peer: Peer) => Promise<void>,
): Promise<void> {
  const peer = await startPeer({ home, folder, name });
  try {
    await body(peer);
  } finally {
    await peer.close();
  }
}

/** What lies beside the home. */
function beside(shell: Shell): string[] {
  return [...Deno.readDirSync(dirname(shell.home))].map(({ name }) => name)
    .filter((name) => name.startsWith(basename(shell.home))).sort();
}

async function titles(shell: Shell, home = shell.home): Promise<string[]> {
  const { tasks } = await shell.ok("task", "list", "--home", home);
  return tasks.map(({ title }: { title: string }) => title);
}

async function refused(shell: Shell, code: string, args: readonly string[]): Promise<Ran> {
  const ran = await shell.run(args);
  assertStringIncludes(ran.stderr, code, args.join(" "));
  assert(ran.code !== 0, args.join(" "));
  return ran;
}

Deno.test("skein backup: what was acknowledged while it ran is in it, and it can be looked into", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await withPeer(shell, "ann", async (ann) => {
      await ann.ok("create_task", { title: "first" });
      const copy = await shell.ok("backup", folder);
      assertEquals(copy.folder, folder);
      assert(copy.seq > 0 && copy.bytes > 0, JSON.stringify(copy));
      await ann.ok("create_task", { title: "later" });
    });
    assertEquals(await titles(shell, folder), ["first"]);
    assertEquals(await titles(shell), ["first", "later"]);
    assertEquals((await shell.ok("audit", "verify", "--home", folder)).ok, true);
    const { rows } = await shell.ok("audit", "list", "--op", "note_copy");
    assertEquals(rows.map((row: { detail: unknown }) => row.detail), [{ what: "backup", folder }]);
    for (const name of ["skein.db", "secret", "head"]) {
      assertEquals((Deno.statSync(join(folder, name)).mode ?? 0) & 0o077, 0, name);
    }
  });
});

Deno.test("skein backup: without a folder it goes beside the home, under its time", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "one");
    const { folder } = await shell.ok("backup");
    assertEquals(dirname(folder), `${shell.home}-backups`);
    assert(/^\d{8}T\d{6}\.\d{3}Z$/.test(basename(folder)), folder);
    assertEquals(await titles(shell, folder), ["one"]);
  });
});

Deno.test("skein restore: what was lived when the backup was made is free again", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await withPeer(shell, "ann", async (ann) => {
      const { id } = await ann.ok("create_task", { title: "claimed by the dead" });
      await ann.ok("claim_task", { id });
      await ann.ok("lock_file", { paths: ["src/a.ts"] });
      await shell.ok("backup", folder);
      const { stderr } = await refused(shell, "HOME_IN_USE", ["restore", folder]);
      assertStringIncludes(stderr, "ann");
      await ann.ok("complete_task", { id, summary: "after the backup" });
    });
    const { from, aside, seq } = await shell.ok("restore", folder);
    assertEquals([from, dirname(aside)], [folder, dirname(shell.home)]);
    assert(seq > 0);
    // One home, and the one that was there before, whole.
    assertEquals(beside(shell), [basename(shell.home), basename(aside)]);
    assertEquals(
      (await shell.ok("task", "list", "--status", "completed", "--home", aside)).tasks[0].title,
      "claimed by the dead",
    );
    await withPeer(shell, "ben", async (ben) => {
      await ben.ok("join");
      const title = await eventually(async () => (await ben.ok("claim_task")).task?.title);
      assertEquals(title, "claimed by the dead");
      assertEquals((await ben.ok("list_locks")).locks, []);
    });
    assertEquals((await shell.ok("audit", "verify")).ok, true);
    const { rows } = await shell.ok("audit", "list", "--op", "note_copy");
    assertEquals(rows[0].detail, { what: "restored", folder });
    // The backup itself is what it was: it can be put back once more.
    assertEquals((await shell.ok("restore", folder)).seq, seq);
  });
});

Deno.test("skein restore: a damaged home, and none at all, are no obstacle", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await shell.ok("task", "create", "kept");
    await shell.ok("backup", folder);
    for (const name of ["skein.db", "skein.db-wal", "skein.db-shm"]) {
      Deno.writeTextFileSync(join(shell.home, name), "no database ".repeat(500));
    }
    await refused(shell, "STORE_DAMAGED", ["status"]);
    const { aside } = await shell.ok("restore", folder);
    assertEquals(await titles(shell), ["kept"]);
    assertStringIncludes(Deno.readTextFileSync(join(aside, "skein.db")), "no database");
    // As a restore leaves it that died between its two steps.
    Deno.renameSync(shell.home, `${shell.home}.gone`);
    assertEquals((await shell.ok("restore", folder)).aside, null);
    assertEquals(await titles(shell), ["kept"]);
  });
});

Deno.test("skein restore: what is no whole backup changes nothing", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    const foreign = join(dirname(shell.home), "foreign");
    await shell.ok("task", "create", "here");
    await shell.ok("backup", folder);
    await shell.ok("backup", foreign);
    Deno.writeFileSync(join(foreign, "secret"), new Uint8Array(32).fill(7));
    await refused(shell, "SECRET_CHANGED", ["restore", foreign]);
    const file = Deno.openSync(join(folder, "skein.db"), { write: true });
    file.seekSync(2_048, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(40_000).fill(99));
    file.close();
    await refused(shell, "STORE_DAMAGED", ["restore", folder]);
    await refused(shell, "INVALID_INPUT", ["restore", join(folder, "nothing")]);
    await refused(shell, "INVALID_INPUT", ["restore", shell.home]);
    await refused(shell, "INVALID_INPUT", ["restore"]);
    await refused(shell, "INVALID_INPUT", ["backup", foreign]);
    await refused(shell, "INVALID_INPUT", ["backup", "--dry-run"]);
    assertEquals(await titles(shell), ["here"]);
    assertEquals(beside(shell), [basename(shell.home)], "nothing half-made is left");
  });
});

Deno.test("skein restore --dry-run: says what it would do, and does nothing", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await shell.ok("backup", folder);
    await shell.ok("task", "create", "later");
    const { stdout } = await shell.run(["restore", folder, "--dry-run"]);
    assertStringIncludes(stdout, `would restore ${folder}`);
    assertEquals(await titles(shell), ["later"]);
    assertEquals(beside(shell), [basename(shell.home)]);
  });
});

Deno.test("skein restore: says what of the home is not in the backup, before and after", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await shell.ok("task", "create", "then");
    const goal = async (goal: string): Promise<string> =>
      (await shell.ok("leader", "init", goal, "--no-mirror")).run.id;
    await goal("an old goal");
    await shell.ok("backup", folder);
    await shell.ok("task", "create", "later");
    const id = await goal("a newer goal");
    const { stdout } = await shell.run(["restore", folder, "--dry-run"]);
    assertStringIncludes(stdout, "signed under its secret");
    const [, acts] = /Not in it: (\d+) later acts; runs (\w+)\n/.exec(stdout) ?? [stdout, "0"];
    assertEquals(acts, "2", stdout);
    const { missing } = await shell.ok("restore", folder);
    assertEquals(missing, { acts: 2, runs: [id] });
    // Of another store there is nothing to compare.
    const other = join(dirname(shell.home), "other");
    await shell.ok("task", "create", "elsewhere", "--home", `${other}-home`);
    await shell.ok("backup", other, "--home", `${other}-home`);
    assertEquals((await shell.ok("restore", other, "--dry-run")).missing.acts, null);
  });
});

Deno.test("skein restore --dry-run: checks the backup where it is, whoever works meanwhile", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await withPeer(shell, "ann", async (ann) => {
      await ann.ok("join");
      await shell.ok("backup", folder);
      const before = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      const { stdout } = await shell.run(["restore", folder, "--dry-run"]);
      assertStringIncludes(stdout, "Not now: the home is in use by 1.");
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), before);
      assertEquals(before, ["head", "secret", "skein.db"]);
    });
  });
});

Deno.test("skein backup --keep: only the newest of the home's own backups stay", async () => {
  await withShell(async (shell) => {
    const backups = `${shell.home}-backups`;
    const elsewhere = join(dirname(shell.home), "elsewhere");
    await shell.ok("backup", elsewhere);
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.push((await shell.ok("backup")).folder);
    Deno.mkdirSync(join(backups, "20200101T000000.000Z"));
    Deno.mkdirSync(join(backups, "mine"));
    const { folder, removed } = await shell.ok("backup", "--keep", "2");
    assertEquals(removed, [made[1], made[0]]);
    // What is no backup is not touched.
    assertEquals(
      [...Deno.readDirSync(backups)].map(({ name }) => name).sort(),
      ["20200101T000000.000Z", basename(made[2] ?? ""), basename(folder), "mine"],
    );
    assert(Deno.statSync(elsewhere).isDirectory);
    for (const keep of ["0", "-1", "two"]) {
      await refused(shell, "INVALID_INPUT", ["backup", `--keep=${keep}`]);
    }
    await refused(shell, "INVALID_INPUT", ["backup", elsewhere + "2", "--keep", "1"]);
    await refused(shell, "INVALID_INPUT", ["restore", elsewhere, "--keep", "1"]);
    assertStringIncludes((await shell.run(["doctor"])).stdout, `2 in ${backups}, the newest less`);
  });
});

Deno.test("skein backup: a secret that the environment gives is not written down", async () => {
  await withShell(async (shell) => {
    const env = { SKEIN_SECRET: "ab".repeat(32) };
    const folder = join(dirname(shell.home), "copy");
    const ok = async (...args: string[]): Promise<Ran> => {
      const ran = await shell.run(args, { env });
      assertEquals(ran.code, 0, ran.stderr);
      return ran;
    };
    await ok("task", "create", "then");
    assertStringIncludes((await ok("backup", folder)).stdout, "keep SKEIN_SECRET");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "head",
      "skein.db",
    ]);
    await ok("task", "create", "later");
    const { stderr } = await refused(shell, "INVALID_INPUT", ["restore", folder]);
    assertStringIncludes(stderr, "SKEIN_SECRET");
    await ok("restore", folder);
    assertEquals((await ok("task", "list", "--json")).json.tasks.length, 1);
    assertEquals((await ok("audit", "verify", "--json")).json.ok, true);
  });
});

Deno.test("skein backup, restore: what is refused is not written down as done", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await shell.ok("backup", folder);
    await refused(shell, "INVALID_INPUT", ["backup", folder]);
    await refused(shell, "INVALID_INPUT", ["restore", `${folder}-that-is-not-there`]);
    assertEquals((await shell.ok("audit", "list", "--op", "note_copy")).rows.length, 1);
  });
});

onRealDisk(
  "skein restore: from a medium that cannot be written, which can be looked into",
  async () => {
    const { out, code } = await onDisk(
      8_192,
      `export SKEIN_HOME="$BESIDE/home"
     set -e
     skein task create "made before" >"$BESIDE/log"
     skein backup "$DISK/copy" >"$BESIDE/log"
     skein task create later >"$BESIDE/log"
     mount -o remount,ro "$DISK"
     skein restore "$DISK/copy" --dry-run
     skein task list --home "$DISK/copy"
     skein task create no --home "$DISK/copy" || echo "exit $?"
     skein restore "$DISK/copy"
     skein audit verify
     skein task list --json`,
    );
    assertEquals(code, 0, out);
    assertStringIncludes(out, "would restore");
    assertEquals(out.match(/made before/g)?.length, 2, out);
    assertStringIncludes(out, "STORE_READONLY");
    assertStringIncludes(out, "restored from");
    assert(!/INTERNAL|later"/.test(out), out);
  },
);

Deno.test("skein backup, restore: only the human; an agent takes no secret along", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await shell.ok("backup", folder);
    const stolen = join(dirname(shell.home), "stolen");
    const env = { SKEIN_NAME: "worker-1" };
    const one = await shell.run(["backup", stolen], { env });
    assertStringIncludes(one.stderr, "NOT_ALLOWED");
    assert(!beside(shell).includes("stolen"));
    await shell.ok("task", "create", "kept");
    const two = await shell.run(["restore", folder], { env });
    assertStringIncludes(two.stderr, "NOT_ALLOWED");
    assertEquals(await titles(shell), ["kept"]);
    // Nor where no home is there to forbid it.
    Deno.renameSync(shell.home, stolen);
    const three = await shell.run(["restore", folder], { env });
    assertStringIncludes(three.stderr, "NOT_ALLOWED");
    assertEquals(beside(shell), [], "nothing half-made is left");
  });
});
