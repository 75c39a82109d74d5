// The parts of the README that are derived: tools, error codes, settings. `deno task docs` writes
// them between their markers, and a test fails when they have drifted.

import { ALIASES } from "../aliases.ts";
import { CATALOGUE, CORE } from "../catalogue.ts";
import { SEED_COMMANDS, usageOf } from "../coordination/commands.ts";
import { ERRORS } from "../core/errors.ts";
import type { AnyOperation } from "../core/operation.ts";
import {
  EVERYONE,
  POLICIES,
  type PolicyName,
  RIGHTS,
  type Roles,
  rolesUnder,
  WORKING,
} from "../core/policy.ts";
import { VARIABLES } from "../node/settings.ts";
import { wordsOf } from "./commands.ts";
import { type Schema, schemaOf } from "./schema.ts";

/** The derived parts by the name of their marker. */
export function derivedParts(): ReadonlyMap<string, string> {
  return new Map([
    ["tools", toolTable(CATALOGUE.filter((operation) => operation.unlisted !== true))],
    ["operations", toolTable(CATALOGUE.filter((operation) => operation.unlisted === true))],
    ["ways", wayTable()],
    ["roles", roleTable()],
    ["errors", errorTable()],
    ["settings", settingsTable()],
  ]);
}

function toolTable(operations: readonly AnyOperation[]): string {
  const rows = operations.map((operation) => {
    const core = CORE.includes(operation) ? " *" : "";
    const command = wordsOf(operation.name).join(" ");
    return `| \`${operation.name}\`${core} | \`skein ${command}\` | ${inputOf(operation)} | ${
      rolesOf(operation)
    } | ${operation.summary} |`;
  });
  return ["| tool | command | input | who | what |", "| --- | --- | --- | --- | --- |", ...rows]
    .join("\n");
}

/** Commands of another system on skein's operations. */
function wayTable(): string {
  const rows = SEED_COMMANDS.map((command) => {
    const operation = ALIASES.get(command.operation)?.operation ?? command.operation;
    return `| \`${usageOf(command)}\` | \`${operation}\` | ${command.summary} |`;
  });
  return ["| command | operation | what |", "| --- | --- | --- |", ...rows].join("\n");
}

function inputOf(operation: AnyOperation): string {
  const schema = schemaOf(operation.input);
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}) as [string, Schema][];
  const sorted = [
    ...fields.filter(([name]) => required.has(name)),
    ...fields.filter(([name]) => !required.has(name)),
  ];
  const shown = sorted.map(([name, field]) => {
    const words = field.enum === undefined ? "" : ` (${field.enum.join(", ")})`;
    return `${name}${required.has(name) ? "" : "?"}${words}`;
  });
  return shown.join(", ") || "none";
}

function rolesOf(operation: AnyOperation): string {
  const roles = rolesUnder(operation.roles, "strict");
  if (roles.length === EVERYONE.length) return "everyone";
  return roles.length === WORKING.length ? "all but observers" : roles.join(", ");
}

/** Who may call what under each policy, and the finer rights inside of operations. */
function roleTable(): string {
  const marks = (roles: Roles, mode: PolicyName): string => {
    const names = rolesUnder(roles, mode);
    return names.length === EVERYONE.length ? "everyone" : names.join(", ");
  };
  const line = (what: string, roles: Roles): string =>
    `| ${what} | ${POLICIES.map((mode) => marks(roles, mode)).join(" | ")} |`;
  return [
    `| what | ${POLICIES.map((mode) => `\`${mode}\``).join(" | ")} |`,
    "| --- | --- | --- | --- |",
    ...CATALOGUE.map(({ name, roles }) => line(`\`${name}\``, roles)),
    ...Object.entries(RIGHTS).map(([right, roles]) => line(right.replaceAll("_", " "), roles)),
  ].join("\n");
}

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(([code, kind]) =>
    `| \`${code}\` | ${kind.http} | ${kind.exit} | ${kind.hint} |`
  );
  return ["| code | HTTP | exit | what to do |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function settingsTable(): string {
  const rows = VARIABLES.map(({ name, meaning }) => `| \`${name}\` | ${meaning} |`);
  return ["| variable | meaning |", "| --- | --- |", ...rows].join("\n");
}

/** Puts the derived parts between their markers. */
export function withDerivedParts(readme: string): string {
  let text = readme;
  for (const [name, part] of derivedParts()) {
    const begin = `<!-- ${name}: derived, deno task docs -->`;
    const end = `<!-- /${name} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`README.md has no markers for ${name}`);
    text = `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
  }
  return text;
}

if (import.meta.main) {
  const path = new URL("../../README.md", import.meta.url);
  Deno.writeTextFileSync(path, withDerivedParts(Deno.readTextFileSync(path)));
}
