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

/** An answer as lines to read; what has nothing to say is left out. */
export function render(answer: Answer, style: Style): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(answer)) {
    if (isStories(value)) {
      for (const { kind, lines: told } of value) {
        lines.push(paint(style, "bold", kind), ...told.map((one) => `  ${safe(one)}`));
      }
    } else if (isRows(value) && value.length > 0) {
      lines.push(paint(style, "bold", `${name} (${value.length})`), ...table(value, style));
    } else if (isObject(value) && !isCounts(value)) {
      lines.push(paint(style, "bold", name), ...fields(value, style));
    } else if (isRows(value) || !isSilent(value)) {
      lines.push(`${paint(style, "dim", name.padEnd(14))} ${cell(value)}`);
    }
  }
  return lines.join("\n");
}

function fields(value: Readonly<Record<string, unknown>>, style: Style): string[] {
  const lines: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (isSilent(inner)) continue;
    if (isRows(inner)) {
      lines.push(
        `  ${paint(style, "dim", name)}`,
        ...table(inner, style).map((row) => `  ${row}`),
      );
    } else lines.push(`  ${paint(style, "dim", name.padEnd(12))} ${cell(inner)}`);
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

function cell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return safe(value.replace(TIME, "$1 $2Z"));
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return value.length === 0 ? "none" : safe(value.join(", "));
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
  return safe(JSON.stringify(value));
}

/** Fields that people read to the end; they are never cut. */
const PROSE = new Set(["content", "value", "text", "excerpt", "summary", "goal", "detail"]);

/**
 * Rows under their column names, clipped to the line; where prose does not fit, one row after the
 * other with their fields below each other.
 */
function table(rows: readonly Record<string, unknown>[], style: Style): string[] {
  const all = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const names = all.filter((name) => rows.some((row) => !isSilent(row[name])));
  const cells = rows.map((row) => names.map((name) => isSilent(row[name]) ? "-" : cell(row[name])));
  const most = Math.max(12, Math.floor(style.width / 2));
  const widths = names.map((name, i) =>
    Math.min(most, Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)))
  );
  const fits = widths.reduce((sum, width) => sum + width + 2, 0) <= style.width;
  const cut = (row: readonly string[]): boolean =>
    names.some((name, i) => {
      const text = row[i] ?? "";
      return PROSE.has(name) && (!fits || text.length > most || text.includes("\n"));
    });
  if (cells.some(cut)) return records(names, cells, style);
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, i) => clip(text, widths[i] ?? 0).padEnd(widths[i] ?? 0));
    return `  ${clip(padded.join("  ").trimEnd(), style.width - 2)}`;
  };
  return [paint(style, "dim", line(names)), ...cells.map(line)];
}

function clip(text: string, width: number): string {
  const flat = text.replaceAll("\n", " ");
  return flat.length <= width ? flat : `${flat.slice(0, Math.max(1, width - 3))}...`;
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
