// Screening: every text of a call that another peer's model will read goes through the content filter.
// Which texts those are is read off the operation's schema, so no new field can be forgotten.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { screeningOf } from "../core/fields.ts";
import type { AnyOperation } from "../core/operation.ts";
import { inspect, neutralise } from "./filter.ts";

/** A call's input after screening, and the fields in which something was made harmless. */
export interface Screened {
  readonly input: unknown;
  readonly harmless: readonly string[];
}

/** Screens one value; gives it back changed or not, and names the fields that were changed. */
type Screen = (value: unknown, path: string, harmless: string[]) => unknown;

const screens = new WeakMap<z.ZodType, Screen | null>();

/**
 * Screens the parsed input of an operation that writes; what a read asks for, nobody else reads.
 * @throws Refusal `CONTENT_REFUSED`
 */
export function screened(operation: AnyOperation, input: unknown): Screened {
  const harmless: string[] = [];
  if (operation.effect === "read") return { input, harmless };
  const screen = screenFor(operation.input);
  try {
    return { input: screen === null ? input : screen(input, "", harmless), harmless };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    throw new Refusal(thrown.code, `${operation.name}: ${thrown.message}`, thrown.details);
  }
}

/** The screen of a schema, made once; null if no text is in it. */
function screenFor(schema: z.ZodType): Screen | null {
  const known = screens.get(schema);
  if (known !== undefined) return known;
  const screen = makeScreen(schema);
  screens.set(schema, screen);
  return screen;
}

function makeScreen(schema: z.ZodType): Screen | null {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    const inner = screenFor(schema.unwrap() as z.ZodType);
    if (inner === null) return null;
    return (value, path, harmless) =>
      value === undefined || value === null ? value : inner(value, path, harmless);
  }
  // A preprocessed field: what comes out of it is what is stored.
  if (schema instanceof z.ZodPipe) return screenFor(schema.out as z.ZodType);
  if (schema instanceof z.ZodArray) return listScreen(schema);
  if (schema instanceof z.ZodObject) return objectScreen(schema);
  if (schema instanceof z.ZodString) return textScreen(schema);
  return null;
}

function listScreen(schema: z.ZodArray): Screen | null {
  const item = screenFor(schema.element as z.ZodType);
  if (item === null) return null;
  return (value, path, harmless) =>
    (value as unknown[]).map((one, i) => item(one, `${path}.${i}`, harmless));
}

function objectScreen(schema: z.ZodObject): Screen | null {
  const fields = Object.entries(schema.shape)
    .map(([name, field]) => [name, screenFor(field as z.ZodType)] as const)
    .filter((entry): entry is readonly [string, Screen] => entry[1] !== null);
  if (fields.length === 0) return null;
  return (value, path, harmless) => {
    const whole = value as Readonly<Record<string, unknown>>;
    let changed: Record<string, unknown> | null = null;
    for (const [name, screen] of fields) {
      const before = whole[name];
      if (before === undefined) continue;
      const after = screen(before, path === "" ? name : `${path}.${name}`, harmless);
      if (after !== before) changed = { ...(changed ?? whole), [name]: after };
    }
    return changed ?? whole;
  };
}

function textScreen(schema: z.ZodString): Screen {
  const screening = screeningOf(schema);
  return (value, path, harmless) => {
    const text = value as string;
    if (screening === "label") {
      const clean = neutralise(text);
      if (clean.signs.length === 0) return text;
      // One line stays one line.
      const most = schema.maxLength ?? Number.POSITIVE_INFINITY;
      let kept = text.includes("\n") ? clean.text : clean.text.replace("\n", " ");
      // A short field has no room for the whole label.
      if (kept.length > most) kept = `[harmless] ${clean.text.slice(clean.text.indexOf("\n") + 1)}`;
      if (kept.length > most) {
        throw new Refusal(
          "CONTENT_REFUSED",
          `${path} has ${clean.signs.join(", ")} and is too long`,
          {
            field: path,
            sign: clean.signs[0],
          },
        );
      }
      harmless.push(path);
      return kept;
    }
    const first = inspect(text)[0];
    if (first === undefined) return text;
    throw new Refusal("CONTENT_REFUSED", `${path} has ${first.sign} at character ${first.from}`, {
      field: path,
      sign: first.sign,
    });
  };
}
