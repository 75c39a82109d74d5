// Answers for people: tables and lines. Colours only on a terminal. Text of peers is printed with
// its control characters made visible, so that it cannot drive the terminal.

import type { Answer } from "../perform.ts";

/** How text is laid out. */
export interface Style {
  readonly colour: boolean;
  /** Characters in a line. */
  readonly width: number;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export function paint(style: Style, colour: keyof typeof CODES, text: string): string {
  return style.colour ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** Makes control characters visible; line breaks stay. */
export function safe(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (char) => char === "\t" ? "  " : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** Characters that take two columns of a terminal. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** The beginning of a text that fits into so many columns of a terminal, and how many it takes. */
export function fitting(text: string, columns: number): { text: string; columns: number } {
  let [end, used] = [0, 0];
  for (const char of text) {
    const wide = WIDE.test(char) ? 2 : 1;
    if (used + wide > columns) break;
    used += wide;
    end += char.length;
  }
  return { text: text.slice(0, end), columns: used };
}

/** A text broken between words to lines of at most `width`; `label` stands before the first, room before the rest. */
export function hanging(label: string, text: string, width: number): string[] {
  const lines: string[] = [];
  // On a very narrow terminal lines run over rather than stand word by word.
  const room = Math.max(24, width - label.length);
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((one, i) => `${i === 0 ? label : " ".repeat(label.length)}${one}`);
}

/** Why nothing could be claimed, for people. */
const UNCLAIMED: Readonly<Record<string, string>> = {
  empty: "nothing to claim: no task is open, or others have them",
  blocked: "nothing to claim yet: what is open waits for other tasks",
  delayed: "nothing to claim yet: what failed is tried again later",
  assigned: "nothing to claim: what is ready is for somebody else",
};

/** How many columns of a terminal a text takes. */
function columnsOf(text: string): number {
  return fitting(text, Infinity).columns;
}

function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/** An answer as lines to read; what has nothing to say is left out. */
export function render(answer: Answer, style: Style): string {
  const unclaimed = answer["task"] === null ? UNCLAIMED[String(answer["reason"])] : undefined;
  if (unclaimed !== undefined) return unclaimed;
  const lines: string[] = [];
  const wide = widest(Object.keys(answer), 14);
  for (const [name, value] of Object.entries(answer)) {
    if (isStories(value)) {
      for (const { kind, lines: told } of value) {
        lines.push(paint(style, "bold", kind), ...told.map((one) => `  ${shortTimes(safe(one))}`));
      }
    } else if (isRows(value) && value.length > 0) {
      lines.push(paint(style, "bold", `${name} (${value.length})`), ...table(value, style));
    } else if (isObject(value) && !isCounts(value)) {
      const told = fields(value, style);
      if (told.length > 0) lines.push(paint(style, "bold", name), ...told);
    } else if (isRows(value) || !isSilent(value)) {
      lines.push(`${paint(style, "dim", name.padEnd(wide))} ${cell(value)}`);
    }
  }
  return lines.join("\n");
}

/** How wide a column of names is: as the longest, but at least `least`. */
function widest(names: readonly string[], least: number): number {
  return Math.max(least, ...names.map((name) => name.length));
}

function fields(value: Readonly<Record<string, unknown>>, style: Style): string[] {
  const lines: string[] = [];
  const wide = widest(Object.keys(value).filter((name) => !isSilent(value[name])), 12);
  for (const [name, inner] of Object.entries(value)) {
    if (isSilent(inner)) continue;
    if (isRows(inner)) {
      lines.push(
        `  ${paint(style, "dim", name)}`,
        ...table(inner, { ...style, width: style.width - 2 }).map((row) => `  ${row}`),
      );
    } else lines.push(`  ${paint(style, "dim", name.padEnd(wide))} ${cell(inner)}`);
  }
  return lines;
}

function isSilent(value: unknown): boolean {
  return value === null || value === undefined || value === "" ||
    (Array.isArray(value) && value.length === 0);
}

/** How many there are of each: `{ready: 2, failed: 0}`. */
function isCounts(value: unknown): value is Record<string, number> {
  return isObject(value) && Object.keys(value).length > 1 &&
    Object.values(value).every((one) => typeof one === "number");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What `why` tells: lines to read one below the other. */
function isStories(value: unknown): value is { kind: string; lines: string[] }[] {
  return isRows(value) && value.length > 0 && value.every((one) => Array.isArray(one["lines"]));
}

function isRows(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isObject);
}

const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/;

/** The times in a line of prose. */
function shortTimes(text: string): string {
  return text.replace(/\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z/g, "$1 $2Z");
}

/** A list longer than this that is a series of measurements is told by its ends and its sum. */
const SERIES = 24;

/** `60 values, 16 in all, at most 16`, `60 from ... to ...`; null for what is no long series. */
function seriesText(values: readonly unknown[]): string | null {
  if (values.length <= SERIES) return null;
  if (values.every((one) => typeof one === "number")) {
    const sum = values.reduce((all, one) => all + one, 0);
    return `${values.length} values, ${sum} in all, at most ${Math.max(...values)}`;
  }
  if (!values.every((one) => typeof one === "string" && TIME.test(one))) return null;
  return `${values.length} from ${cell(values[0])} to ${cell(values.at(-1))}`;
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return safe(value.replace(TIME, "$1 $2Z"));
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return value.length === 0 ? "none" : seriesText(value) ?? safe(value.join(", "));
  }
  if (isCounts(value)) {
    const some = Object.entries(value).filter(([, count]) => count !== 0);
    return some.map(([name, count]) => `${count} ${name.replaceAll("_", " ")}`).join(", ") ||
      "none";
  }
  if (isObject(value)) {
    const told = Object.entries(value).filter(([, inner]) => !isSilent(inner));
    return told.map(([name, inner]) => `${name}: ${cell(inner)}`).join(", ");
  }
  if (isRows(value)) return value.map(cell).join("; ");
  return safe(JSON.stringify(value));
}

/** Fields that people read to the end; they are never cut. */
const PROSE = new Set(["content", "value", "text", "excerpt", "summary", "goal", "detail"]);

/** No column of a table is made narrower than this: what is left would say nothing. */
const NARROWEST = 12;

/**
 * Rows under their column names, the widest columns clipped to fit the line; where that is not enough,
 * or prose would be clipped, one row after the other with their fields below each other.
 */
function table(given: readonly Record<string, unknown>[], style: Style): string[] {
  const rows = given.map(withState);
  const all = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const names = all.filter((name) => rows.some((row) => !isSilent(row[name])));
  const cells = rows.map((row) => names.map((name) => isSilent(row[name]) ? "-" : cell(row[name])));
  const natural = names.map((name, i) =>
    Math.max(name.length, ...cells.map((row) => columnsOf(row[i] ?? "")))
  );
  const widths = narrowed(natural, style.width);
  const cut = (row: readonly string[]): boolean =>
    names.some((name, i) => PROSE.has(name) && isCut(row[i] ?? "", widths?.[i] ?? 0));
  if (widths === null || cells.some(cut)) return records(names, cells, style);
  const line = (texts: readonly string[]): string =>
    `  ${
      texts.map((text, i) => padded(clip(text, widths[i] ?? 0), widths[i] ?? 0)).join("  ")
        .trimEnd()
    }`;
  return [paint(style, "dim", line(names)), ...cells.map(line)];
}

/** A task's state in one word: whether it can be claimed is told by it. */
function withState(row: Record<string, unknown>): Record<string, unknown> {
  const { ready, ...rest } = row;
  if (typeof ready !== "boolean" || typeof row["status"] !== "string") return row;
  if (row["status"] !== "pending") return rest;
  return { ...rest, status: ready ? "ready" : isSilent(row["blocked_by"]) ? "pending" : "blocked" };
}

function isCut(text: string, columns: number): boolean {
  return text.includes("\n") || columnsOf(text) > columns;
}

/** Widths of columns that fit the line together: the widest give way first; null if they cannot. */
function narrowed(natural: readonly number[], width: number): number[] | null {
  const widths = [...natural];
  let over = widths.reduce((sum, one) => sum + one + 2, 0) - width;
  for (; over > 0; over--) {
    const most = Math.max(...widths);
    if (most <= NARROWEST) return null;
    widths[widths.indexOf(most)] = most - 1;
  }
  return widths;
}

/** Of a path the end tells most, of all else the beginning. */
function clip(text: string, columns: number): string {
  const flat = text.replaceAll("\n", " ");
  if (columnsOf(flat) <= columns) return flat;
  const room = Math.max(1, columns - 3);
  if (!flat.startsWith("/")) return `${fitting(flat, room).text.trimEnd()}...`;
  const characters = [...flat];
  while (columnsOf(characters.join("")) > room) characters.shift();
  return `...${characters.join("")}`;
}

function records(
  names: readonly string[],
  cells: readonly (readonly string[])[],
  style: Style,
): string[] {
  const width = Math.max(...names.map((name) => name.length));
  const lines: string[] = [];
  for (const row of cells) {
    for (const [i, text] of row.entries()) {
      if (text === "-") continue;
      const label = paint(style, "dim", (names[i] ?? "").padEnd(width));
      const [first, ...more] = text.split("\n");
      lines.push(`  ${label}  ${first}`, ...more.map((one) => `  ${" ".repeat(width)}  ${one}`));
    }
    lines.push("");
  }
  return lines.slice(0, -1);
}
