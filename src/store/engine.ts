// The engine: what skein needs of whatever keeps its state, and nothing more. One engine exists
// (sqlite.ts); the contract test runs against any other. An engine guarantees:
//  - a write is atomic, isolated from all other writes, and durable against process death once
//    the promise resolves; if its body throws, nothing of it is stored;
//  - a read sees one snapshot, and never waits for a writer;
//  - a held name is freed by the death of its process, at once and by nothing else;
//  - a ring may be lost or come twice: it only makes somebody look.

import type { Presence, Tx } from "../core/transaction.ts";

/** A presence that this process holds for as long as it lives. */
export interface Hold {
  /** Shows that the event loop turns; makes the presence again if somebody removed it. */
  pulse(): void;
  /**
   * Gives the presence up. `told` says that the store knows: only then nothing is left behind. A
   * file that stays shows, unlocked, that its holder is gone.
   */
  release(told: boolean): void;
}

/** The receiving end of rings. */
export interface Bell {
  /** What others ring: stored in the peer's row. Never 0. */
  readonly address: number;
  /**
   * Says whether anybody would hear it: a quiet bell is not rung. It is loud until told otherwise, and
   * has to be made loud before its owner looks for what it would be rung for.
   */
  quiet(on: boolean): void;
  close(): void;
}

/** What is in the write-ahead log, in bytes; its file may be larger. */
export interface LogState {
  readonly bytes: number;
  /** What is not in the store's file yet. */
  readonly pendingBytes: number;
}

/** What a checkpoint did. */
export interface Checkpoint {
  readonly before: LogState;
  readonly after: LogState;
}

export interface Engine {
  /**
   * Runs `body` alone among all writers. The body may await nothing but its transaction.
   * @throws Refusal `STORE_BUSY`, `STORE_GONE`, `STORE_REPLACED`, `STORE_FULL`, `STORE_DAMAGED`,
   * or whatever the body throws; in every case nothing is stored
   */
  write<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs `body` on a snapshot. The body may await nothing but its transaction. */
  read<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** Takes the presence `name`, which is never used twice. */
  hold(name: string): Hold;
  /** Whether somebody holds `name`. */
  held(name: string): Presence;
  /** A value that changes with every pulse of `name`; null if nobody can tell. */
  pulseOf(name: string): number | null;
  /** Resolves when `name` is free; at once, with `missing`, if nobody can tell. */
  freed(name: string): Promise<"freed" | "missing">;
  /** Removes what a dead holder of `name` left behind. */
  forget(name: string): void;
  /** Every presence of which something is there, held or left behind. */
  presences(): string[];
  /** Listens for rings. */
  bell(onRing: () => void): Promise<Bell>;
  /**
   * Whether the bell at this address has no owner any more: true proves that the process that listened
   * there has ended, false proves nothing. Never throws.
   */
  deserted(address: number): Promise<boolean>;
  /** Rings bells; repeated rings within a millisecond become one. Never throws. */
  ring(addresses: Iterable<number>): void;
  /** Whether another process has committed since the last call. */
  changed(): boolean;
  /** Throws the refusal if the store was deleted or replaced under this process. */
  assertOurs(): void;
  /**
   * Moves the write-ahead log into the file if `fromBytes` are not there yet, in nobody's way; a log of
   * `restartFromBytes` also begins anew, for which writers wait some milliseconds. Its file keeps its
   * size: to give it back and to take it again is what takes long.
   */
  checkpoint(fromBytes: number, restartFromBytes: number): Checkpoint | null;
  /** Gives back the file of a log that is larger than this, for when nobody writes. */
  shrinkLog(toBytes: number): void;
  /** Frees everything; afterwards every call is refused. */
  close(): void;
}
