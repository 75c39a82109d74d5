// One order for every operation: whoever may not has no work done for it, neither in the file system
// nor in the store.

import { assertEquals } from "@std/assert";
import { CATALOGUE } from "../../src/catalogue.ts";
import type { AnyOperation } from "../../src/core/operation.ts";
import { Refusal } from "../../mod.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

/** An input that fits, for those that need one. */
const INPUTS: Readonly<Record<string, Json>> = {
  lock_file: { paths: ["a"] },
  guard_edit: { paths: ["a"] },
  guard_shell: { command: "echo > a" },
  report_touched: { paths: ["a"] },
  list_locks: { path: "a" },
  why: { what: "t1" },
  search: { query: "a" },
  get_memory: { query: "a" },
  list_messages: { query: "a" },
  export_project: { part: "overview" },
};

type Mutable = { -readonly [K in keyof AnyOperation]: AnyOperation[K] };

/** Whether the operation did work of its own for a call, and with what it ended. */
async function tried(member: Member, operation: Mutable): Promise<[boolean, string]> {
  let worked = false;
  const { prepare, survey } = operation;
  const seen = <A extends unknown[], R>(work: (...given: A) => R) => (...given: A): R => {
    worked = true;
    return work(...given);
  };
  if (prepare !== undefined) operation.prepare = seen(prepare);
  if (survey !== undefined) operation.survey = seen(survey);
  try {
    await member.call(operation.name, INPUTS[operation.name] ?? {});
    return [worked, "done"];
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return [worked, thrown.code];
  } finally {
    if (prepare !== undefined) operation.prepare = prepare;
    if (survey !== undefined) operation.survey = survey;
  }
}

flockTest("every operation: who may not has no work done for it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const seer = await flock.member("seer", { role: "observer" });
  await lead.call("control", { action: "pause", peer: "anna" });
  const found: string[] = [];
  let refused = 0;
  for (const operation of CATALOGUE) {
    if (operation.prepare === undefined && operation.survey === undefined) continue;
    for (const [who, member] of [["seer", seer], ["anna", anna]] as const) {
      const [worked, code] = await tried(member, operation as Mutable);
      if (!["NOT_ALLOWED", "PAUSED"].includes(code)) continue;
      refused += 1;
      if (worked) found.push(`${operation.name} worked for ${who}, who got ${code}`);
    }
  }
  assertEquals(found, []);
  assertEquals(refused > 5, true, `${refused} refusals`);
});
