// Objects shaped like a model's call of a tool, in anything that looks like JSON: with any quotes
// or none, cut short, inside prose or code. The scan never gives up on what it does not
// understand, since a model would not either; types and shorthand have no values and pass. Pure.

import { type Frame, framesIn, type Quoting, type Value } from "./objects.ts";
import type { Spot } from "./signs.ts";

type Values = ReadonlyMap<string, Value>;

const CALL_KEYS = [
  "toolcalls",
  "toolcall",
  "functioncall",
  "functioncalls",
  "tooluses",
  "tooluse",
  "toolresult",
  "toolresponse",
  "functionresponse",
  "functionresult",
];
const CALL_TYPE =
  /^(?:server|mcp|custom)?(?:tool(?:use|call|result)|function(?:call|result))(?:block|output|s)?$/;
const CALLED = ["tool", "toolname", "functionname", "recipientname", "function"];
const GIVEN = ["args", "arguments", "input", "parameters", "params", "toolinput", "kwargs"];
const OF_A_CALL = [
  "name",
  "id",
  "input",
  "arguments",
  "output",
  "content",
  "callid",
  "toolcallid",
  "tooluseid",
];

function isText(value: Value | undefined): boolean {
  return value?.kind === "text";
}

/** An object or a text: what a call is given. */
function isGiven(value: Value | undefined): boolean {
  return value?.kind === "text" || value?.kind === "object";
}

/** The same, or a list of it, as a program is given its arguments. */
function isGivenList(value: Value | undefined): boolean {
  return isGiven(value) || value?.kind === "array";
}

/** What a tool has answered, as a turn of a conversation. */
function isResult(values: Values): boolean {
  return values.get("role")?.text === "tool" && isText(values.get("toolcallid"));
}

function hasSubstance(value: Value | undefined): boolean {
  if (value === undefined || value.kind === "bare") return false;
  return value.inner === null || value.inner.isLiteral;
}

/** A schema of calls or a count of them, instead of calls. */
function isAboutCalls(inner: Frame): boolean {
  if (/^(?:array|object)$/.test(inner.values?.get("type")?.text ?? "")) return true;
  const values = [...inner.values?.values() ?? []];
  return values.length > 0 && values.every((value) => value.kind === "number");
}

function holdsCalls(values: Values): boolean {
  return CALL_KEYS.some((key) => {
    const inner = values.get(key)?.inner ?? null;
    return inner !== null && inner.isLiteral && !isAboutCalls(inner);
  });
}

function isTypedCall(values: Values): boolean {
  const type = (values.get("type")?.text ?? "").toLowerCase().replaceAll(/[\s_-]/g, "");
  return CALL_TYPE.test(type) && OF_A_CALL.some((key) => hasSubstance(values.get(key)));
}

function namesTool(values: Values): boolean {
  const given = GIVEN.some((key) => isGivenList(values.get(key)));
  if (!given) return false;
  return CALLED.some((key) => {
    // `function` is a common field of a log line.
    if (key === "function" && !isGiven(values.get("arguments"))) return false;
    return isText(values.get(key));
  });
}

/** What a tool may be given, instead of what one is given. */
function isSchema(value: Value): boolean {
  const values = value.inner?.values;
  return values?.get("type")?.text === "object" && values.get("properties")?.kind === "object";
}

function isNamedCall(values: Values): boolean {
  if (!isText(values.get("name"))) return false;
  if (isGiven(values.get("arguments"))) return true;
  const rest = [...values.keys()].filter((key) => key !== "type" && key !== "name");
  const parameters = values.get("parameters");
  if (rest.length === 1 && parameters?.kind === "object") return !isSchema(parameters);
  const isCallId = /^(?:toolu|call)_/.test(values.get("id")?.text ?? "");
  return isCallId && (isGiven(values.get("input")) || isGiven(values.get("args")));
}

function isCall(frame: Frame): boolean {
  const values = frame.values;
  if (values === null) return false;
  if (isNamedCall(values) || namesTool(values) || isTypedCall(values) || holdsCalls(values)) {
    return true;
  }
  if (isResult(values)) return true;
  return isText(values.get("action")) && hasSubstance(values.get("actioninput"));
}

/** Keys without quotes: a program's own notation, which no model uses for its calls. */
const BARE = /\{\s{0,40}[A-Za-z_$][\w$]{0,40}\s{0,3}:/y;
const IN_CODE = /(?:[(=,[]|=>|\breturn)\s{0,40}$/;

/** Whether the object is an argument or a value in code, such as that of an MCP client. */
function isCode(text: string, open: number): boolean {
  BARE.lastIndex = open;
  return BARE.test(text) && IN_CODE.test(text.slice(Math.max(0, open - 48), open));
}

/** Words of which every such object has one. */
const WORDS = /arg|param|input|tool|func|output|action/i;

const QUOTINGS: readonly Quoting[] = ["line", "long", "none"];

/** Objects shaped like a call of a tool. */
export function callsIn(text: string): Spot[] {
  if (!text.includes("{") || !WORDS.test(text)) return [];
  const found = new Map<number, Spot>();
  for (const quoting of QUOTINGS) {
    framesIn(text, quoting, (frame) => {
      if (found.has(frame.open) || !isCall(frame) || isCode(text, frame.open)) return;
      found.set(frame.open, { sign: "function call JSON", from: frame.open, to: frame.end });
    });
  }
  return [...found.values()];
}
