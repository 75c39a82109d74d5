// What a door gives to a node with a call, and gets back.

import type { Answer } from "../perform.ts";
import type { Offer } from "./mail.ts";

/** How a call wants to be answered. */
export interface CallOptions {
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Who the call says it is. */
  readonly claims?: readonly string[] | undefined;
  /** Only looks: no mail rides on the answer, and messages that it shows are not offered by it. */
  readonly peek?: boolean;
  /** A subagent that acts under this peer's name. */
  readonly label?: string | undefined;
}

/** An answer, with the messages that it shows. */
export interface Called {
  readonly answer: Answer;
  /** Flush it once the answer went out; withdraw it if it never does. */
  readonly offer: Offer;
}
