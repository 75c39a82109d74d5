// The check of a run: a command of the user's that has to succeed on a merge before it becomes the tip of
// the run branch. Whoever holds the turn checks, and nobody beside it: two would be in each other's way
// (ports, caches), and one of the merges would have to be checked again. Its process stands in the
// turn's own file before it starts, so that whoever has the turn next ends what a dead holder left.

import { commandEnvironment } from "../agent/environment.ts";
import { endGroup, type GroupRecord, parseRecord, recordOfMark } from "../agent/group.ts";
import { ShellRun } from "../agent/shell.ts";
import { folderIn } from "../core/folders.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import { excerpt, plain } from "../core/text.ts";
import { CHECK } from "../fleet/rules.ts";
import { checkOut } from "../worktree/checkout.ts";
import type { RunTree } from "../worktree/place.ts";
import { join } from "@std/path";
import type { Ended } from "./calls.ts";

/** How often it is looked whether anybody still wants it, at least. */
const TICK_MS = 500;
/** Nobody's record is longer. */
const RECORD_BYTES = 10_000;

/** The right to check work of a run; the kernel frees it if its holder dies. */
export class CheckTurn implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Takes it, and ends what the last holder left; null: another has it, or what it left cannot be ended. */
  static async take({ home, run }: RunTree): Promise<CheckTurn | null> {
    const path = join(folderIn(home, "worktrees"), `${run}.check`);
    const file = Deno.openSync(path, { create: true, read: true, write: true, mode: 0o600 });
    if (!file.tryLockSync(true)) {
      file.close();
      return null;
    }
    const turn = new CheckTurn(file);
    const record = turn.#read();
    if (record === null || (await endGroup(record)).outcome !== "survived") return turn;
    file.close();
    return null;
  }

  /** Whose processes are ended if we die; null: there are none. */
  note(record: GroupRecord | null): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    if (record === null) return;
    const bytes = new TextEncoder().encode(JSON.stringify(record));
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #read(): GroupRecord | null {
    const bytes = new Uint8Array(RECORD_BYTES);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const count = this.#file.readSync(bytes) ?? 0;
    return parseRecord(new TextDecoder().decode(bytes.subarray(0, count)) || null);
  }
}

export interface CheckOrder {
  readonly tree: RunTree;
  readonly turn: CheckTurn;
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
  const { tree, turn, commit, command, mostMs, log } = order;
  const cwd = await checkOut(tree, commit);
  const mark = crypto.randomUUID();
  turn.note(recordOfMark(mark));
  const env = commandEnvironment(Deno.env.toObject());
  const run = new ShellRun({ command, cwd, env, mark, log });
  let wanted = true;
  let late = false;
  let over = false;
  try {
    turn.note(run.record);
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
    turn.note(null);
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
