// Refusals teach, and leave nothing behind: every refusal has one shape, says in words what to do
// next, and of what was refused not a byte is in the store afterwards.

import { assert, assertEquals } from "@std/assert";
import { ERRORS } from "../../mod.ts";
import type { Peer } from "../support/peer.ts";
import { type Flock, withFlock } from "./flock.ts";

/** Stands in everything that is refused, so that it can be looked for. */
const MARK = "refused-3f9a";

const TABLES = [
  "delivery",
  "dependency",
  "idempotency",
  "journal",
  "lock",
  "lock_wait",
  "lost",
  "memory",
  "message",
  "note",
  "run",
  "task",
];

/** Rows by table. That somebody was refused is kept, too; what was refused is not. */
function counts(flock: Flock): Record<string, number> {
  const some = (table: string): string => table === "journal" ? " WHERE op <> 'refuse'" : "";
  return Object.fromEntries(
    TABLES.map((table) => [table, flock.count(`SELECT count(*) FROM ${table}${some(table)}`)]),
  );
}

/** Calls that are refused, by the code that they earn. */
const REFUSED: readonly [string, string, Record<string, unknown>][] = [
  ["UNKNOWN_PEER", "send", { to: `nobody-${MARK}`, content: MARK }],
  ["UNKNOWN_PEER", "send", { to: ["ben", `nobody-${MARK}`], content: MARK }],
  ["UNKNOWN_MESSAGE", "send", { to: "ben", content: MARK, reply_to: "m999" }],
  ["UNKNOWN_TASK", "send", { to: "ben", content: MARK, task: "t999" }],
  ["INVALID_INPUT", "send", { to: "ben", content: MARK, category: "command" }],
  ["INVALID_INPUT", "send", { to: "ben", content: "" }],
  ["INVALID_INPUT", "send", { to: "ben", content: MARK, urgency: "high" }],
  ["TOO_LARGE", "send", { to: "ben", content: MARK.repeat(6_000) }],
  ["NOT_YOU", "send", { to: "ben", content: MARK, sender_id: "ben" }],
  ["INVALID_INPUT", "create_task", {}],
  ["UNKNOWN_TASK", "create_task", { title: MARK, blocked_by: ["t999"] }],
  ["UNKNOWN_RUN", "create_task", { title: MARK, run: "r999" }],
  ["UNKNOWN_PEER", "create_task", { title: MARK, assign_to: "nobody" }],
  ["DUPLICATE_KEY", "create_task", {
    tasks: [{ key: "a", title: MARK }, { key: "a", title: MARK }],
  }],
  ["CYCLE", "create_task", {
    tasks: [
      { key: "a", title: MARK, blocked_by: ["b"] },
      { key: "b", title: MARK, blocked_by: ["a"] },
    ],
  }],
  ["TASK_TAKEN", "claim_task", { id: "t1" }],
  ["TASK_BLOCKED", "claim_task", { id: "t2" }],
  ["UNKNOWN_TASK", "claim_task", { id: `t9-${MARK}` }],
  ["NOT_YOUR_CLAIM", "complete_task", { id: "t1", summary: MARK }],
  ["NOT_YOUR_CLAIM", "update_task", { id: "t1", progress: MARK, note: MARK }],
  // These have written something before they are refused.
  ["NOT_YOUR_CLAIM", "update_task", { id: "t1", note: MARK, action: "release" }],
  ["TASK_STATE", "update_task", { id: "t1", note: MARK, action: "accept" }],
  ["ROLE_TAKEN", "join", { name: `ann-${MARK}`, role: "architect" }],
  ["UNKNOWN_RUN", "join", { name: `ann-${MARK}`, summary: MARK, run: "r999" }],
  ["TASK_STATE", "review_task", { id: "t1", verdict: "approve", findings: MARK }],
  ["LOCK_HELD", "lock_file", { paths: [`${MARK}.ts`, "held.ts"] }],
  ["PATH_OUTSIDE", "lock_file", { paths: [`${MARK}.ts`, "../../elsewhere.ts"] }],
  ["PATH_TOO_WIDE", "lock_file", { paths: [`${MARK}.ts`, "**"] }],
  ["LOCK_NOT_YOURS", "unlock_file", { paths: ["held.ts"] }],
  ["NOT_ALLOWED", "set_memory", { key: MARK, value: MARK, type: "decision" }],
  ["INVALID_INPUT", "set_memory", { key: MARK, value: MARK, supersedes: "nothing" }],
  ["UNKNOWN_RUN", "run", { action: "resume", id: "r999" }],
  ["NAME_TAKEN", "join", { name: "ben", summary: MARK }],
  ["ROLE_TAKEN", "join", { role: "architect", summary: MARK }],
  ["UNKNOWN_TOOL", `tool_${MARK}`, { text: MARK }],
];

