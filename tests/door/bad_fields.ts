// Bad input for every field of every tool, derived from the published schemas: a new field gets its
// share of wrong types, giants, control characters and half characters without anybody asking.

import { CATALOGUE, LIMITS } from "../../mod.ts";
import { type Schema, schemaOf } from "../../src/door/schema.ts";
import type { Json } from "./wire.ts";

/** A call that has to be refused. */
export interface BadCall {
  readonly what: string;
  readonly tool: string;
  readonly args: Json;
  readonly meta?: Json;
  /** Codes of which one has to be answered. */
  readonly codes: readonly string[];
  /** The field that the refusal has to name; null: it is about no field. */
  readonly field: string | null;
}

/** Values that make every tool's required fields pass. */
const FILLERS: Readonly<Record<string, Json>> = {
  send: { to: "other", content: "x" },
  create_task: { title: "x" },
  complete_task: { id: "t1", summary: "x" },
  lock_file: { paths: ["free.ts"] },
  set_memory: { key: "k", value: "v" },
  get_task: { id: "t1" },
  update_task: { id: "t1", note: "x" },
  review_task: { id: "t1", verdict: "approve" },
  run: { action: "start", goal: "g" },
  search: { query: "x" },
  control: { action: "budget", peer: "other" },
  log_conversation: { turn: "user", content: "x" },
  why: { what: "t1" },
  guard_edit: { paths: ["free.ts"] },
  guard_shell: { command: "ls" },
  report_touched: { paths: ["free.ts"] },
  export_project: { part: "overview" },
  take_findings: { discoveries: [{ value: "x" }] },
  import_project: { goal: null, plan: "", tasks: [], discoveries: [] },
  conduct_run: { id: "r1" },
  accept_plan: { run: "r1" },
  note_copy: { what: "backup", folder: "/tmp/copy" },
  note_cleaning: { run: "r1", refs: ["refs/skein/parked/r1/t1-1/x 0123"] },
  begin_attempt: { run: "r1" },
  note_attempt: { attempt: 1 },
  end_attempt: { attempt: 1, outcome: "done" },
  stop_attempt: { task: "t1" },
};

const IMPORTED: Json = {
  id: "t1",
  title: "fine",
  description: "",
  status: "pending",
  priority: 5,
  depends_on: [],
  files: [],
  claimed_by: null,
  started: false,
  summary: null,
  files_modified: [],
  files_created: [],
  failure: null,
  created_at: null,
  completed_at: null,
};

/** What the items of a list need besides the field that is tried. */
const ITEMS: Readonly<Record<string, Json>> = {
  "create_task.tasks": { title: "fine" },
  "take_findings.discoveries": { value: "fine" },
  "import_project.tasks": IMPORTED,
  "import_project.discoveries": { value: "fine" },
};

export const GIANT = "x".repeat(LIMITS.valueChars + 20_000);
const LIST_GIANT = "x".repeat(70_000);

function wrongTypes(schema: Schema): Json[] {
  if (schema.enum !== undefined) return ["nonsense", 42, {}, ["a", "b"]];
  switch (schema.type) {
    case "string":
      return [{}, true, ["a", "b"], 4.2];
    case "integer":
      return ["abc", 1.5, {}, [1], true];
    case "number":
      return ["abc", {}, [1], true];
    case "boolean":
      return ["maybe", 1, {}, []];
    case "array":
      return [42, {}, [42], [{}], [["a"]]];
    case "object":
      return [42, "x", [1], { nobody_knows_it: 1 }];
    case undefined:
      // What may also be null.
      return [{ nobody_knows_it: 1 }, true];
    default:
      throw new Error(`no wrong types for ${schema.type}`);
  }
}

/** A number as an id is what other systems use; then it is an id of nothing. */
function typeCodes(field: string, value: Json): string[] {
  const number = typeof value === "number" || typeof value?.[0] === "number";
  const unknown = ["UNKNOWN_TASK", "UNKNOWN_RUN", "UNKNOWN_MESSAGE"];
  const id = ["id", "task", "run", "blocked_by"].includes(field);
  return id && number ? ["INVALID_INPUT", ...unknown] : ["INVALID_INPUT"];
}

