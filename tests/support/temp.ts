// Folders that live as long as one test. The path handed out is the real one (a system's temporary
// folder may itself be reached through a symlink), so tests can compare paths as they are.

import { eventually } from "./eventually.ts";

/** Runs `body` with a fresh folder of mode 0700 and removes the folder however `body` ends. */
export async function withTempFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "skein-test-" }));
  try {
    return await body(folder);
  } finally {
    await removeFolder(folder);
  }
}

/** A process that is still ending may write while we remove: then once more. */
async function removeFolder(folder: string): Promise<void> {
  await eventually(() => {
    try {
      Deno.removeSync(folder, { recursive: true });
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
    return true;
  }, { what: `removing ${folder}` });
}
