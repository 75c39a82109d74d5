// Acknowledged means kept. Workers do mixed work as fast as they can and are killed with -9 at
// random moments, again and again; what they were told is written down here, outside of skein.
// Afterwards the file has to be sound, the journal's chain unbroken, and every act be there.

import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { LIMITS } from "../../mod.ts";
import { type JournalRow, macOf } from "../../src/store/journal.ts";
import { eventually } from "../support/eventually.ts";
import { type Flock, withFlock } from "./flock.ts";
import type { Script } from "./script.ts";

/** One act that was acknowledged, as a worker said it. */
interface Ack {
  readonly op: string;
  readonly by: string;
  readonly id?: string;
  readonly epoch?: number;
  readonly version?: number;
  readonly granted?: readonly string[];
  readonly to?: string;
  readonly content?: string;
  readonly title?: string;
  readonly summary?: string;
  readonly key?: string;
  readonly value?: string;
  readonly why?: string;
}

const NAMES = ["ann", "ben", "cyd", "dan"];
const ROUNDS = 6;

Deno.test("promise 1: every acknowledged act is there after kill -9 at random moments", async () => {
  await withFlock(async (flock) => {
    const lives: Script[] = [];
    const living = new Map<string, Script>();
    const begin = (name: string): void => {
      const script = flock.script("mixer.ts", { name }, NAMES);
      lives.push(script);
      living.set(name, script);
    };
    const said = (): number => lives.reduce((sum, script) => sum + script.lines.length, 0);
    for (const name of NAMES) begin(name);
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all([...living.values()].map((one) => one.line((line) => line !== "")));
      const target = said() + 100 + Math.floor(Math.random() * 400);
      await eventually(() => said() >= target, { withinMs: 20_000, what: "work going on" });
      // Everybody at once in the last round, else any one, two, three or four of them.
      const some = NAMES.filter(() => round === ROUNDS - 1 || Math.random() < 0.6);
      const victims = some.length === 0 ? NAMES.slice(0, 1) : some;
      await Promise.all(victims.map((name) => living.get(name)?.kill()));
      if (round < ROUNDS - 1) { for (const name of victims) begin(name); }
    }
    const acks = lives.flatMap((script) => script.lines.map((line) => JSON.parse(line) as Ack));
    assertEquals(acks.filter((ack) => ack.op === "unexpected"), []);
    const ops = ["send", "create_task", "claim_task", "complete_task", "set_memory", "lock_file"];
    for (const op of ops) assert(acks.some((ack) => ack.op === op), `nobody did ${op}`);
    assertSound(flock);
    assertChained(flock);
    for (const ack of acks) assertKept(flock, ack);
    assertOneClaimEach(flock);
    assertOneHolderEach(flock);
  });
});

/** What SQLite says of its own file, by a connection that may write, as a user's shell would. */
function assertSound(flock: Flock): void {
  const db = new DatabaseSync(flock.database, { timeout: 2_000 });
  try {
    assertEquals(db.prepare("PRAGMA integrity_check").all().map((row) => ({ ...row })), [
      { integrity_check: "ok" },
    ]);
  } finally {
    db.close();
  }
}

/** The chain from the first row to the last, recomputed with the home's secret. */
function assertChained(flock: Flock): void {
  const secret = Deno.readFileSync(join(flock.home, "secret"));
  const rows = journalOf(flock);
  let before = "";
  for (const [index, row] of rows.entries()) {
    assertEquals(row.seq, index + 1, "a number is missing in the journal");
    assertEquals(row.mac, macOf(secret, before, row), `row ${row.seq} does not fit the one before`);
    before = row.mac;
  }
}

/** Reads everything once: thousands of acts are looked up in it. */
const kept = new WeakMap<Flock, Map<string, unknown>>();

