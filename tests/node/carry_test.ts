// What is carried out after a decision is carried out once under one idempotency key: also if the call
// is repeated, if two come at once, if the first try failed, and if whoever was at it has died.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { operationNamed } from "../../mod.ts";
import { Visitor } from "../../src/node/visitor.ts";
import { type Flock, flockTest, type Member } from "../operations/flock.ts";

/** A program in the place of `skein spawn`: it writes down that it ran, and does as it is told. */
class Spawner {
  readonly #folder: string;
  readonly #before = Deno.env.get("SKEIN_COMMAND");

  constructor(flock: Flock) {
    this.#folder = flock.folder;
    const path = join(flock.folder, "spawner");
    const lines = [
      "#!/bin/sh",
      `echo ran >> '${flock.folder}/runs'`,
      `if [ -e '${flock.folder}/fails' ]; then rm '${flock.folder}/fails'; echo broken >&2; exit 1; fi`,
      `while [ -e '${flock.folder}/waits' ]; do sleep 0.02; done`,
      `echo '{"pid":4711,"log":null}'`,
    ];
    Deno.writeTextFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 });
    Deno.env.set("SKEIN_COMMAND", path);
  }

  set(what: "fails" | "waits"): void {
    Deno.writeTextFileSync(join(this.#folder, what), "");
  }

  goOn(): void {
    Deno.removeSync(join(this.#folder, "waits"));
  }

  get runs(): number {
    try {
      return Deno.readTextFileSync(join(this.#folder, "runs")).trim().split("\n").length;
    } catch {
      return 0;
    }
  }

  [Symbol.dispose](): void {
    if (this.#before === undefined) Deno.env.delete("SKEIN_COMMAND");
    else Deno.env.set("SKEIN_COMMAND", this.#before);
  }
}

const KEY = { key: "k1" };

async function refusalOf(lead: Member): Promise<string> {
  try {
    await lead.call("spawn_worker", { name: "w1" }, KEY);
  } catch (thrown) {
    return String(thrown);
  }
  return "no refusal";
}

flockTest(
  "carryOut: a repeated key gives the same answer and starts nothing more",
  async (flock) => {
    using spawner = new Spawner(flock);
    const lead = await flock.member("lead");
    const first = await lead.call("spawn_worker", { name: "w1" }, KEY);
    assertEquals(first.pid, 4711);
    assertEquals(await lead.call("spawn_worker", { name: "w1" }, KEY), first);
    assertEquals(spawner.runs, 1);
    await lead.call("spawn_worker", { name: "w2" }, { key: "k2" });
    assertEquals(spawner.runs, 2);
  },
);

flockTest("carryOut: the same on the command line", async (flock) => {
  using spawner = new Spawner(flock);
  const operation = operationNamed("spawn_worker");
  assert(operation !== undefined);
  const answers = [];
  for (let i = 0; i < 3; i++) {
    const visitor = new Visitor({
      home: flock.home,
      folder: flock.project,
      name: "boss",
      role: "architect",
      session: null,
      settings: { messagesPerMinute: null, leaseS: 900, stalledGraceS: 300 },
    });
    answers.push((await visitor.call(operation, { name: "w1" }, KEY)).answer);
  }
  assertEquals(answers[2], answers[0]);
  assertEquals([answers[0]?.["pid"], spawner.runs], [4711, 1]);
});

flockTest("carryOut: what failed is tried again under the same key", async (flock) => {
  using spawner = new Spawner(flock);
  const lead = await flock.member("lead");
  spawner.set("fails");
  assertStringIncludes(await refusalOf(lead), "broken");
  const { name, pid } = await lead.call("spawn_worker", { name: "w1" }, KEY);
  assertEquals([name, pid, spawner.runs], ["w1", 4711, 2]);
});

flockTest("carryOut: two calls at once under one key are one", async (flock) => {
  using spawner = new Spawner(flock);
  const lead = await flock.member("lead");
  spawner.set("waits");
  const both = [1, 2].map(() => lead.call("spawn_worker", { name: "w1" }, KEY));
  // The second has come to where it waits once a read that was asked for after it is answered.
  await lead.call("status");
  await lead.call("status");
  spawner.goOn();
  const [one, two] = await Promise.all(both);
  assertEquals(one, two);
  assertEquals(spawner.runs, 1);
});

flockTest(
  "carryOut: who died before it began is made good, who died over it is told of",
  async (flock) => {
    using spawner = new Spawner(flock);
    const lead = await flock.member("lead");
    await lead.call("spawn_worker", { name: "w1" }, KEY);
    const store = await lead.node.store();
    const set = (carrying: string) =>
      store.engine.write((tx) => tx.run("UPDATE idempotency SET carrying = ?", carrying));
    // Decided, and the process was gone before anything was started.
    await set("");
    await lead.call("spawn_worker", { name: "w1" }, KEY);
    assertEquals(spawner.runs, 2);
    // Begun by a process whose presence nobody holds any more.
    await set("carry-gone");
    assertStringIncludes(await refusalOf(lead), "not known");
    assertEquals(spawner.runs, 2);
  },
);
