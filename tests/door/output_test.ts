// Output that nobody reads: the command ends quietly, by the exit code of a program that SIGPIPE ended.

import { assertEquals } from "@std/assert";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { type Shell, withShell } from "./shell.ts";

/** Runs `skein` and closes its stdout before it can have said anything. */
async function unread(
  shell: Shell,
  args: readonly string[],
): Promise<{ code: number; stderr: string }> {
  const [command = "", ...before] = SOURCE_COMMAND;
  const child = new Deno.Command(command, {
    args: [...before, ...args],
    cwd: shell.folder,
    env: testEnv({ SKEIN_HOME: shell.home }),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  return { code: (await child.status).code, stderr };
}

Deno.test("output: a closed stdout ends every kind of command quietly", async () => {
  await withShell(async (shell) => {
    await shell.run(["task", "create", "something"]);
    const commands = [
      "help",
      "help task create",
      "version",
      "status",
      "task list --json",
      "task get t99 --json",
      "audit export",
      "run example",
      "run --help",
      "wait --help",
      "doctor",
      "leader status",
      "up",
    ];
    for (const line of commands) {
      assertEquals(await unread(shell, line.split(" ")), { code: 141, stderr: "" }, line);
    }
  });
});

Deno.test("output: a refusal that nobody reads keeps its exit code", async () => {
  await withShell(async (shell) => {
    assertEquals((await unread(shell, ["task", "get", "t99"])).code, 2);
  });
});
