// The library's way to drive a run: a goal, tasks or a planner, and a promise of how it ended. It
// is the conductor behind a face; whatever it did, the command line and the dashboard show.

import { repositoryOf } from "../core/repository.ts";
import { Refusal } from "../core/errors.ts";
import { prepareHome } from "../store/home.ts";
import { readEnvironment, typedHome } from "../node/settings.ts";
import { Visitor } from "../node/visitor.ts";
import { addPlanning, beginRun, takeUp } from "./begin.ts";
import { type Calls, callsOf } from "./calls.ts";
import { Conductor } from "./conductor.ts";
import type { Conclusion, RunEvent, Snapshot } from "./events.ts";
import { startHost } from "./start.ts";
import { Watch } from "./watch.ts";

/** A task, as a program gives it. */
export interface OrchestratorTask {
  readonly title: string;
  readonly description?: string;
  /** 1 (first) to 10, or a name such as `high`. */
  readonly priority?: number | string;
  /** Ids of tasks that have to be completed before; in `addTasks` also keys of the same call. */
  readonly blockedBy?: readonly string[];
  readonly files?: readonly string[];
  /** How to see that it is done. */
  readonly accept?: string;
  /** What other tasks of the same `addTasks` call it. */
  readonly key?: string;
}

export interface OrchestratorOptions {
  /** The user's folder; in a git repository every attempt gets a worktree of its own. */
  readonly folder?: string;
  /** Where skein keeps its store; default `SKEIN_HOME`, else `~/.skein`. */
  readonly home?: string;
  /** Workers at the same time; default 3. */
  readonly workers?: number;
  /** The model of the first attempt, of the second, and so on. */
  readonly models?: readonly string[];
  /** Milliseconds that one attempt may take; default an hour. */
  readonly taskTimeoutMs?: number;
  /** Attempts at a task before it fails for good; default 3. */
  readonly attempts?: number;
  /** A shell command that has to succeed on each task's work, merged with the rest, before it counts as done. */
  readonly check?: string;
  /** False: all workers share the folder, under locks. */
  readonly worktrees?: boolean;
  /** Tools that the agents may use without asking. */
  readonly allowedTools?: readonly string[];
  /** Everything that happens in the run. */
  readonly onEvent?: (event: RunEvent) => void;
  /** A task was completed, failed for good or was given back: once for each attempt's end. */
  readonly onTaskComplete?: (event: Extract<RunEvent, { kind: "begun" | "ended" }>) => void;
  /** Somebody found something out: once for each version of it. */
  readonly onDiscovery?: (event: Extract<RunEvent, { kind: "discovery" }>) => void;
  /** The command that starts a worker's process; default: this very skein. */
  readonly command?: readonly string[];
}

/**
 * Plans and drives a run.
 *
 * ```ts
 * const orchestrator = new Orchestrator({ folder: "/my/project", workers: 2 });
 * await orchestrator.initialize("Add rate limiting");
 * const limits = await orchestrator.addTask({ title: "Write the token bucket" });
 * await orchestrator.addTask({ title: "Apply it to every route", blockedBy: [limits] });
 * const { state, completed } = await orchestrator.run();
 * ```
 */
export class Orchestrator {
  readonly #options: OrchestratorOptions;
  readonly #home: string;
  readonly #folder: string;
  readonly #visitor: Visitor;
  readonly #calls: Calls;
  #run: string | null = null;
  #goal = "";

  /** @throws Refusal `HOME_UNSAFE`, `INVALID_INPUT` */
  constructor(options: OrchestratorOptions = {}) {
    this.#options = options;
    const folder = Deno.realPathSync(options.folder ?? Deno.cwd());
    const environment = readEnvironment({
      ...Deno.env.toObject(),
      SKEIN_DIR: folder,
      ...typedHome(options.home),
    }, folder);
    this.#home = prepareHome(environment.home).folder;
    this.#folder = folder;
    this.#visitor = new Visitor({ ...environment, home: this.#home });
    this.#calls = callsOf(this.#visitor);
  }

  /** The run's id, once it has begun. */
  get runId(): string | null {
    return this.#run;
  }