async function stage(flock: Flock): Promise<Peer> {
  const [ben, ann] = await flock.joinAll("ben", "ann");
  if (!ben || !ann) throw new Error("nobody joined");
  const { ids } = await ben.ok("create_task", {
    tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }],
  });
  await ben.ok("claim_task", { id: ids.a });
  await ben.ok("lock_file", { paths: ["held.ts"] });
  return ann;
}

Deno.test("promise 6: every refusal has one shape, teaches, and leaves nothing behind", async () => {
  await withFlock(async (flock) => {
    const ann = await stage(flock);
    const before = counts(flock);
    for (const [code, tool, args] of REFUSED) {
      const what = `${tool} ${JSON.stringify(args).slice(0, 120)}`;
      const reply = await ann.call(tool, args, { key: `key of ${what}`.slice(0, 200) });
      assertEquals(reply.isError, true, what);
      assertEquals(JSON.parse(reply.text), reply.json, `${what}: text and structure differ`);
      const { error } = reply.json as { error: Record<string, unknown> };
      assertEquals(error["code"], code, `${what}: ${reply.text}`);
      assert(code in ERRORS);
      for (const field of ["message", "hint"]) {
        const text = error[field];
        assert(typeof text === "string" && text.length > 10, `${what}: no ${field}`);
      }
      if (code === "INVALID_INPUT" || code === "TOO_LARGE") {
        assert(typeof error["field"] === "string", `${what}: names no field`);
      }
      assert(reply.text.length < 1_500, `${what}: ${reply.text.length} characters`);
      assertEquals(counts(flock), before, `${what} left something`);
    }
    assertNoMark(flock);
    // It goes on as if nothing had been.
    assertEquals((await ann.ok("send", { to: "ben", content: "still here" })).id, "m1");
  });
});

/** Looks at the files themselves: a row that was rolled back has no business there either. */
function assertNoMark(flock: Flock): void {
  const tables = flock.rows<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'search_text%'",
  );
  for (const { name } of tables) {
    const text = JSON.stringify(flock.rows(`SELECT * FROM "${name}"`));
    assert(!text.includes(MARK), `${name} has what was refused`);
  }
}

Deno.test("promise 6: refusals name who or what stands in the way", async () => {
  await withFlock(async (flock) => {
    const ann = await stage(flock);
    const taken = (await ann.call("claim_task", { id: "t1" })).json.error;
    assertEquals([taken.task, taken.claimed_by], ["t1", "ben"]);
    const blocked = (await ann.call("claim_task", { id: "t2" })).json.error;
    assertEquals(blocked.blocked_by, ["t1"]);
    const held = (await ann.call("lock_file", { paths: ["held.ts"] })).json.error;
    assertEquals(held.refused.map((one: { path: string; holder: string }) => one.path), [
      "held.ts",
    ]);
    assertEquals(held.refused[0].holder, "ben");
    const unknown = (await ann.call("send", { to: "bne", content: "typo" })).json.error;
    assert(unknown.peers.includes("ben"), "who could have been meant");
  });
});

Deno.test("promise 6: who sends too much is told how long to wait, and nothing is sent", async () => {
  await withFlock(async (flock) => {
    await flock.join({ name: "ben" });
    const ann = await flock.join({ name: "ann", env: { SKEIN_RATE: "5" } });
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ann.call("send", { to: "ben", content: `${n}` })),
    );
    const refused = replies.filter((reply) => reply.isError);
    assert(refused.length >= 14 && refused.length <= 15, `${refused.length} were refused`);
    for (const { json } of refused) {
      assertEquals(json.error.code, "RATE_LIMITED");
      assert(json.error.retry_after_s >= 1 && json.error.retry_after_s <= 60);
    }
    assertEquals(flock.count("SELECT count(*) FROM message"), 20 - refused.length);
    // What cannot wait goes through.
    await ann.ok("send", { to: "ben", content: "the build is broken", category: "blocker" });
  });
});
