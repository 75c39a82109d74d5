// What this incarnation has been shown. A message is offered when the answer that carries it was
// flushed, and seen when a later request shows that the model went on; where the client's hooks tell
// of its steps, they say it more exactly. The memory of the process
// decides what is offered (nobody else can offer to this incarnation); the marks in the store are
// written behind, for the sender and for a later life. If they are lost with the process, the
// message is offered again to the next one: never to none.

import type { Answer } from "../perform.ts";
import { head } from "../core/text.ts";
import type { Tx } from "../core/transaction.ts";
import { LIMITS } from "../core/limits.ts";
import type { Shown } from "../core/operation.ts";
import { shownMessage } from "../message/operations.ts";
import {
  countUnread,
  markOffered,
  markQueued,
  markSeen,
  offeredTo,
  unread,
} from "../message/table.ts";
import { peerByIncarnation } from "../peer/table.ts";
import { commit, type Store } from "../store/unit.ts";

/** How far unread mail is counted: past that, there is simply much. */
const COUNTED = 1_000;
/** Delay before marks are written, so that many become one transaction. */
const WRITE_BEHIND_MS = 5;
/** Delay before marks are written again that a busy store did not take. */
const WRITE_AGAIN_MS = 1_000;

/** The messages that one answer carries. */
export class Offer {
  readonly ids = new Set<number>();
  readonly #mail: Mail;
  #inRequest = false;

  constructor(mail: Mail) {
    this.#mail = mail;
  }

  add(message: number): void {
    this.ids.add(message);
    this.#mail.take(message);
  }

  /** The answer is part of the model's next request, not the result of a tool. */
  inRequest(): this {
    this.#inRequest = true;
    return this;
  }

  /** The answer went out. */
  flushed(): void {
    this.#mail.flushed(this.ids);
    if (this.#inRequest) this.#mail.requested();
  }

  /** The answer went out, but the client had given the call up and dropped it. */
  recall(): void {
    this.#mail.recall(this.ids);
    this.ids.clear();
  }

  /** The answer was never sent: the messages are offered again. */
  withdraw(): void {
    for (const id of this.ids) this.#mail.giveBack(id);
    this.ids.clear();
  }
}

export class Mail implements Shown {
  readonly #store: Store;
  readonly #peer: string;
  readonly #incarnation: string;
  /** Everything that was shown in this life: a reader whose snapshot is older than a mark asks it. */
  readonly #shown = new Set<number>();
  /** Of those, what the store does not know yet. */
  readonly #unmarked = new Set<number>();
  /** Offered and flushed, not yet known to be seen. */
  readonly #flushed = new Set<number>();
  /** Of those, what is part of the model's next request; only where hooks tell of it. */
  readonly #requested = new Set<number>();
  /** Hooks tell of the model's steps: a mere call says nothing, it may stand beside the others. */
  #hooked = false;
  readonly #previewed = new Set<number>();
  #toOffer = new Set<number>();
  #toSee = new Set<number>();
  #toQueue = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Store, peer: string, incarnation: string) {
    this.#store = store;
    this.#peer = peer;
    this.#incarnation = incarnation;
  }

  has(message: number): boolean {
    return this.#shown.has(message);
  }

  get unmarked(): number {
    return this.#unmarked.size;
  }

  /** A message goes out with an answer. */
  take(message: number): void {
    this.#shown.add(message);
    this.#unmarked.add(message);
  }

  /** It did not. */
  giveBack(message: number): void {
    this.#shown.delete(message);
    this.#unmarked.delete(message);
  }

  begin(): Offer {
    return new Offer(this);
  }

