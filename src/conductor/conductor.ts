// Drives a run to its end: keeps enough workers alive, cleans up after dead ones, takes the plan in,
// brings the result to the user's branch. It keeps no state of its own: whatever it knows stands in
// the store, so another conductor can go on where this one died, or work beside it.

import type { Calls, RunView } from "./calls.ts";
import { clean, cleaned } from "./clean.ts";
import { tidy } from "./clear.ts";
import { sweepEnded } from "./ended.ts";
import type { Conclusion, RunEvent, Snapshot } from "./events.ts";
import { type MergePlace, mergePlace } from "./merge.ts";
import { clearedLogs, clearLogs } from "./oldlogs.ts";
import { concludePlan } from "./planning.ts";
import { Staff } from "./staff.ts";
import type { StartedHost } from "./start.ts";
import { sweep, type Swept } from "./sweep.ts";
import { Watch } from "./watch.ts";
import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { UNMERGED } from "../fleet/ending.ts";
import { type Conduct, spent, wasStopped } from "../fleet/rules.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import { deliver } from "../worktree/deliver.ts";
import { runBranch } from "../worktree/place.ts";
import { dropMerged } from "../worktree/tidy.ts";

/** What a conductor is given. */
export interface ConductorOptions {
  readonly run: string;
  readonly home: string;
  readonly calls: Calls;
  /** Starts one more worker. */
  startHost(conduct: Conduct): StartedHost;
  /** Resolves when something may have changed, or after so many milliseconds. */
  changed(ms: number): Promise<void>;
  onEvent?(event: RunEvent): void;
  /** How the run stands, at each look. */
  onLook?(snapshot: Snapshot): void;
  /** Ends the driving; the workers go on. */
  readonly signal?: AbortSignal;
}

const LOOK_MS = 500;
/** What passes: somebody lets go of store or repository, or makes room. */
const PASSES: readonly string[] = ["STORE_BUSY", "STORE_FULL", "GIT_BUSY"];
/** What a run has come to whose result is on the user's branch. */
const DELIVERED = /^completed: \S+ [0-9a-f]{40,64}$/;

export class Conductor {
  readonly #options: ConductorOptions;
  readonly #watch: Watch;
  readonly #staff: Staff;
  /** What it waits for, as it was told. */
  #obstacle: string | null = null;

  constructor(options: ConductorOptions) {
    this.#options = options;
    this.#watch = new Watch(options.calls, options.run);
    this.#staff = new Staff((conduct) => options.startHost(conduct), (event) => this.#tell(event));
  }

  /** Drives until the run has ended, is stopped, or the signal says so. */
  async drive(): Promise<Conclusion> {
    await this.#clean();
    for (;;) {
      const conclusion = await this.#patiently();
      if (conclusion !== null) return conclusion;
      await this.#options.changed(LOOK_MS);
    }
  }

