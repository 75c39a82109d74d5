// What skein leaves on the disk, as real processes under any umask leave it: for its user alone. And
// homes that are odd: behind a symlink, with another secret, with somebody else's files in them.

import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Ran, withShell } from "../door/shell.ts";
import { Stored } from "../door/stored.ts";
import type { Json } from "../operations/flock.ts";
import { eventually } from "../support/eventually.ts";
import { type PeerOptions, SOURCE_COMMAND, startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { announce } from "./hostile.ts";

/** Everything that was refused, each once. */
const BAD = new Set<string>();
Deno.test.afterAll(() => announce(BAD.size));

/** Every file and folder of a home with its mode, and what it is. */
function modes(home: string): { path: string; mode: number; folder: boolean }[] {
  const found = [{ path: ".", mode: (Deno.lstatSync(home).mode ?? 0) & 0o7777, folder: true }];
  const walk = (folder: string): void => {
    for (const { name } of Deno.readDirSync(join(home, folder))) {
      const path = join(folder, name);
      try {
        const info = Deno.lstatSync(join(home, path));
        found.push({ path, mode: (info.mode ?? 0) & 0o7777, folder: info.isDirectory });
        if (info.isDirectory) walk(path);
      } catch (thrown) {
        // A file that only lives for a moment.
        if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
      }
    }
  };
  walk(".");
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

/** What is open to others, or closed to its owner. */
function tooOpen(home: string): string[] {
  return modes(home).filter(({ mode, folder }) => mode !== (folder ? 0o700 : 0o600))
    .map(({ path, mode }) => `${path} ${mode.toString(8)}`);
}

function underUmask(umask: string): readonly string[] {
  return ["sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...SOURCE_COMMAND];
}

/** All that is stored, as it would look after a change. */
function stored(home: string): string {
  const look = new Stored(home);
  try {
    return look.look();
  } finally {
    look.close();
  }
}

const PRESENCE = /^peers\/.+\.lock$/;

/** Takes the presence files away; their owners, who live, make them again. */
async function makeAgain(home: string): Promise<void> {
  const gone = modes(home).filter(({ path }) => PRESENCE.test(path));
  for (const { path } of gone) Deno.removeSync(join(home, path));
  await eventually(
    () => modes(home).filter(({ path }) => PRESENCE.test(path)).length === gone.length,
    { withinMs: 8_000, what: "presence files made again" },
  );
  assertEquals(tooOpen(home), []);
}

for (const umask of ["000", "022", "077"]) {
  Deno.test(`files: under umask ${umask} everything is its user's alone`, async () => {
    await withTempFolder(async (folder) => {
      const home = join(folder, "deep", "home");
      const options: PeerOptions = { home, folder, command: underUmask(umask) };
      const anna = await startPeer({ ...options, name: "anna" });
      const bob = await startPeer({ ...options, name: "bob" });
      try {
        await anna.ok("create_task", { title: "x" });
        await bob.ok("send", { to: "anna", content: "hello" });
        const head = join(home, "head");
        await eventually(() => Deno.statSync(head).isFile, { what: "the head file" });
        const names = modes(home).map(({ path }) => path);
        for (const name of ["skein.db", "skein.db-wal", "skein.db-shm", "secret", "head"]) {
          assert(names.includes(name), `${name} is not there: ${names}`);
        }
        assertEquals(names.filter((name) => PRESENCE.test(name)).length, 2);
        assertEquals(tooOpen(home), []);
        if (umask === "000") await makeAgain(home);
        await bob.kill();
        await eventually(async () =>
          (await anna.ok("list_peers")).peers.every((peer: Json) => peer.name !== "bob")
        );
        assertEquals(tooOpen(home), []);
      } finally {
        await Promise.all([anna.close(), bob.kill()]);
      }
      assertEquals(tooOpen(home), []);
      const parent = (Deno.statSync(join(folder, "deep")).mode ?? 0) & 0o777;
      assertEquals(parent & 0o022, 0, "a folder above the home that skein made is open to others");
    });
  });
}

Deno.test("files: under umask 0777 it works or says why, and opens nothing", async () => {
  await withTempFolder(async (folder) => {
    const home = join(folder, "home");
    BAD.add("umask 0777");
    const anna = await startPeer({ home, folder, name: "anna", command: underUmask("0777") });
    try {
      const { isError, text } = await anna.call("create_task", { title: "x" });
      if (isError) {
        assertFalse(text.includes("INTERNAL"), text);
        Deno.chmodSync(home, 0o700);
      }
      assertEquals(modes(home).filter(({ mode }) => (mode & 0o077) !== 0), []);
    } finally {
      await anna.close();
    }
  });
});

Deno.test("files: the command line leaves the same, and so does a home that was open", async () => {
  await withShell(async (shell) => {
    Deno.mkdirSync(shell.home);
    Deno.chmodSync(shell.home, 0o755);
    const [command = "", ...args] = underUmask("000");
    const { code } = await new Deno.Command(command, {
      args: [...args, "task", "create", "x"],
      cwd: shell.folder,
      env: { SKEIN_HOME: shell.home, SKEIN_DIR: shell.folder },
      stdout: "null",
      stderr: "null",
    }).output();
    assertEquals([code, tooOpen(shell.home)], [0, []]);
    Deno.chmodSync(shell.home, 0o777);
    await shell.ok("status");
    assertEquals(tooOpen(shell.home), []);
  });
});

Deno.test("files: a home behind a symlink is the same home", async () => {
  await withTempFolder(async (folder) => {
    const [home, link, chain] = ["home", "link", "chain"].map((name) => join(folder, name));
    assert(home !== undefined && link !== undefined && chain !== undefined);
    Deno.mkdirSync(home, { mode: 0o700 });
    Deno.symlinkSync("home", link);
    Deno.symlinkSync(link, chain);
    const anna = await startPeer({ home: link, folder, name: "anna" });
    const bob = await startPeer({ home: join(chain, "..", "chain"), folder, name: "bob" });
    const cleo = await startPeer({ home, folder, name: "cleo" });
    try {
      await Promise.all([anna.ok("join"), bob.ok("join"), cleo.ok("join")]);
      const { peers } = await cleo.ok("list_peers");
      assertEquals(peers.map((peer: Json) => peer.name).sort(), ["anna", "bob", "cleo"]);
      await anna.ok("lock_file", { paths: ["a.ts"] });
      assertStringIncludes((await bob.call("lock_file", { paths: ["a.ts"] })).text, "LOCK_HELD");
      assertEquals(tooOpen(home), []);
    } finally {
      await Promise.all([anna.close(), bob.close(), cleo.close()]);
    }
  });
});

Deno.test("files: what cannot be a home is refused, and left as it is", async () => {
  await withShell(async (shell) => {
    const at = (name: string): string => join(shell.folder, name);
    Deno.symlinkSync("nowhere/at/all", at("dangling"));
    Deno.symlinkSync("loop", at("loop"));
    Deno.writeTextFileSync(at("file"), "mine");
    for (const name of ["dangling", "loop", "file", "file/below"]) {
      BAD.add(`a home that is ${name}`);
      const ran = await shell.run(["status"], { env: { SKEIN_HOME: at(name) } });
      assertEquals(ran.code, 1, name);
      assertStringIncludes(ran.stderr, "HOME_UNSAFE", name);
    }
    assertEquals(Deno.readTextFileSync(at("file")), "mine");
  });
});

for (const foreign of [["letter.txt"], ["letter.txt", "peers"], ["letter.txt", "secret"]]) {
  Deno.test(`files: a folder of the user's with ${foreign.join(" and ")} is no home`, async () => {
    await withShell(async (shell) => {
      BAD.add(`a home with ${foreign}`);
      Deno.mkdirSync(shell.home);
      Deno.chmodSync(shell.home, 0o755);
      for (const name of foreign) Deno.writeTextFileSync(join(shell.home, name), `my ${name}`);
      const ran = await shell.run(["task", "create", "x"]);
      assertEquals(ran.code, 1, ran.stdout);
      assertEquals((Deno.statSync(shell.home).mode ?? 0) & 0o777, 0o755, "its mode was changed");
      assertEquals([...Deno.readDirSync(shell.home)].map(({ name }) => name).sort(), foreign);
      assertStringIncludes(ran.stderr, "HOME_UNSAFE");
      assertStringIncludes(ran.stderr, "chmod 700");
    });
  });
}

/** That a command was refused because of the secret, with the ways out, and nothing was written. */
function assertSecretChanged(ran: Ran): void {
  assertEquals([ran.code, ran.stdout], [1, ""]);
  for (const part of ["SECRET_CHANGED", "secret", "SKEIN_SECRET", "skein.db"]) {
    assertStringIncludes(ran.stderr, part);
  }
}

Deno.test("files: a secret that changed is said to have changed, and nothing is written", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "before");
    const { home, folder } = shell;
    const path = join(home, "secret");
    const right = Deno.readFileSync(path);
    const before = [stored(home), modes(home)];
    const wrong = right.map((byte) => byte ^ 1);
    Deno.writeFileSync(path, wrong);
    BAD.add("another secret");
    assertSecretChanged(await shell.run(["task", "create", "x"]));
    assertSecretChanged(await shell.run(["status"]));
    const peer = await startPeer({ home, folder, name: "anna" });
    try {
      const { isError, json } = await peer.call("create_task", { title: "x" });
      assertEquals([isError, json.error.code], [true, "SECRET_CHANGED"]);
      assertEquals((await peer.call("status")).json.error.code, "SECRET_CHANGED");
    } finally {
      await peer.close();
    }
    assertEquals(Deno.readFileSync(path), wrong);
    assertEquals([stored(home), modes(home)], before);
    Deno.writeFileSync(path, right);
    assertEquals((await shell.ok("task", "list")).tasks.length, 1);
    for (const bytes of [right.slice(1), new Uint8Array(), new Uint8Array([...right, 1])]) {
      BAD.add(`a secret of ${bytes.length} bytes`);
      Deno.writeFileSync(path, bytes);
      const ran = await shell.run(["status"]);
      assertEquals(ran.code, 1);
      assertStringIncludes(ran.stderr, "STORE_DAMAGED");
    }
    Deno.writeFileSync(path, right);
    assertEquals((await shell.ok("task", "list")).tasks.length, 1);
  });
});

