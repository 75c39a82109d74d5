// The store's write-ahead log: whether it is still the one that was written to, and what keeps it short.
// The newest commits live in it alone.

import { Refusal } from "../core/errors.ts";
import { sizeOf } from "../core/folders.ts";
import type { Connection } from "./connection.ts";
import type { Checkpoint, LogState } from "./engine.ts";
import { CODE, codeOf } from "./faults.ts";

/** What stands before each page in the log. */
const FRAME_HEAD_BYTES = 24;

export class WriteAheadLog {
  readonly #path: string;
  readonly #connect: () => Connection;
  #connection: Connection | null = null;
  #ino: number | null = null;

  /** `connect` makes the connection for the upkeep, which may wait for readers and writers. */
  constructor(database: string, connect: () => Connection) {
    this.#path = `${database}-wal`;
    this.#connect = connect;
  }

  /** Asked before each commit: without the log that it goes into it is not kept. */
  assertOurs(): void {
    let ino: number | null;
    try {
      ino = Deno.statSync(this.#path).ino;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
      throw new Refusal("STORE_GONE", "the store's write-ahead log was deleted under this session");
    }
    this.#ino ??= ino;
    if (ino === this.#ino) return;
    throw new Refusal("STORE_REPLACED", "the store's write-ahead log was replaced");
  }

  /** As the engine promises. */
  checkpoint(fromBytes: number, restartFromBytes: number): Checkpoint | null {
    // The file keeps its size when the log begins anew; what is in it, SQLite tells.
    if (sizeOf(this.#path) < Math.min(fromBytes, restartFromBytes)) return null;
    const before = this.#move("NOOP");
    if (before === null) return null;
    if (before.pendingBytes < fromBytes && before.bytes < restartFromBytes) return null;
    // In nobody's way. If it copied everything, the next writer begins the log anew by itself.
    const moved = this.#move("PASSIVE") ?? before;
    if (before.bytes < restartFromBytes) return { before, after: moved };
    // Where writers never pause none does; then they are held up for what came since, and a sync.
    return { before, after: this.#move("RESTART") ?? moved };
  }

  /** As the engine promises. */
  shrink(toBytes: number): void {
    if (sizeOf(this.#path) > toBytes) this.#move("TRUNCATE");
  }

  close(): void {
    this.#connection?.close();
  }

  /** Null where somebody reads or writes: the next tick tries again. */
  #move(how: "NOOP" | "PASSIVE" | "RESTART" | "TRUNCATE"): LogState | null {
    const connection = this.#connection ??= this.#connect();
    try {
      type Moved = { readonly log: number; readonly checkpointed: number };
      const moved = connection.prepare(`PRAGMA wal_checkpoint(${how})`).get() as Moved;
      type Page = { readonly page_size: number };
      const { page_size: pageBytes } = connection.prepare("PRAGMA page_size").get() as Page;
      const frameBytes = pageBytes + FRAME_HEAD_BYTES;
      return {
        bytes: moved.log * frameBytes,
        pendingBytes: (moved.log - moved.checkpointed) * frameBytes,
      };
    } catch (thrown) {
      if (codeOf(thrown) === CODE.busy || codeOf(thrown) === CODE.locked) return null;
      throw thrown;
    }
  }
}