/** Texts that no field may take. */
function badTexts(): [string, string, readonly string[]][] {
  return [
    ["a giant text", GIANT, ["TOO_LARGE", "INVALID_INPUT"]],
    ["a control character", "a\u0007b", ["INVALID_INPUT"]],
    ["a NUL", "a\u0000b", ["INVALID_INPUT"]],
    ["an escape sequence", "\u001b[31mred", ["INVALID_INPUT"]],
    ["half a character", "a\ud800b", ["INVALID_INPUT"]],
    ["the other half of a character", "\udc00", ["INVALID_INPUT"]],
  ];
}

function isText(schema: Schema): boolean {
  return schema.type === "string" && schema.enum === undefined;
}

function isTextList(schema: Schema): boolean {
  return schema.type === "array" && schema.items !== undefined && isText(schema.items);
}

/** `run` wants other fields with other actions. */
function fillersOf(tool: string, field: string): Json {
  if (tool === "run" && field === "id") return { action: "status" };
  if (tool === "create_task" && field === "tasks") return {};
  return FILLERS[tool] ?? {};
}

function casesOf(
  tool: string,
  field: string,
  schema: Schema,
  wrap: (value: Json) => Json,
  named = field,
): BadCall[] {
  const bad = (what: string, value: Json, codes: readonly string[]): BadCall => ({
    what: `${tool}.${named}: ${what}`,
    tool,
    args: wrap(value),
    codes,
    field,
  });
  const types = wrongTypes(schema).filter((value) => {
    // Lists of hints, and long ones, are what another system's scripts send.
    return field !== "hints" || !Array.isArray(value);
  });
  const cases = types.map((value) =>
    bad(`wrong type ${JSON.stringify(value)}`, value, typeCodes(field, value))
  );
  if (isText(schema)) {
    for (const [what, value, codes] of badTexts()) {
      const long = field === "hints" || `${tool}.${field}` === "import_project.description";
      cases.push(bad(what, long && value === GIANT ? GIANT.repeat(5) : value, codes));
    }
  }
  if (isTextList(schema)) {
    for (const [what, value, codes] of badTexts()) {
      cases.push(bad(`${what} in a list`, [value === GIANT ? LIST_GIANT : value], codes));
    }
    const many = Array.from({ length: 5_000 }, (_, n) => `n${n}`);
    cases.push(bad("far too many items", many, ["INVALID_INPUT", "TOO_LARGE"]));
  }
  return cases;
}

/** Bad values for every field of every tool. */
export function badFields(): BadCall[] {
  const cases: BadCall[] = [];
  for (const operation of CATALOGUE) {
    const tool = operation.name;
    for (const [field, schema] of Object.entries(schemaOf(operation.input).properties ?? {})) {
      const fill = fillersOf(tool, field);
      cases.push(...casesOf(tool, field, schema, (value) => ({ ...fill, [field]: value })));
      if (schema.items?.type !== "object") continue;
      for (const [inner, innerSchema] of Object.entries(schema.items.properties ?? {})) {
        cases.push(...casesOf(
          tool,
          inner,
          innerSchema,
          (value) => {
            const item = ITEMS[`${tool}.${field}`] ?? {};
            const given = tool === "create_task" ? {} : fill;
            return { ...given, [field]: [item, { ...item, [inner]: value }] };
          },
          `${field}.${inner}`,
        ));
      }
    }
    cases.push({
      what: `${tool}: an unknown field`,
      tool,
      args: { ...FILLERS[tool], no_such_field: 1 },
      codes: ["INVALID_INPUT"],
      field: "no_such_field",
    });
    for (const required of schemaOf(operation.input).required ?? []) {
      const { [required]: _gone, ...rest } = FILLERS[tool] ?? {};
      cases.push({
        what: `${tool}: without ${required}`,
        tool,
        args: rest,
        codes: ["INVALID_INPUT"],
        field: required,
      });
    }
  }
  return cases;
}
