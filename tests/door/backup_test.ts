// `skein backup` and `skein restore`: a copy that is made while sessions work, put back when none is
// there, by the human alone; whatever goes wrong on the way, the home and the backup stay as they are.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { basename, dirname, join } from "@std/path";
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
