// The tool list: what a session sees of the catalogue, by profile.

import type { Tool } from "@modelcontextprotocol/sdk/types.js";
import { type Alias, listedAs, type Params, PROFILES } from "../aliases.ts";
import { CATALOGUE, CORE, operationNamed } from "../catalogue.ts";
import { Refusal } from "../core/errors.ts";
import type { AnyOperation } from "../core/operation.ts";
import { type Schema, schemaOf } from "./schema.ts";

/** Tools of a profile: `all`, `core`, or the name of a system whose prompts one brings along. */
export function listTools(profile: string): Tool[] {
  if (profile === "all") {
    return CATALOGUE.filter((operation) => operation.unlisted !== true).map(toolOf);
  }
  if (profile === "core") return CORE.map(toolOf);
  const names = Object.hasOwn(PROFILES, profile) ? PROFILES[profile] : undefined;
  if (names === undefined) {
    const known = ["all", "core", ...Object.keys(PROFILES)].join(", ");
    throw new Refusal("INVALID_INPUT", `SKEIN_TOOLS=${profile} is not one of ${known}`, {
      field: "SKEIN_TOOLS",
    });
  }
  return names.map((name) => {
    const operation = operationNamed(name);
    const alias = listedAs(profile, name);
    if (alias === undefined && operation !== undefined) return toolOf(operation);
    if (alias === undefined) throw new Error(`invariant broken: ${name} is no tool`);
    return aliasTool(name, alias);
  });
}

function toolOf(operation: AnyOperation): Tool {
  const { name, summary } = operation;
  return {
    name,
    description: summary,
    inputSchema: schemaOf(operation.input, false) as Tool["inputSchema"],
    annotations: annotationsOf(operation),
    _meta: { risk_level: operation.risk },
  };
}

function annotationsOf(operation: AnyOperation): Tool["annotations"] {
  const readOnlyHint = operation.effect === "read";
  return {
    readOnlyHint,
    ...(readOnlyHint ? {} : {
      destructiveHint: operation.hints.destructive ?? false,
      idempotentHint: operation.hints.idempotent ?? false,
    }),
    openWorldHint: false,
  };
}

function aliasTool(name: string, alias: Alias): Tool {
  const operation = operationNamed(alias.operation);
  return {
    name,
    description: alias.summary,
    inputSchema: paramsSchema(alias.params) as Tool["inputSchema"],
    annotations: operation === undefined ? { openWorldHint: false } : annotationsOf(operation),
    _meta: { risk_level: alias.risk ?? operation?.risk ?? "high" },
  };
}

function paramsSchema(params: Params): Schema {
  const required = Object.keys(params).filter((name) => params[name]?.endsWith("!"));
  const properties = Object.entries(params).map(([name, kind]) => [name, paramSchema(kind)]);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  };
}

function paramSchema(kind: Params[string]): Schema {
  if (kind === "strings") return { type: "array", items: { type: "string" } };
  if (kind === "object") return { type: "array", items: { type: "object" } };
  return { type: kind.replace("!", "") };
}
