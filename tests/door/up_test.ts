// `skein up` goes on until it is interrupted, or until its life in the flock is over: then it says so and
// ends, and nothing of it stands in anybody's way.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { startHolder } from "../support/holder.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { type Shell, withShell } from "./shell.ts";

interface Up {
  readonly child: Deno.ChildProcess;
  stderr(): string;
}

/** Runs `body` while a `skein up` of this name is there; it is ended however `body` ends. */
async function withUp(shell: Shell, body: (up: Up) => Promise<void>): Promise<void> {
  const [command = "", ...rest] = SOURCE_COMMAND;
  const child = new Deno.Command(command, {
    args: [...rest, "up"],
    cwd: shell.folder,
    env: testEnv({ SKEIN_HOME: shell.home, SKEIN_NAME: "watcher" }),
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  const drained = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) stderr += decoder.decode(chunk, { stream: true });
  })();
  try {
    await eventually(async () => {
      const { peers } = await shell.ok("peer", "list", "--scope", "machine");
      return peers.some((peer: { name: string }) => peer.name === "watcher");
    }, { what: "it is up" });
    await body({ child, stderr: () => stderr });
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await child.status;
    await drained;
  }
}

async function ended({ child }: Up): Promise<number> {
  const late = new Promise<null>((done) => setTimeout(() => done(null), 15_000));
  const status = await Promise.race([child.status, late]);
  assert(status !== null, "it goes on");
  return status.code;
}

Deno.test("skein up: ended by control it says so, ends, and nothing stands in a restore's way", async () => {
  await withShell(async (shell) => {
    const copy = join(dirname(shell.home), "copy");
    await shell.ok("backup", copy);
    await withUp(shell, async (up) => {
      await shell.ok("control", "kill", "watcher");
      assertEquals(await ended(up), 4);
      await eventually(() => up.stderr().includes("KILLED"), { what: "why it ended" });
      assertStringIncludes(up.stderr(), "control resume");
      await shell.ok("restore", copy);
    });
  });
});

Deno.test("skein up: a home that is deleted under it ends it", async () => {
  await withShell(async (shell) => {
    await withUp(shell, async (up) => {
      Deno.removeSync(shell.home, { recursive: true });
      assertEquals(await ended(up), 1);
      await eventually(() => up.stderr().includes("STORE_GONE"), { what: "why it ended" });
    });
  });
});

Deno.test("skein up: interrupted it leaves", async () => {
  await withShell(async (shell) => {
    await withUp(shell, async (up) => {
      up.child.kill("SIGINT");
      assertEquals([await ended(up), up.stderr()], [0, ""]);
    });
  });
});

Deno.test({
  name: "HOME_IN_USE: whoever is there is named by its process, although no list knows it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withShell(async (shell) => {
      const copy = join(dirname(shell.home), "copy");
      await shell.ok("backup", copy);
      // As one whose life in the store is over while its process goes on.
      const presence = join(shell.home, "peers", "a-life-that-is-over.lock");
      Deno.writeTextFileSync(presence, "");
      const ghost = await startHolder("hold", presence);
      try {
        const { json, code } = await shell.run(["restore", copy, "--json"]);
        assertEquals([json.error?.code, code], ["HOME_IN_USE", 4]);
        assertEquals(json.error.pids, [ghost.child.pid]);
        assertStringIncludes(json.error.message, `process ${ghost.child.pid}`);
        assertStringIncludes(json.error.hint, `kill ${ghost.child.pid}`);
      } finally {
        await ghost.end();
      }
      await shell.ok("restore", copy);
    });
  },
});
