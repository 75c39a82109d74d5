// Categories, recipients, delivery states and the damping of reply chains. Pure.

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

/** States of a delivery, in the only order in which they can follow each other. */
export const STATES = ["queued", "offered", "seen"] as const;

export type State = typeof STATES[number];

export interface Delivery {
  readonly state: State;
  /** The incarnation it was offered to last. */
  readonly offeredTo: string | null;
}

/** Whether a message has to be offered to this incarnation. */
export function isDue(delivery: Delivery, incarnation: string): boolean {
  return delivery.state === "queued" ||
    (delivery.state === "offered" && delivery.offeredTo !== incarnation);
}

export type DeliveryEvent =
  | { readonly kind: "offered"; readonly to: string }
  | { readonly kind: "seen"; readonly by: string };

/** A delivery after an event. Seen is final; only whom it was offered to last can see it. */
export function afterEvent(delivery: Delivery, event: DeliveryEvent): Delivery {
  if (delivery.state === "seen") return delivery;
  if (event.kind === "offered") return { state: "offered", offeredTo: event.to };
  if (delivery.state !== "offered" || delivery.offeredTo !== event.by) return delivery;
  return { ...delivery, state: "seen" };
}

/** `m12` as the number it stands for; null if it is no message id. */
export function messageNumber(id: string): number | null {
  const digits = /^m?([1-9]\d{0,14})$/.exec(id.trim())?.[1];
  return digits === undefined ? null : Number(digits);
}

export function messageId(number: number): string {
  return `m${number}`;
}
