// What is no edit: the newest rows are cut off, the whole database is put back to an older copy, the
// head file that would tell of it is forged or taken away. And what looks like it and is nothing.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Refusal } from "../../mod.ts";
import { HeadKeeper } from "../../src/node/head.ts";
import { commit } from "../../src/store/unit.ts";
import { act, type TestHome, withHome } from "../support/home.ts";
import {
  copyDatabase,
  faults,
  headFile,
  Leader,
  makeTask,
  openInThePast,
  putBack,
  storeWith,
  tamper,
  verdict,
} from "./tamper.ts";

function homeTest(name: string, body: (home: TestHome) => Promise<void>): void {
  Deno.test(name, () => withHome(body));
}

homeTest("verify: a trail that was cut off says so, and from which row on", async (home) => {
  // A second passes between two acts: of one instant the tables could not tell which came later.
  let now = Date.now() - 60_000;
  const store = await home.open({ wallMs: () => now += 1_000, upS: Deno.osUptime });
  await act(store, 6);
  await makeTask(store, "t1");
  await makeTask(store, "t2");
  await new Leader(store).keepHead();
  for (const seq of [8, 7, 5]) {
    tamper(home, `DELETE FROM journal WHERE seq >= ${seq}`);
    const { faults: [first, ...more], toSeq } = await verdict(store);
    assertEquals([first?.what, first?.seq, toSeq, more], ["truncated", seq, seq - 1, []]);
  }
  Deno.removeSync(headFile(home));
  assertEquals(await faults(store), ["head 4", "truncated 5"], "the tables alone tell it");
  tamper(home, "DELETE FROM journal");
  assertEquals(await faults(store), ["head 0", "truncated 1"]);
});

homeTest(
  "verify: what is cut off without a trace in the tables, the head file tells",
  async (home) => {
    const store = await storeWith(home, 9);
    await new Leader(store).keepHead();
    tamper(home, "DELETE FROM journal WHERE seq = 9");
    const [found, ...more] = await faults(store);
    assertStringIncludes(found ?? "nothing was found", " 9");
    assertEquals(more, []);
  },
);

function assertReplaced(thrown: unknown): void {
  assertEquals((thrown as Refusal).code, "STORE_REPLACED");
}

homeTest("verify: a trail cut off under a running leader stays cut off", async (home) => {
  const store = await storeWith(home, 6);
  await makeTask(store, "t1");
  const leader = new Leader(store);
  await leader.keepHead();
  tamper(home, "DELETE FROM journal WHERE seq > 4", "DELETE FROM task");
  // It may refuse; what it may not do is to sign what is left.
  await leader.keepHead().catch(assertReplaced);
  assert((await faults(store)).length > 0, "as soon as the leader has looked");
  await act(await home.open(), 5);
  await leader.keepHead().catch(assertReplaced);
  assert((await faults(store)).length > 0, "when others have written on");
});

homeTest("verify: an older copy of the whole database is told from a cut", async (home) => {
  const old = await storeWith(home, 4);
  await makeTask(old, "t1");
  const copy = copyDatabase(home);
  await act(old, 5);
  await makeTask(old, "t2");
  await new Leader(old).keepHead();
  home.closeAll();
  putBack(home, copy);

  const store = await home.open();
  assertEquals(await faults(store), ["older_copy 6"]);
  await act(store, 1);
  assertEquals(await faults(store), ["older_copy 7"], "one more row changes nothing");
  await act(store, 9);
  assertEquals(await faults(store), ["other_history 11"], "it has overtaken the head");

  await new Leader(store).keepHead();
  assertEquals(await faults(store), ["older_copy 16"], "a leader has written it down");
  await act(store, 3);
  await new Leader(store).keepHead();
  await new Leader(store).keepHead();
  assertEquals(await faults(store), ["older_copy 16"], "once, and for all");
});

homeTest(
  "verify: a head file that skein did not write is a fault, and so is none any more",
  async (home) => {
    const store = await storeWith(home, 5);
    await new Leader(store).keepHead();
    const good = Deno.readTextFileSync(headFile(home));
    const { seq, mac, seal } = JSON.parse(good);
    const bad = ["", "x", "null", "[]", "{}", "5", '"head"', "\u0000", good.repeat(2)];
    for (const change of [{ seq: seq - 1 }, { seq: seq + 1 }, { mac: "0" }, { seal: null }]) {
      bad.push(JSON.stringify({ seq, mac, seal, ...change }));
    }
    for (const text of bad) {
      Deno.writeTextFileSync(headFile(home), text);
      assertEquals(await faults(store), ["head 5"], text);
    }
    Deno.removeSync(headFile(home));
    assertEquals(await faults(store), ["head 5"], "it was there, so it has to be");
    Deno.writeTextFileSync(headFile(home), good);
    await act(store, 3);
    assertEquals(await faults(store), [], "a head from a while ago");
  },
);

homeTest("verify: a folder in place of the head file is a fault, no crash", async (home) => {
  const store = await storeWith(home, 5);
  const { unknown } = await verdict(store);
  assertStringIncludes(unknown[0] ?? "", "no head was written yet");
  Deno.mkdirSync(headFile(home));
  assertEquals(await faults(store), ["head 5"]);
});

homeTest("verify: a clock that was set back is not taken for a cut", async (home) => {
  const ahead = await openInThePast(home, -1);
  await makeTask(ahead, "t1");
  const store = await home.open();
  await act(store, 3);
  await makeTask(store, "t2");
  await new Leader(store).keepHead();
  assertEquals(await faults(store), []);
});

homeTest("verify: as long as no head was written, nothing is said of a copy", async (home) => {
  const store = await storeWith(home, 5);
  const { faults: found, unknown } = await verdict(store);
  assertEquals([found, unknown.length], [[], 1]);
  assertStringIncludes(unknown[0] ?? "", "no head");
});

homeTest("verify: a leader that is killed at its first head has lost nothing", async (home) => {
  const store = await storeWith(home, 5);
  const killed = new HeadKeeper(store);
  // Whatever it writes into the store is there; then it is gone.
  await killed.keep({
    write: async (body) => {
      await commit(store, body);
      throw new Error("killed");
    },
    current: () => Promise.resolve(true),
  }).catch(() => {});
  assertEquals(await faults(store), [], "before another leads");
  await new Leader(store).keepHead();
  assertEquals(await faults(store), [], "and when another does");
});

homeTest("verify: a leader that is killed while it renews a head adds no loss", async (home) => {
  const old = await storeWith(home, 4);
  const copy = copyDatabase(home);
  await act(old, 5);
  await new Leader(old).keepHead();
  home.closeAll();
  putBack(home, copy);
  const store = await home.open();
  // It has written down that the copy is older, and dies before it signs what there is now.
  await new HeadKeeper(store).keep({
    write: (body) => commit(store, body),
    current: () => Promise.reject(new Error("killed")),
  }).catch(() => {});
  await new Leader(store).keepHead();
  assertEquals((await faults(store)).filter((one) => !one.startsWith("older_copy")), []);
});

homeTest(
  "head: what a killed leader had half written is taken away, what is being written is not",
  async (home) => {
    const store = await storeWith(home, 5);
    const [old, young] = ["head.4711.new", "head.4712.new"].map((name) => `${home.folder}/${name}`);
    for (const path of [old, young]) Deno.writeTextFileSync(path ?? "", "half");
    Deno.utimeSync(old ?? "", new Date(0), new Date(0));
    await new Leader(store).keepHead();
    const names = [...Deno.readDirSync(home.folder)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith("head")).sort(), ["head", "head.4712.new"]);
  },
);
