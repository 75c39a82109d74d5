// Ends a process group, whole, and never anything else. The number of a group is used again after its
// end, so a group is ended only while it is proven to be the recorded one: its leader began when the
// record says, or one of its processes carries the mark that the agent was started with. Processes
// that left the group (a shell in the background with a group of its own) are found by that mark.

import { invariant } from "../core/invariant.ts";
import { TIMES } from "../core/limits.ts";
import { type Process, type ProcessTable, systemTable } from "./processes.ts";

/** The variable that marks an agent's processes: all of them inherit it. */
export const MARK = "SKEIN_AGENT_MARK";

/** What names an agent's processes beyond the life of whoever started them. It can be stored as JSON. */
export interface GroupRecord {
  /** The group's leader: the agent itself. 0: not known, as in `pgid`. */
  readonly pid: number;
  readonly pgid: number;
  /** Boot of the machine; empty where the system does not tell. */
  readonly boot: string;
  /** When the leader began, in the system's words; empty if it had ended before it was looked at. */
  readonly startTime: string;
  /** Value of `SKEIN_AGENT_MARK` in the environment of all its processes. */
  readonly mark: string;
}

/** What became of a group. */
export interface GroupEnd {
  /**
   * `gone`: nothing of it was left. `ended`: all of it has ended. `stranger`: the group of that number
   * is another's, nothing was touched. `survived`: `left` could not be ended.
   */
  readonly outcome: "gone" | "ended" | "stranger" | "survived";
  /** Processes that still live. */
  readonly left: readonly number[];
}

/** How a group is looked at and ended; tests hand in their own. */
export interface GroupTools {
  readonly table: ProcessTable;
  readonly kill: (pid: number, signal: Deno.Signal) => void;
}

/** The system's own. */
export function systemTools(): GroupTools {
  return { table: systemTable(), kill: Deno.kill };
}

/** The record of a process that leads a group of its own and was just started. */
export function recordOf(pid: number, mark: string, table = systemTable()): GroupRecord {
  return { pid, pgid: pid, boot: table.boot(), startTime: table.process(pid)?.start ?? "", mark };
}

/** A record for when nothing but the mark is known: no group is, so each process is found by it. */
export function recordOfMark(mark: string, table = systemTable()): GroupRecord {
  return { pid: 0, pgid: 0, boot: table.boot(), startTime: "", mark };
}

/** Reads a stored record; null if it is none. */
export function parseRecord(json: string | null): GroupRecord | null {
  try {
    const { pid, pgid, boot, startTime, mark } = JSON.parse(json ?? "null") as GroupRecord;
    const texts = [boot, startTime, mark].every((one) => typeof one === "string");
    const numbers = [pid, pgid].every((one) => Number.isSafeInteger(one) && (one > 1 || one === 0));
    return texts && numbers ? { pid, pgid, boot, startTime, mark } : null;
  } catch {
    // It was torn or never written.
    return null;
  }
}

/**
 * Ends what is left of a recorded group, with SIGTERM and after `graceMs` with SIGKILL. For the groups
 * of hosts that died; a host that lives uses `AgentProcess.end`.
 * @returns when nothing of it lives, or when `TIMES.agentKillMs` after the SIGKILL something still does
 */
export async function endGroup(
  record: GroupRecord,
  options: { readonly graceMs?: number; readonly tools?: GroupTools } = {},
): Promise<GroupEnd> {
  return await new Group(record, options.tools ?? systemTools()).end(
    options.graceMs ?? TIMES.agentGraceMs,
  );
}

/** One group, while somebody watches it. */
export class Group {
  readonly #record: GroupRecord;
  readonly #tools: GroupTools;
  /** Processes that were in it when it was proven: as long as one of them lives, it is the same. */
  #known = new Map<number, string>();

  constructor(record: GroupRecord, tools: GroupTools = systemTools()) {
    invariant(record.pgid !== 1 && record.pgid >= 0, "a group is nobody's but an agent's");
    this.#record = record;
    this.#tools = tools;
  }

