// `skein backup` and `skein restore`: the home's store, copied while everybody works, and put
// back when nobody does. The copy is made by this process; that it may be made, and that it was, is an
// operation like any other.

import { resolve } from "@std/path";
import { parseArgs } from "node:util";
import { noteCopy } from "../audit/copies.ts";
import { asRefusal, type ErrorCode, Refusal } from "../core/errors.ts";
import { Visitor } from "../node/visitor.ts";
import { checkBackup, type Copy, copyHome, prepareRestore, refuseTaken } from "../store/backup.ts";
import { keepNewest, stampOf } from "../store/backups.ts";
import { livingIn, type Missing, missingIn, refuseLiving, takePlace } from "../store/place.ts";
import { flagFault } from "./spelling.ts";
import type { Surroundings } from "./ways.ts";

const USAGE = {
  backup: `skein backup: copies the home's store while everybody goes on working

Usage: skein backup [FOLDER] [--keep N] [--json] [--home DIR]
       (default: a folder with the time in its name in HOME-backups, beside the home)

The copy is a home of its own: skein status --home FOLDER looks into it (and makes files of its
own there; skein restore FOLDER --dry-run only reads). It holds the secret of the home, unless
SKEIN_SECRET gives it: whoever can read it can act as you. Not in it: the worktrees of runs and
the logs of their agents, which stay in the home. --keep N removes all but the newest N of
HOME-backups afterwards. skein doctor says how old the newest is.`,
  restore: `skein restore: puts a backup in the home's place, when no session is there

Usage: skein restore FOLDER [--dry-run] [--json] [--home DIR]

The backup stays as it is, and the home that was there is moved aside, not removed; its worktrees
and logs stay in the home, since runs that go on need them. Who lived when the backup was made
counts as dead: its locks and tasks become free. --dry-run checks the whole backup where it is,
says what of the present home is not in it, and changes nothing.`,
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
  keep: { type: "string" },
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
  const show = (answer: unknown, text: string): void =>
    print(values.json === true ? JSON.stringify(answer) : text);
  const [folder] = positionals;
  if (command === "backup") {
    const answer = await backUp(environment, folder, keepOf(values.keep, folder));
    show(answer, backedUp(answer));
    return 0;
  }
  if (folder === undefined) throw fault(command, "FOLDER is required", "folder");
  const from = resolve(folder);
  if (realOf(from) === environment.home) {
    throw fault(command, `${from} is the home itself`, "folder");
  }
  if (values["dry-run"] === true) {
    const copy = checkBackup(from, environment.secret);
    const answer = { ...copy, missing: missingIn(copy, environment.home) };
    const living = livingIn(environment.home).length;
    show({ ...answer, in_use: living > 0 }, wouldRestore(answer, living));
    return 0;
  }
  const restored = await restore(environment, from);
  show(restored, putBack(restored));
  return 0;
}

type Environment = ReturnType<Surroundings["environmentOf"]>;

type BackedUp = Copy & { readonly removed: readonly string[] };

async function backUp(
  environment: Environment,
  folder: string | undefined,
  keep: number | null,
): Promise<BackedUp> {
  const backups = `${environment.home}-backups`;
  const to = resolve(folder ?? `${backups}/${stampOf(Date.now())}`);
  // What is refused is not written down as done.
  refuseTaken(to);
  await note(environment, "backup", to);
  const copy = await copyHome(environment.home, to, environment.secret);
  return { ...copy, removed: keep === null ? [] : keepNewest(backups, keep) };
}

type Restored = Copy & {
  readonly from: string;
  readonly aside: string | null;
  readonly missing: Missing | null;
};

async function restore(environment: Environment, from: string): Promise<Restored> {
  const { home, secret } = environment;
  refuseLiving(home);
  // Looked through before it is written down.
  const missing = missingIn(checkBackup(from, secret), home);
  await noteIfWhole(environment, from);
  const { copy, making } = await prepareRestore(from, home, secret);
  using _made = making;
  // Written into what takes the home's place, before it does: it is there from the first moment on.
  await note({ ...environment, home: making.folder }, "restored", from);
  await making.step();
  refuseLiving(home);
  const aside = takePlace(making, home, stampOf(Date.now()));
  return { ...copy, folder: home, from, aside, missing };
}

/** How many backups are to be kept; null: all. */
function keepOf(text: string | undefined, folder: string | undefined): number | null {
  if (text === undefined) return null;
  const keep = Number(text);
  if (!/^\d+$/.test(text) || keep < 1) {
    throw fault("backup", `--keep ${text} is not a number from 1 on`, "keep");
  }
  if (folder === undefined) return keep;
  throw fault("backup", "--keep is for HOME-backups: leave the folder out", "keep");
}

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

function backedUp(copy: BackedUp): string {
  return [
    `backed up to ${told(copy)}`,
    copy.secret
      ? "It holds the home's secret: keep it as private as the home."
      : "The home's secret is not in it: keep SKEIN_SECRET, without which it is of no use.",
    `To put it back: skein restore ${copy.folder}`,
    ...copy.removed.map((path) => `removed: ${path}`),
  ].join("\n");
}

/** What is done since the backup and is not in it. */
function notInIt(missing: Missing | null): string[] {
  if (missing === null) return [];
  const { acts, runs } = missing;
  if (acts === 0 && runs.length === 0) return ["Nothing was done since."];
  const since = acts === null
    ? "it is a backup of another store than the home's"
    : `${acts} later ${acts === 1 ? "act" : "acts"}`;
  return [`Not in it: ${since}${runs.length === 0 ? "" : `; runs ${runs.join(", ")}`}`];
}

function wouldRestore(
  found: Copy & { readonly missing: Missing | null },
  living: number,
): string {
  return [
    `would restore ${told(found)}`,
    "It is whole, and signed under its secret.",
    ...notInIt(found.missing),
    ...(living === 0 ? [] : [`Not now: the home is in use by ${living}.`]),
  ].join("\n");
}

function putBack(restored: Restored): string {
  return [
    `restored from ${told({ ...restored, folder: restored.from })}`,
    ...notInIt(restored.missing),
    ...(restored.aside === null ? [] : [
      `What was there before is in ${restored.aside}; worktrees and logs stayed in the home.`,
    ]),
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
  if (command === "restore" && values.keep !== undefined) {
    throw fault(command, "--keep is for backup");
  }
  return parsed;
}

function fault(command: BackupCommand, why: string, field?: string): Refusal {
  return new Refusal("INVALID_INPUT", `skein ${command}: ${why}`, {
    ...(field === undefined ? {} : { field }),
    hint: `skein ${command} --help shows how.`,
  });
}
