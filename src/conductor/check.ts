// The check of a run: a command of the user's that has to succeed on a merge before it becomes the tip of
// the run branch. Whoever holds the turn checks, and nobody beside it: two would be in each other's way
// (ports, caches), and one of the merges would have to be checked again. Its process stands in the
// turn's own file before it starts, so that whoever has the turn next ends what a dead holder left.

import { commandEnvironment } from "../agent/environment.ts";
import { endGroup, type GroupRecord, MARK, parseRecord, recordOfMark } from "../agent/group.ts";
import { ShellRun } from "../agent/shell.ts";
import { during } from "../core/during.ts";
import { exists, folderIn } from "../core/folders.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import { excerpt, plain } from "../core/text.ts";
import { CHECK } from "../fleet/rules.ts";
import { checkOut, dropCheckout } from "../worktree/checkout.ts";
import type { RunTree } from "../worktree/place.ts";
import { join } from "@std/path";
import type { Ended } from "./calls.ts";

/** How often it is looked whether anybody still wants it, at least. */
const TICK_MS = 500;
/** The turn's file has one record, always of this length: it is written at once, or not at all. */
const RECORD_BYTES = 1_000;

/** Who checks, and whose processes are to be ended if it dies. */
interface Holder {
  /** Null: it has died, and that was seen to. */
  readonly record: GroupRecord | null;
  readonly attempt: number;
  /** How many have died in the check of this attempt. */
  readonly deaths: number;
}

/** The right to check work of a run; the kernel frees it if its holder dies. */
export class CheckTurn implements Disposable {
  readonly #file: Deno.FsFile;
  /** Who died over it, if somebody did. */
  readonly #before: Holder | null;

  private constructor(file: Deno.FsFile, before: Holder | null) {
    this.#file = file;
    this.#before = before;
  }

  /** Takes it, and ends what the last holder left; null: another has it, or what it left cannot be ended. */
  static async take(r: RunTree): Promise<CheckTurn | null> {
    const file = Deno.openSync(turnPath(r), { create: true, read: true, write: true, mode: 0o600 });
    if (file.tryLockSync(true)) {
      const before = readHolder(file);
      if (!before?.record) return new CheckTurn(file, before);
      if ((await endGroup(before.record)).outcome !== "survived") {
        const turn = new CheckTurn(file, { ...before, record: null, deaths: before.deaths + 1 });
        turn.#write(turn.#before);
        return turn;
      }
    }
    file.close();
    return null;
  }

  /** How many holders have died in a row in the check of this attempt. */
  deathsOf(attempt: number): number {
    return this.#before?.attempt === attempt ? this.#before.deaths : 0;
  }

  /** Whose processes are ended if we die. */
  note(attempt: number, record: GroupRecord): void {
    this.#write({ record, attempt, deaths: this.deathsOf(attempt) });
  }