function tables(flock: Flock): Map<string, unknown> {
  const known = kept.get(flock);
  if (known !== undefined) return known;
  const found = new Map<string, unknown>();
  const put = (sql: string): void => {
    for (const { k, v } of flock.rows<{ k: string; v: string }>(sql)) found.set(k, v);
  };
  put("SELECT 'message m' || id AS k, content AS v FROM message");
  put(
    `SELECT 'delivery m' || d.message || ' ' || p.name AS k, d.state AS v FROM delivery d
     JOIN peer p ON p.id = d.peer`,
  );
  put("SELECT 'title ' || id AS k, title AS v FROM task");
  put("SELECT 'summary ' || id AS k, completed_by || '/' || summary AS v FROM task");
  put("SELECT 'memory ' || key || ' ' || version AS k, value AS v FROM memory");
  put(
    `SELECT 'claim ' || subject || ' ' || json_extract(detail, '$.epoch') AS k, actor AS v
     FROM journal WHERE op = 'claim_task'`,
  );
  put(
    `SELECT 'lock ' || actor || substr(subject, instr(subject, '/src/')) AS k, seq AS v
     FROM journal WHERE op = 'lock_file'`,
  );
  put("SELECT 'newest ' || key AS k, max(version) AS v FROM memory GROUP BY key");
  kept.set(flock, found);
  return found;
}

function assertKept(flock: Flock, ack: Ack): void {
  const found = tables(flock);
  const is = (key: string, value: unknown): void =>
    assertEquals(found.get(key), value, `${key} after ${JSON.stringify(ack)}`);
  if (ack.op === "send") {
    is(`message ${ack.id}`, ack.content);
    assert(found.has(`delivery ${ack.id} ${ack.to}`), `no delivery for ${JSON.stringify(ack)}`);
  }
  if (ack.op === "create_task") is(`title ${ack.id}`, ack.title);
  if (ack.op === "claim_task" && ack.id !== undefined) {
    is(`claim task/${ack.id} ${ack.epoch}`, ack.by);
  }
  if (ack.op === "complete_task") is(`summary ${ack.id}`, `${ack.by}/${ack.summary}`);
  if (ack.op === "set_memory") {
    // Only the newest versions of a key are kept; an old one may have gone by that rule.
    const oldest = Number(found.get(`newest ${ack.key}`)) - LIMITS.memoryVersions;
    if ((ack.version ?? 0) > oldest) is(`memory ${ack.key} ${ack.version}`, ack.value);
  }
  for (const path of ack.granted ?? []) {
    assert(found.has(`lock ${ack.by}/${path}`), `no trace of ${JSON.stringify(ack)}`);
  }
}

/** No epoch of a task was given out twice, whoever died in between. */
function assertOneClaimEach(flock: Flock): void {
  const twice = flock.rows(
    `SELECT subject, json_extract(detail, '$.epoch') AS epoch, count(*) AS n FROM journal
     WHERE op IN ('claim_task', 'give_back') GROUP BY 1, 2 HAVING n > 1`,
  );
  assertEquals(twice, []);
}

/** Replays the journal: at no moment had a file two holders, also not across deaths and returns. */
function assertOneHolderEach(flock: Flock): void {
  const holders = new Map<string, string>();
  let taken = 0;
  const take = (file: string, peer: string, seq: number): void => {
    const holder = holders.get(file) ?? peer;
    assertEquals(holder, peer, `row ${seq}: ${file} was given to ${peer}`);
    holders.set(file, peer);
    taken += 1;
  };
  for (const { seq, actor, op, subject, detail } of journalOf(flock)) {
    const file = subject.slice(subject.indexOf("src/"));
    if (op === "lock_file") take(file, actor, seq);
    if (op === "unlock_file") {
      assertEquals(holders.get(file), actor, `row ${seq}: ${file} was released by another`);
      holders.delete(file);
    }
    if (op === "reap") {
      const dead = subject.slice("peer/".length);
      for (const [held, peer] of [...holders]) if (peer === dead) holders.delete(held);
    }
    if (op !== "join") continue;
    const { returned = [] } = JSON.parse(detail) as { returned?: string[] };
    for (const line of returned) {
      if (line.startsWith("lock ")) take(line.slice("lock ".length), actor, seq);
    }
  }
  assert(taken > 0, "nobody has locked anything");
}

function journalOf(flock: Flock): JournalRow[] {
  return flock.rows<JournalRow>("SELECT * FROM journal ORDER BY seq");
}
