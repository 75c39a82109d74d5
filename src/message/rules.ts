// Categories, whom they reach, the states of a delivery and the ids of messages. Pure.

export const CATEGORIES = [
  "status_update",
  "question",
  "finding",
  "alert",
  "blocker",
  "error",
  "review_request",
] as const;

export type Category = typeof CATEGORIES[number];

/** These reach somebody even when they are sent elsewhere; chatter does not use up their rate. */
export function escalates(category: Category): "architect" | "project" | null {
  if (category === "blocker" || category === "review_request") return "architect";
  return category === "error" ? "project" : null;
}

/** Whether whoever raised something says in a reply to it that it is over. */
export function saysResolved(content: string): boolean {
  return /^\W*(resolved|solved|closed)\b/i.test(content);
}

/**
 * States of a delivery, in the only order in which they can follow each other; `undelivered` is what was
 * never seen by a peer that was gone for good.
 */
export const STATES = ["queued", "offered", "seen", "undelivered"] as const;

export type State = typeof STATES[number];

/** `m12` as the number it stands for; null if it is no message id. */
export function messageNumber(id: string): number | null {
  const digits = /^m?([1-9]\d{0,14})$/.exec(id.trim())?.[1];
  return digits === undefined ? null : Number(digits);
}

export function messageId(number: number): string {
  return `m${number}`;
}
