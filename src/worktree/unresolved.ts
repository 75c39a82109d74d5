// What of a merge's conflicts nobody has resolved, judged by what would be committed and not by what
// happens to be readable: the entries of the staged index, with the marker size of the file's attribute.
// A conflict that git cannot write into the file (a binary one, one side deleted it) leaves no marker;
// it is unresolved while the file stands as the merge left it and nobody told git that this is meant.
// Paths are bytes one by one, for not every name is text: `display` makes them readable.

import { join } from "@std/path";
import { bytesOf, git } from "./git.ts";
import { readOrNull, replaceFile } from "./place.ts";

/** A file in which a merge left a conflict. */
export interface Conflicted {
  /** The bytes of its path. */
  readonly path: string;
  /** Whether there were markers in it. */
  readonly marked: boolean;
  /** Mode and content that the merge left in the worktree; null: no file. */
  readonly left: string | null;
}

/** Mode and content of each file, by its path's bytes. */
export type Entries = ReadonlyMap<string, string>;

const RECORD = "skein-conflict.json";
/** Git merges no larger file line by line. */
const MOST_BYTES = 100_000_000;

/** A path to show to people. */
export function display(path: string): string {
  return new TextDecoder().decode(bytesOf(path, "latin1"));
}

/** The files of an index of the worktree's. */
export async function entriesOfIndex(path: string, index: string): Promise<Entries> {
  const { stdout } = await git(path, ["ls-files", "-s", "-z"], {
    env: { GIT_INDEX_FILE: index },
    encoding: "latin1",
  });
  return entries(stdout, /^(\d+) ([0-9a-f]+) 0\t/);
}

/** The files of a commit. */
export async function entriesOfCommit(path: string, commit: string): Promise<Entries> {
  const { stdout } = await git(path, ["ls-tree", "-r", "-z", "--full-tree", commit], {
    encoding: "latin1",
  });
  return entries(stdout, /^(\d+) \w+ ([0-9a-f]+)\t/);
}

/** The versions of each file that is unmerged in the worktree's own index: base, ours, theirs. */
export async function unmergedOf(
  path: string,
): Promise<Map<string, readonly (string | undefined)[]>> {
  const { stdout } = await git(path, ["ls-files", "-u", "-z", "--full-name", ":/"], {
    encoding: "latin1",
  });
  const found = new Map<string, (string | undefined)[]>();
  for (const line of stdout.split("\0")) {
    const [all, mode, id, stage] = /^(\d+) ([0-9a-f]+) ([123])\t/.exec(line) ?? [];
    if (all === undefined) continue;
    const file = line.slice(all.length);
    const versions = found.get(file) ?? [];
    versions[Number(stage) - 1] = `${mode} ${id}`;
    found.set(file, versions);
  }
  return found;
}

/** Keeps what a merge left, for when the work is saved. */
export function writeConflicts(admin: string, files: readonly Conflicted[]): void {
  replaceFile(join(admin, RECORD), JSON.stringify(files));
}

/** What was kept; none where no merge was begun. */
export function readConflicts(admin: string): Conflicted[] {
  const text = readOrNull(join(admin, RECORD));
  if (text === null) return [];
  const known = JSON.parse(text) as readonly (Conflicted | string)[];
  // Names alone were written by an earlier version.
  return known.map((one) =>
    typeof one === "string"
      ? { path: String.fromCharCode(...bytesOf(one)), marked: true, left: null }
      : one
  );
}

/**
 * What a merge that was just begun has left.
 * @param staged the worktree as it is
 * @param sides the commits that were merged
 */
export async function conflictsOf(
  path: string,
  staged: Entries,
  sides: readonly string[],
): Promise<Conflicted[]> {
  const files = [...(await unmergedOf(path)).keys()];
  const marked = new Set(await markedIn(path, staged, files, sides));
  return files.map((file) => ({
    path: file,
    marked: marked.has(file),
    left: staged.get(file) ?? null,
  }));
}

/**
 * The files that stand as a merge left them though git could not mark the conflict in them.
 * @param known what was kept when the merge was begun
 */
