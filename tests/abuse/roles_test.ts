// Who may do what: every operation by every role under every policy, held against a table that was
// written out from the promise; the finer rights inside of operations; and every way up that
// somebody who wants to climb would try.

import { assert, assertEquals } from "@std/assert";
import { CATALOGUE } from "../../src/catalogue.ts";
import { POLICIES, type PolicyName } from "../../src/core/policy.ts";
import { type Flock, flockTest } from "../operations/flock.ts";
import { AMPLE, Bearer, type Callable, codeOf, Guest, Tally } from "./ground.ts";
import { type Kind, KINDS, type Row, ROWS } from "./role_table.ts";

const tally = new Tally();

type Cast = Readonly<Record<Kind, Callable>>;

async function cast(flock: Flock): Promise<Cast> {
  const actors = {
    A: await flock.member("lead"),
    W: await flock.member("will"),
    P: await flock.member("paul", { role: "worker" }),
    O: await flock.member("olga", { role: "observer" }),
    H: new Guest(flock),
  };
  for (const name of ["dummy", "other"]) await flock.member(name);
  return actors;
}

/** For each of them a task of the architect's to meddle with, and a proposal of the worker's. */
async function prepare({ A, P, H }: Cast): Promise<Map<string, string>> {
  await H.call("policy", { mode: "strict" });
  const made = new Map<string, string>();
  for (const { what } of ROWS.filter(({ operation }) => operation === "update_task")) {
    for (const kind of KINDS) {
      const proposed = what.endsWith("accept");
      const task = { title: what, ...(proposed ? {} : { assign_to: "dummy" }) };
      made.set(`${what} ${kind}`, (await (proposed ? P : A).call("create_task", task)).id);
    }
  }
  return made;
}

interface Cell {
  readonly row: Row;
  readonly kind: Kind;
  readonly mode: PolicyName;
  readonly allowed: boolean;
}

async function tryAll(actors: Cast, mode: PolicyName): Promise<Cell[]> {
  const cells: Cell[] = [];
  const made = await prepare(actors);
  await actors.H.call("policy", { mode });
  for (const row of ROWS) {
    for (const kind of KINDS) {
      const id = made.get(`${row.what} ${kind}`);
      // What the human has done to a peer no architect undoes: it has one of its own to try on.
      const own = kind === "H" && row.args["peer"] === "dummy" ? { peer: "other" } : {};
      const args = { ...row.args, ...own, ...(id === undefined ? {} : { id }) };
      const code = await codeOf(actors[kind].call(row.operation, args));
      const allowed = code !== "NOT_ALLOWED";
      if (!allowed) tally.add(mode, kind, row.what);
      cells.push({ row, kind, mode, allowed });
    }
  }
  return cells;
}