Deno.test("files: a secret that is gone is not replaced by another beside an old store", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "before");
    const path = join(shell.home, "secret");
    const right = Deno.readFileSync(path);
    Deno.removeSync(path);
    BAD.add("no secret");
    assertSecretChanged(await shell.run(["task", "create", "x"]));
    assertFalse([...Deno.readDirSync(shell.home)].some(({ name }) => name === "secret"));
    Deno.writeFileSync(path, right, { mode: 0o600 });
    assertEquals((await shell.ok("task", "list")).tasks.length, 1);
  });
});

const HEX = "0123456789abcdef".repeat(4);

/** Whether bytes stand anywhere in any file of a home. */
function contains(home: string, bytes: Uint8Array): boolean {
  const text = String.fromCharCode(...bytes);
  return modes(home).some(({ path, folder }) => {
    if (folder) return false;
    const decoded = new TextDecoder("latin1").decode(Deno.readFileSync(join(home, path)));
    return decoded.includes(text);
  });
}

Deno.test("SKEIN_SECRET: stands in for the file, through every door, and is stored nowhere", async () => {
  await withShell(async (shell) => {
    const env = { SKEIN_SECRET: HEX };
    const made = await shell.run(["task", "create", "x"], { env });
    assertEquals(made.code, 0, made.stderr);
    const peer = await startPeer({ home: shell.home, folder: shell.folder, name: "anna", env });
    try {
      assertEquals((await peer.ok("list_tasks")).tasks.length, 1);
      const shown = await shell.run(["audit", "verify"], {
        env: { SKEIN_SECRET: HEX.toUpperCase() },
      });
      assertEquals(shown.code, 0, shown.stdout + shown.stderr);
    } finally {
      await peer.close();
    }
    assertFalse(modes(shell.home).some(({ path }) => path === "secret"), "a file was made");
    assertFalse(contains(shell.home, new TextEncoder().encode(HEX)));
    const raw = Uint8Array.from(HEX.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    assertFalse(contains(shell.home, raw));
    BAD.add("another SKEIN_SECRET");
    assertSecretChanged(
      await shell.run(["status"], { env: { SKEIN_SECRET: HEX.replace("0", "1") } }),
    );
    // Put into the file it is the same secret.
    Deno.writeFileSync(join(shell.home, "secret"), raw, { mode: 0o600 });
    assertEquals((await shell.ok("task", "list")).tasks.length, 1);
  });
});

Deno.test("SKEIN_SECRET: one that is none is refused by name and never quoted", async () => {
  await withShell(async (shell) => {
    const bad = [HEX.slice(1), `${HEX}0`, HEX.replace("f", "g"), `0x${HEX.slice(2)}`, ` ${HEX}`];
    bad.push(`${HEX}\n`, "hunter2-hunter2", "\u0660".repeat(64), HEX.replaceAll("0", "\u0430"));
    for (const secret of bad) {
      BAD.add(`SKEIN_SECRET ${secret}`);
      const ran = await shell.run(["status"], { env: { SKEIN_SECRET: secret } });
      assertEquals(ran.code, 2, ran.stdout);
      assertStringIncludes(ran.stderr, "SKEIN_SECRET");
      const piece = secret.trim().slice(2, 14);
      assertFalse((ran.stdout + ran.stderr).includes(piece), ran.stderr);
    }
    const secret = bad[0] ?? "";
    const options = { home: shell.home, folder: shell.folder, env: { SKEIN_SECRET: secret } };
    const thrown = await startPeer(options).then((peer) => peer.close(), (thrown) => thrown);
    assertStringIncludes(String(thrown), "SKEIN_SECRET");
    assertFalse(String(thrown).includes(secret.slice(2, 14)));
    assertFalse([...Deno.readDirSync(join(shell.home, ".."))].some(({ name }) => name === "home"));
  });
});
