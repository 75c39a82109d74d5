// A run as people watch it: on a terminal a picture that is drawn again in place, elsewhere a line for
// each event, with --json one JSON object a line. What agents wrote is printed harmless.

import type { Conclusion, RunEvent, Snapshot } from "../conductor/events.ts";
import type { RunResult } from "../conductor/result.ts";
import { write } from "./output.ts";
import { fitting, paint, safe, type Style } from "./text.ts";

export interface ProgressOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly print: (text: string) => void;
  /** Whether the output is a terminal; default: as it is. */
  readonly terminal?: boolean;
}

const BAR_CHARS = 24;
/** Lines of events below the picture. */
const EVENTS = 6;
const ROWS = 12;
/** Drawn at most this often. */
const FRAME_MS = 200;

export class Progress {
  readonly #options: ProgressOptions;
  readonly #style: Style;
  readonly #live: boolean;
  #run = "";
  #goal = "";
  #drawn = 0;
  #drawnMs = -Infinity;
  #recent: string[] = [];

  constructor(options: ProgressOptions) {
    this.#options = options;
    const terminal = options.terminal ?? Deno.stdout.isTerminal();
    const width = terminal ? columns() : 120;
    this.#style = { colour: terminal && !Deno.noColor, width };
    this.#live = terminal && !options.json && !options.quiet;
  }

