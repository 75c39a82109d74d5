// Printing, whole even where a pipe takes a part at a time.

const encoder = new TextEncoder();

/** Prints a line on standard output. */
export function say(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** Prints a line on standard error: what is told on the way and is no result. */
export function note(text: string): void {
  writeAll(Deno.stderr, `${text}\n`);
}

function writeAll(out: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let from = 0; from < bytes.length;) from += out.writeSync(bytes.subarray(from));
}
