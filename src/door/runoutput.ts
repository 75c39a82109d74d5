// The file that `skein run -o` writes its result to: tried before anything begins, since the end of hours
// of work is not the time to find out that it cannot be written.

import { Refusal } from "../core/errors.ts";
import { exists } from "../core/folders.ts";

/** @throws Refusal `INVALID_INPUT` where no file can be written; leaves none behind that was not there */
export function tryOutput(path: string): void {
  attempt(path, () => {
    // A link that leads nowhere yet is the user's, too.
    const isNew = !exists(path);
    Deno.openSync(path, { append: true, create: true }).close();
    if (isNew) Deno.removeSync(path);
  });
}

/** @throws Refusal `INVALID_INPUT` where it cannot be written any more */
export function writeOutput(path: string, text: string): void {
  attempt(path, () => Deno.writeTextFileSync(path, text));
}

function attempt(path: string, body: () => void): void {
  try {
    body();
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Refusal("INVALID_INPUT", `skein run: no result can be written to ${path}: ${why}`, {
      field: "output",
      hint: "Name a file in a folder that is there, with -o.",
    });
  }
}
