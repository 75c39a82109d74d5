// Follows a run: reads how it stands and turns the difference to before into events. Each attempt's
// beginning and end is told once; ended ones are not read again.

import type { ShownAttempt } from "../fleet/view.ts";
import type { Calls } from "./calls.ts";
import type { RunEvent, Snapshot } from "./events.ts";

export class Watch {
  readonly #calls: Calls;
  readonly #run: string;
  readonly #told = new Map<number, string>();
  readonly #discoveries = new Set<string>();
  /** Every attempt up to this one has ended. */
  #after = 0;
  #spent = { turns: 0, tokens: 0, costUsd: 0 };

  constructor(calls: Calls, run: string) {
    this.#calls = calls;
    this.#run = run;
  }

  /** How the run stands, and what happened since the last look. */
  async look(): Promise<{ snapshot: Snapshot; events: RunEvent[]; open: ShownAttempt[] }> {
    const run = await this.#calls.run({ action: "status", id: this.#run });
    const { attempts, hosts } = await this.#calls.allAttempts(this.#run, this.#after);
    const events: RunEvent[] = [];
    for (const attempt of attempts) this.#tell(attempt, events);
    events.push(...await this.#found());
    const open = attempts.filter(isOpen);
    const spent = this.#sum(attempts);
    this.#forget(attempts);
    const snapshot = {
      run,
      running: open.filter(({ state }) => state === "running"),
      waiting: open.filter(({ state }) => state === "waiting"),
      hosts,
      ...spent,
    };
    return { snapshot, events, open };
  }

  #tell(attempt: ShownAttempt, events: RunEvent[]): void {
    const before = this.#told.get(attempt.id);
    if (before === attempt.state) return;
    this.#told.set(attempt.id, attempt.state);
    if (before === undefined) {
      const model = attempt.model === null ? "" : ` with ${attempt.model}`;
      const which = attempt.number > 1 ? `, attempt ${attempt.number}` : "";
      events.push({
        kind: "begun",
        at: attempt.started_at,
        attempt,
        text: `${attempt.worker} begins ${attempt.task} ${attempt.title}${which}${model}`,
      });
    }
    if (attempt.state === "running") return;
    events.push({
      kind: "ended",
      at: attempt.ended_at ?? attempt.started_at,
      attempt,
      text: `${attempt.task} ${attempt.title}: ${attempt.state} by ${attempt.worker}` +
        (attempt.reason === null ? "" : `: ${attempt.reason}`),
    });
  }

  async #found(): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for (const { key, version, value, at } of await this.#calls.discoveries(this.#run)) {
      const id = `${key} ${version}`;
      if (this.#discoveries.has(id)) continue;
      this.#discoveries.add(id);
      events.push({ kind: "discovery", at, key, value, text: `discovery ${key}: ${value}` });
    }
    return events;
  }

  /** What those that ended for good have used, and those that are read again with each look. */
  #sum(attempts: readonly ShownAttempt[]): { turns: number; tokens: number; costUsd: number } {
    const sum = { ...this.#spent };
    for (const { turns, tokens, cost_usd } of attempts) {
      sum.turns += turns;
      sum.tokens += tokens;
      sum.costUsd += cost_usd;
    }
    return sum;
  }

  #forget(attempts: readonly ShownAttempt[]): void {
    for (const attempt of attempts) {
      if (isOpen(attempt)) return;
      this.#after = attempt.id;
      this.#spent = {
        turns: this.#spent.turns + attempt.turns,
        tokens: this.#spent.tokens + attempt.tokens,
        costUsd: this.#spent.costUsd + attempt.cost_usd,
      };
      this.#told.delete(attempt.id);
    }
  }
}

function isOpen({ state }: ShownAttempt): boolean {
  return state === "running" || state === "review" || state === "waiting";
}
