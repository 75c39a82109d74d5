// What an attack is called, and where in a text one stands. Shared by those who look for one kind.

/** The kinds of attack, in the order in which they are named. */
export const SIGNS = [
  "tool call markup",
  "function call JSON",
  "control token",
  "data URI",
  "large base64",
  "hidden text",
] as const;

export type Sign = typeof SIGNS[number];

/** An attack in one view of a text, in offsets of that view. */
export interface Spot {
  readonly sign: Sign;
  readonly from: number;
  readonly to: number;
  /** What hidden characters spell, if anything; otherwise the text of the view itself is seen. */
  readonly spells?: string;
}
