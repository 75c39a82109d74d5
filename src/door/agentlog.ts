// An agent's log as lines to read: what it said, which tools it called, what it was told.

import type { LogEntry } from "../agent/log.ts";
import type { AgentEvent } from "../agent/event.ts";
import { readStream } from "../agent/stream.ts";
import { excerpt } from "../core/text.ts";

const SHOWN_CHARS = 400;

/** Reads the entries of one log, in order. */
export class LogReader {
  readonly #stream = readStream("claude", Date.now);

  /** The lines that an entry is shown as; none for what tells nothing. */
  lines({ at, from, line }: LogEntry): string[] {
    const time = new Date(at).toISOString().slice(11, 19);
    if (from === "skein") return [`${time} skein: ${line}`];
    if (from === "in") return [`${time} told: ${excerpt(told(line), SHOWN_CHARS)}`];
    if (from === "err") return [`${time} error: ${line}`];
    if (!line.startsWith("{")) return [`${time} ${line}`];
    const events = this.#stream.pushLines(new TextEncoder().encode(`${line}\n`))
      .flatMap((one) => one.events);
    return events.map(shown).filter((text) => text !== null).map((text) => `${time} ${text}`);
  }
}

/** The words in a user message of the stream. */
function told(line: string): string {
  try {
    const { message } = JSON.parse(line) as { message: { content: readonly { text?: string }[] } };
    return message.content.map(({ text }) => text ?? "").join(" ");
  } catch {
    // An agent that is told in plain words.
    return line;
  }
}

function shown(event: AgentEvent): string | null {
  switch (event.kind) {
    case "init":
      return `begins${event.model === null ? "" : ` with ${event.model}`}`;
    case "text":
      return event.text;
    case "tool":
      return `> ${event.name} ${event.input}`;
    case "tool_result":
      return `  ${event.isError ? "failed: " : ""}${excerpt(event.text, SHOWN_CHARS)}`;
    case "retry":
      return `its service fails (${event.status ?? event.error}), again in ${event.delayMs} ms`;
    case "limit":
      return `usage limit: ${event.text}`;
    case "result":
      return `${event.ok ? "done" : `ended with ${event.subtype}`}: ${event.turns} turns, ` +
        `${event.tokens} tokens, ${event.costUsd.toFixed(4)} USD`;
    case "noise":
      return event.line;
    default:
      return null;
  }
}
