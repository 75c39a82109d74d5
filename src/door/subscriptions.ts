// What the client wants to be told of: resources by their URIs, announced when the journal says that
// something about them has changed.

import type { Node } from "../node/node.ts";
import { urisOf } from "./resources.ts";

export class Subscriptions {
  /** URIs as the client wrote them, by their one spelling. */
  readonly #subscribed = new Map<string, string>();
  readonly #announce: (uri: string) => Promise<void>;
  readonly #complain: (thrown: unknown) => void;
  /** How to stop listening, as soon as that has begun: clients subscribe to several things at once. */
  #stop: Promise<() => Promise<void>> | null = null;

  constructor(announce: (uri: string) => Promise<void>, complain: (thrown: unknown) => void) {
    this.#announce = announce;
    this.#complain = complain;
  }

  async add(own: string, asWritten: string, node: Node): Promise<void> {
    this.#subscribed.set(own, asWritten);
    const listening = this.#stop ??= node.listen((subjects) => {
      const changed = new Set(subjects.flatMap(urisOf).filter((one) => this.#subscribed.has(one)));
      void this.#tell(changed, node).catch((thrown) => this.#complain(thrown));
    });
    try {
      await listening;
    } catch (thrown) {
      if (this.#stop === listening) this.#stop = null;
      this.#subscribed.delete(own);
      throw thrown;
    }
  }

  async #tell(changed: ReadonlySet<string>, node: Node): Promise<void> {
    for (const one of changed) {
      // Messages of others change no inbox of ours.
      if (one === "skein://inbox" && !await node.hasUnread()) continue;
      await this.#announce(this.#subscribed.get(one) ?? one);
    }
  }

  async remove(own: string): Promise<void> {
    this.#subscribed.delete(own);
    if (this.#subscribed.size > 0 || this.#stop === null) return;
    const stop = this.#stop;
    this.#stop = null;
    await (await stop)();
  }
}
