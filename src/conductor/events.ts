// What a run tells while it goes on. The terminal, `--json`, the library and the tests hear the same.

import type { ShownAttempt } from "../fleet/view.ts";
import type { RunView } from "./calls.ts";

/** Something that happened in a run. */
export type RunEvent =
  & {
    /** ISO 8601, UTC. */
    readonly at: string;
    /** One line for people. */
    readonly text: string;
  }
  & (
    | { readonly kind: "planned"; readonly tasks: readonly string[] }
    | { readonly kind: "worker"; readonly pid: number }
    | { readonly kind: "begun" | "ended"; readonly attempt: ShownAttempt }
    | { readonly kind: "swept"; readonly task: string; readonly outcome: string }
    | { readonly kind: "discovery"; readonly key: string; readonly value: string }
    | { readonly kind: "delivered"; readonly commit: string; readonly branch: string }
    | { readonly kind: "note" }
  );

/** How a run stands: what a view is drawn from. */
export interface Snapshot {
  readonly run: RunView;
  /** Attempts that go on. */
  readonly running: readonly ShownAttempt[];
  /** Attempts whose work is done and waits to be merged. */
  readonly waiting: readonly ShownAttempt[];
  readonly hosts: readonly string[];
  readonly turns: number;
  readonly tokens: number;
  readonly costUsd: number;
}

/** How a run ended, or why nobody drives it any more. */
export interface Conclusion {
  readonly run: string;
  /**
   * `completed`: everything is done. `failed`: something failed for good. `proposed`: the plan, or what
   * workers thought of on the way, waits for acceptance. `stopped`, `budget`: somebody or something ended it before. `left`: this process went,
   * the workers go on.
   */
  readonly state: "completed" | "failed" | "proposed" | "stopped" | "budget" | "left";
  readonly completed: number;
  readonly failed: number;
  readonly total: number;
  readonly costUsd: number;
  /** Where the result is: the user's branch if it was forwarded, else the run's own. */
  readonly branch: string | null;
  readonly delivered: boolean;
  /** What is left to do by hand, and how. */
  readonly notes: readonly string[];
}
