// JSON schemas as they are published: types and required fields, nothing a model has to pay for
// and cannot use (bounds, formats, additionalProperties). zod still checks everything. Written
// out of zod's own definitions, since its converter costs a quarter of a session's start.

import * as z from "zod";
import { isUnlisted } from "../core/fields.ts";

/** A published schema. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The schema of what a zod type gives after its preprocessing; `whole` with the unlisted fields. */
export function schemaOf(type: z.ZodType, whole = true): Schema {
  if (type instanceof z.ZodOptional || type instanceof z.ZodNullable) {
    return schemaOf(type.unwrap() as z.ZodType, whole);
  }
  if (type instanceof z.ZodPipe) return schemaOf(type.out as z.ZodType, whole);
  if (type instanceof z.ZodEnum) return { type: "string", enum: type.options as string[] };
  if (type instanceof z.ZodArray) {
    return { type: "array", items: schemaOf(type.element as z.ZodType, whole) };
  }
  if (type instanceof z.ZodObject) return objectSchema(type, whole);
  if (type instanceof z.ZodString) return { type: "string" };
  if (type instanceof z.ZodBoolean) return { type: "boolean" };
  if (type instanceof z.ZodNumber) {
    return { type: type.format === null ? "number" : "integer" };
  }
  throw new Error(`invariant broken: no published schema for ${type.constructor.name}`);
}

function objectSchema(type: z.ZodObject, whole: boolean): Schema {
  const fields = (Object.entries(type.shape) as [string, z.ZodType][])
    .filter(([, field]) => whole || !isUnlisted(field));
  const required = fields.filter(([, field]) => !(field instanceof z.ZodOptional))
    .map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(fields.map(([name, field]) => [name, schemaOf(field, whole)])),
    ...(required.length === 0 ? {} : { required }),
  };
}
