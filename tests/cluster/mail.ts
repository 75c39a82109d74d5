// What the model would have read: the messages in an answer, by whatever way they came.

import type { Peer, Reply } from "../support/peer.ts";

/** A message as an answer shows it. */
export interface Shown {
  readonly id: string;
  readonly from: string;
  readonly content: string;
}

/** Every message in an answer: those of `check`, and those that ride on any other. */
export function shownIn(reply: Reply): Shown[] {
  const { messages, mail } = reply.json as { messages?: Shown[]; mail?: { messages: Shown[] } };
  return [...messages ?? [], ...mail?.messages ?? []];
}

/** Reads until nothing more comes, waiting a moment for what is still on its way back. */
export async function drain(peer: Peer): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (;;) {
    const more = shownIn(await peer.call("check", { wait_ms: 200 }));
    if (more.length === 0) return shown;
    shown.push(...more);
  }
}
