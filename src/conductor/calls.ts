// The operations that the processes of a run call, with their answers' types. One place knows which
// of the catalogue they are; everything else calls these.

import { operationNamed } from "../catalogue.ts";
import { asRefusal } from "../core/errors.ts";
import { invariant } from "../core/invariant.ts";
import { fileName, plain } from "../core/text.ts";
import type { Conduct, Outcome } from "../fleet/rules.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import type { Answer } from "../perform.ts";

/** Calls one operation of the catalogue as whoever this process acts for. */
export type Call = (operation: string, input: Readonly<Record<string, unknown>>) => Promise<Answer>;

/** A task as a worker gets it. */
export interface ClaimedTask {
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly accept?: string;
  readonly files?: readonly string[];
  readonly status: string;
  readonly attempts: number;
}

/** A task as anybody sees it. */
export interface KnownTask extends ClaimedTask {
  readonly epoch: number;
  readonly run?: string;
  readonly summary?: string;
  readonly failure?: string;
}

/** What begin_attempt answers. */
export interface Begun {
  readonly attempt: ShownAttempt | null;
  readonly task?: ClaimedTask;
  readonly briefing?: string;
  readonly from?: string | null;
  readonly conduct: Conduct;
  readonly reason?: "waiting" | "busy" | "limit" | "budget" | "stopped" | "finished";
  readonly retry_ms?: number;
}

/** What a run looks like. */
export interface RunView {
  readonly id: string;
  readonly goal: string;
  readonly status: string;
  readonly done: number;
  readonly total: number;
  readonly tasks: Readonly<Record<string, number>>;
  /** Those that are not done, the first of them. */
  readonly open: readonly {
    readonly id: string;
    readonly title: string;
    readonly status: string;
  }[];
  /** Those that are, the first of them. */
  readonly completed: readonly { readonly id: string; readonly title: string }[];
  readonly outcome?: string;
  /** Why nothing of it is begun any more; absent while it goes on. */
  readonly stopped?: string;
  /** Worker processes drive it, and it is not ended; its plan is still to be taken. */
  readonly driven?: boolean;
  readonly planning?: boolean;
  /** Why its result is not on the user's branch, though everything is done. */
  readonly left?: string;
}

/** One version of something that was found out. */
export interface Discovery {
  readonly key: string;
  readonly version: number;
  readonly value: string;
  readonly at: string;
}

/** What end_attempt is told. */
export interface Ended {
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly reason?: string;
  readonly summary?: string;
  readonly files?: readonly string[];
  readonly head?: string;
  readonly merged?: string;
  readonly parked?: string;
  readonly cause?: string;
  readonly again?: boolean;
  readonly delay_ms?: number;
  readonly counts?: boolean;
  readonly limit_until_ms?: number;
  readonly limit_known?: boolean;
  readonly turns?: number;
  readonly tokens?: number;
  readonly cost_usd?: number;
}

/** The operations of a run's processes, as functions. */
export class Calls {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  async begin(run: string): Promise<Begun> {
    return await this.#call("begin_attempt", { run }) as unknown as Begun;
  }

  async note(
    attempt: number,
    what: Readonly<Record<string, unknown>>,
  ): Promise<{ stop: string | null }> {
    return await this.#call("note_attempt", { attempt, ...what }) as { stop: string | null };
  }

  /** What agents say is for terminals too, and files have any name: neither is a reason not to be told. */
  async end({ reason, files, ...ended }: Ended): Promise<void> {
    const told = { ...ended, ...(reason === undefined ? {} : { reason: plain(reason) }) };
    if (files === undefined) return void await this.#call("end_attempt", told);
    try {
      await this.#call("end_attempt", { ...told, files: files.map(fileName) });
    } catch (thrown) {
      // A name that is too long, or that the filter takes for an attack.
      if (!String(asRefusal(thrown).details["field"]).startsWith("files")) throw thrown;
      await this.#call("end_attempt", told);
    }
  }

  async attempts(
    filter: { run?: string; task?: string; open?: boolean; after?: number },
  ): Promise<{ attempts: ShownAttempt[]; hosts: string[]; next: number | null }> {
    return await this.#call("list_attempts", filter) as unknown as {
      attempts: ShownAttempt[];
      hosts: string[];
      next: number | null;
    };
  }

  /** Every attempt of a run after one, however many pages that takes. */
  async allAttempts(
    run: string,
    after = 0,
  ): Promise<{ attempts: ShownAttempt[]; hosts: string[] }> {
    const first = await this.attempts({ run, after });
    const found = [...first.attempts];
    for (let next = first.next; next !== null;) {
      const page = await this.attempts({ run, after: next });
      found.push(...page.attempts);
      next = page.next;
    }
    return { attempts: found, hosts: first.hosts };
  }

  async conduct(id: string, set: Readonly<Record<string, unknown>>): Promise<Conduct> {
    return (await this.#call("conduct_run", { id, ...set }))["conduct"] as Conduct;
  }

  async run(input: Readonly<Record<string, unknown>>): Promise<RunView> {
    return (await this.#call("run", input))["run"] as RunView;
  }

  async createTasks(run: string, tasks: readonly unknown[]): Promise<Record<string, string>> {
    return (await this.#call("create_task", { run, tasks }))["ids"] as Record<string, string>;
  }

  async createTask(run: string, task: Readonly<Record<string, unknown>>): Promise<string> {
    return (await this.#call("create_task", { run, ...task }))["id"] as string;
  }

  /** Accepts what the run's planner has proposed, and nothing else; once. */
  async acceptPlan(run: string): Promise<string[]> {
    return (await this.#call("accept_plan", { run, planned: true }))["accepted"] as string[];
  }

  async task(id: string): Promise<KnownTask> {
    return (await this.#call("get_task", { id }))["task"] as KnownTask;
  }

  /** What the run's workers found out, the newest of it, oldest first: not what earlier runs did. */
  async discoveries(run: string): Promise<Discovery[]> {
    const { entries } = await this.#call("get_memory", { type: "discovery" }) as unknown as {
      entries: readonly (Discovery & { run?: string })[];
    };
    return entries.filter((one) => one.run === run).reverse();
  }

  /** Hands a task in for the agent that did not do so itself. */
  async handIn(id: string, epoch: number, summary: string): Promise<void> {
    await this.#call("complete_task", { id, epoch, summary: plain(summary) || "done" });
  }

  /** Any other operation. */
  call(operation: string, input: Readonly<Record<string, unknown>>): Promise<Answer> {
    return this.#call(operation, input);
  }
}

/** The calls of something that performs operations: a node, or a command line's caller. */
export function callsOf(
  caller: {
    call(
      operation: NonNullable<ReturnType<typeof operationNamed>>,
      input: unknown,
    ): Promise<{ answer: Answer }>;
  },
): Calls {
  return new Calls(async (name, input) => {
    const operation = operationNamed(name);
    invariant(operation !== undefined, `${name} is an operation`);
    return (await caller.call(operation, input)).answer;
  });
}
