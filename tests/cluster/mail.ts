// What the model would have read: the messages in an answer, by whatever way they came.

import type { Reply } from "../support/peer.ts";

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