function printTable(cells: readonly Cell[]): void {
  const lines = [`${"what".padEnd(24)}${POLICIES.map((mode) => mode.padEnd(8)).join("")}`];
  for (const row of ROWS) {
    const parts = POLICIES.map((mode) =>
      KINDS.map((kind) => {
        const cell = cells.find((one) => one.row === row && one.kind === kind && one.mode === mode);
        return cell?.allowed === true ? kind : "-";
      }).join("").padEnd(8)
    );
    lines.push(`${row.what.padEnd(24)}${parts.join("")}`);
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
}

flockTest("roles: every operation by every role under every policy", async (flock) => {
  const actors = await cast(flock);
  const cells: Cell[] = [];
  for (const mode of POLICIES) cells.push(...await tryAll(actors, mode));
  printTable(cells);
  // An observer that sends in an open flock has a test of its own.
  const judged = cells.filter(({ row, kind, mode }) =>
    !(row.operation === "send" && kind === "O" && mode === "open")
  );
  const wrong = judged.filter(({ row, kind, mode, allowed }) =>
    row.who[mode].includes(kind) !== allowed
  ).map(({ row, kind, mode, allowed }) =>
    `${mode}: ${row.what} by ${kind} is ${allowed ? "" : "not "}allowed`
  );
  assertEquals(wrong, []);
});

Deno.test("roles: the table has a row for every operation", () => {
  const named = new Set(ROWS.map((row) => row.operation));
  assertEquals(CATALOGUE.map(({ name }) => name).filter((name) => !named.has(name)), []);
});

flockTest("roles: an observer only reads, in an open flock, too", async (flock) => {
  const { O, H } = await cast(flock);
  await H.call("policy", { mode: "open" });
  await tally.refused("NOT_ALLOWED", O, "send", { to: "dummy", content: "hello" });
});

flockTest("roles: aliases open no side door", async (flock) => {
  const actors = await cast(flock);
  const table: readonly [string, Record<string, unknown>, string][] = [
    ["broadcast", { category: "finding", content: "x" }, "O"],
    ["send_message", { recipient_id: "dummy", category: "finding", content: "x" }, "O"],
    ["raise_blocker", { description: "x" }, "O"],
    ["request_review", { task_id: "t1", summary: "x" }, "O"],
    ["add_discovery", { content: "x" }, "O"],
    ["create_tasks_batch", { tasks: [{ description: "x" }] }, "O"],
    ["init_coordination", { goal: "x" }, "O"],
  ];
  for (const [name, args, kinds] of table) {
    for (const kind of kinds) await tally.refused("NOT_ALLOWED", actors[kind as Kind], name, args);
  }
});

const TIGHTENING: readonly [PolicyName | null, PolicyName | null, boolean, boolean][] = [
  // stored, environment, a worker decides, a worker makes tasks
  [null, null, false, true],
  [null, "open", true, true],
  [null, "lite", false, false],
  ["strict", "open", false, true],
  ["strict", "lite", false, false],
  ["open", null, true, true],
  ["open", "strict", false, true],
  ["open", "lite", false, false],
  ["lite", "open", false, false],
  ["lite", "strict", false, false],
];

for (const [stored, policy, decides, makes] of TIGHTENING) {
  flockTest(`policy: stored ${stored}, environment ${policy}`, async (flock) => {
    const { lead, anna } = await flock.crew();
    if (stored !== null) await new Guest(flock).call("policy", { mode: stored });
    const { token } = await anna.call("issue_token");
    const worker = new Bearer(await lead.node.store(), token, { settings: { ...AMPLE, policy } });
    const decision = { key: "k", value: "v", type: "decision" };
    const got = [await codeOf(worker.call("set_memory", decision))];
    got.push(await codeOf(worker.call("create_task", { title: "t" })));
    assertEquals(got, [decides, makes].map((may) => may ? "ok" : "NOT_ALLOWED"));
    for (const mode of POLICIES) await tally.refused("NOT_ALLOWED", worker, "policy", { mode });
  });
}

flockTest(
  "policy: the environment lowers the rate that is stored, and never raises it",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    await new Guest(flock).call("policy", { messages_per_minute: 5 });
    const store = await lead.node.store();
    const { token } = await anna.call("issue_token");
    for (const [own, rate] of [[null, 5], [3, 3], [5, 5], [1_000_000, 5]] as const) {
      const settings = { ...AMPLE, messagesPerMinute: own };
      const shown = await new Bearer(store, token, { settings }).call("policy");
      assertEquals(shown.messages_per_minute, rate, `SKEIN_RATE=${own}`);
    }
  },
);

