// The leader's duty for the `head` file: before it is written for the first time, what it says is
// compared with the store. A store that was put back to an older copy is written down, so that no
// later head hides it.

import type { Unit } from "../core/transaction.ts";
import { SYSTEM } from "../message/notice.ts";
import { readHead, writeHead } from "../store/headfile.ts";
import type { Head } from "../store/journal.ts";
import type { Store } from "../store/unit.ts";

export class HeadKeeper {
  readonly #store: Store;
  #written = -1;
  #compared = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Writes the head if it moved. `write` runs a write of the leader. */
  async keep(write: (body: (unit: Unit) => Promise<void>) => Promise<void>): Promise<void> {
    const { folder, secret } = this.#store;
    if (!this.#compared) await this.#compare(write);
    this.#compared = true;
    const row = await this.#row();
    if (row === undefined || this.#written === row.seq) return;
    writeHead(folder, secret, row);
    this.#written = row.seq;
  }

  async #compare(write: (body: (unit: Unit) => Promise<void>) => Promise<void>): Promise<void> {
    const head = readHead(this.#store.folder, this.#store.secret);
    if (head.kind !== "signed") return;
    const { seq: newest = 0 } = await this.#row() ?? {};
    const there = await this.#row(head.seq);
    // Rows that retention has dropped cannot be compared; they are older than any head in use.
    const dropped = there === undefined && head.seq <= newest;
    if (dropped || there?.mac === head.mac) return;
    await write((unit) => {
      unit.record({
        actor: SYSTEM,
        op: "older_copy",
        subject: "home/store",
        detail: { head_seq: head.seq, head_mac: head.mac, store_seq: newest },
      });
      return Promise.resolve();
    });
  }

  #row(seq?: number): Promise<Head | undefined> {
    return this.#store.engine.read((tx) =>
      seq === undefined
        ? tx.get<Head>("SELECT seq, mac FROM journal ORDER BY seq DESC LIMIT 1")
        : tx.get<Head>("SELECT seq, mac FROM journal WHERE seq = ?", seq)
    );
  }
}
