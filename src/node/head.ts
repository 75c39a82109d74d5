// The leader's duty for the `head` file: before it is written for the first time, what it says is
// compared with the store. A store that was put back to an older copy, or whose head was taken away,
// is written down, so that no later head hides it.

import { Refusal } from "../core/errors.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { SYSTEM } from "../message/notice.ts";
import { dropHead, readHead, removeHalfHeads, writeHead } from "../store/headfile.ts";
import type { Head } from "../store/journal.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Store } from "../store/unit.ts";

/** What the keeper may do as whoever keeps the head. */
export interface Keeping {
  /** A write of the keeper. */
  write(body: (unit: Unit) => Promise<void>): Promise<void>;
  /** Whether it is still the one; asked in the transaction that reads the head. */
  current(tx: Tx): Promise<boolean>;
}

/** Set once a head was written: from then on it has to be there. */
const KEPT = "head_kept";

export class HeadKeeper {
  readonly #store: Store;
  #written: Head | null = null;
  #compared = false;
  #kept = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Writes the head if it moved. */
  async keep(keeping: Keeping): Promise<void> {
    const { folder, secret, engine } = this.#store;
    if (!this.#compared) await this.#compare(keeping);
    this.#compared = true;
    const before = this.#written;
    const { row, then } = await engine.read(async (tx) => ({
      row: await keeping.current(tx) ? await newest(tx) : undefined,
      then: before === null ? undefined : await rowAt(tx, before.seq),
    }));
    if (row === undefined || before?.seq === row.seq) return;
    // The file still knows what was there: it stays as it is, or nobody could tell any more.
    if (before !== null && then?.mac !== before.mac) {
      throw new Refusal("STORE_REPLACED", `row ${before.seq} of the journal is not what it was`);
    }
    writeHead(folder, secret, row);
    this.#written = row;
    // After the file is there: who dies in between has only not said so yet.
    if (!this.#kept) await keeping.write(({ tx }) => setMeta(tx, KEPT, "1"));
    this.#kept = true;
  }

  async #compare(keeping: Keeping): Promise<void> {
    const { folder, secret, engine } = this.#store;
    removeHalfHeads(folder, Date.now());
    const head = readHead(folder, secret);
    const found = await engine.read(async (tx) => ({
      kept: await getMeta(tx, KEPT) !== undefined,
      last: await newest(tx),
      there: head.kind === "signed" ? await rowAt(tx, head.seq) : undefined,
    }));
    this.#kept = found.kept;
    const newestSeq = found.last?.seq ?? 0;
    if (head.kind === "signed") {
      // Rows that retention has dropped cannot be compared; they are older than any head in use.
      const dropped = found.there === undefined && head.seq <= newestSeq;
      if (dropped || found.there?.mac === head.mac) return;
    } else if (!found.kept) return;
    await keeping.write((unit) => {
      const known = head.kind === "signed" ? { head_seq: head.seq, head_mac: head.mac } : {};
      unit.record({
        actor: SYSTEM,
        op: head.kind === "signed" ? "older_copy" : "head_lost",
        subject: "home/store",
        detail: { head: head.kind, ...known, store_seq: newestSeq },
      });
      return Promise.resolve();
    });
    dropHead(folder);
  }
}

function newest(tx: Tx): Promise<Head | undefined> {
  return tx.get<Head>("SELECT seq, mac FROM journal ORDER BY seq DESC LIMIT 1");
}

function rowAt(tx: Tx, seq: number): Promise<Head | undefined> {
  return tx.get<Head>("SELECT seq, mac FROM journal WHERE seq = ?", seq);
}