flockTest("rights: a worker manages no task of others, by whatever action", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "bob's" });
  await bob.call("claim_task", { id });
  const held = ["NOT_ALLOWED", "NOT_YOUR_CLAIM", "TASK_STATE"];
  for (
    const change of [
      { action: "release" },
      { action: "fail", note: "x" },
      { action: "cancel" },
      { action: "request_review" },
      { action: "assign", assign_to: "anna" },
      { assign_to: "anna" },
      { assign_to: "" },
      { priority: 1 },
      { progress: "mine now" },
      { note: "and", action: "cancel" },
    ]
  ) await tally.refused(held, anna, "update_task", { id, ...change });
  await tally.refused("NOT_YOUR_CLAIM", anna, "complete_task", { id, summary: "x" });
  await tally.refused("NOT_YOUR_CLAIM", anna, "complete_task", { id, summary: "x", epoch: 1 });
  await lead.call("update_task", { id, action: "cancel" });
  await tally.refused("NOT_ALLOWED", anna, "update_task", { id, action: "retry" });
  const { task } = await lead.call("get_task", { id });
  assertEquals([task.status, task.priority, task.notes ?? []], ["cancelled", 5, []]);
});

flockTest("rights: what a pinned worker proposes, only a leader makes real", async (flock) => {
  const { lead, anna } = await flock.crew();
  const paul = await flock.member("paul", { role: "worker" });
  const { id, status } = await paul.call("create_task", { title: "idea" });
  assertEquals(status, "proposed");
  for (const who of [paul, anna]) {
    await tally.refused("NOT_ALLOWED", who, "update_task", { id, action: "accept" });
    await tally.refused("TASK_STATE", who, "claim_task", { id });
    await tally.refused("TASK_STATE", who, "review_task", { id, verdict: "approve" });
    await tally.refused(["NOT_YOUR_CLAIM", "TASK_STATE"], who, "complete_task", {
      id,
      summary: "x",
    });
  }
  // Round about: cancelled and tried again, assigned, made as a batch.
  await paul.call("update_task", { id, assign_to: "paul" });
  await paul.call("update_task", { id, action: "cancel" });
  await paul.call("update_task", { id, action: "retry" });
  const { ids } = await paul.call("create_task", { tasks: [{ key: "b", title: "two" }] });
  for (const one of [id, ids.b]) {
    assertEquals((await lead.call("get_task", { id: one })).task.status, "proposed");
  }
  assertEquals((await paul.call("claim_task")).task, null);
  await lead.call("update_task", { id, action: "accept" });
  assertEquals((await paul.call("claim_task", { id })).task.id, id);
});

flockTest("rights: decisions are not undone under another name", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (const type of ["decision", "constraint"]) {
    await lead.call("set_memory", { key: type, value: "SQLite", type });
    for (
      const args of [
        { key: type, value: "no" },
        { key: type, value: "no", type: "fact" },
        { key: type, value: "no", type },
        { key: `${type} 2`, value: "no", supersedes: type },
        { key: `${type} 3`, value: "no", type },
      ]
    ) await tally.refused("NOT_ALLOWED", anna, "set_memory", args);
    const [entry] = (await anna.call("get_memory", { key: type })).entries;
    assertEquals([entry.value, entry.version, entry.superseded_by], ["SQLite", 1, undefined]);
  }
});

flockTest("rights: messages of others stay theirs, the architect reads them all", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  const { run } = await lead.call("run", { action: "start", goal: "g" });
  await anna.call("join", { run: run.id });
  const { id } = await anna.call("send", { to: "lead", content: "zanzibar between us" });
  await tally.refused("UNKNOWN_MESSAGE", bob, "check", { id });
  await tally.refused("UNKNOWN_MESSAGE", bob, "send", { to: "anna", content: "x", reply_to: id });
  await tally.refused("UNKNOWN_TASK", bob, "why", { what: id });
  await tally.refused("UNKNOWN_TASK", far, "why", { what: id });
  const digest = await bob.call("run", { action: "resume", id: run.id });
  const hits = await bob.call("search", { query: "zanzibar" });
  const seen = JSON.stringify([digest, hits, await bob.inbox(), await bob.call("list_tasks")]);
  assert(!seen.includes("zanzibar"), seen);
  assert(JSON.stringify(await lead.call("search", { query: "zanzibar" })).includes("zanzibar"));
  assertEquals((await far.call("search", { query: "zanzibar" })).hits, []);
});
tally.print();
