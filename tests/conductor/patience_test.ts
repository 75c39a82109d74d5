// A conductor that has driven for hours does not end because somebody holds store or repository for a
// moment; it says so, once. What does not pass ends it, and so does whoever wants it to go.

import { assertEquals, assertRejects } from "@std/assert";
import { type Call, Calls } from "../../src/conductor/calls.ts";
import { Conductor } from "../../src/conductor/conductor.ts";
import { type ErrorCode, Refusal } from "../../src/core/errors.ts";

/** Drives a run that was delivered already, whose store refuses the first few questions after the first. */
async function driven(
  refused: readonly ErrorCode[],
  signal?: AbortSignal,
): Promise<{ state: string; notes: string[] }> {
  const left = [...refused];
  let asked = 0;
  const run = {
    id: "r1",
    status: "ended",
    outcome: `completed: main ${"a".repeat(40)}`,
    tasks: {},
    done: 1,
    total: 1,
  };
  const conduct = { worktrees: false, repo: "/nowhere", target: "main", stopped: null };
  const call = (operation: string): unknown => {
    if (operation === "conduct_run") {
      const code = asked++ === 0 ? undefined : left.shift();
      if (code !== undefined) throw new Refusal(code, "somebody is at it", { hint: "Wait." });
    }
    return { conduct, run, attempts: [], hosts: [], next: null, entries: [] };
  };
  const notes: string[] = [];
  const conductor = new Conductor({
    run: "r1",
    home: "/nowhere",
    calls: new Calls(
      ((operation: string) => Promise.resolve().then(() => call(operation))) as Call,
    ),
    startHost: () => ({ pid: 0, ended: Promise.resolve(true) }),
    changed: () => Promise.resolve(),
    onEvent: (event) => void (event.kind === "note" && notes.push(event.text)),
    ...(signal === undefined ? {} : { signal }),
  });
  return { state: (await conductor.drive()).state, notes };
}

Deno.test("patience: a store or a git that is busy, a full disk are waited for, and told once each", async () => {
  assertEquals(await driven(["STORE_BUSY", "STORE_BUSY", "STORE_FULL", "GIT_BUSY"]), {
    state: "completed",
    notes: Array(3).fill("waits: somebody is at it. Wait."),
  });
});

Deno.test("patience: what does not pass ends it, and whoever wants it to go need not wait", async () => {
  await assertRejects(() => driven(["STORE_GONE"]), Refusal, "somebody is at it");
  await assertRejects(() => driven(["STORE_BUSY"], AbortSignal.abort()), Refusal);
});
