// A message is never lost, and never shown twice to one life. These tests are the client: they
// write down what the model would have read, and ask the sender's side what became of it.

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Peer, Reply } from "../support/peer.ts";
import { withFlock } from "./flock.ts";
import { drain, shownIn } from "./mail.ts";

/** What the sender sees of the first recipient. */
async function stateOf(sender: Peer, id: string): Promise<string> {
  return (await sender.ok("check", { id })).deliveries[0]?.state ?? "nowhere";
}

function untilState(sender: Peer, id: string, state: string): Promise<unknown> {
  return eventually(async () => await stateOf(sender, id) === state, { what: `${id} is ${state}` });
}

Deno.test("promise 3: the sender sees queued, offered, seen; mail rides on any answer", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    const content = "a \u201cquoted\u201d line\n  and \u{1f426} more";
    const { id, to } = await ann.ok("send", { to: "ben", content });
    assertEquals(to, { ben: "queued" });
    assertEquals(await stateOf(ann, id), "queued");
    const reply = await ben.call("list_tasks");
    assertEquals(reply.json.mail.unread, 1);
    assertEquals(shownIn(reply).map((message) => [message.id, message.from, message.content]), [
      [id, "ann", content],
    ]);
    await untilState(ann, id, "offered");
    // Nothing shows yet that the model went on.
    assertEquals(await stateOf(ann, id), "offered");
    assertEquals(shownIn(await ben.call("status")), []);
    await untilState(ann, id, "seen");
    const [delivery] = (await ann.ok("check", { id })).deliveries;
    assert(delivery.offered_at <= delivery.seen_at);
    // A refusal carries mail as well: an agent may see nothing else for a while.
    const next = await ann.ok("send", { to: "ben", content: "read the refusal" });
    const refusal = await ben.call("get_task", { id: "t99" });
    assertEquals(refusal.isError, true);
    assertEquals(shownIn(refusal).map((message) => message.id), [next.id]);
    assertEquals((await ben.ok("check")).messages, []);
  });
});

Deno.test("promise 3: pipelined calls show each message once", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    for (let round = 0; round < 10; round++) {
      const sent: string[] = [];
      for (let n = 0; n < 12; n++) {
        sent.push((await ann.ok("send", { to: "ben", content: `message ${n}` })).id);
      }
      const tools = ["status", "check", "list_tasks", "check", "list_peers", "join", "claim_task"];
      const calls = [...tools, ...tools].map((tool) =>
        ben.call(tool, tool === "check" ? { limit: 3 } : {})
      );
      const shown = (await Promise.all(calls)).flatMap(shownIn);
      shown.push(...await drain(ben));
      assertEquals(shown.map(({ id }) => id).sort(), sent.sort(), `round ${round}`);
    }
  });
});

Deno.test("promise 3: a long poll returns as soon as there is something", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    for (let n = 0; n < 5; n++) {
      const waiting = ben.call("check", { wait_ms: 30_000 });
      // The poll is under way once the server answers what came in behind it.
      await ben.ok("list_locks");
      const startMs = performance.now();
      const { id } = await ann.ok("send", { to: "ben", content: `number ${n}` });
      assertEquals(shownIn(await waiting).map((message) => message.id), [id]);
      const tookMs = performance.now() - startMs;
      assert(tookMs < 500, `it took ${tookMs} ms`);
    }
    // Nothing comes: it ends when it said it would, and not before.
    const startMs = performance.now();
    assertEquals((await ben.ok("check", { wait_ms: 300 })).messages, []);
    const tookMs = performance.now() - startMs;
    assert(tookMs >= 290 && tookMs < 2_000, `an empty poll of 300 ms took ${tookMs} ms`);
  });
});

