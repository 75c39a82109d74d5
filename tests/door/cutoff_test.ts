// Backups and restores that are cut off: a copy holds the home's secret, so nothing half-made stays; and a
// home that was moved aside is not lost, although nothing stands in its place.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { startHolder } from "../support/holder.ts";
import { TestHome } from "../support/home.ts";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { type Shell, withShell } from "./shell.ts";

/** Bytes by which a store is made so large that copying it takes a while. */
const BALLAST_BYTES = 150 * 1024 * 1024;

async function heavy(shell: Shell): Promise<void> {
  await shell.ok("task", "create", "kept");
  new TestHome(shell.home).sql((db) => {
    db.exec("CREATE TABLE ballast (x BLOB)");
    db.exec(`INSERT INTO ballast SELECT zeroblob(1048576) FROM
      (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${
      BALLAST_BYTES / 1_048_576
    }) SELECT i FROM n)`);
    db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  });
}

function names(shell: Shell): string[] {
  return [...Deno.readDirSync(dirname(shell.home))].map(({ name }) => name)
    .filter((name) => name !== "project").sort();
}

/** Starts a command, ends it as soon as something half-made is there, and gives its exit code. */
async function cutOff(
  shell: Shell,
  args: readonly string[],
  signal: Deno.Signal,
): Promise<Deno.CommandStatus> {
  const before = names(shell);
  const [command = "", ...rest] = SOURCE_COMMAND;
  const child = new Deno.Command(command, {
    args: [...rest, ...args],
    cwd: shell.folder,
    env: testEnv({ SKEIN_HOME: shell.home }),
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const made = (): string[] => names(shell).filter((name) => !before.includes(name));
  await eventually(
    () => made().some((name) => Deno.statSync(join(dirname(shell.home), name, "skein.db")).isFile),
    { what: `${args.join(" ")} has begun to copy` },
  );
  child.kill(signal);
  return await child.status;
}

Deno.test("skein backup, restore: ended by a signal, nothing half-made is left", async () => {
  await withShell(async (shell) => {
    await heavy(shell);
    const folder = join(dirname(shell.home), "copy");
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      assert(!(await cutOff(shell, ["backup", folder], signal)).success, signal);
      assertEquals(names(shell), [basename(shell.home)]);
    }
    await shell.ok("backup", folder);
    assert(!(await cutOff(shell, ["restore", folder], "SIGTERM")).success);
    assertEquals(names(shell), ["copy", basename(shell.home)]);
    // The home is what it was.
    assertEquals((await shell.ok("task", "list")).tasks.length, 1);
  });
});

Deno.test("skein backup, restore: what a death has left is shown, and the next one removes it", async () => {
  await withShell(async (shell) => {
    await heavy(shell);
    const folder = join(dirname(shell.home), "copy");
    await cutOff(shell, ["backup", folder], "SIGKILL");
    const [left = ""] = names(shell).filter((name) => name.startsWith("copy."));
    assert(/^copy\.\d+\.new$/.test(left), names(shell).join(" "));
    const { stdout } = await shell.run(["doctor"]);
    assertStringIncludes(stdout, left);
    // What somebody else is just making is theirs.
    const theirs = join(dirname(shell.home), "copy.1.new");
    Deno.mkdirSync(theirs);
    Deno.writeTextFileSync(join(theirs, "making"), "");
    const holder = await startHolder("hold", join(theirs, "making"));
    try {
      await shell.ok("backup", folder);
      assertEquals(names(shell), ["copy", "copy.1.new", basename(shell.home)]);
    } finally {
      await holder.end();
    }
    await cutOff(shell, ["restore", folder], "SIGKILL");
    assert(names(shell).some((name) => name.includes(".restoring-")), names(shell).join(" "));
    const { aside } = await shell.ok("restore", folder);
    assertEquals(names(shell), ["copy", basename(shell.home), basename(aside)]);
  });
});

Deno.test("HOME_MOVED: a restore that dies between its two steps loses nothing, and says so", async () => {
  await withShell(async (shell) => {
    const folder = join(dirname(shell.home), "copy");
    await shell.ok("task", "create", "then");
    await shell.ok("backup", folder);
    await shell.ok("task", "create", "later");
    const { aside } = await shell.ok("restore", folder);
    // As it was between the two: one is ready, the other out of its way.
    const ready = `${shell.home}.restoring-7`;
    Deno.renameSync(shell.home, ready);
    Deno.writeTextFileSync(join(ready, "made"), "");
    const titles = async (): Promise<string[]> =>
      (await shell.ok("task", "list")).tasks.map(({ title }: { title: string }) => title);
    const follow = async (path: string): Promise<void> => {
      const ran = await shell.run(["status"]);
      assertStringIncludes(ran.stderr, "HOME_MOVED");
      assertStringIncludes((await shell.run(["doctor"])).stdout, "HOME_MOVED");
      assertEquals(names(shell).includes(basename(shell.home)), false, "no new home was made");
      const [way = ""] = ran.stderr.match(new RegExp(`mv [^;]*${path} [^;\\s.]*`)) ?? [];
      assert(way !== "", ran.stderr);
      const { success } = await new Deno.Command("sh", { args: ["-c", way] }).output();
      assert(success, way);
    };
    await follow(basename(ready));
    assertEquals(await titles(), ["then"]);
    Deno.renameSync(shell.home, ready);
    await follow(basename(aside));
    assertEquals(await titles(), ["then", "later"]);
    // Whoever means to begin anew makes the home.
    Deno.renameSync(shell.home, aside);
    Deno.mkdirSync(shell.home, { mode: 0o700 });
    assertEquals(await titles(), []);
  });
});
