// Tags and tokens with which a model's own machinery is written: calls of tools, their results,
// turns of a conversation. Ordinary markup, generic types and comparisons are none of this. Pure.

import type { Spot } from "./signs.ts";

/** Between the words of a name: nothing, or one or two of these. */
const JOIN = "[_.:-]{0,2}";

const PART = `(?:${JOIN}(?:begin|start|end|block|error))?`;

const NAMES = [
  `tool${JOIN}(?:use|call|calling|result|response|output|code|request|invocation|execution)s?` +
  PART,
  `(?:function|func|fn)${JOIN}(?:call|result|response|output)s?${PART}`,
  `(?:use|call)${JOIN}(?:mcp${JOIN})?(?:tool|function)`,
  "invoke",
  `system${JOIN}(?:reminder|prompt)s?`,
  // Two words apart are a name only if nothing follows them: `<tool use="x">` is some element.
  "(?:tool (?:use|call|result|response)s?|function (?:call|result)s?|system (?:reminder|prompt))" +
  "(?=\\s*/?>)",
  // The small palochka is taken for the one letter or the other.
].join("|").replaceAll("l", "[li1]");

/** Opening and closing with odd spaces, a namespace in front. */
const OPEN = "<\\s*(?:[/?!]\\s*)?";
const SPACE = "(?:[\\w.-]{1,30}\\s*:\\s*){0,3}";
const END = "(?=[\\s/>=:{[<|]|$)(?:[^<>]{0,400}>)?";

const TAG = new RegExp(`${OPEN}(?:${SPACE}(?:${NAMES})|antml\\s*:\\s*\\w{1,40})${END}`, "gi");
const CALL_BY_VALUE = /<\s*(?:function|tool|fn|invoke)\s*=\s*["'`]?[\w.:/-]{1,80}["'`]?\s*\/?>/gi;
/** Ordinary XML by itself; part of the imitation beside one of the tags above. */
const COMPANION = new RegExp(
  `${OPEN}${SPACE}(?:parameter|param|argument|function)s?(?=[\\s/>])[^<>]{0,400}>?`,
  "gi",
);

/** `Promise<ToolCall>`: a type that takes a type. */
function isGeneric(text: string, from: number, tag: string): boolean {
  return /[\w$]/.test(text.charAt(from - 1)) &&
    /^<[A-Z][A-Z\d_]*[a-z]\w*(?:[>{[<|]| \||$)/.test(tag);
}

/** Tags that imitate calls of tools and their results. */
export function markupIn(text: string): Spot[] {
  if (!text.includes("<")) return [];
  const found: Spot[] = [];
  const add = (from: number, tag: string): void => {
    found.push({ sign: "tool call markup", from, to: from + tag.length });
  };
  for (const match of text.matchAll(TAG)) {
    if (!isGeneric(text, match.index, match[0])) add(match.index, match[0]);
  }
  for (const match of text.matchAll(CALL_BY_VALUE)) add(match.index, match[0]);
  if (found.length === 0) return found;
  for (const match of text.matchAll(COMPANION)) {
    const closes = /^<\s*\//.test(match[0]);
    if (closes || /\sname\s*=/i.test(match[0])) add(match.index, match[0]);
  }
  return found;
}

/** Without spaces inside, any name: nobody else writes `<|name|>`. */
const TIGHT_TOKEN = /<\|\/?[a-z_][\w.:\/-]{2,60}\|>/gi;
/** With spaces it might be two pipes of a functional language, so the name has to be known. */
const LOOSE_TOKEN = new RegExp(
  "<\\s{0,3}\\|\\s{0,3}/?(?:" + [
    "im[\\s_-]{0,2}(?:start|end|sep)",
    "system|user|assistant|developer|tool|end|message|channel|return|constrain",
    "python[\\s_-]{0,2}tag",
    "(?:begin|end)[\\s_-]{0,2}of[\\s_-]{0,2}(?:text|sentence|turn|message)",
    "endo(?:ftext|fprompt)|eo[tms](?:[\\s_-]{0,2}id)?|bos|fim[\\s_-]\\w{1,20}",
    "(?:start|end)[\\s_-]{0,2}header(?:[\\s_-]{0,2}id)?",
    "(?:tool|function)[\\s_-]{0,2}(?:calls?|outputs?|results?|sep|response|use)" +
    "(?:[\\s_-]{0,2}(?:begin|end|start))?",
  ].join("|") + ")\\s{0,3}\\|\\s{0,3}>",
  "gi",
);
const TURN = /<\s{0,3}(?:\/\s{0,3})?(?:start|end)_of_turn\s{0,3}>/gi;
const BRACKETED = new RegExp(
  "\\[\\s{0,3}(?:/\\s{0,3})?(?:INST|AVAILABLE_TOOLS|SYSTEM_PROMPT" +
    "|TOOL_(?:CALLS?|RESULTS?|CONTENT))\\s{0,3}\\]",
  "gi",
);
const SYS = /<{1,2}\s{0,3}(?:\/\s{0,3})?SYS\s{0,3}>{1,2}/gi;
const SPEAKER = /(?:human|assistant)\s{0,3}:/gi;

/** `[INST]` is a token, `[inst]` a list of one thing, unless `[/inst]` closes it somewhere. */
function bracketTokensIn(text: string): readonly RegExpExecArray[] {
  const matches = [...text.matchAll(BRACKETED)];
  const isClosed = matches.some((match) => match[0].includes("/"));
  return matches.filter((match) => /[A-Z]/.test(match[0]) || isClosed);
}

/** A speaker's name at the start of a line with a blank line before it. */
function isTurn(text: string, from: number, name: string): boolean {
  if (!/^[A-Z]/.test(name)) return false;
  const before = text.slice(Math.max(0, from - 60), from);
  return /\n[^\S\n]*\n\s*$/.test(before) || (before.length === from && /^\s*\n\s*$/.test(before));
}

/** Tokens that a model takes for the frame of its conversation. */
export function controlTokensIn(text: string): Spot[] {
  const found: Spot[] = [];
  const add = (from: number, token: string): void => {
    found.push({ sign: "control token", from, to: from + token.length });
  };
  if (text.includes("<")) {
    for (const kind of [TIGHT_TOKEN, LOOSE_TOKEN, TURN]) {
      for (const match of text.matchAll(kind)) add(match.index, match[0]);
    }
    for (const match of text.matchAll(SYS)) {
      // A single bracket on each side is an element, and shifts have a name in small letters.
      const isDouble = match[0].startsWith("<<") && match[0].endsWith(">>");
      const isTight = !/\s/.test(match[0]);
      if (isDouble && (isTight || /[A-Z]/.test(match[0]))) add(match.index, match[0]);
    }
  }
  if (text.includes("[")) {
    for (const match of bracketTokensIn(text)) add(match.index, match[0]);
  }
  for (const match of text.matchAll(SPEAKER)) {
    if (isTurn(text, match.index, match[0])) add(match.index, match[0]);
  }
  return found;
}
