// `skein backup` and `skein restore`: the home's whole contents, copied while everybody works, and put
// back when nobody does. The copy is made by this process; that it may be made, and that it was, is an
// operation like any other.

import { resolve } from "@std/path";
import { parseArgs } from "node:util";
import { noteCopy } from "../audit/copies.ts";
import { asRefusal, type ErrorCode, Refusal } from "../core/errors.ts";
import { Visitor } from "../node/visitor.ts";
import { type Copy, copyHome, prepareRestore, refuseLiving, takePlace } from "../store/backup.ts";
import { flagFault } from "./spelling.ts";
import type { Surroundings } from "./ways.ts";

const USAGE = {
  backup: `skein backup: copies the whole home, while everybody goes on working

Usage: skein backup [FOLDER] [--json] [--home DIR]
       (default: a folder with the time in its name in HOME-backups, beside the home)

The copy is a home of its own: skein status --home FOLDER looks into it. It holds the secret
of the home: whoever can read it can act as you.`,
  restore: `skein restore: puts a backup in the home's place, when no session is there

Usage: skein restore FOLDER [--dry-run] [--json] [--home DIR]

The backup stays as it is, and the home that was there is moved aside, not removed. Who lived
when the backup was made counts as dead: its locks and tasks become free.`,
} as const;

export type BackupCommand = keyof typeof USAGE;

/** What may be wrong with a home that somebody wants to put another one in place of. */
const BROKEN: readonly ErrorCode[] = [
  "STORE_DAMAGED",
  "SECRET_CHANGED",
  "STORE_GONE",
  "STORE_NEWER",
];

const FLAGS = {
  json: { type: "boolean" },
  help: { type: "boolean" },
  "dry-run": { type: "boolean" },
  home: { type: "string" },
} as const;

/**
 * Runs one of the two and returns its exit code.
 * @throws Refusal whatever stands in the way
 */
export async function runBackup(
  command: BackupCommand,
  args: readonly string[],
  { print, environmentOf }: Surroundings,
): Promise<number> {
  const { values, positionals } = read(command, args);
  if (values.help === true) {
    print(USAGE[command]);
    return 0;
  }
  const given = environmentOf({ home: values.home });
  // What lies beside a home has to be on its disk: a home may be a link.
  const environment = { ...given, home: realOf(given.home) ?? given.home };
  const stamp = new Date().toISOString().replace(/[-:]/g, "");
  const [folder] = positionals;
  if (command === "backup") {
    const to = resolve(folder ?? `${environment.home}-backups/${stamp}`);
    await note(environment, "backup", to);
    const copy = copyHome(environment.home, to);
    print(values.json === true ? JSON.stringify(copy) : backedUp(copy));
    return 0;
  }
  if (folder === undefined) throw fault(command, "FOLDER is required", "folder");
  const from = resolve(folder);
  refuseLiving(environment.home);
  if (realOf(from) === environment.home) {
    throw fault(command, `${from} is the home itself`, "folder");
  }
  if (values["dry-run"] === true) {
    const copy = prepareRestore(from, environment.home);
    Deno.removeSync(copy.folder, { recursive: true });
    const found = { ...copy, folder: from };
    print(values.json === true ? JSON.stringify(found) : `would restore ${told(found)}`);
    return 0;
  }
  await noteIfWhole(environment, from);
  const ready = prepareRestore(from, environment.home);
  try {
    // Written into what takes the home's place, before it does: it is there from the first moment on.
    await note({ ...environment, home: ready.folder }, "restored", from);
    refuseLiving(environment.home);
  } catch (thrown) {
    Deno.removeSync(ready.folder, { recursive: true });
    throw thrown;
  }
  const aside = takePlace(ready.folder, environment.home, stamp);
  const restored = { ...ready, folder: environment.home, from, aside };
  print(values.json === true ? JSON.stringify(restored) : putBack(restored));
  return 0;
}

type Environment = ReturnType<Surroundings["environmentOf"]>;

/** Asks whether the caller may, and leaves the trace. */
async function note(
  environment: Environment,
  what: "backup" | "restore" | "restored",
  folder: string,
): Promise<void> {
  const { shown } = await new Visitor(environment).call(noteCopy, { what, folder });
  await shown();
}

/** The home that goes is told, too, if it can still be told anything. */
async function noteIfWhole(environment: Environment, from: string): Promise<void> {
  if (realOf(environment.home) === null) return;
  try {
    await note(environment, "restore", from);
  } catch (thrown) {
    if (!BROKEN.includes(asRefusal(thrown).code)) throw thrown;
  }
}

function realOf(folder: string): string | null {
  try {
    return Deno.realPathSync(folder);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

function told({ folder, seq, at, bytes }: Copy): string {
  const until = at === null ? "" : `, until ${at}`;
  return `${folder}: ${seq} acts${until}, ${(bytes / 1_048_576).toFixed(1)} MB`;
}

function backedUp(copy: Copy): string {
  return [
    `backed up to ${told(copy)}`,
    "It holds the home's secret: keep it as private as the home.",
    `To put it back: skein restore ${copy.folder}`,
  ].join("\n");
}

function putBack(
  restored: Copy & { readonly aside: string | null; readonly from: string },
): string {
  return [
    `restored from ${told({ ...restored, folder: restored.from })}`,
    ...(restored.aside === null ? [] : [`What was there before is in ${restored.aside}`]),
  ].join("\n");
}

function read(
  command: BackupCommand,
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof FLAGS; allowPositionals: true }>> {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: FLAGS, allowPositionals: true, strict: true });
  } catch (thrown) {
    throw fault(command, flagFault(thrown, Object.keys(FLAGS)));
  }
  const { values, positionals } = parsed;
  const extra = positionals[1];
  if (extra !== undefined) throw fault(command, `${extra} is one folder too many`, "folder");
  if (command === "backup" && values["dry-run"] === true) {
    throw fault(command, "--dry-run is for restore");
  }
  return parsed;
}

function fault(command: BackupCommand, why: string, field?: string): Refusal {
  return new Refusal("INVALID_INPUT", `skein ${command}: ${why}`, {
    ...(field === undefined ? {} : { field }),
    hint: `skein ${command} --help shows how.`,
  });
}
