// The epochs of the claims that a node's peer has made or got back: they are what fences this process if
// it sleeps while somebody else gets the task.

import type { AnyOperation } from "../core/operation.ts";
import type { Answer } from "../perform.ts";

export class HeldEpochs {
  readonly #byTask = new Map<string, number>();

  /** Undefined for a task that was never claimed here. */
  of(task: string): number | undefined {
    return this.#byTask.get(task);
  }

  /** What a peer that came back has got back. */
  restore(epochs: Iterable<readonly [string, number]>): void {
    for (const [task, epoch] of epochs) this.#byTask.set(task, epoch);
  }

  /** Takes the epoch of a claim out of its answer. */
  remember(operation: AnyOperation, answer: Answer): void {
    if (operation.name !== "claim_task") return;
    const task = answer["task"] as { id: string } | null;
    if (task === null) return;
    // An answer that is repeated under its key may be older than what we hold.
    const epoch = Math.max(answer["epoch"] as number, this.#byTask.get(task.id) ?? 0);
    this.#byTask.set(task.id, epoch);
  }
}