  /** It has been done, or nobody wants it any more. */
  clear(): void {
    this.#write(null);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #write(holder: Holder | null): void {
    const bytes = new TextEncoder().encode(JSON.stringify(holder).padEnd(RECORD_BYTES));
    this.#file.seekSync(0, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }
}

function turnPath({ home, run }: RunTree): string {
  return join(folderIn(home, "worktrees"), `${run}.check`);
}

function readHolder(file: Deno.FsFile): Holder | null {
  const bytes = new Uint8Array(RECORD_BYTES);
  file.seekSync(0, Deno.SeekMode.Start);
  const text = new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
  try {
    const { record, attempt, deaths } = JSON.parse(text) as Holder;
    return { record: parseRecord(JSON.stringify(record)), attempt, deaths };
  } catch {
    // Empty, or nobody was at it.
    return null;
  }
}

/** Whether processes of a holder stand there: of one who checks, or of one who has died over it. */
function isNoted(path: string): boolean {
  if (!exists(path)) return false;
  const file = Deno.openSync(path);
  try {
    return Boolean(readHolder(file)?.record);
  } finally {
    file.close();
  }
}

/** Ends what is left of a check whose holder has died; one that goes on is left alone. */
export async function endLeftCheck(r: RunTree): Promise<void> {
  // Looked at first: whoever has work to check would find the turn taken.
  if (!isNoted(turnPath(r))) return;
  (await CheckTurn.take(r))?.[Symbol.dispose]();
}

/**
 * Ends and removes what checks of a run have left, unless one goes on.
 * @returns why something stays; null if nothing does
 */
export async function clearCheck(r: RunTree): Promise<string | null> {
  if (!exists(turnPath(r))) return null;
  const turn = await CheckTurn.take(r);
  if (turn === null) return "a check goes on";
  return await during(turn, async () => {
    turn.clear();
    return await dropCheckout(r);
  });
}

export interface CheckOrder {
  readonly tree: RunTree;
  readonly turn: CheckTurn;
  /** Number of the attempt whose work it is. */
  readonly attempt: number;
  /** The merge. */
  readonly commit: string;
  readonly command: string;
  readonly mostMs: number;
  readonly log: string;
  /** Resolves when something may have changed, or after so many milliseconds. */
  changed(ms: number): Promise<void>;
  /** Whether the merge is still wanted. */
  wanted(): Promise<boolean>;
}

/** `unwanted`: nobody wants to know any more, and it was ended. */
export type Checked =
  | { readonly outcome: "passed" | "unwanted" }
  | { readonly outcome: "failed"; readonly fault: Pick<Ended, "reason" | "cause" | "delay_ms"> };

/**
 * Runs the check on a commit, in a checkout of its own.
 * @throws Refusal what git says, Error when there is no room; nothing of it runs then
 */
export async function check(order: CheckOrder): Promise<Checked> {
  const { tree, turn, attempt, commit, command, mostMs, log } = order;
  const mark = crypto.randomUUID();
  // Before anything runs: git, too, may go on in there after our death.
  turn.note(attempt, recordOfMark(mark));
  const cwd = await checkOut(tree, commit, { [MARK]: mark });
  const env = commandEnvironment(Deno.env.toObject());
  const run = new ShellRun({ command, cwd, env, mark, log });
  let wanted = true;
  let late = false;
  let over = false;
  try {
    turn.note(attempt, run.record);
    const ended = run.ended.then(() => void (over = true));
    let workedMs = 0;
    for (let beforeMs = performance.now(); !over && wanted && !late;) {
      await Promise.race([order.changed(TICK_MS), ended]);
      const nowMs = performance.now();
      // A longer step was our sleep, not the check's work.
      workedMs += Math.min(nowMs - beforeMs, TIMES.agentStepMs);
      beforeMs = nowMs;
      late = !over && workedMs >= mostMs;
      wanted = over || await order.wanted();
    }
  } finally {
    // Also where the store cannot be asked: nobody else would end it.
    if (!over) await run.end();
    await run.ended;
    turn.clear();
  }
  const { code, signal, tail } = await run.ended;
  if (!wanted) return { outcome: "unwanted" };
  if (!late && code === 0 && signal === null) return { outcome: "passed" };
  const how = late
    ? `did not end within ${mostMs / 1_000} s`
    : signal === null
    ? `left with code ${code}`
    : `was ended by ${signal}`;
  const named = excerpt(plain(command), LIMITS.checkNamedChars);
  const reason = `the check (${named}) ${how}: ${lastOf(tail)}`;
  // Waiting mends nothing of it.
  return { outcome: "failed", fault: { reason, cause: CHECK, delay_ms: 0 } };
}

/** The end of what it said: that is where tests say what is wrong. */
function lastOf(tail: string): string {
  const text = plain(tail).trim();
  if (text === "") return "it said nothing";
  if (text.length <= LIMITS.checkTailChars) return text;
  return `...${text.slice(-LIMITS.checkTailChars).toWellFormed()}`;
}
