// Kinds of shared memory and who may set them. Pure.

import type { Role } from "../core/operation.ts";

export const TYPES = ["decision", "fact", "constraint", "artifact", "discovery"] as const;
export type MemoryType = typeof TYPES[number];

export const CONFIDENCES = ["high", "medium", "low"] as const;
export type Confidence = typeof CONFIDENCES[number];

/** Decisions and constraints bind everybody: workers read them, others set them. */
export function mayRemember(role: Role, type: MemoryType): boolean {
  if (role === "observer") return false;
  return role !== "worker" || (type !== "decision" && type !== "constraint");
}
