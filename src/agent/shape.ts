// Looks into JSON of unknown shape. Whatever is not what it should be is nothing, zero or empty.

/** An object of unknown content. */
export type Record_ = Readonly<Record<string, unknown>>;

/** The value as an object; null if it is none. */
export function record(value: unknown): Record_ | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record_
    : null;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value.toWellFormed() : "";
}

export function flag(value: unknown): boolean {
  return value === true;
}

/** A finite number that is not negative, at most what a store can keep exactly. */
export function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0
    ? Math.min(value, Number.MAX_SAFE_INTEGER)
    : 0;
}

/** The texts of a list, at most `most`. */
export function words(value: unknown, most: number): string[] {
  return list(value).filter((one) => typeof one === "string").slice(0, most);
}

/** Tells texts apart; quick, and not against somebody who wants two to look alike. */
export function digest(value: string): string {
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
  }
  return `${value.length}-${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`;
}
