// The sending end of bells, and whether the other end is still there. The first ring goes out at once;
// further rings of the same bell within a millisecond become one, sent when it has passed. Rings are
// hints: a lost one is made good by the listener's safety poll.

import { createSocket, type Socket } from "node:dgram";
import { TIMES } from "../core/limits.ts";

const DATAGRAM = new Uint8Array([1]);

export class Ringer {
  #socket: Socket | null = null;
  /** Bells rung within the last millisecond: whether another ring is due at its end. */
  readonly #recent = new Map<number, boolean>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  ring(address: number): void {
    if (!Number.isInteger(address) || address < 1 || address > 65_535) return;
    if (this.#recent.has(address)) {
      this.#recent.set(address, true);
      return;
    }
    this.#recent.set(address, false);
    this.#send(address);
    this.#timer ??= setTimeout(() => this.#flush(), TIMES.ringMs);
  }

  #flush(): void {
    this.#timer = null;
    const due = [...this.#recent].filter(([, again]) => again).map(([address]) => address);
    this.#recent.clear();
    for (const address of due) this.ring(address);
  }

  #send(address: number): void {
    if (this.#socket === null) {
      this.#socket = createSocket("udp4");
      // Nobody listens there any more: the peer's row will say so soon.
      this.#socket.on("error", () => {});
      this.#socket.unref();
      // On loopback, or it would be bound to every address with its first datagram.
      this.#socket.bind(0, "127.0.0.1");
    }
    this.#socket.send(DATAGRAM, address, "127.0.0.1", () => {});
  }

  close(): void {
    if (this.#timer !== null) this.#flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#socket?.close();
    this.#socket = null;
  }
}

/**
 * Whether nobody has this port any more. Whoever lives has its bell bound, also while it is stopped, and
 * nobody else gets it; what cannot be bound for any other reason proves nothing.
 */
export async function deserted(address: number): Promise<boolean> {
  if (!Number.isInteger(address) || address < 1 || address > 65_535) return false;
  const socket = createSocket("udp4");
  const bound = await new Promise<boolean>((done) => {
    socket.once("error", () => done(false));
    socket.bind({ port: address, address: "127.0.0.1", exclusive: true }, () => done(true));
  });
  await new Promise<void>((done) => socket.close(() => done()));
  return bound;
}
