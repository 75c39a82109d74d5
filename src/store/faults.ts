// What SQLite and the file system say, in words that lead on: one place for all who open, write or copy a
// store. A full disk, one that cannot be written, a store that somebody keeps: none is a defect of skein.

import { dirname } from "@std/path";
import { asRefusal, Refusal } from "../core/errors.ts";

/** Primary result codes of SQLite that mean something to us. */
export const CODE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** How SQLite says them: where a connection is opened, or a script is run, its text is all there is. */
const TEXTS: readonly (readonly [string, number])[] = [
  ["database is locked", CODE.busy],
  ["table is locked", CODE.locked],
  ["readonly database", CODE.readonly],
  ["disk I/O error", CODE.io],
  ["disk image is malformed", CODE.corrupt],
  ["database or disk is full", CODE.full],
  ["unable to open database", CODE.cantOpen],
  ["file is not a database", CODE.notADatabase],
];

/** The largest piece by which a store grows at once is a part of the log's index: 32 KB. */
const NO_ROOM_BYTES = 64 * 1024;

/** SQLite's primary result code of whatever was thrown, or 0. */
export function codeOf(thrown: unknown): number {
  const { code, errcode, message } = (thrown ?? {}) as {
    code?: unknown;
    errcode?: unknown;
    message?: unknown;
  };
  if (typeof errcode === "number") return errcode & 0xff;
  if (code !== "ERR_SQLITE_ERROR") return 0;
  return TEXTS.find(([text]) => String(message).includes(text))?.[1] ?? 0;
}

/**
 * The refusal that stands for what was thrown at a database; what nobody can do anything about, and what
 * is a refusal already, comes back as it is.
 * @param path the database's file
 */
export function explain(thrown: unknown, path: string): unknown {
  if (thrown instanceof Refusal) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  switch (codeOf(thrown)) {
    case CODE.busy:
    case CODE.locked:
      return new Refusal("STORE_BUSY", `${path}: another process keeps its transaction open`);
    case CODE.readonly:
      return new Refusal("STORE_READONLY", `${path} cannot be written: ${message}`);
    case CODE.full:
      return full(path, message);
    case CODE.corrupt:
    case CODE.notADatabase:
      return new Refusal("STORE_DAMAGED", `${path}: ${message}`);
    case CODE.io:
      // A disk that runs full while the log's index grows answers so, and so does one that fails.
      if (hasNoRoom(path)) return full(path, message);
      return new Refusal("STORE_DAMAGED", `${path}: ${message}`, {
        hint:
          "Its disk fails: see what the system says of it (dmesg, df), then put a backup back " +
          "on one that works (skein restore).",
      });
    case CODE.cantOpen:
      return hasNoRoom(path) ? full(path, message) : whyClosed(path, message);
    default:
      return withoutLeave(thrown, path) ?? known(thrown);
  }
}

function full(path: string, message: string): Refusal {
  return new Refusal("STORE_FULL", `the disk of ${path} is full: ${message}`);
}

/** SQLite does not say why it cannot open a file: whoever tries the same is told. */
function whyClosed(path: string, message: string): unknown {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
  } catch (thrown) {
    const why = withoutLeave(thrown, path) ?? known(thrown);
    if (why instanceof Refusal) return why;
  }
  // The file itself is open to us: then it is what SQLite has to make beside it.
  return new Refusal("STORE_READONLY", `nothing can be made beside ${path}: ${message}`);
}

/** Somebody else's file or folder. */
function withoutLeave(thrown: unknown, path: string): Refusal | null {
  const code = (thrown as { code?: unknown } | null)?.code;
  if (code !== "EACCES" && code !== "EPERM") return null;
  return new Refusal("STORE_READONLY", `${path}: ${(thrown as Error).message}`);
}

/** What is the machine's and known as such everywhere. */
function known(thrown: unknown): unknown {
  const refusal = asRefusal(thrown);
  return refusal.code === "INTERNAL" ? thrown : refusal;
}

function hasNoRoom(path: string): boolean {
  try {
    const { statfsSync } = process.getBuiltinModule("node:fs") as typeof import("node:fs");
    const { bavail, bsize } = statfsSync(dirname(path));
    return Number(bavail) * Number(bsize) < NO_ROOM_BYTES;
  } catch {
    // Then nothing is known of the disk.
    return false;
  }
}
