// What an operation decides and a process has to do: a `skein` command with its own permissions does
// it, after the decision was committed. The session's server itself may start nothing else.
// Under an idempotency key it is done once: whoever is at it says so in the store before, under a
// presence that the kernel frees, and what came of it is what a repeated call is answered. Only what
// failed, or was never begun, is tried again; whether it was done is not known if its doer died over it.

import { Refusal } from "../core/errors.ts";
import { TIMES } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import type { Answer } from "../perform.ts";
import { beginCarrying, type Carrying, carryingOf, endCarrying } from "../store/idempotency.ts";
import { commit, type Store } from "../store/unit.ts";
import { newId } from "./ids.ts";

/** The command line of this very program; an installed server is told of its own. */
export function selfCommand(): string[] {
  const installed = Deno.env.get("SKEIN_COMMAND");
  if (installed !== undefined && installed !== "") return [installed];
  return [Deno.execPath(), "run", "-A", "--no-check", "--quiet", Deno.mainModule];
}

/** Whose decision it is, and under which idempotency key it was remembered, if under one. */
export interface Decided {
  readonly peer: string;
  readonly key: string | undefined;
}

/**
 * Carries out what an operation has decided, unless that was done under the same key before, and adds
 * what came of it to the answer.
 * @throws Refusal `NOT_AVAILABLE` (what the command says, or that nobody knows), `STORE_BUSY`
 */
export async function carryOut(
  store: Store,
  operation: AnyOperation,
  answer: Answer,
  { peer, key }: Decided,
): Promise<Answer> {
  if (operation.carriesOut === undefined) return answer;
  if (key === undefined) return { ...answer, ...await run(store, operation, answer) };
  const deadlineMs = performance.now() + TIMES.carryMs;
  let freeOf: string | null = null;
  for (;;) {
    const now = await store.engine.read((tx) => carryingOf(tx, peer, key));
    // Nothing was remembered: then nobody else has it either.
    if (now === undefined) return { ...answer, ...await run(store, operation, answer) };
    if (now.by === null) return { ...answer, ...now.answer };
    if (now.by === "") {
      const done = await once(store, operation, now, peer, key);
      if (done !== null) return { ...answer, ...done };
      continue;
    }
    // It writes down what came of it before it lets go: found free, it is looked at once more.
    if (freeOf === now.by) throw unknown(operation, key);
    freeOf = store.engine.held(now.by) === "held" ? null : now.by;
    if (performance.now() > deadlineMs) throw slow(operation, key);
    if (freeOf === null) await new Promise((next) => setTimeout(next, TIMES.carryLookMs));
  }
}

/** Carries it out in the name of the key; null if another was faster. */
async function once(
  store: Store,
  operation: AnyOperation,
  { answer }: Carrying,
  peer: string,
  key: string,
): Promise<Answer | null> {
  const by = `carry-${newId(12)}`;
  const hold = store.engine.hold(by);
  try {
    if (!await commit(store, ({ tx }) => beginCarrying(tx, peer, key, by))) return null;
    let outcome: Answer;
    try {
      outcome = await run(store, operation, answer);
    } catch (thrown) {
      if (!(thrown instanceof Cut)) {
        await commit(store, ({ tx }) => endCarrying(tx, peer, key, by, null));
        throw thrown;
      }
      throw unknown(operation, key);
    }
    const done = { ...answer, ...outcome };
    await commit(store, ({ tx }) => endCarrying(tx, peer, key, by, done));
    return done;
  } finally {
    hold.release(true);
  }
}

/** The command was ended by a signal: it may have done what it was to do. */
class Cut extends Refusal {}

/** @throws Refusal what the command says; `Cut` if it was ended in the middle */
async function run(store: Store, operation: AnyOperation, answer: Answer): Promise<Answer> {
  const [command = "", ...args] = selfCommand();
  const { success, signal, stdout, stderr } = await new Deno.Command(command, {
    args: [...args, operation.carriesOut ?? "", JSON.stringify({ ...answer, home: store.folder })],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  if (success) return JSON.parse(text) as Answer;
  const why = new TextDecoder().decode(stderr).trim() || text || `ended by ${signal}`;
  const hint =
    "Its name is reserved: start the agent yourself with SKEIN_NAME, or try another way.";
  const Kind = signal === null ? Refusal : Cut;
  throw new Kind("NOT_AVAILABLE", `${operation.name}: ${why}`, { hint });
}

function unknown(operation: AnyOperation, key: string): Refusal {
  return new Refusal(
    "NOT_AVAILABLE",
    `${operation.name}: whoever carried it out under the key ${key} was ended over it; whether it was ` +
      "done is not known",
    { field: "key", hint: "list_peers shows whether it was. If not, call again with another key." },
  );
}

function slow(operation: AnyOperation, key: string): Refusal {
  return new Refusal(
    "STORE_BUSY",
    `${operation.name}: another call with the key ${key} is still carrying it out`,
    { field: "key", hint: "Call again with the same key: it gives what came of it." },
  );
}
