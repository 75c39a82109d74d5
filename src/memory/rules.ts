// Kinds of shared memory and who may set them. Pure.

export const TYPES = ["decision", "fact", "constraint", "artifact", "discovery"] as const;
export type MemoryType = typeof TYPES[number];

export const CONFIDENCES = ["high", "medium", "low"] as const;
export type Confidence = typeof CONFIDENCES[number];

/** Decisions and constraints bind everybody: who may not decide reads them. */
export function mayRemember(mayDecide: boolean, type: MemoryType): boolean {
  return mayDecide || (type !== "decision" && type !== "constraint");
}

/** Whether a value ends with a line of tags that has this one: `#parser #slow`. */
export function hasTag(value: string, tag: string): boolean {
  const last = value.trimEnd().split("\n").at(-1) ?? "";
  return last.split(/\s+/).includes(`#${tag}`);
}