  /**
   * Begins a run with a goal and, if there is one, a plan in words. Returns its id.
   * @throws Refusal `NOT_AVAILABLE` if the agent's program is missing
   */
  async initialize(goal: string, plan?: string): Promise<string> {
    const { workers, models, taskTimeoutMs, attempts, allowedTools, check } = this.#options;
    const begun = await beginRun(this.#calls, {
      home: this.#home,
      folder: this.#folder,
      goal,
      plan,
      worktrees: this.#options.worktrees ?? repositoryOf(this.#folder) !== null,
      conduct: {
        workers,
        models,
        task_ms: taskTimeoutMs,
        attempts,
        allowed_tools: allowedTools,
        check,
      },
    });
    this.#goal = goal;
    this.#run = begun.run;
    for (const text of begun.notes) {
      this.#options.onEvent?.({ kind: "note", at: new Date().toISOString(), text });
    }
    return begun.run;
  }

  /** Adds a task and returns its id. */
  async addTask(task: OrchestratorTask): Promise<string> {
    const { key: _key, blockedBy, ...rest } = task;
    const blocked = blockedBy === undefined ? {} : { blocked_by: blockedBy };
    return await this.#calls.createTask(this.#begun(), { ...rest, ...blocked });
  }

  /** Adds tasks at once; returns their ids by key (without one: by their place, from 1). */
  async addTasks(tasks: readonly OrchestratorTask[]): Promise<Record<string, string>> {
    return await this.#calls.createTasks(
      this.#begun(),
      tasks.map(({ blockedBy, key, ...rest }, i) => ({
        key: key ?? String(i + 1),
        ...rest,
        ...(blockedBy === undefined ? {} : { blocked_by: blockedBy }),
      })),
    );
  }

  /** Drives the tasks that were added; resolves when nothing is left to do. */
  async run(signal?: AbortSignal): Promise<Conclusion> {
    return await this.#drive(this.#begun(), signal);
  }

  /** Lets an agent plan the goal first, and drives what comes of it. */
  async runWithPlan(signal?: AbortSignal): Promise<Conclusion> {
    const run = this.#begun();
    await addPlanning(this.#calls, run, this.#goal);
    return await this.#drive(run, signal);
  }

  /** Goes on with a run that was begun before, by whomever. */
  async resume(run: string, signal?: AbortSignal): Promise<Conclusion> {
    await takeUp(this.#calls, run, {});
    this.#run = run;
    return await this.#drive(run, signal);
  }

  /** How the run stands. */
  async status(): Promise<Snapshot> {
    return (await new Watch(this.#calls, this.#begun()).look()).snapshot;
  }

  /** Ends all agents of the run; their work is kept and `resume` goes on with it. */
  async stop(why = "stopped by the program"): Promise<void> {
    await this.#calls.conduct(this.#begun(), { action: "stop", why });
  }

  #begun(): string {
    if (this.#run !== null) return this.#run;
    throw new Refusal("UNKNOWN_RUN", "the orchestrator has no run yet", {
      hint: "Call initialize or resume first.",
    });
  }

  async #drive(run: string, signal: AbortSignal | undefined): Promise<Conclusion> {
    const { command } = this.#options;
    const conductor = new Conductor({
      run,
      home: this.#home,
      calls: this.#calls,
      startHost: ({ repo }) =>
        startHost({ run, home: this.#home, repo, command: command ?? ownCommand() }),
      changed: (ms) => this.#visitor.changed(ms),
      onEvent: (event) => this.#tell(event),
      ...(signal === undefined ? {} : { signal }),
    });
    return await conductor.drive();
  }

  #tell(event: RunEvent): void {
    this.#options.onEvent?.(event);
    if (event.kind === "ended") this.#options.onTaskComplete?.(event);
    if (event.kind === "discovery") this.#options.onDiscovery?.(event);
  }
}

/** In a program that only imports skein, the main module is not skein's. */
function ownCommand(): string[] {
  const installed = Deno.env.get("SKEIN_COMMAND");
  if (installed !== undefined && installed !== "") return [installed];
  const entry = new URL("../../mod.ts", import.meta.url);
  return [Deno.execPath(), "run", "-A", "--no-check", "--quiet", entry.href];
}
