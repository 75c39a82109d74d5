// The kinds of input fields. Each says what is wrong in words a model can act on; the bounds are
// those of limits.ts. A single string where a list is due, a number in quotes, `"true"`: accepted,
// since models, shells and hooks all send them.

import * as z from "zod";
import { LIMITS } from "./limits.ts";

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
// deno-lint-ignore no-control-regex
const LINE_CONTROL = /[\u0000-\u001f\u007f]/;
const encoder = new TextEncoder();

/** What is wrong with a text whatever it is for; null if nothing is. */
function textFault(value: string, oneLine: boolean): string | null {
  if (!value.isWellFormed()) return "has a lone surrogate: it is not valid Unicode";
  const found = (oneLine ? LINE_CONTROL : CONTROL).exec(value)?.[0];
  if (found === undefined) return null;
  const code = found.charCodeAt(0).toString(16).padStart(4, "0");
  return oneLine && /[\t\n\r]/.test(found)
    ? "has a line break or tab: it is one line"
    : `has the control character U+${code}`;
}

/**
 * What happens to a text in which the content filter finds an attack. `label`: it is made harmless and
 * labelled. `refuse`: the call is refused. `exact`: refused, too, since it names something and another
 * name would be something else. A text that was not marked is labelled.
 */
export type Screening = "label" | "refuse" | "exact";
const SCREENING = new WeakMap<z.ZodType, Screening>();

/** Marks the kind of a field; last of all, since every refinement makes another schema. */
export function screenedAs<T extends z.ZodType>(screening: Screening, schema: T): T {
  const marked = schema.clone();
  SCREENING.set(marked, screening);
  return marked;
}

export function screeningOf(schema: z.ZodType): Screening {
  return SCREENING.get(schema) ?? "label";
}

const UNLISTED = new WeakSet<z.ZodType>();

/** Marks a field that is understood but not published in the list of tools, where every word costs. */
export function unlisted<T extends z.ZodType>(schema: T): T {
  const marked = schema.clone();
  UNLISTED.add(marked);
  return marked;
}

export function isUnlisted(schema: z.ZodType): boolean {
  return UNLISTED.has(schema);
}

const made = new Map<string, z.ZodType>();

/** A schema never changes, and takes up to ten kilobytes of each session: one of each is enough. */
function shared<T extends z.ZodType>(kind: string, make: () => T): T {
  let found = made.get(kind);
  if (found === undefined) made.set(kind, found = make());
  return found as T;
}

function checkedText(oneLine: boolean): z.ZodString {
  return z.string().superRefine((value, context) => {
    const fault = textFault(value, oneLine);
    if (fault !== null) context.addIssue({ code: "custom", message: fault });
  }) as z.ZodString;
}

/** A text of at least one visible character and at most `max` characters. */
export function text(max: number): z.ZodString {
  return shared(`text ${max}`, () => sized(checkedText(false), max));
}

/** One line of text. */
export function line(max: number): z.ZodString {
  return shared(`line ${max}`, () => sized(checkedText(true), max));
}

function sized(base: z.ZodString, max: number): z.ZodString {
  return base
    .max(max, { error: (issue) => tooLong(issue.input, max) })
    .refine((value) => value.trim() !== "", { message: "is empty" }) as z.ZodString;
}

function tooLong(input: unknown, max: number): string {
  const length = typeof input === "string" ? input.length : 0;
  return `is too long: ${length} characters, at most ${max}`;
}

/** A text that may be empty. */
export function optionalText(max: number): z.ZodString {
  return shared(
    `optional text ${max}`,
    () => checkedText(false).max(max, { error: (issue) => tooLong(issue.input, max) }),
  );
}

/** The content of a message: limited in bytes, kept verbatim. */
export function content(): z.ZodString {
  const schema = checkedText(false).superRefine((value, context) => {
    const bytes = encoder.encode(value).length;
    if (value.trim() === "") context.addIssue({ code: "custom", message: "is empty" });
    if (bytes > LIMITS.messageBytes) {
      context.addIssue({
        code: "too_big",
        origin: "string",
        maximum: LIMITS.messageBytes,
        input: value,
        message: `is too long: ${bytes} bytes, at most ${LIMITS.messageBytes}`,
      });
    }
  }) as z.ZodString;
  return screenedAs("refuse", schema);
}

/** An integer between two bounds; digits in quotes count. */
export function integer(min: number, max: number): z.ZodType<number> {
  const bounds = `must be an integer from ${min} to ${max}`;
  return shared(bounds, () =>
    z.preprocess(
      (value) =>
        typeof value === "string" && /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : value,
      z.number({ error: bounds }).int({ error: bounds }).min(min, { error: bounds })
        .max(max, { error: bounds }),
    ));
}

/** True or false; also as a word. */
export function flag(): z.ZodType<boolean> {
  return shared("flag", () =>
    z.preprocess(
      (value) => value === "true" ? true : value === "false" ? false : value,
      z.boolean({ error: "must be true or false" }),
    ));
}

/** A list of at least `min` and at most `max` items; one item alone counts as a list. */
export function list<T extends z.ZodType>(
  item: T,
  max: number,
  min = 0,
): z.ZodType<z.output<T>[]> {
  return z.preprocess(
    (value) => typeof value === "string" ? [value] : value,
    z.array(item, { error: "must be a list" })
      .min(min, { error: "is empty" })
      .max(max, { error: (issue) => tooMany(issue.input, max) }),
  );
}

function tooMany(input: unknown, max: number): string {
  return `has too many items: ${Array.isArray(input) ? input.length : "?"}, at most ${max}`;
}

/** One of a fixed set of words. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, { error: `must be one of ${words.join(", ")}` });
}

/** Short names of things: ids, keys, names of peers. */
export function word(max: number = LIMITS.keyChars): z.ZodString {
  return shared(`word ${max}`, () => screenedAs("exact", line(max)));
}

/** A path or a glob. */
export function path(): z.ZodString {
  return shared("path", () => screenedAs("exact", line(LIMITS.pathChars)));
}
