// A real git that sees nothing of the user's: no global or system configuration, no home, no
// prompts, a fixed identity.

import { dirname } from "@std/path";

const ENV = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "test",
  GIT_AUTHOR_EMAIL: "test@example.invalid",
  GIT_COMMITTER_NAME: "test",
  GIT_COMMITTER_EMAIL: "test@example.invalid",
  LC_ALL: "C",
};

/** Runs git in `folder` and returns what it printed; throws with its complaint if it fails. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args,
    cwd: folder,
    clearEnv: true,
    env: { ...ENV, HOME: folder, PATH: Deno.env.get("PATH") ?? "" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`git ${args.join(" ")}: ${decoder.decode(stderr)}`);
}

/** Makes `folder` a repository with the branch `main`. */
export async function makeRepository(folder: string): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  await git(folder, "init", "-q", "-b", "main");
}

/** Writes a file and the folders above it. */
export function write(path: string, text: string): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeTextFileSync(path, text);
}