Deno.test("promise 3: a cancelled call offers nothing, and the message comes later", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    // A poll that is given up before anything came.
    const abort = new AbortController();
    const waiting = ben.call("check", { wait_ms: 30_000 }, { signal: abort.signal });
    const cancelled = waiting.then(() => "answered", () => "cancelled");
    await ben.ok("list_locks");
    abort.abort();
    assertEquals(await cancelled, "cancelled");
    const { id } = await ann.ok("send", { to: "ben", content: "after the cancelled poll" });
    assertEquals(await stateOf(ann, id), "queued");
    assertEquals(shownIn(await ben.call("check")).map((message) => message.id), [id]);
    // Cancelled at any moment, also while the answer is on its way: each message comes just once.
    const sent: string[] = [];
    const shown: string[] = [];
    for (let n = 0; n < 150; n++) {
      sent.push((await ann.ok("send", { to: "ben", content: `number ${n}` })).id);
      const abort = new AbortController();
      const call = ben.call("check", {}, { signal: abort.signal });
      let answered: Reply | null = null;
      const settled = call.then((reply) => {
        answered = reply;
        shown.push(...shownIn(reply).map((message) => message.id));
      }, () => {});
      await new Promise((next) => setTimeout(next, Math.random() * 2));
      // A client gives up what it has no answer to; what it has, it has read.
      if (answered === null) abort.abort();
      await settled;
    }
    shown.push(...(await drain(ben)).map((message) => message.id));
    const lost = sent.filter((one) => !shown.includes(one));
    assertEquals(lost, [], "lost");
    assertEquals(shown.length, new Set(shown).size, "shown twice");
  });
});

Deno.test("promise 3: a recipient killed between offer and seen gets its mail again, once", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    let ben = await flock.join({ name: "ben" });
    const { id } = await ann.ok("send", { to: "ben", content: "read me" });
    assertEquals(shownIn(await ben.call("check")).map((message) => message.id), [id]);
    await untilState(ann, id, "offered");
    await ben.kill();
    assertEquals(await stateOf(ann, id), "offered");
    const whileGone = await ann.ok("send", { to: "ben", content: "sent to a dead one" });
    ben = await flock.start({ name: "ben" });
    const again: string[] = [];
    for (const tool of ["join", "status", "check", "check", "list_tasks"]) {
      again.push(...shownIn(await ben.call(tool)).map((message) => message.id));
    }
    assertEquals(again.sort(), [id, whileGone.id].sort());
    await untilState(ann, id, "seen");
    await ben.kill();
    ben = await flock.start({ name: "ben" });
    for (const tool of ["join", "check", "status"]) {
      assertEquals(shownIn(await ben.call(tool)), [], "what was seen does not come back");
    }
  });
});

Deno.test("promise 3: nothing is lost on a recipient that is killed again and again", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const sent: string[] = [];
    const shown = new Set<string>();
    /** What may come again: shown so late in a life that nobody can know whether it was read. */
    let unsure = new Set<string>();
    for (let life = 0; life < 8; life++) {
      const ben = await flock.start({ name: "ben" });
      const mine = new Set<string>();
      const late: string[][] = [];
      for (let n = 0; n < 15; n++) {
        const tool = n === 0 ? "join" : n % 3 === 0 ? "check" : "status";
        const reply = await ben.call(tool);
        sent.push((await ann.ok("send", { to: "ben", content: `life ${life}, ${n}` })).id);
        const ids = shownIn(reply).map((message) => message.id);
        for (const id of ids) {
          assert(!mine.has(id), `${id} was shown twice in life ${life}`);
          assert(!shown.has(id) || unsure.has(id), `${id} came back although it was seen`);
          mine.add(id);
        }
        late.push(ids);
      }
      // Killed at once after the last answer: the marks of the last few may not be written.
      await ben.kill();
      for (const id of mine) shown.add(id);
      unsure = new Set(late.slice(-6).flat());
    }
    const ben = await flock.start({ name: "ben" });
    for (const { id } of await drain(ben)) shown.add(id);
    assertEquals(sent.filter((id) => !shown.has(id)), [], "lost");
  });
});

Deno.test("promise 3: a blocker that finds no architect reaches the next one", async () => {
  await withFlock(async (flock) => {
    const worker = await flock.join({ name: "worker-1", role: "worker" });
    const { id } = await worker.ok("send", {
      to: "architect",
      content: "the schema is wrong",
      category: "blocker",
    });
    const boss = await flock.start({ name: "boss", role: "architect" });
    const shown = [await boss.call("join"), await boss.call("check")].flatMap(shownIn);
    assertEquals(shown.map((message) => message.id), [id]);
  });
});
