// Bringing the search index up before a search. A read waits for no writer and needs no room on the
// disk: what cannot be taken in at once, the search answers without and says so.

import { Refusal } from "../core/errors.ts";
import { commit, type Store } from "../store/unit.ts";
import { indexLags, indexStep } from "./search.ts";

/** How long a search may spend on the index before it answers from what there is. */
const INDEX_MS = 2_000;
/** How long a step waits for other writers: some of their turns. */
const TURN_MS = 100;

/** Steps that are on their way: those who ask meanwhile wait for the same one. */
const steps = new WeakMap<Store, Step>();

interface Step {
  /** Whether it has the write lock: from there on it ends within milliseconds. */
  hasBegun: boolean;
  /** How many searches wait for it: with none left it does nothing. */
  waiting: number;
  /** Whether more is missing; null if it came too late or the store takes no write. */
  readonly done: Promise<boolean | null>;
}

/**
 * Takes into the search index what is missing, as far as that goes without waiting.
 * @throws Refusal `STORE_GONE`, `STORE_REPLACED`: from such a store nobody is answered
 */
export async function bringIndexUp(store: Store): Promise<void> {
  const deadline = performance.now() + INDEX_MS;
  let lags: boolean | null = await store.engine.read(indexLags);
  while (lags === true && performance.now() < deadline) {
    const step = steps.get(store) ?? begin(store);
    lags = await inTime(step);
  }
}

function begin(store: Store): Step {
  const step: Step = { hasBegun: false, waiting: 0, done: run() };
  async function run(): Promise<boolean | null> {
    try {
      return await commit(store, ({ tx }) => {
        if (step.waiting === 0) return Promise.resolve(null);
        step.hasBegun = true;
        return indexStep(tx);
      });
    } catch (thrown) {
      // Busy, full, written by a newer version: a read does without. The leader goes on with the index.
      const gone = ["STORE_GONE", "STORE_REPLACED"];
      if (!(thrown instanceof Refusal) || gone.includes(thrown.code)) throw thrown;
      return null;
    } finally {
      steps.delete(store);
    }
  }
  steps.set(store, step);
  return step;
}

/** What a step says, if it gets its turn soon; what comes of it later nobody here has to know. */
async function inTime(step: Step): Promise<boolean | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((tell) => {
    timer = setTimeout(() => tell("late"), TURN_MS);
  });
  step.waiting += 1;
  try {
    const first = await Promise.race([step.done, late]);
    if (first !== "late") return first;
    if (step.hasBegun) return await step.done;
    step.done.catch(() => {});
    return null;
  } finally {
    step.waiting -= 1;
    clearTimeout(timer);
  }
}
