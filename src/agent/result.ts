// What a turn came to, and what was used so far. One answer of the model comes as several lines with
// the same usage: it counts once.

import { LIMITS } from "../core/limits.ts";
import { head } from "../core/text.ts";
import type { AgentEvent, Usage } from "./event.ts";
import { limitIn } from "./limit.ts";
import { list, number, record, type Record_, text } from "./shape.ts";

/** Answers that may still be in the middle: a session's own and those of its subagents. */
const OPEN_ANSWERS = 64;

/** Adds up what the answers of the model have used. */
export class Meter {
  #total: Usage = NOTHING;
  /** What was counted of each answer, the last ones only. */
  readonly #counted = new Map<string, Usage>();

  /** Counts an answer; null if nothing of it is new. */
  add(message: Record_): AgentEvent | null {
    const usage = record(message.usage);
    if (usage === null) return null;
    const id = text(message.id);
    const before = this.#counted.get(id);
    const now = usageOf(usage);
    const added = before === undefined ? now : minus(now, before);
    if (before !== undefined && added.tokens === 0 && added.cacheRead === 0) return null;
    if (id !== "") {
      this.#counted.delete(id);
      this.#counted.set(id, now);
      const oldest = this.#counted.keys().next().value;
      if (this.#counted.size > OPEN_ANSWERS && oldest !== undefined) this.#counted.delete(oldest);
    }
    this.#total = plus(this.#total, added, before === undefined ? 1 : 0);
    return { kind: "usage", ...this.#total };
  }

  /** What was counted so far. */
  get total(): Usage {
    return this.#total;
  }
}

const NOTHING: Usage = {
  tokens: 0,
  input: 0,
  output: 0,
  cacheWritten: 0,
  cacheRead: 0,
  turns: 0,
};

function usageOf(usage: Record_): Usage {
  const [input, output] = [number(usage.input_tokens), number(usage.output_tokens)];
  const cacheWritten = number(usage.cache_creation_input_tokens);
  const cacheRead = number(usage.cache_read_input_tokens);
  return {
    tokens: input + output + cacheWritten,
    input,
    output,
    cacheWritten,
    cacheRead,
    turns: 0,
  };
}

function plus(a: Usage, b: Usage, turns: number): Usage {
  return {
    tokens: number(a.tokens + b.tokens),
    input: number(a.input + b.input),
    output: number(a.output + b.output),
    cacheWritten: number(a.cacheWritten + b.cacheWritten),
    cacheRead: number(a.cacheRead + b.cacheRead),
    turns: a.turns + turns,
  };
}

/** What is more in `a`: an answer's numbers only grow. */
function minus(a: Usage, b: Usage): Usage {
  const input = number(a.input - b.input);
  const output = number(a.output - b.output);
  const cacheWritten = number(a.cacheWritten - b.cacheWritten);
  const cacheRead = number(a.cacheRead - b.cacheRead);
  return {
    tokens: input + output + cacheWritten,
    input,
    output,
    cacheWritten,
    cacheRead,
    turns: 0,
  };
}

/** A `result` line: the verdict, and before it the limit that it was cut short by. */
export function resultOf(row: Record_, meter: Meter, nowMs: () => number): AgentEvent[] {
  const isError = row.is_error !== false;
  const subtype = head(text(row.subtype), LIMITS.nameChars);
  const said = text(row.result) || list(row.errors).map(text).join("\n");
  const apiStatus = number(row.api_error_status) || null;
  const denied = list(row.permission_denials).map((one) => text(record(one)?.tool_name));
  const found: AgentEvent[] = isError ? limitIn(said, nowMs(), apiStatus === 429) : [];
  found.push({
    kind: "result",
    ok: !isError && subtype === "success",
    isError,
    subtype,
    text: head(said, LIMITS.agentTextChars),
    turns: Math.max(number(row.num_turns), meter.total.turns),
    costUsd: number(row.total_cost_usd),
    tokens: Math.max(tokensOf(row), meter.total.tokens),
    session: text(row.session_id) || null,
    durationMs: number(row.duration_ms),
    apiStatus,
    queued: number(row.queued_turn_count),
    denied: [...new Set(denied.filter((one) => one !== ""))].slice(0, LIMITS.listItems),
  });
  return found;
}

/** All tokens of the session: by model where that is told, since it has those of subagents. */
function tokensOf(row: Record_): number {
  const models = Object.values(record(row.modelUsage) ?? {}).map(record);
  const all = models.reduce((sum, one) => {
    if (one === null) return sum;
    return sum + number(one.inputTokens) + number(one.outputTokens) +
      number(one.cacheCreationInputTokens);
  }, 0);
  return all > 0 ? number(all) : usageOf(record(row.usage) ?? {}).tokens;
}
