// check: waits without polling, pages without losing, and shows a message once to each life.

import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { eventually } from "../support/eventually.ts";
import { flockTest, type Json } from "./flock.ts";

function contents(messages: Json[]): string[] {
  return messages.map((message) => message.content);
}

flockTest("check: a wait ends with the message, at once", async (flock) => {
  const { anna, bob } = await flock.crew();
  const waited = bob.call("check", { wait_ms: 20_000 });
  await anna.call("list_tasks");
  const start = performance.now();
  await anna.call("send", { to: "bob", content: "wake up" });
  assertEquals(contents((await waited).messages), ["wake up"]);
  assert(performance.now() - start < 900, "told, not polled");
});

flockTest("check: a wait in vain ends in time, with nothing", async (flock) => {
  const { bob } = await flock.crew();
  const start = performance.now();
  assertEquals(await bob.call("check", { wait_ms: 120 }), { messages: [], more: false });
  const tookMs = performance.now() - start;
  assert(tookMs >= 115 && tookMs < 2_000, `${tookMs} ms`);
});

flockTest("check: two waits at once share no message", async (flock) => {
  const { anna, bob } = await flock.crew();
  const waits = [1, 2].map(() => bob.call("check", { wait_ms: 700 }));
  await anna.call("send", { to: "bob", content: "one" });
  const seen = (await Promise.all(waits)).flatMap((answer) => contents(answer.messages));
  assertEquals(seen, ["one"]);
});

flockTest("check: pages by number and by size, loses and repeats nothing", async (flock) => {
  const { anna, bob } = await flock.crew();
  const sent: string[] = [];
  for (let n = 0; n < 30; n++) {
    sent.push(`${n} ${"x".repeat(n % 3 === 0 ? 5_000 : 10)}`);
    await anna.call("send", { to: "bob", content: sent[n] });
  }
  const got: string[] = [];
  let more = true;
  for (let page = 0; more && page < 40; page++) {
    const answer = await bob.call("check", { limit: 4 });
    assert(answer.messages.length >= 1 && answer.messages.length <= 4);
    const characters = contents(answer.messages).join("").length;
    assert(characters <= LIMITS.checkChars, `${characters} characters`);
    got.push(...contents(answer.messages));
    more = answer.more;
  }
  assertEquals(got, sent);
  assertEquals(await bob.inbox(), []);
});

flockTest(
  "check: what one life was offered and did not see comes to the next, once",
  async (flock) => {
    const { anna, bob } = await flock.crew();
    const { id } = await anna.call("send", { to: "bob", content: "important" });
    assertEquals(contents(await bob.inbox()), ["important"]);
    await bob.leave();
    const second = await flock.member("bob");
    assertEquals(contents(await second.inbox()), ["important"]);
    assertEquals(await second.inbox(), []);
    await eventually(async () => {
      const { deliveries } = await anna.call("check", { id });
      return deliveries[0].state === "seen";
    });
    await second.leave();
    assertEquals(await (await flock.member("bob")).inbox(), []);
  },
);

flockTest("check: a message is looked up by its sender and its recipients alone", async (flock) => {
  const { anna, bob } = await flock.crew();
  const carl = await flock.member("carl");
  const { id } = await anna.call("send", { to: ["bob", "lead"], content: "x" });
  const { messages, deliveries } = await anna.call("check", { id });
  assertEquals(contents(messages), ["x"]);
  assertEquals(deliveries.map((it: Json) => [it.name, it.state]), [
    ["bob", "queued"],
    ["lead", "queued"],
  ]);
  await bob.call("check", { id });
  await carl.refused("UNKNOWN_MESSAGE", "check", { id });
});

flockTest("send: the same key sends once, also when both come at once", async (flock) => {
  const { anna, bob } = await flock.crew();
  const input = { to: "bob", content: "once" };
  const [first, second] = await Promise.all([
    anna.call("send", input, { key: "k" }),
    anna.call("send", input, { key: "k" }),
  ]);
  assertEquals(first, second);
  assertEquals(await anna.call("send", input, { key: "k" }), first);
  assertEquals(contents(await bob.inbox()), ["once"]);
  const mine = await bob.call("create_task", { title: "my own key" }, { key: "k" });
  assertEquals(mine.status, "pending");
});

flockTest("send: a cancelled call sends nothing", async (flock) => {
  const { anna, bob } = await flock.crew();
  const abort = new AbortController();
  abort.abort();
  const input = { to: "bob", content: "never" };
  const code = await anna.call("send", input, { signal: abort.signal })
    .then(() => "sent", (thrown) => thrown.code);
  assertEquals([code, await bob.inbox()], ["CANCELLED", []]);
});
