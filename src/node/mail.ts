// What this incarnation has been shown. A message is offered when the answer that carries it was
// flushed, and seen when a later request shows that the model went on; where the client's hooks tell
// of its steps, they say it more exactly. The memory of the process
// decides what is offered (nobody else can offer to this incarnation); the marks in the store, for the
// sender and for a later life, are written behind (marks.ts).

import type { Answer } from "../perform.ts";
import { head } from "../core/text.ts";
import type { Tx } from "../core/transaction.ts";
import { LIMITS } from "../core/limits.ts";
import type { Shown } from "../core/operation.ts";
import { shownMessage } from "../message/operations.ts";
import { countUnread, markQueued, offeredTo, unreadAndOffered } from "../message/deliveries.ts";
import { commit, type Store } from "../store/unit.ts";
import { type Batch, Marks } from "./marks.ts";

/** How far unread mail is counted: past that, there is simply much. */
const COUNTED = 1_000;

/** The messages that one answer carries. */
export class Offer {
  readonly ids = new Set<number>();
  readonly #mail: Mail;
  #inRequest = false;
  #settle: ((kept: boolean) => void) | null = null;

  constructor(mail: Mail) {
    this.#mail = mail;
  }

  add(message: number): void {
    this.ids.add(message);
    this.#mail.take(message);
  }

  /** Marks that are due go along with the write of this call. */
  async markWithin(tx: Tx, at: string): Promise<void> {
    this.#settle = await this.#mail.markWithin(tx, at);
  }

  /** That write is committed. */
  committed(): void {
    this.#settle?.(true);
    this.#settle = null;
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
    this.#settle?.(false);
    this.#settle = null;
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
  /** What the store was told to queue again: a reader with an older snapshot finds it offered still. */
  readonly #queuedAgain = new Set<number>();
  readonly #marks: Marks;

  constructor(store: Store, peer: string, incarnation: string) {
    this.#store = store;
    this.#peer = peer;
    this.#incarnation = incarnation;
    this.#marks = new Marks(store, peer, incarnation, (batch) => this.#marked(batch));
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
    this.#queuedAgain.delete(message);
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
    for (const id of this.#flushed) this.#marks.due.seen.add(id);
    this.#flushed.clear();
    this.#marks.soon();
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
      if (this.#flushed.delete(id)) this.#marks.due.seen.add(id);
    }
    this.#requested.clear();
    this.#marks.soon();
  }

  flushed(ids: ReadonlySet<number>): void {
    if (ids.size === 0) return;
    for (const id of ids) {
      this.#flushed.add(id);
      this.#marks.due.offered.add(id);
    }
    this.#marks.soon();
  }

  /**
   * A client drops the answer to what it gave up: its messages are due again, also if a call that was
   * sent beside it has shown them as seen.
   */
  recall(ids: ReadonlySet<number>): void {
    const { due } = this.#marks;
    for (const id of ids) {
      this.#flushed.delete(id);
      due.seen.delete(id);
      // Known to the store or about to be: only it can make the message due again.
      if (due.offered.delete(id)) this.giveBack(id);
      else due.queued.add(id);
    }
    if (due.queued.size > 0) this.#marks.soon();
  }

  /**
   * Unread mail to ride on an answer: how much there is and the first few. Long messages are shown
   * in part, once, and stay unread until `check` shows them whole.
   */
  async ride(tx: Tx, offer: Offer): Promise<Answer | null> {
    const most = LIMITS.mailMessages + this.#previewed.size;
    const { unread: rows, offered } = await unreadAndOffered(
      tx,
      this.#peer,
      this.#incarnation,
      most,
      this,
    );
    this.#noteShell(offered);
    if (rows.length === 0) return null;
    const total = rows.length < most
      ? rows.length
      : await countUnread(tx, this.#peer, this.#incarnation, COUNTED, this);
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
  #noteShell(offered: readonly number[]): void {
    for (const id of offered) {
      if (this.#shown.has(id) || this.#queuedAgain.has(id)) continue;
      this.#shown.add(id);
      this.#flushed.add(id);
    }
  }

  /** Offered in this peer's name by another process that nobody listened to: due again. */
  async takeBack(): Promise<void> {
    await commit(this.#store, async ({ tx }) => {
      const ids = await offeredTo(tx, this.#peer, this.#incarnation);
      const foreign = ids.filter((id) => !this.#shown.has(id));
      for (const id of foreign) this.#queuedAgain.add(id);
      await markQueued(tx, this.#peer, foreign, this.#incarnation);
    });
  }

  /** Writes the marks that are due inside a write of the peer's own; see `Marks.within`. */
  markWithin(tx: Tx, at: string): Promise<((kept: boolean) => void) | null> {
    return this.#marks.within(tx, at);
  }

  /** Writes the marks that are due. */
  write(): Promise<void> {
    return this.#marks.write();
  }

  /** Writes what is due, at the end. */
  close(): Promise<void> {
    return this.#marks.close();
  }

  #marked({ offered, queued }: Batch): void {
    for (const id of offered) this.#unmarked.delete(id);
    for (const id of queued) {
      this.#queuedAgain.add(id);
      this.giveBack(id);
    }
  }
}