  /** What earlier runs left: no reason not to begin if it cannot be cleared. */
  async #clean(): Promise<void> {
    const { calls, run, home } = this.#options;
    const { worktrees, repo } = await calls.conduct(run, {});
    try {
      const { swept, faults } = await sweepEnded(calls, home);
      for (const one of swept) this.#swept(one);
      for (const text of faults) this.#note(text);
      const logs = clearedLogs(await clearLogs(calls, home, { nowMs: Date.now() }));
      if (logs !== null) this.#note(`removed ${logs}`);
      if (!worktrees) return;
      const text = cleaned((await clean(calls, { repo, home })).spent);
      if (text !== null) this.#note(`removed ${text}`);
    } catch (thrown) {
      this.#note(`what earlier runs left stays: ${asRefusal(thrown).message}`);
    }
  }

  /** One step. What passes by itself ends nothing that took hours: it is told once, and waited for. */
  async #patiently(): Promise<Conclusion | null> {
    try {
      const conclusion = await this.#step();
      this.#obstacle = null;
      return conclusion;
    } catch (thrown) {
      const { code, message, hint } = asRefusal(thrown);
      if (!PASSES.includes(code) || this.#options.signal?.aborted) throw thrown;
      if (this.#obstacle !== code) this.#note(`waits: ${message}. ${hint}`);
      this.#obstacle = code;
      return null;
    }
  }

  async #step(): Promise<Conclusion | null> {
    const { calls, run, signal } = this.#options;
    const conduct = await calls.conduct(run, {});
    const { snapshot, events, open } = await this.#watch.look();
    for (const event of events) this.#tell(event);
    this.#options.onLook?.(snapshot);
    if (signal?.aborted) return this.#left(snapshot, conduct);
    const swept = await sweep(calls, this.#tree(conduct), open);
    if (swept === null) return null;
    for (const one of swept) this.#swept(one);
    // The look is older than what was just done.
    if (swept.length > 0) return null;
    if (conduct.stopped !== null) {
      if (snapshot.running.length > 0) return null;
      return this.#concluded("stopped", snapshot, conduct, [`stopped by ${conduct.stopped}`]);
    }
    if (snapshot.run.status === "ended") return await this.#ended(snapshot, conduct);
    const plan = await concludePlan(calls, snapshot.run, conduct);
    for (const text of plan.notes) this.#note(text);
    if (plan.accepted.length > 0) {
      const text = `${plan.accepted.length} tasks planned`;
      this.#tell({ kind: "planned", at: now(), tasks: plan.accepted, text });
      return null;
    }
    if (plan.notes.length > 0) return null;
    if (plan.waits) return this.#concluded("proposed", snapshot, conduct, []);
    const { tasks } = snapshot.run;
    const of = (status: string): number => tasks[status] ?? 0;
    // An agent whose task was stopped or cancelled may still be at its end, in its worktree; what was
    // approved may wait to be merged.
    const busy = snapshot.running.length + snapshot.waiting.length > 0;
    if (of("ready") + of("in_progress") + of("in_review") === 0) {
      if (!busy) return await this.#end(snapshot, conduct);
      this.#staff.land(snapshot, conduct);
      return null;
    }
    const { turns, tokens, costUsd } = snapshot;
    const over = spent({ turns, tokens, cost_usd: costUsd }, conduct.all);
    if (over !== null) {
      // Whoever is at work ends it; one that was started now would be told to go.
      if (busy) {
        this.#staff.land(snapshot, conduct);
        return null;
      }
      return this.#concluded("budget", snapshot, conduct, [`the run's budget is spent: ${over}`]);
    }
    this.#staff.keep(snapshot, conduct);
    return null;
  }

  /** This process goes; the workers go on, unless somebody has stopped them. */
  #left(snapshot: Snapshot, conduct: Conduct): Conclusion {
    if (conduct.stopped === null) return this.#concluded("left", snapshot, conduct, []);
    const notes = [`stopped by ${conduct.stopped}`];
    if (snapshot.running.length > 0) notes.push("its agents are still being ended");
    return this.#concluded("stopped", snapshot, conduct, notes);
  }

  /**
   * Nothing is left that could be done: the result goes to the user, or it is said why not. What workers
   * have only proposed keeps the run open, but nothing of what is done back.
   */
  async #end(snapshot: Snapshot, conduct: Conduct): Promise<Conclusion | null> {
    const { run, calls } = this.#options;
    const { tasks } = snapshot.run;
    const unfinished = (tasks["failed"] ?? 0) + (tasks["blocked"] ?? 0);
    const proposed = tasks["proposed"] ?? 0;
    const tree = this.#tree(conduct);
    const stay = tree === null ? [] : await tidy(calls, tree);
    const notes = proposed === 0 ? stay : [...proposals(run, proposed), ...stay];
    if (unfinished > 0) {
      return this.#concluded("failed", snapshot, conduct, [
        ...tree === null ? [] : [`what is done is on ${runBranch(run)}`],
        ...await stoppedOf(calls, snapshot.run),
        `skein retry TASK, then: skein run --resume ${run}`,
        ...notes,
      ]);
    }
    const state = proposed > 0 ? "proposed" : "completed";
    if (tree === null || conduct.target === null) {
      if (proposed === 0) await this.#close("completed");
      const where = tree === null ? [] : [`the result is on ${runBranch(run)}`];
      return this.#concluded(state, snapshot, conduct, [...where, ...notes]);
    }
    const { outcome, commit, reason, hint, busy } = await deliver(tree, { target: conduct.target });
    // Another conductor is at it.
    if (busy === true) return null;
    if (outcome === "left") {
      const why = reason ?? "it has moved on";
      // Whoever waits for the run hears so, too.
      await calls.conduct(run, { left: excerpt(why, LIMITS.noteChars - 3) });
      return this.#concluded(state, snapshot, conduct, [
        `${conduct.target} was left alone: ${why}`,
        ...hint ? [hint] : [],
        `Then: skein run --resume ${run} tries once more, skein run end ${run} ends it as it is.`,
        ...notes,
      ]);
    }
    const text = `${conduct.target} is at ${commit.slice(0, 10)}`;
    this.#tell({ kind: "delivered", at: now(), commit, branch: conduct.target, text });
    if (proposed === 0) {
      await this.#close(`completed: ${conduct.target} ${commit}`);
      await dropMerged(tree);
    }
    return this.#concluded(state, snapshot, conduct, notes, true);
  }

  /** Ends the run, unless another conductor has just done so. */
  async #close(outcome: string): Promise<void> {
    const { calls, run } = this.#options;
    try {
      await calls.run({ action: "end", id: run, plan: outcome });
    } catch (thrown) {
      if (asRefusal(thrown).code !== "TASK_STATE") throw thrown;
    }
  }

  /** Somebody else has ended it: another conductor at its end, or a person before. */
  async #ended(snapshot: Snapshot, conduct: Conduct): Promise<Conclusion | null> {
    // Its agents are told, too.
    if (snapshot.running.length > 0) return null;
    const { total, done, tasks, outcome } = snapshot.run;
    const why = `the run was ended: ${outcome ?? "no reason given"}`;
    // Its branch may be cleared away by now.
    if (DELIVERED.test(outcome ?? "")) {
      return this.#concluded("completed", snapshot, conduct, [], true);
    }
    const { attempts } = await this.#options.calls.allAttempts(this.#options.run);
    const merged = new Set(attempts.filter((one) => one.state === "done").map((one) => one.task));
    const unmerged = attempts.filter((one) => one.cause === UNMERGED && !merged.has(one.task));
    if (unmerged.length > 0) {
      const notes = [why, ...unmerged.map(notMerged)];
      return this.#concluded("stopped", snapshot, conduct, notes);
    }
    if (done + (tasks["cancelled"] ?? 0) >= total) return await this.#end(snapshot, conduct);
    return this.#concluded("stopped", snapshot, conduct, [why]);
  }

  #concluded(
    state: Conclusion["state"],
    snapshot: Snapshot,
    conduct: Conduct,
    notes: readonly string[],
    delivered = false,
  ): Conclusion {
    const { run } = snapshot;
    const own = conduct.worktrees ? runBranch(run.id) : null;
    return {
      run: run.id,
      state,
      completed: run.done,
      failed: run.tasks["failed"] ?? 0,
      total: run.total - (run.tasks["cancelled"] ?? 0),
      costUsd: snapshot.costUsd,
      branch: delivered ? conduct.target : own,
      delivered: delivered || !conduct.worktrees,
      notes: [...notes, ...snapshot.waiting.map(notMerged)],
    };
  }

  #tree(conduct: Conduct): MergePlace | null {
    return mergePlace(conduct, this.#options);
  }

  #swept({ task, outcome }: Swept): void {
    this.#tell({ kind: "swept", at: now(), task, outcome, text: `${task}: ${outcome}` });
  }

  #note(text: string): void {
    this.#tell({ kind: "note", at: now(), text });
  }

  #tell(event: RunEvent): void {
    this.#options.onEvent?.(event);
  }
}

function proposals(run: string, count: number): string[] {
  const what = count === 1 ? "1 task was" : `${count} tasks were`;
  return [
    `${what} proposed by workers: skein plan accept ${run}, then: skein run --resume ${run}`,
    "what of it is not wanted: skein task update TASK --action cancel",
  ];
}

function notMerged({ task, branch, reason }: ShownAttempt): string {
  return `${task} is not merged, its work is on ${branch}: ${reason}`;
}

/** Which tasks somebody stopped, and who: a line for each. */
async function stoppedOf(calls: Calls, run: RunView): Promise<string[]> {
  const lines: string[] = [];
  for (const { id, status } of run.open) {
    if (status !== "failed") continue;
    const { failure } = await calls.task(id);
    if (wasStopped(failure)) lines.push(`${id} was ${failure}`);
  }
  return lines;
}

function now(): string {
  return new Date().toISOString();
}
