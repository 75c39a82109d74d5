// What a door gives to a node with a call, and gets back; and as whom the node makes it.

import type { Settings } from "../core/operation.ts";
import type { Answer, Caller } from "../perform.ts";
import type { HeldEpochs } from "./epochs.ts";
import type { Life } from "./life.ts";
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

/** What of a node goes into each of its calls. */
export interface Calling {
  /** Calls that the store has not counted yet. */
  readonly calls: { uncounted: number };
  readonly epochs: HeldEpochs;
  readonly project: string;
  readonly folder: string;
  readonly settings: Settings;
  readonly label: string | undefined;
}

/** A life of a node as a caller; without an offer, the messages that are shown count as not shown. */
export function callerOf(life: Life, offer: Offer | null, node: Calling): Caller {
  const { calls, epochs, project, folder, settings, label } = node;
  return {
    label,
    token: life.pass.token,
    renew: (role, now) => life.pass.renew(role, now),
    uncounted: calls.uncounted,
    counted: (counted) => void (calls.uncounted -= counted),
    folder,
    project,
    settings,
    heldEpoch: (task) => epochs.of(task),
    shown: life.mail,
    offer: (message) => offer?.add(message),
    changed: (ms) => life.feed.changed(ms),
  };
}