  begun(run: string, goal: string): void {
    this.#run = run;
    this.#goal = goal;
    const { json, quiet, print } = this.#options;
    if (json) print(JSON.stringify({ kind: "run", run, goal, at: new Date().toISOString() }));
    else if (!quiet && !this.#live) print(`run ${run}: ${safe(goal)}`);
  }

  event(event: RunEvent): void {
    const { json, quiet, print } = this.#options;
    if (json) return print(JSON.stringify(event));
    if (quiet) return;
    const line = `${event.at.slice(11, 19)} ${mark(event, this.#style)} ${
      safe(oneLine(event.text))
    }`;
    if (!this.#live) return print(line);
    this.#recent = [...this.#recent, line].slice(-EVENTS);
    this.#drawnMs = -Infinity;
  }

  look(snapshot: Snapshot): void {
    if (!this.#live || performance.now() - this.#drawnMs < FRAME_MS) return;
    this.#drawnMs = performance.now();
    this.#draw(this.#picture(snapshot));
  }

  end(conclusion: Conclusion, result: RunResult): void {
    const { json, print } = this.#options;
    if (json) return print(JSON.stringify({ kind: "result", ...result }));
    this.#draw([]);
    print(ending(conclusion, result, this.#style).join("\n"));
  }

  #picture(snapshot: Snapshot): string[] {
    const { run, running, waiting, costUsd, tokens } = snapshot;
    const style = this.#style;
    const total = run.total - (run.tasks["cancelled"] ?? 0);
    const share = total === 0 ? 0 : run.done / total;
    const filled = Math.round(share * BAR_CHARS);
    const bar = `${"#".repeat(filled)}${"-".repeat(BAR_CHARS - filled)}`;
    const counts = Object.entries(run.tasks).filter(([, count]) => count > 0)
      .map(([status, count]) => `${count} ${status.replace("_", " ")}`).join(", ");
    const lines = [
      `${paint(style, "bold", this.#run || run.id)} ${safe(oneLine(this.#goal || run.goal))}`,
      `[${paint(style, "green", bar)}] ${run.done}/${total}  ${counts}`,
      `${paint(style, "dim", "cost")} ${costUsd.toFixed(2)} USD, ${tokens} tokens`,
      "",
    ];
    for (const attempt of running.slice(0, ROWS)) {
      const seconds = Math.round((Date.now() - Date.parse(attempt.started_at)) / 1_000);
      const report = attempt.report === null ? "" : " merging";
      lines.push(
        `  ${paint(style, "cyan", attempt.worker.padEnd(18))} ${attempt.task.padEnd(6)} ` +
          `${clock(seconds)} ${safe(oneLine(attempt.title))}${
            paint(style, "dim", ` ${attempt.turns} turns ${attempt.cost_usd.toFixed(2)} USD`)
          }${report}`,
      );
    }
    if (running.length > ROWS) lines.push(`  and ${running.length - ROWS} more`);
    for (const { task, reason } of waiting.slice(0, ROWS)) {
      lines.push(
        `  ${paint(style, "yellow", "not merged yet".padEnd(18))} ${task.padEnd(6)} ${
          safe(oneLine(reason ?? ""))
        }`,
      );
    }
    if (running.length === 0) lines.push(paint(style, "dim", "  nobody works right now"));
    return [...lines, "", ...this.#recent];
  }

  /** Draws over what was drawn before; no line may wrap, or the count is wrong. */
  #draw(lines: readonly string[]): void {
    if (!this.#live) return;
    const up = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A`;
    const text = lines.map((line) => `${fit(line, this.#style.width)}\u001b[K\n`).join("");
    write(`${up}${text}\u001b[J`);
    this.#drawn = lines.length;
  }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

/** Cuts a line that may be painted to what fits; dots stand where something was left out. */
function fit(line: string, width: number): string {
  // deno-lint-ignore no-control-regex
  const bare = line.replace(/\u001b\[[0-9;]*m/g, "");
  const whole = fitting(bare, width - 1).text === bare;
  const dots = "...";
  let left = whole ? width - 1 : width - 1 - dots.length;
  // deno-lint-ignore no-control-regex
  const cut = line.replace(/\u001b\[[0-9;]*m|[^\u001b]+/g, (part) => {
    if (part.startsWith("\u001b")) return part;
    const shown = fitting(part, Math.max(0, left));
    // What comes behind a part that was cut would stand where it does not belong.
    left = shown.text === part ? left - shown.columns : 0;
    return shown.text;
  });
  return whole ? cut : `${cut}${dots}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${String(minutes).padStart(2)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The longest word for what happened is `conflict`. */
const MARK_COLUMNS = 8;

function mark(event: RunEvent, style: Style): string {
  if (event.kind === "ended") {
    const { state } = event.attempt;
    const [word, colour] = state === "done"
      ? ["done", "green"] as const
      : state === "waiting"
      ? ["waits", "yellow"] as const
      : [state, "red"] as const;
    return paint(style, colour, word.padEnd(MARK_COLUMNS));
  }
  const words = {
    begun: "begin",
    delivered: "result",
    discovery: "found",
    planned: "plan",
  } as const;
  const word = event.kind in words ? words[event.kind as keyof typeof words] : event.kind;
  return paint(style, event.kind === "note" ? "yellow" : "cyan", word.padEnd(MARK_COLUMNS));
}

function ending(conclusion: Conclusion, result: RunResult, style: Style): string[] {
  const { state, completed, total, failed } = conclusion;
  const good = state === "completed";
  const lines = [
    `${paint(style, good ? "green" : "yellow", state)}: ${completed} of ${total} tasks done` +
    `${failed === 0 ? "" : `, ${failed} failed`}; ${conclusion.costUsd.toFixed(2)} USD`,
  ];
  for (const task of result.tasks.filter(({ status }) => status !== "cancelled")) {
    const sign = task.status === "completed" ? paint(style, "green", "ok") : task.status;
    const took = task.duration_ms === null
      ? ""
      : ` (${clock(Math.round(task.duration_ms / 1_000)).trim()})`;
    lines.push(`  ${task.id} ${sign} ${safe(oneLine(task.title))}${took}`);
  }
  if (conclusion.delivered && conclusion.branch !== null) {
    lines.push(`result: ${conclusion.branch}`);
  }
  if (state === "proposed" && conclusion.notes.length === 0) {
    lines.push(`the plan waits: skein run --resume ${conclusion.run} accepts and does it`);
  }
  if (state === "left") lines.push(`the workers go on: skein wait ${conclusion.run}`);
  return [
    ...lines,
    ...conclusion.notes.map((note) => `${paint(style, "yellow", "note:")} ${safe(note)}`),
  ];
}
