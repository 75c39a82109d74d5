// The way in: what a call brings becomes the operation's input, or a refusal that names the field,
// the reason and the remedy.

import type * as z from "zod";
import { Refusal } from "./core/errors.ts";
import { invariant } from "./core/invariant.ts";
import type { AnyOperation } from "./core/operation.ts";

/**
 * Reads the input of an operation.
 * @throws Refusal `INVALID_INPUT`, `TOO_LARGE`
 */
export function parse(operation: AnyOperation, raw: unknown): unknown {
  if (typeof raw === "object" && raw !== null && Object.hasOwn(raw, "__proto__")) {
    throw new Refusal("INVALID_INPUT", `${operation.name}: unknown field __proto__`, {
      field: "__proto__",
    });
  }
  const result = operation.input.safeParse(raw ?? {});
  if (result.success) return result.data;
  throw inputRefusal(operation.name, result.error.issues, raw);
}

/** A refusal that names the field, the reason and the remedy. */
export function inputRefusal(
  name: string,
  issues: readonly z.core.$ZodIssue[],
  raw: unknown,
): Refusal {
  const first = issues[0];
  invariant(first !== undefined, "a failed parse has an issue");
  if (first.code === "unrecognized_keys") {
    const keys = first.keys.join(", ");
    return new Refusal("INVALID_INPUT", `${name}: unknown field ${keys}`, { field: first.keys[0] });
  }
  const field = first.path.length === 0 ? "input" : first.path.join(".");
  const missing = first.path.length > 0 && valueAt(raw, first.path) === undefined;
  const wrongType = first.code === "invalid_type" && !/^(must|is|has)\b/.test(first.message);
  const reason = missing && first.code !== "custom"
    ? "is required"
    : wrongType
    ? `must be ${article(first.expected)}`
    : first.message;
  const tooLarge = first.code === "too_big" && first.origin === "string";
  return new Refusal(tooLarge ? "TOO_LARGE" : "INVALID_INPUT", `${name}: ${field} ${reason}`, {
    field,
  });
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function article(expected: string): string {
  return `${/^[aeiou]/.test(expected) ? "an" : "a"} ${expected}`;
}

/** Characters of what was sent, as JSON; 0 if it cannot be written as such. */
export function sizeOf(raw: unknown): number {
  try {
    return JSON.stringify(raw ?? {}).length;
  } catch {
    // A cycle or a big integer: only a program in this very process can pass one.
    return 0;
  }
}
