// A folder that skein and people both write to. skein writes whole files under another name and
// renames them into place, only over what it wrote itself; whatever else it finds there is kept
// beside it. Nothing outside of the folder is ever reached: links are not followed.
//
// A kill at any moment leaves whole files. What was taken from its place and not yet judged stands
// under `.skein/`, where the next one who comes finds it.

import { dirname, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { sha256 } from "../core/digest.ts";

/** Files of skein's own in the folder. */
const WORK = ".skein";
const LOCK = `${WORK}/lock`;
const NEW = `${WORK}/new`;
const OLD = "old-";

/** How a write went. */
export type Placed =
  /** In place; what was there was skein's. */
  | { readonly kind: "written" }
  /** In place; what was there is kept under this name. */
  | { readonly kind: "kept"; readonly as: string }
  /** In place; what was there waits to be looked at: see `left`. */
  | { readonly kind: "left" };

export class Folder {
  readonly path: string;

  /** @param path the folder; its parent has to be there */
  constructor(path: string) {
    this.path = path;
  }

  /** Whether it is there. A link is not: what it leads to is not ours to write. */
  exists(): boolean {
    const info = lstat(this.path);
    if (info === null) return false;
    if (info.isDirectory) return true;
    throw new Refusal("PATH_OUTSIDE", `${this.path} is no folder`, {
      field: "folder",
      hint: "Move it away: skein follows no links and replaces no files there.",
    });
  }

  /** Whether nothing is in it but what skein works with. */
  isBare(): boolean {
    return [...Deno.readDirSync(this.path)].every(({ name }) => name === WORK);
  }

  /** Makes the folder and those inside of it that skein writes to. */
  make(...inside: readonly string[]): void {
    if (!this.exists()) Deno.mkdirSync(this.path);
    for (const name of [WORK, ...inside]) {
      if (this.#info(name) === null) Deno.mkdirSync(join(this.path, name));
      if (!this.#info(name)?.isDirectory) this.#refuse(name, "is no folder");
    }
  }

  /** Runs `body` alone among all who write here; null if others were at it for all of `waitMs`. */
  async alone<T>(waitMs: number, body: () => Promise<T>): Promise<T | null> {
    if (this.#info(LOCK)?.isFile === false) this.#refuse(LOCK, "is no file");
    const file = Deno.openSync(join(this.path, LOCK), { write: true, create: true });
    const deadline = performance.now() + waitMs;
    try {
      while (!file.tryLockSync(true)) {
        if (performance.now() >= deadline) return null;
        await new Promise((wake) => setTimeout(wake, 5 + Math.random() * 10));
      }
      return await body();
    } finally {
      file.close();
    }
  }

  /**
   * The text of a file; null if there is none.
   * @throws Refusal `PATH_OUTSIDE` for a link, `TOO_LARGE`, `INVALID_INPUT` for what is no UTF-8
   */
  read(name: string, maxBytes: number): string | null {
    const info = this.#info(name);
    if (info === null) return null;
    if (!info.isFile) this.#refuse(name, "is no file");
    if (info.size > maxBytes) {
      throw new Refusal("TOO_LARGE", `${name} has ${info.size} bytes, at most ${maxBytes}`, {
        field: name,
      });
    }
    const bytes = Deno.readFileSync(join(this.path, name));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    } catch {
      throw new Refusal("INVALID_INPUT", `${name} is not UTF-8`, { field: name });
    }
  }

  /** Whether there is a file of that name. */
  has(name: string): boolean {
    return this.#info(name) !== null;
  }

  /** Names in a folder inside, sorted; none if it is not there. */
  names(inside: string): string[] {
    const info = this.#info(inside);
    if (info === null) return [];
    if (!info.isDirectory) this.#refuse(inside, "is no folder");
    return [...Deno.readDirSync(join(this.path, inside))].filter((entry) => entry.isFile)
      .map((entry) => entry.name).sort();
  }

  /**
   * Puts a text in place, whole. What is there stays there until then, and is kept unless its
   * hash is one of `own`: judged after the exchange, so that a write in between is not lost.
   * @param leave leaves what is not skein's for the next look, in place of keeping it
   */
  place(name: string, text: string, own: ReadonlySet<string>, leave = false): Placed {
    const target = join(this.path, name);
    this.#refuseLinkedParents(name);
    const fresh = join(this.path, NEW);
    remove(fresh);
    Deno.writeTextFileSync(fresh, text, { createNew: true });
    const old = join(this.path, WORK, `${OLD}${encodeURIComponent(name)}`);
    const info = lstat(target);
    if (info === null) {
      Deno.renameSync(fresh, target);
      return { kind: "written" };
    }
    if (info.isFile) link(target, old);
    // A link or a folder in its place is the user's: it is moved, not followed.
    else Deno.renameSync(target, old);
    Deno.renameSync(fresh, target);
    const now = lstat(old);
    const known = new Set([...own, sha256(text)]);
    if (leave && now?.isFile && !known.has(hashOf(old))) return { kind: "left" };
    return this.#judge(name, old, known);
  }

  /** Puts a text in place of a file that is skein's alone. */
  exchange(name: string, text: string): void {
    if (this.#info(name)?.isDirectory) this.#refuse(name, "is a folder");
    const fresh = join(this.path, NEW);
    remove(fresh);
    Deno.writeTextFileSync(fresh, text, { createNew: true });
    Deno.renameSync(fresh, join(this.path, name));
  }

  /** What a kill has left unjudged: whose former content waits, and that content if it is a text. */
  left(): { readonly name: string; readonly text: string | null }[] {
    const found: { name: string; text: string | null }[] = [];
    for (const entry of [...Deno.readDirSync(join(this.path, WORK))]) {
      if (!entry.name.startsWith(OLD)) continue;
      const text = entry.isFile ? Deno.readTextFileSync(join(this.path, WORK, entry.name)) : null;
      found.push({ name: decodeURIComponent(entry.name.slice(OLD.length)), text });
    }
    return found;
  }

  /** Judges what was left: forgotten where it was skein's, else kept. */
  settle(name: string, own: ReadonlySet<string>): Placed {
    return this.#judge(name, join(this.path, WORK, `${OLD}${encodeURIComponent(name)}`), own);
  }

  /** Appends to a file that skein never replaces; a last line without an end gets one. */
  append(name: string, text: string): void {
    this.#refuseLinkedParents(name);
    const info = this.#info(name);
    if (info !== null && !info.isFile) this.#refuse(name, "is no file");
    const file = Deno.openSync(join(this.path, name), { read: true, append: true, create: true });
    try {
      let start = "";
      if (info !== null && info.size > 0) {
        const last = new Uint8Array(1);
        file.seekSync(-1, Deno.SeekMode.End);
        file.readSync(last);
        if (last[0] !== 0x0a) start = "\n";
      }
      const bytes = new TextEncoder().encode(start + text);
      for (let from = 0; from < bytes.length;) from += file.writeSync(bytes.subarray(from));
    } finally {
      file.close();
    }
  }

  /** The last so many bytes of a file; empty if there is none. */
  tail(name: string, bytes: number): string {
    const info = this.#info(name);
    if (info === null || !info.isFile) return "";
    const file = Deno.openSync(join(this.path, name), { read: true });
    try {
      file.seekSync(-Math.min(bytes, info.size), Deno.SeekMode.End);
      const buffer = new Uint8Array(bytes);
      return new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer) ?? 0));
    } finally {
      file.close();
    }
  }

  /** Keeps a copy of a text beside a file, once. Returns the copy's name. */
  keep(name: string, text: string): string {
    this.#refuseLinkedParents(name);
    for (let n = 1;; n++) {
      const as = yours(name, n);
      try {
        Deno.writeTextFileSync(join(this.path, as), text, { createNew: true });
        return as;
      } catch (thrown) {
        if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
        if (this.#info(as)?.isFile && hashOf(join(this.path, as)) === sha256(text)) return as;
      }
    }
  }

  #judge(name: string, old: string, own: ReadonlySet<string>): Placed {
    const info = lstat(old);
    if (info === null) return { kind: "written" };
    const hash = info.isFile ? hashOf(old) : null;
    if (hash !== null && own.has(hash)) {
      remove(old);
      return { kind: "written" };
    }
    for (let n = 1;; n++) {
      const as = yours(name, n);
      const there = this.#info(as);
      if (there === null) {
        Deno.renameSync(old, join(this.path, as));
        return { kind: "kept", as };
      }
      if (there.isFile && hash !== null && hashOf(join(this.path, as)) === hash) {
        remove(old);
        return { kind: "kept", as };
      }
    }
  }

  /** What stands under a name, without following links on the way. */
  #info(name: string): Deno.FileInfo | null {
    this.#refuseLinkedParents(name);
    return lstat(join(this.path, name));
  }

  #refuseLinkedParents(name: string): void {
    for (let at = dirname(name); at !== "."; at = dirname(at)) {
      const info = lstat(join(this.path, at));
      if (info !== null && !info.isDirectory) this.#refuse(at, "is no folder");
    }
  }

  #refuse(name: string, why: string): never {
    throw new Refusal("PATH_OUTSIDE", `${join(this.path, name)} ${why}`, {
      field: name,
      hint: "Move it away: skein follows no links and replaces no folders there.",
    });
  }
}

function yours(name: string, n: number): string {
  return n === 1 ? `${name}.yours` : `${name}.yours.${n}`;
}

function lstat(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

/** A second name for a file, so that nothing written to it is lost when its first name goes. */
function link(path: string, second: string): void {
  remove(second);
  try {
    Deno.linkSync(path, second);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return;
    // A file system without second names.
    Deno.copyFileSync(path, second);
  }
}

/** The hash of a file's text, as skein hashes what it writes. */
function hashOf(path: string): string {
  return sha256(Deno.readTextFileSync(path));
}
