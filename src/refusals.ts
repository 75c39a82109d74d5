// What is kept of a refusal: who, which operation, which code, which field and how large; never what
// it said. One journal row for each of them and minute, written behind the answer: a refusal waits
// for nobody. Refusals by filter and rate are written at once, since they are counted against the
// peer, which is paused when there are too many: somebody runs wild or was taken over.

import type { Store } from "./store/unit.ts";
import { commit } from "./store/unit.ts";
import { ERRORS, type Refusal } from "./core/errors.ts";
import { LIMITS, TIMES } from "./core/limits.ts";
import type { Unit } from "./core/transaction.ts";
import { notify, SYSTEM } from "./message/notice.ts";
import { stillAlive } from "./peer/life.ts";
import { strike } from "./peer/rules.ts";
import { pause, setStrikes } from "./peer/standing.ts";
import { architectOf, peerById, type PeerRow } from "./peer/table.ts";
import { type Claims, readToken } from "./peer/token.ts";
import { countRefusal } from "./store/refusals.ts";

/** Refusals that count against a peer. */
const STRIKES: ReadonlySet<string> = new Set(["RATE_LIMITED", "CONTENT_REFUSED"]);
/** In whose name a refusal is kept when nobody could be identified. */
export const NOBODY = "nobody";
const MINUTE_MS = 60_000;

/** A refusal as it is kept. */
interface Note {
  readonly claims: Claims | null;
  readonly op: string;
  readonly code: string;
  readonly field: string | null;
  readonly characters: number;
}

/** The refusals of one process in one store. */
class RefusalLog {
  readonly #store: Store;
  /** Written already in this minute, and how often since. */
  readonly #repeats = new Map<string, { note: Note; minute: number; times: number }>();
  #writing: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Notes that a busy store did not take: the next one says how many. */
  #unwritten = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves once it is written where that matters; never rejects. */
  async add(note: Note): Promise<void> {
    if (STRIKES.has(note.code)) return await this.#write(note, 1);
    const minute = Math.floor(Date.now() / MINUTE_MS);
    const key = JSON.stringify([note.claims?.peer, note.op, note.code]);
    const known = this.#repeats.get(key);
    if (known !== undefined && known.minute === minute) {
      known.times += 1;
      this.#timer ??= setTimeout(() => void this.settled(), TIMES.refusalsMs);
      Deno.unrefTimer(this.#timer);
      return;
    }
    if (known !== undefined) this.#flush(known);
    this.#repeats.set(key, { note, minute, times: 0 });
    void this.#write(note, 1);
  }

  /** Writes what was only counted so far. */
  settled(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const repeat of this.#repeats.values()) this.#flush(repeat);
    return this.#writing;
  }

  #flush(repeat: { note: Note; times: number }): void {
    const { note, times } = repeat;
    repeat.times = 0;
    if (times > 0) void this.#write(note, times);
  }

  #write(note: Note, times: number): Promise<void> {
    const unwritten = this.#unwritten;
    const mine = this.#writing.then(() =>
      commit(this.#store, (unit) => keep(unit, note, times, unwritten))
    );
    this.#writing = mine.then(() => void (this.#unwritten -= unwritten), () => {
      this.#unwritten += times;
    });
    return this.#writing;
  }
}

const logs = new WeakMap<Store, RefusalLog>();

function logOf(store: Store): RefusalLog {
  let log = logs.get(store);
  if (log === undefined) logs.set(store, log = new RefusalLog(store));
  return log;
}

/** Keeps what may be kept of a refusal. Never rejects: the refusal is what the caller is told. */
export async function noteRefusal(
  store: Store,
  token: string,
  op: string,
  refusal: Refusal,
  characters: number,
): Promise<void> {
  const { code, details } = refusal;
  const { ended } = refusal;
  // The refusal speaks of what that end has changed. If it fails, whoever comes next ends it.
  if (ended !== null) await commit(store, (unit) => stillAlive(unit, ended)).catch(() => {});
  // A store that refuses cannot be asked to write that down; a cancelled call was nobody's fault.
  if (ERRORS[code].http >= 499) return;
  const field = fieldOf(details["field"]);
  await logOf(store).add({ claims: claimsOf(store, token), op, code, field, characters });
}

/** Waits until everything that was noted is written, at the end of a process. */
export async function refusalsWritten(store: Store): Promise<void> {
  await logs.get(store)?.settled();
}

/** The name of an unknown field is the caller's own text: kept only if it looks like a name. */
function fieldOf(field: unknown): string | null {
  return typeof field === "string" && /^[\w.-]{1,64}$/.test(field) ? field : null;
}

function claimsOf(store: Store, token: string): Claims | null {
  try {
    return readToken(store.secret, token);
  } catch {
    // Nobody we know: that is what is kept.
    return null;
  }
}

async function keep(unit: Unit, note: Note, times: number, unwritten: number): Promise<void> {
  const { claims, op, code, field, characters } = note;
  const row = claims === null ? undefined : await peerById(unit.tx, claims.peer);
  const actor = row?.name ?? NOBODY;
  const earlier = await countRefusal(unit.tx, actor, op, code, times, unit.at);
  if (earlier !== null) {
    unit.record({
      actor,
      op: "refuse",
      subject: `peer/${actor}`,
      detail: {
        op,
        code,
        field,
        characters,
        ...(earlier === 0 ? {} : { further: earlier }),
        ...(unwritten === 0 ? {} : { unwritten }),
      },
    });
  }
  const current = row !== undefined && row.incarnation === claims?.incarnation;
  if (current && STRIKES.has(code)) await countStrike(unit, row);
}

async function countStrike(unit: Unit, row: PeerRow): Promise<void> {
  const strikes = strike(
    { count: row.strikes, atS: row.strikes_at_s },
    unit.upS,
    LIMITS.strikesDecayPerMinute,
  );
  await setStrikes(unit.tx, row.id, strikes.count, strikes.atS);
  // What decayed within the run of them does not make it one more.
  if (
    Math.ceil(strikes.count) < LIMITS.strikes || row.paused_at !== null || row.role === "operator"
  ) return;
  const why = `${LIMITS.strikes} of its calls were refused by content filter or rate limit`;
  await pause(unit.tx, row.id, { at: unit.at, by: SYSTEM, why });
  unit.record({ actor: SYSTEM, op: "pause", subject: `peer/${row.name}`, detail: { why } });
  const architect = await architectOf(unit.tx, row.project);
  if (architect === undefined || architect.id === row.id) return;
  await notify(unit, [architect.id], {
    project: row.project,
    category: "alert",
    content: `${row.name} is paused: ${why}. control with action resume lets it go on.`,
  });
}