export async function untouchedIn(
  path: string,
  staged: Entries,
  known: readonly Conflicted[],
): Promise<string[]> {
  const records = new Map(known.map((one) => [one.path, one]));
  const untouched: string[] = [];
  for (const [file, [, ours, theirs]] of await unmergedOf(path)) {
    const now = staged.get(file) ?? null;
    const before = records.get(file);
    // Of a merge of the agent's own: git leaves what one side has where the other has nothing.
    const same = before === undefined
      ? now !== null && (ours === undefined || theirs === undefined) && now === (ours ?? theirs)
      : !before.marked && now === before.left;
    if (same) untouched.push(file);
  }
  return untouched;
}

/** Those of the files in which there are more conflict markers than on either side of the merge. */
export async function markedIn(
  path: string,
  staged: Entries,
  files: readonly string[],
  sides: readonly string[],
): Promise<string[]> {
  if (files.length === 0) return [];
  const sizes = await markerSizes(path, files);
  const marks = async (all: Entries): Promise<Map<string, Map<string, number>>> => {
    const texts = await contents(path, files.flatMap((file) => idOf(all.get(file)) ?? []));
    return new Map(files.map((file) => {
      const text = texts.get(idOf(all.get(file)) ?? "") ?? "";
      return [file, markersOf(text, [7, sizes.get(file) ?? 7])];
    }));
  };
  const now = await marks(staged);
  const suspects = files.filter((file) => (now.get(file)?.size ?? 0) > 0);
  if (suspects.length === 0) return [];
  const before = await Promise.all(
    sides.map(async (side) => await marks(await entriesOfCommit(path, side))),
  );
  return suspects.filter((file) =>
    [...now.get(file) ?? []].some(([line, count]) =>
      before.every((side) => (side.get(file)?.get(line) ?? 0) < count)
    )
  );
}

/** The lines of a text that begin or end a conflict, or its middle's first part; how often each is there. */
function markersOf(text: string, sizes: readonly number[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const size of new Set(sizes)) {
    const marker = new RegExp(`^(?:<{${size}}|>{${size}}|\\|{${size}})(?: .*)?\\r?$`, "gm");
    for (const [line] of text.matchAll(marker)) found.set(line, (found.get(line) ?? 0) + 1);
  }
  return found;
}

async function markerSizes(path: string, files: readonly string[]): Promise<Map<string, number>> {
  const { stdout } = await git(path, ["check-attr", "-z", "--stdin", "conflict-marker-size"], {
    input: files.map((file) => `${file}\0`).join(""),
    encoding: "latin1",
  });
  const fields = stdout.split("\0");
  const sizes = new Map<string, number>();
  for (let i = 0; i + 2 < fields.length; i += 3) {
    const size = Number(fields[i + 2]);
    if (Number.isSafeInteger(size) && size > 0) sizes.set(fields[i] ?? "", size);
  }
  return sizes;
}

/** The contents of blobs, by their ids. */
async function contents(path: string, ids: readonly string[]): Promise<Map<string, string>> {
  const lines = (all: readonly string[]): string => all.map((id) => `${id}\n`).join("");
  const checked = await git(path, ["cat-file", "--batch-check"], { input: lines(ids) });
  const readable = checked.stdout.split("\n").flatMap((line) => {
    const [id = "", kind, size] = line.split(" ");
    return kind === "blob" && Number(size) <= MOST_BYTES ? [id] : [];
  });
  const { stdout } = await git(path, ["cat-file", "--batch"], {
    input: lines(readable),
    encoding: "latin1",
  });
  const texts = new Map<string, string>();
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf("\n", at);
    const [id = "", , size] = stdout.slice(at, end).split(" ");
    texts.set(id, stdout.slice(end + 1, end + 1 + Number(size)));
    at = end + Number(size) + 2;
  }
  return texts;
}

function entries(output: string, head: RegExp): Entries {
  const found = new Map<string, string>();
  for (const line of output.split("\0")) {
    const [all, mode, id] = head.exec(line) ?? [];
    if (all !== undefined) found.set(line.slice(all.length), `${mode} ${id}`);
  }
  return found;
}

/** The id of a file's content; none of a submodule's, which is a commit. */
function idOf(entry: string | undefined): string | null {
  const [mode, id] = entry?.split(" ") ?? [];
  return id === undefined || mode === "160000" ? null : id;
}
