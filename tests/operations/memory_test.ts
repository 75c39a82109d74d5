// set_memory and get_memory: typed, versioned, searchable, and decided by whom it binds.

import { assertEquals, assertFalse } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

async function values(member: Member, query: Json): Promise<string[]> {
  const { entries } = await member.call("get_memory", query);
  return entries.map((entry: Json) => entry.value);
}

flockTest("set_memory: versions count up, the newest is current, all are kept", async (flock) => {
  const { anna, bob } = await flock.crew();
  for (const [n, member] of [anna, bob, anna].entries()) {
    const answer = await member.call("set_memory", { key: "port", value: `80${n}` });
    assertEquals(answer, { key: "port", version: n + 1 });
  }
  const { entries } = await bob.call("get_memory", { key: "port" });
  assertEquals(entries.length, 1);
  const { at, ...entry } = entries[0];
  assertEquals(entry, {
    key: "port",
    value: "802",
    type: "fact",
    confidence: "high",
    version: 3,
    by: "anna",
  });
  assertFalse(Number.isNaN(Date.parse(at)));
  assertEquals(await values(bob, { key: "port", history: true }), ["802", "801", "800"]);
});

flockTest("set_memory: old versions are kept up to a bound", async (flock) => {
  const { anna } = await flock.crew();
  for (let n = 1; n <= LIMITS.memoryVersions + 5; n++) {
    await anna.call("set_memory", { key: "n", value: `${n}` });
  }
  const kept = await values(anna, { key: "n", history: true });
  assertEquals([kept.length, kept[0], kept.at(-1)], [LIMITS.memoryVersions, "55", "6"]);
});

flockTest("get_memory: an unknown key is empty, no error", async (flock) => {
  const { anna } = await flock.crew();
  assertEquals(await anna.call("get_memory", { key: "nothing" }), { entries: [] });
  assertEquals(await anna.call("get_memory"), { entries: [] });
  assertEquals(await anna.call("get_memory", { query: "nothing" }), { entries: [] });
});

flockTest("set_memory: types by role, and nobody turns a decision into a fact", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (const type of ["fact", "artifact", "discovery"]) {
    await anna.call("set_memory", { key: type, value: "v", type });
  }
  for (const type of ["decision", "constraint"]) {
    const input = { key: type, value: "v", type };
    assertEquals((await anna.refused("NOT_ALLOWED", "set_memory", input)).field, "type");
    await lead.call("set_memory", input);
    await anna.refused("NOT_ALLOWED", "set_memory", { key: type, value: "other", type: "fact" });
    await anna.refused("NOT_ALLOWED", "set_memory", { key: type, value: "other" });
    await anna.refused("NOT_ALLOWED", "set_memory", { key: "new", value: "v", supersedes: type });
    assertEquals(await values(anna, { key: type }), ["v"]);
  }
  await lead.call("set_memory", { key: "decision", value: "w" });
  const [entry] = (await anna.call("get_memory", { key: "decision" })).entries;
  assertEquals([entry.type, entry.version], ["decision", 2]);
});

flockTest(
  "set_memory: what is superseded leaves the lists and names its successor",
  async (flock) => {
    const { lead } = await flock.crew();
    await lead.call("set_memory", { key: "db", value: "postgres", type: "decision" });
    const input = { key: "db2", value: "sqlite", type: "decision", supersedes: "db" };
    await lead.call("set_memory", input);
    assertEquals(await values(lead, { type: "decision" }), ["sqlite"]);
    assertEquals(await values(lead, {}), ["sqlite"]);
    const [old] = (await lead.call("get_memory", { key: "db" })).entries;
    assertEquals([old.value, old.superseded_by], ["postgres", "db2"]);
    for (const supersedes of ["unknown", "db2"]) {
      const refusal = await lead.refused("INVALID_INPUT", "set_memory", { ...input, supersedes });
      assertEquals(refusal.field, "supersedes");
    }
  },
);

flockTest("get_memory: lists by type, newest first, and keeps projects apart", async (flock) => {
  const { anna } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  await far.call("set_memory", { key: "k", value: "theirs" });
  for (const n of [1, 2, 3]) {
    await anna.call("set_memory", { key: `f${n}`, value: `fact ${n}`, confidence: "low" });
    await anna.call("set_memory", { key: `d${n}`, value: `found ${n}`, type: "discovery" });
  }
  assertEquals((await values(anna, { type: "discovery" })).sort(), [
    "found 1",
    "found 2",
    "found 3",
  ]);
  assertEquals((await values(anna, {})).length, 6);
  assertEquals(await values(far, {}), ["theirs"]);
  assertEquals(await values(anna, { key: "k" }), []);
});

flockTest("get_memory: a page says that there is more", async (flock) => {
  const { anna } = await flock.crew();
  for (let n = 0; n < LIMITS.pageRowsDefault + 1; n++) {
    await anna.call("set_memory", { key: `k${n}`, value: `${n}` });
  }
  const { entries, more } = await anna.call("get_memory");
  assertEquals([entries.length, more], [LIMITS.pageRowsDefault, true]);
});

flockTest(
  "get_memory: full-text search finds words, prefixes and the current version",
  async (flock) => {
    const { anna, bob } = await flock.crew();
    await anna.call("set_memory", { key: "auth", value: "tokens expire after an hour" });
    await anna.call("set_memory", {
      key: "cache",
      value: "entries never expire",
      type: "artifact",
    });
    assertEquals((await values(bob, { query: "expire" })).length, 2);
    assertEquals(await values(bob, { query: "token hour" }), ["tokens expire after an hour"]);
    assertEquals(await values(bob, { query: "expire", type: "artifact" }), [
      "entries never expire",
    ]);
    assertEquals(await values(bob, { query: '"* OR (NEAR' }), []);
    await anna.call("set_memory", { key: "auth", value: "keys rotate daily" });
    assertEquals(await values(bob, { query: "hour" }), []);
    assertEquals(await values(bob, { query: "rotate" }), ["keys rotate daily"]);
  },
);

flockTest(
  "get_memory: what is written before a change of name is found after it",
  async (flock) => {
    const { anna, bob } = await flock.crew();
    await anna.call("set_memory", { key: "auth", value: "tokens expire" });
    await anna.call("join", { name: "anne" });
    assertEquals(await values(bob, { query: "tokens" }), ["tokens expire"]);
  },
);

flockTest("get_memory: a search shows what is superseded as such, if at all", async (flock) => {
  const { lead } = await flock.crew();
  await lead.call("set_memory", { key: "old", value: "deploy by hand" });
  await lead.call("set_memory", { key: "new", value: "deploy by robot", supersedes: "old" });
  const { entries } = await lead.call("get_memory", { query: "deploy" });
  const inForce = entries.filter((entry: Json) => entry.superseded_by === undefined);
  assertEquals(inForce.map((entry: Json) => entry.key), ["new"]);
});