  /** A request came in: the model has gone on from whatever was flushed before. */
  received(): void {
    if (this.#hooked || this.#flushed.size === 0) return;
    for (const id of this.#flushed) this.#toSee.add(id);
    this.#flushed.clear();
    this.#writeSoon();
  }

  /** A batch of tools has ended, or a prompt came: what was flushed is in the model's next request. */
  requested(): void {
    this.#hooked = true;
    for (const id of this.#flushed) this.#requested.add(id);
  }

  /** The model has taken a step: it has read its last request. */
  stepped(): void {
    this.#hooked = true;
    if (this.#requested.size === 0) return;
    for (const id of this.#requested) {
      // What was recalled meanwhile is due again.
      if (this.#flushed.delete(id)) this.#toSee.add(id);
    }
    this.#requested.clear();
    this.#writeSoon();
  }

  flushed(ids: ReadonlySet<number>): void {
    if (ids.size === 0) return;
    for (const id of ids) {
      this.#flushed.add(id);
      this.#toOffer.add(id);
    }
    this.#writeSoon();
  }

  /** A client drops the answer to what it gave up: its messages are due again, unless seen. */
  recall(ids: ReadonlySet<number>): void {
    for (const id of ids) {
      if (!this.#flushed.delete(id)) continue;
      // Known to the store or about to be: only it can make the message due again.
      if (this.#toOffer.delete(id)) this.giveBack(id);
      else this.#toQueue.add(id);
    }
    if (this.#toQueue.size > 0) this.#writeSoon();
  }

  /**
   * Unread mail to ride on an answer: how much there is and the first few. Long messages are shown
   * in part, once, and stay unread until `check` shows them whole.
   */
  async ride(tx: Tx, offer: Offer): Promise<Answer | null> {
    const rows = await unread(
      tx,
      this.#peer,
      this.#incarnation,
      LIMITS.mailMessages + this.#previewed.size,
      this,
    );
    await this.#noteShell(tx);
    if (rows.length === 0) return null;
    const total = await countUnread(tx, this.#peer, this.#incarnation, COUNTED, this);
    const messages = [];
    for (const row of rows) {
      if (messages.length === LIMITS.mailMessages) break;
      const { content } = row;
      // Looked at and taken in one go: a call beside this one may have read the same rows.
      if (this.#shown.has(row.id)) continue;
      if (content.length <= LIMITS.mailMessageChars) {
        offer.add(row.id);
        messages.push(shownMessage(row));
      } else if (!this.#previewed.has(row.id)) {
        this.#previewed.add(row.id);
        const start = `${head(content, LIMITS.mailMessageChars)}... (check shows it whole)`;
        messages.push({ ...shownMessage(row), content: start, truncated: true });
      }
    }
    return { unread: total, messages };
  }

  /** What the agent's shell printed in its name: the next request shows that it was read. */
  async #noteShell(tx: Tx): Promise<void> {
    for (const id of await offeredTo(tx, this.#peer, this.#incarnation)) {
      if (this.#shown.has(id)) continue;
      this.#shown.add(id);
      this.#flushed.add(id);
    }
  }

  /** Offered in this peer's name by another process that nobody listened to: due again. */
  async takeBack(): Promise<void> {
    await commit(this.#store, async ({ tx }) => {
      const ids = await offeredTo(tx, this.#peer, this.#incarnation);
      const foreign = ids.filter((id) => !this.#shown.has(id));
      await markQueued(tx, this.#peer, foreign, this.#incarnation);
    });
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => void this.write().catch(() => {}), WRITE_BEHIND_MS);
  }

  /** Writes the marks that are due. */
  write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const offered = this.#toOffer;
    const seen = this.#toSee;
    const queued = this.#toQueue;
    if (offered.size + seen.size + queued.size === 0) return this.#writing;
    this.#toOffer = new Set();
    this.#toSee = new Set();
    this.#toQueue = new Set();
    const mark = (): Promise<void> => this.#mark(offered, seen, queued);
    this.#writing = this.#writing.catch(() => {}).then(mark);
    return this.#writing;
  }

  async #mark(
    offered: ReadonlySet<number>,
    seen: ReadonlySet<number>,
    queued: ReadonlySet<number>,
  ): Promise<void> {
    try {
      await commit(this.#store, async ({ tx, at }) => {
        // A newer life was shown it meanwhile, or will be: what this one saw counts no more.
        if (await peerByIncarnation(tx, this.#incarnation) === undefined) return;
        await markOffered(tx, this.#peer, [...offered], this.#incarnation, at);
        await markSeen(tx, this.#peer, [...seen], this.#incarnation, at);
        await markQueued(tx, this.#peer, [...queued], this.#incarnation);
      });
    } catch (thrown) {
      // Not lost: they are due again with the next mark, and memory still prevents a repeat.
      for (const id of offered) this.#toOffer.add(id);
      for (const id of seen) this.#toSee.add(id);
      for (const id of queued) this.#toQueue.add(id);
      this.#timer ??= setTimeout(() => void this.write().catch(() => {}), WRITE_AGAIN_MS);
      throw thrown;
    }
    for (const id of offered) this.#unmarked.delete(id);
    for (const id of queued) this.giveBack(id);
  }

  /** Writes what is due, at the end. */
  async close(): Promise<void> {
    await this.write();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
