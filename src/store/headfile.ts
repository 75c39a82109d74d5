// The `head` file: number and MAC of the newest journal row, signed, beside the database. A database
// that was swapped for an older copy does not fit it. The leader writes it each second.

import { join } from "@std/path";
import { equalInConstantTime, hmacSha256 } from "../core/digest.ts";
import type { Head } from "./journal.ts";

/** What the file says. */
export type HeadFile =
  | { readonly kind: "signed" } & Head
  | { readonly kind: "missing" }
  /** There, but not as skein writes it. */
  | { readonly kind: "forged" };

function sealOf(secret: Uint8Array, { seq, mac }: Head): string {
  return hmacSha256(secret, `head\u001f${seq}\u001f${mac}`);
}

export function readHead(folder: string, secret: Uint8Array): HeadFile {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(folder, "head"));
  } catch (thrown) {
    // Anything else in its place was not put there by skein.
    return { kind: thrown instanceof Deno.errors.NotFound ? "missing" : "forged" };
  }
  try {
    const { seq, mac, seal } = JSON.parse(text) as Head & { seal: string };
    if (equalInConstantTime(String(seal), sealOf(secret, { seq, mac }))) {
      return { kind: "signed", seq, mac };
    }
  } catch {
    // No JSON, or not an object: somebody else wrote it.
  }
  return { kind: "forged" };
}

/**
 * Written whole or not at all, so that nobody reads half of it; never backwards, since a slow writer
 * knows less than the file.
 */
export function writeHead(folder: string, secret: Uint8Array, head: Head): void {
  const before = readHead(folder, secret);
  if (before.kind === "signed" && before.seq >= head.seq) return;
  const path = join(folder, "head");
  const temporary = `${path}.${Deno.pid}.new`;
  const { seq, mac } = head;
  const text = `${JSON.stringify({ seq, mac, seal: sealOf(secret, head) })}\n`;
  Deno.writeTextFileSync(temporary, text, { mode: 0o600 });
  Deno.renameSync(temporary, path);
}

/** Whoever was killed between writing and renaming left this. */
const HALF = /^head\.\d+\.new$/;
/** A head that is being written has its name within milliseconds. */
const HALF_MS = 60_000;

/** Removes heads that were never given their name. */
export function removeHalfHeads(folder: string, nowMs: number): void {
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (!isFile || !HALF.test(name)) continue;
    const path = join(folder, name);
    try {
      const madeMs = Deno.lstatSync(path).mtime?.getTime() ?? nowMs;
      if (nowMs - madeMs > HALF_MS) Deno.removeSync(path);
    } catch (thrown) {
      // Renamed or removed meanwhile.
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
}

/** Takes the file away that says more than the store has; the store has written that down. */
export function dropHead(folder: string): void {
  try {
    Deno.removeSync(join(folder, "head"));
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
