// `skein log`: what the agents of a task, an attempt or a run have said, and what the checks of their work
// have. Printed harmless.

import { follow, type LogEntry, readLog } from "../agent/log.ts";
import type { Calls } from "../conductor/calls.ts";
import { checkLog } from "../conductor/logs.ts";
import { Refusal } from "../core/errors.ts";
import { exists } from "../core/folders.ts";
import { LIMITS } from "../core/limits.ts";
import { UNCHECKED } from "../fleet/rules.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import { LogReader } from "./agentlog.ts";
import type { Print, TypedRun } from "./runflags.ts";
import { safe } from "./text.ts";
import { isRun } from "./wait.ts";

/** How often a followed attempt is looked at. */
const LOOK_MS = 1_000;

/** Prints it; returns the exit code. */
export async function log(
  { calls, home }: { readonly calls: Calls; readonly home: string },
  id: string,
  typed: TypedRun,
  print: Print,
): Promise<number> {
  const found = await attemptsFor(calls, id);
  const worked = found.filter((one) => one.log !== null || exists(checkLog(home, one)));
  const shown = isRun(id) ? worked : worked.slice(-1);
  if (shown.length === 0) {
    throw new Refusal("UNKNOWN_TASK", `log: no agent has worked on ${id}`, {
      field: "id",
      hint: "skein attempt list shows what was tried.",
    });
  }
  const raw = typed.values["raw"] === true || typed.values["json"] === true;
  for (const attempt of shown) {
    if (shown.length > 1) print(`== ${attempt.task} attempt ${attempt.number} (${attempt.worker})`);
    const path = attempt.log ?? "";
    const check = checkLog(home, attempt);
    if (attempt.state !== "running" && !exists(path) && !exists(check)) {
      print(`its log is gone: those of runs that are over are kept for ${LIMITS.parkedDays} days`);
      continue;
    }
    const reader = new LogReader();
    const show = (entry: LogEntry): void => {
      for (const line of raw ? [JSON.stringify(entry)] : reader.lines(entry)) print(safe(line));
    };
    const say = (line: string): void => print(raw ? JSON.stringify({ check: line }) : safe(line));
    if (typed.values["follow"] === true) await followed(calls, attempt, check, { show, say });
    else {
      for (const entry of readLog(path)) show(entry);
      new CheckReader(check).lines(say, true);
    }
  }
  return 0;
}

async function attemptsFor(calls: Calls, id: string): Promise<ShownAttempt[]> {
  if (isRun(id)) return (await calls.allAttempts(id)).attempts;
  if (/^\d+$/.test(id)) {
    const { attempts } = await calls.attempts({ after: Number(id) - 1 });
    return attempts.filter((one) => one.id === Number(id));
  }
  return (await calls.attempts({ task: id })).attempts;
}

/**
 * The agent's log to its last line, or until the attempt is over: one that died has no last line. Then
 * what its check says, as long as it waits for that.
 */
async function followed(
  calls: Calls,
  attempt: ShownAttempt,
  check: string,
  { show, say }: { show(entry: LogEntry): void; say(line: string): void },
): Promise<void> {
  const now = async (): Promise<ShownAttempt | undefined> => {
    const { attempts: [one] } = await calls.attempts({ after: attempt.id - 1 });
    return one?.id === attempt.id ? one : undefined;
  };
  const over = new AbortController();
  const timer = setInterval(() => {
    void now().then((one) => {
      if (one?.state !== "running" || one.orphaned === true) over.abort();
    }, () => over.abort());
  }, LOOK_MS);
  try {
    for await (const entry of follow(attempt.log ?? "", over.signal)) show(entry);
  } finally {
    clearInterval(timer);
  }
  const reader = new CheckReader(check);
  for (;;) {
    const one = await now();
    const waits = one?.state === "waiting" && one.cause === UNCHECKED &&
      (await calls.run({ action: "status", id: one.run })).stopped === undefined;
    const goes = waits || (one?.state === "running" && one.orphaned !== true);
    reader.lines(say, !goes);
    if (!goes) return;
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
}

/** Reads the text of a check as it grows. */
class CheckReader {
  readonly #path: string;
  readonly #decoder = new TextDecoder();
  #read = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Hands on the lines that are new; at the `last` look also one that has no end. */
  lines(say: (line: string) => void, last: boolean): void {
    if (exists(this.#path)) {
      using file = Deno.openSync(this.#path);
      file.seekSync(this.#read, Deno.SeekMode.Start);
      const buffer = new Uint8Array(64 * 1024);
      for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
        this.#read += count;
        this.#rest += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
        const lines = this.#rest.split("\n");
        this.#rest = lines.pop() ?? "";
        for (const line of lines) say(line);
      }
    }
    if (last && this.#rest !== "") say(this.#rest);
  }
}
