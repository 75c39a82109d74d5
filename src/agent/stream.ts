// Reads what an agent writes. Claude Code's stream-json as measured with 2.1.329, tolerant of what
// other versions add: unknown types are a sign of life and nothing more, lines that are no JSON are
// noise, and nothing a stream holds makes the reader throw or grow.

import { LIMITS } from "../core/limits.ts";
import { excerpt, head } from "../core/text.ts";
import type { AgentEvent, Protocol } from "./event.ts";
import { type Line, LineCutter } from "./lines.ts";
import { limitIn } from "./limit.ts";
import { digest, flag, list, number, record, type Record_, text, words } from "./shape.ts";
import { Meter, resultOf } from "./result.ts";

/** How many lines of which sort a stream had. */
export interface StreamCounts {
  readonly lines: number;
  readonly noise: number;
  readonly other: number;
  readonly cut: number;
}

/** Reads one stream from its first byte to its last. */
export interface StreamReader {
  /** What these bytes tell. */
  push(chunk: Uint8Array): AgentEvent[];
  /** What is left at the end of the stream. */
  end(): AgentEvent[];
  /** The lines that these bytes complete, each with what it tells: for whoever keeps the lines, too. */
  pushLines(chunk: Uint8Array): ReadLine[];
  endLines(): ReadLine[];
  readonly counts: StreamCounts;
}

/** A line as it came, and what it tells. */
export interface ReadLine {
  readonly line: string;
  readonly events: readonly AgentEvent[];
}

/**
 * A reader for one stream.
 * @param protocol what the agent speaks
 * @param nowMs wall time, for limits that name a time of day
 */
export function readStream(protocol: Protocol, nowMs: () => number): StreamReader {
  const cutter = new LineCutter(LIMITS.agentLineBytes);
  const meter = new Meter();
  const counts = { lines: 0, noise: 0, other: 0, cut: 0 };
  const read = ({ text: line, cut }: Line): ReadLine => {
    counts.lines++;
    const events = cut
      ? [noise(line)]
      : protocol === "text"
      ? [{ kind: "text" as const, text: head(line, LIMITS.agentTextChars) }]
      : readLine(line, meter, nowMs);
    if (cut) counts.cut++;
    for (const { kind } of events) {
      if (kind === "noise") counts.noise++;
      if (kind === "other") counts.other++;
    }
    return { line, events };
  };
  const pushLines = (chunk: Uint8Array): ReadLine[] => cutter.push(chunk).map(read);
  const endLines = (): ReadLine[] => cutter.end().map(read);
  const events = (lines: readonly ReadLine[]): AgentEvent[] => lines.flatMap((one) => one.events);
  return {
    push: (chunk) => events(pushLines(chunk)),
    end: () => events(endLines()),
    pushLines,
    endLines,
    counts,
  };
}

/** What one line of stream-json tells. An empty line tells nothing. */
export function readLine(line: string, meter: Meter, nowMs: () => number): AgentEvent[] {
  if (line.trim() === "") return [];
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return [noise(line)];
  }
  const row = record(json);
  const type = text(row?.type);
  if (row === null || type === "") return [noise(line)];
  switch (type) {
    case "system":
      return [systemOf(row)];
    case "assistant":
      return assistantOf(row, meter, nowMs);
    case "user":
      return userOf(row);
    case "rate_limit_event":
      return [rateOf(row)];
    case "result":
      return resultOf(row, meter, nowMs);
    default:
      return [{ kind: "other", type: head(type, LIMITS.nameChars) }];
  }
}

function noise(line: string): AgentEvent {
  return { kind: "noise", line: excerpt(line, LIMITS.agentExcerptChars) };
}

function systemOf(row: Record_): AgentEvent {
  const subtype = text(row.subtype);
  if (subtype === "init") {
    const servers = list(row.mcp_servers).map(record).filter((one) => one !== null);
    return {
      kind: "init",
      session: text(row.session_id) || null,
      model: text(row.model) || null,
      tools: words(row.tools, LIMITS.listItems),
      failedServers: servers.filter((one) => text(one.status) === "failed")
        .map((one) => head(text(one.name), LIMITS.nameChars)),
    };
  }
  if (subtype === "api_retry") {
    return {
      kind: "retry",
      status: number(row.error_status) || null,
      error: head(text(row.error), LIMITS.nameChars),
      delayMs: number(row.retry_delay_ms),
    };
  }
  return { kind: "other", type: head(`system/${subtype}`, LIMITS.nameChars) };
}

function assistantOf(row: Record_, meter: Meter, nowMs: () => number): AgentEvent[] {
  const message = record(row.message);
  if (message === null) return [{ kind: "other", type: "assistant" }];
  // What the client says in the model's place when its API refused: the only text in which a limit
  // is looked for. A model that writes about limits has hit none.
  const refused = text(row.error) !== "" || flag(row.is_api_error_message);
  const found: AgentEvent[] = [];
  for (const block of blocksOf(message.content)) {
    const type = text(block.type);
    if (type === "text") {
      const said = text(block.text);
      found.push({ kind: "text", text: head(said, LIMITS.agentTextChars) });
      if (refused) found.push(...limitIn(said, nowMs(), text(row.error) === "rate_limit"));
    } else if (type === "tool_use") {
      const input = JSON.stringify(block.input ?? {}) ?? "";
      const name = head(text(block.name), LIMITS.itemChars);
      found.push({
        kind: "tool",
        id: head(text(block.id), LIMITS.nameChars),
        name,
        input: excerpt(input, LIMITS.agentExcerptChars),
        key: digest(`${name}\0${input}`),
      });
    }
  }
  const usage = refused ? null : meter.add(message);
  if (usage !== null) found.push(usage);
  return found.length === 0 ? [{ kind: "other", type: "assistant" }] : found;
}

function userOf(row: Record_): AgentEvent[] {
  const found: AgentEvent[] = [];
  for (const block of blocksOf(record(row.message)?.content)) {
    if (text(block.type) !== "tool_result") continue;
    const said = blocksOf(block.content).map((one) => text(one.text)).join("\n");
    found.push({
      kind: "tool_result",
      id: head(text(block.tool_use_id), LIMITS.nameChars),
      isError: flag(block.is_error),
      text: excerpt(said, LIMITS.agentExcerptChars),
      key: digest(said),
    });
  }
  return found.length === 0 ? [{ kind: "other", type: "user" }] : found;
}

/** The content of a message: a text is one block of it. */
function blocksOf(content: unknown): Record_[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return list(content).map(record).filter((one) => one !== null);
}

function rateOf(row: Record_): AgentEvent {
  const info = record(row.rate_limit_info) ?? {};
  // `allowed` and `allowed_warning` are news; and what is paid for on top goes on.
  if (text(info.status) !== "rejected" || flag(info.isUsingOverage)) {
    return { kind: "other", type: "rate_limit_event" };
  }
  const resetsAtS = number(info.resetsAt);
  const which = text(info.rateLimitType);
  return {
    kind: "limit",
    resetsAtMs: resetsAtS === 0 ? null : resetsAtS * 1_000,
    text: head(`usage limit${which === "" ? "" : ` (${which})`}`, LIMITS.itemChars),
  };
}