  /**
   * Who of it lives, and whether the group of that number is another's.
   * @param marks also by the mark, which costs more; without it only when nothing else is left
   */
  look(marks = false): { readonly ours: readonly Process[]; readonly strangers: boolean } {
    const { table } = this.#tools;
    const { pgid, boot, mark } = this.#record;
    if (boot !== "" && boot !== table.boot()) return { ours: [], strangers: false };
    // Never this process.
    const others = table.all().filter((one) => one.pid !== Deno.pid);
    const members = others.filter((one) => one.pgid === pgid && pgid !== 0);
    const whole = (proven: readonly Process[]): Process[] => {
      const one = proven.some((process) => members.includes(process));
      return [...new Set(one ? [...members, ...proven] : proven)];
    };
    let ours = whole(others.filter((one) => this.#isKnown(one)));
    if (mark !== "" && (marks || ours.length === 0)) {
      ours = whole([...ours, ...table.marked(MARK, mark, others)]);
    }
    for (const { pid, start } of ours) this.#known.set(pid, start);
    return { ours, strangers: members.length > 0 && ours.length === 0 };
  }

  /**
   * Takes all that bear the group's number for its own. Only for who has just seen its leader end: as
   * long as a member lives the number is not given to others.
   */
  claim(): void {
    for (const { pid, pgid, start } of this.#tools.table.all()) {
      if (pgid === this.#record.pgid && pid !== Deno.pid) this.#known.set(pid, start);
    }
  }

  #isKnown({ pid, start }: Process): boolean {
    const { pid: leader, startTime } = this.#record;
    return (pid === leader && startTime !== "" && start === startTime) ||
      this.#known.get(pid) === start;
  }

  /** Ends it: see `endGroup`. */
  async end(graceMs: number): Promise<GroupEnd> {
    const first = this.look(true);
    if (first.ours.length === 0) {
      return { outcome: first.strangers ? "stranger" : "gone", left: [] };
    }
    const asked = new Set<number>();
    let left = await this.#gone(graceMs, (ours) => {
      const fresh = ours.filter(({ pid }) => !asked.has(pid));
      for (const { pid } of fresh) asked.add(pid);
      // One that is stopped could not hear it.
      for (const signal of ["SIGTERM", "SIGCONT"] as const) this.#signal(fresh, signal);
    });
    if (left.length > 0) {
      // Again and again: one may have been born while the others died.
      left = await this.#gone(TIMES.agentKillMs, (ours) => this.#signal(ours, "SIGKILL"));
    }
    return left.length === 0
      ? { outcome: "ended", left: [] }
      : { outcome: "survived", left: left.map(({ pid }) => pid) };
  }

  /** Waits until nothing lives; gives what does at the end of the time. */
  async #gone(
    withinMs: number,
    each: (ours: readonly Process[]) => void,
  ): Promise<readonly Process[]> {
    const deadline = performance.now() + withinMs;
    for (let pauseMs = 2;; pauseMs = Math.min(pauseMs * 2, TIMES.agentLookMs)) {
      const { ours } = this.look();
      if (ours.length === 0) return [];
      if (performance.now() >= deadline) return ours;
      each(ours);
      await new Promise((wake) => setTimeout(wake, pauseMs));
    }
  }

  #signal(ours: readonly Process[], signal: Deno.Signal): void {
    const { pgid } = this.#record;
    const { table, kill } = this.#tools;
    // Looked at once more: between two looks a number may have become another's.
    const now = new Map(table.all().map((one) => [one.pid, one]));
    const here = ours.filter(({ pid, start }) => now.get(pid)?.start === start);
    const inGroup = here.filter((one) => one.pgid === pgid && pgid !== 0);
    // The whole group at once: nobody of it can start another meanwhile and be missed.
    if (inGroup.length > 0 && pgid !== now.get(Deno.pid)?.pgid) send(() => kill(-pgid, signal));
    else for (const { pid } of inGroup) send(() => kill(pid, signal));
    for (const { pid } of here.filter((one) => !inGroup.includes(one))) {
      send(() => kill(pid, signal));
    }
  }
}

function send(kill: () => void): void {
  try {
    kill();
  } catch (thrown) {
    // It has ended meanwhile, or became another user's: then it is named as left.
    const { NotFound, PermissionDenied } = Deno.errors;
    if (!(thrown instanceof NotFound || thrown instanceof PermissionDenied)) throw thrown;
  }
}
