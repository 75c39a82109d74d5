// When a worker may begin its next attempt, and what its end means for the task. Pure.

/** How an attempt ended. */
export const OUTCOMES = [
  "done",
  "failed",
  "conflict",
  "limited",
  "stopped",
  "review",
  "waiting",
  "lost",
] as const;
export type Outcome = typeof OUTCOMES[number];

/** What an attempt is for. `plan`: makes the tasks. `resolve`: begins with a merge in conflict. */
export type Kind = "work" | "plan" | "resolve";

/** The cause of an attempt's end whose work has failed the check of its run: the next one goes on from it. */
export const CHECK = "check";

/** The cause of one that waits to be checked, or is: nothing is wrong with it. */
export const UNCHECKED = "unchecked";

/** What may be used: null is without bound. */
export interface Spending {
  readonly turns: number | null;
  readonly tokens: number | null;
  readonly cost_usd: number | null;
}

/** How a run is driven, as `run.conduct` holds it. */
export interface Conduct {
  /** Top of the user's checkout, or the folder where there is no repository. */
  readonly repo: string;
  /** Whether each attempt has a worktree and a branch of its own. */
  readonly worktrees: boolean;
  /** The commit that the run began at; null without worktrees. */
  readonly base: string | null;
  /** The user's branch that gets the result; null when its checkout was detached. */
  readonly target: string | null;
  readonly workers: number;
  /** The model of the first attempt, of the second, and so on; the last goes on. Empty: the agent's own. */
  readonly models: readonly string[];
  readonly permission_mode: string;
  readonly allowed_tools: readonly string[];
  /** The user asked for an agent that asks for nothing. */
  readonly skip_permissions: boolean;
  readonly attempts: number;
  readonly task_ms: number;
  readonly first_output_ms: number;
  readonly quiet_ms: number;
  /** Bounds of one attempt. */
  readonly each: Spending;
  /** Bounds of the whole run. */
  readonly all: Spending;
  /** The task that makes the plan. */
  readonly plan: string | null;
  /** The plan waits for somebody's acceptance. */
  readonly plan_only: boolean;
  /** Why nothing of it is begun any more. */
  readonly stopped: string | null;
  /** A shell command that has to succeed on what is merged; null or absent: none. */
  readonly check?: string | null;
  /** How long it may take; absent in older runs. */
  readonly check_ms?: number;
  /** Why the result did not go to the user's branch when everything was done; absent in older runs. */
  readonly left?: string | null;
}

/** Which of several runs may start one more agent on this machine. */
export interface Share {
  /** Agents that may run at the same time. */
  readonly most: number;
  /** Agents that run, by run. */
  readonly running: ReadonlyMap<string, number>;
  /** Runs that have work ready. */
  readonly wanting: ReadonlySet<string>;
}

/**
 * Whether a run may start one more agent. While others want some too, each is sure of an equal share;
 * what nobody else wants is anybody's.
 */
export function mayStart(run: string, { most, running, wanting }: Share): boolean {
  const total = [...running.values()].reduce((sum, count) => sum + count, 0);
  if (total >= most) return false;
  const wanted = new Set([...wanting, run]);
  const share = Math.max(1, Math.floor(most / wanted.size));
  const own = running.get(run) ?? 0;
  if (own < share) return true;
  let kept = 0;
  for (const other of wanted) {
    if (other !== run) kept += Math.max(0, share - (running.get(other) ?? 0));
  }
  return total + kept < most;
}

/** What was used. */
export interface Used {
  readonly turns: number;
  readonly tokens: number;
  readonly cost_usd: number;
}

/** What a bound was reached by; null while none is. */
export function spent(used: Used, most: Spending): string | null {
  if (most.turns !== null && used.turns >= most.turns) return `${used.turns} turns`;
  if (most.tokens !== null && used.tokens >= most.tokens) return `${used.tokens} tokens`;
  if (most.cost_usd !== null && used.cost_usd >= most.cost_usd) {
    return `${used.cost_usd.toFixed(2)} USD`;
  }
  return null;
}

/** What a bound was exceeded by: work that just reaches it is finished, what goes beyond is ended. */
export function exceeded(used: Used, most: Spending): string | null {
  const over = (one: number, bound: number | null): boolean => bound !== null && one > bound;
  const beyond = over(used.turns, most.turns) || over(used.tokens, most.tokens) ||
    over(used.cost_usd, most.cost_usd);
  return beyond ? spent(used, most) : null;
}

/** What an attempt may cost, of its own bound and what its run has left; null is without bound. */
export function costLeft(used: Used, each: Spending, all: Spending): number | null {
  // A bound of nothing would be taken for none.
  const left = all.cost_usd === null ? null : Math.max(0.01, all.cost_usd - used.cost_usd);
  if (left === null || each.cost_usd === null) return left ?? each.cost_usd;
  return Math.min(left, each.cost_usd);
}

/** The model of an attempt, counted from 1: later ones go up the ladder. */
export function modelOf(models: readonly string[], number: number): string | null {
  return models[Math.min(number, models.length) - 1] ?? null;
}

/** When a usage limit ends, in milliseconds since 1970; `known`: the service told it, else a guess. */
export interface LimitEnd {
  readonly untilMs: number;
  readonly known: boolean;
}

/**
 * The end that counts of the one kept so far and the one told now. What is known holds against a guess
 * as long as it lies ahead, and replaces every guess; of two of a kind the later counts, since of
 * several limits (of hours, of a week) the last to end is what agents wait for.
 */
export function laterLimit(kept: LimitEnd, told: LimitEnd, nowMs: number): LimitEnd {
  if (kept.untilMs <= nowMs) return told;
  if (kept.known !== told.known) return kept.known ? kept : told;
  return told.untilMs > kept.untilMs ? told : kept;
}

/**
 * Milliseconds until an agent may start after a usage limit: until its end, and then one after the
 * other, `staggerMs` apart. 0: at once.
 */
export function limitWaitMs(times: {
  readonly nowMs: number;
  /** End of the limit; 0 when there was none. */
  readonly untilMs: number;
  /** The last start of any agent. */
  readonly lastStartMs: number;
  readonly staggerMs: number;
  readonly recoveryMs: number;
}): number {
  const { nowMs, untilMs, lastStartMs, staggerMs, recoveryMs } = times;
  if (nowMs < untilMs) return untilMs - nowMs;
  if (untilMs === 0 || nowMs > untilMs + recoveryMs) return 0;
  return Math.max(0, lastStartMs + staggerMs - nowMs);
}

const STOPPED = "stopped by ";

/** Why a task failed that somebody stopped: `who` says who, and for what reason. */
export function stoppedBy(who: string): string {
  return `${STOPPED}${who}`;
}

/** Whether a task failed because somebody stopped it: every other failure begins with a worker's name. */
export function wasStopped(failure: string | null | undefined): boolean {
  return failure?.startsWith(STOPPED) === true;
}

/** What the end of an attempt does to its task. */
export interface Ending {
  readonly to: "completed" | "failed" | "pending" | "kept";
  /** Whether the attempt counts against the task. */
  readonly counts: boolean;
}

/** `attempts` counts this one. */
export function endingOf(outcome: Outcome, attempts: number, most: number): Ending {
  switch (outcome) {
    case "done":
      return { to: "completed", counts: true };
    case "failed":
      return { to: attempts >= most ? "failed" : "pending", counts: true };
    case "conflict":
    case "limited":
    case "stopped":
      return { to: "pending", counts: false };
    case "review":
    case "waiting":
    case "lost":
      return { to: "kept", counts: true };
  }
}
