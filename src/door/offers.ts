// Mail on the answers of this session, by request. It is offered when its answer was written out, and
// due again where the client has given the call up: before the answer, or while the two crossed.

import { TIMES } from "../core/limits.ts";
import type { Offer } from "../node/mail.ts";
import type { Extra } from "./reply.ts";

type RequestId = Extra["requestId"];

export class Offers {
  /** On answers that are not written out yet. */
  readonly #waiting = new Map<RequestId, Offer>();
  /** On answers that went out since the last call, or a moment ago. */
  readonly #answered = new Map<RequestId, { readonly offer: Offer; readonly atMs: number }>();

  /** The answer of a cancelled call is never sent: what it would have shown is offered again. */
  carry({ requestId, signal }: Pick<Extra, "requestId" | "signal">, offer: Offer): void {
    if (signal.aborted) return offer.withdraw();
    if (offer.ids.size === 0) return;
    this.#waiting.set(requestId, offer);
    signal.addEventListener("abort", () => {
      if (this.#waiting.delete(requestId)) offer.withdraw();
    }, { once: true });
  }

  /** The answer went out. */
  flushed(id: RequestId): void {
    const offer = this.#waiting.get(id);
    if (offer === undefined) return;
    this.#waiting.delete(id);
    offer.flushed();
    // At the end, also where an answer under the same number went out before.
    this.#answered.delete(id);
    this.#answered.set(id, { offer, atMs: performance.now() });
  }

  /** Given up: if the answer has crossed that on its way, the client drops it. */
  recall(id: RequestId): void {
    this.#answered.get(id)?.offer.recall();
  }

  /** A call came, perhaps sent beside one that is given up: of that one's answer it says nothing. */
  forget(): void {
    const fromMs = performance.now() - TIMES.crossingMs;
    // Oldest first: whoever calls often has many that are young.
    for (const [id, { atMs }] of this.#answered) {
      if (atMs >= fromMs) return;
      this.#answered.delete(id);
    }
  }
}
