// Reads that several pages ask for at once are done once: never stale, never another's refusal, bounded;
// and through the door, in the leader's process, for the human alone.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LIMITS } from "../../src/core/limits.ts";
import { type Read, SharedReads } from "../../src/door/http_shared.ts";
import { eventually } from "../support/eventually.ts";
import { type Json, Session, signIn, withSite } from "./site.ts";

function said(text: string): { readonly body: Uint8Array<ArrayBuffer> } {
  return { body: new TextEncoder().encode(text) };
}

function heard(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

/** A read that ends when it is told to. */
class Held {
  begun = 0;
  readonly #ends: ((answer: Read | Error) => void)[] = [];

  readonly read = (): Promise<Read> => {
    this.begun += 1;
    return new Promise((done, fail) =>
      this.#ends.push((answer) => answer instanceof Error ? fail(answer) : done(answer))
    );
  };

  /** Ends the oldest one that runs. */
  end(answer: Read | Error): void {
    this.#ends.shift()?.(answer);
  }
}

/** Lets everything go on that only waits for a promise. */
async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await null;
}

Deno.test("SharedReads: who asks the same meanwhile gets the same answer", async () => {
  const shared = new SharedReads();
  const held = new Held();
  const asks = ["a", "b", "c"].map((asker) => shared.ask("key", asker, 5, held.read));
  const other = shared.ask("other", "a", 5, () => Promise.resolve({ ...said("o"), seq: 5 }));
  await turn();
  assertEquals(held.begun, 1);
  held.end({ ...said("answer"), seq: 5 });
  assertEquals((await Promise.all(asks)).map(heard), ["answer", "answer", "answer"]);
  assertEquals(heard(await other), "o");
  assertEquals(shared.shared, 2);
  // Nothing is kept: the next question is read anew.
  const again = shared.ask("key", "d", 5, () => Promise.resolve({ ...said("new"), seq: 5 }));
  assertEquals(heard(await again), "new");
});

Deno.test("SharedReads: an answer from before an act is not for who asks after it", async () => {
  const shared = new SharedReads();
  const held = new Held();
  const first = shared.ask("key", "a", 5, held.read);
  await turn();
  // The journal has moved to 6 since that read began.
  const late = shared.ask("key", "b", 6, held.read);
  const later = shared.ask("key", "c", 6, held.read);
  held.end({ ...said("old"), seq: 5 });
  assertEquals(heard(await first), "old");
  // Two ask without end: the next one waits for its turn.
  await eventually(() => held.begun === 2, { what: "a second read" });
  held.end({ ...said("fresh"), seq: 6 });
  assertEquals((await Promise.all([late, later])).map(heard), ["fresh", "fresh"]);
  assertEquals(held.begun, 2);
});

Deno.test("SharedReads: what fails for one is tried by the others themselves", async () => {
  const shared = new SharedReads();
  const held = new Held();
  const refused = shared.ask("key", "a", 5, held.read);
  const joined = shared.ask("key", "b", 5, () => Promise.resolve({ ...said("mine"), seq: 5 }));
  await turn();
  held.end(new Error("not you"));
  await assertRejects(() => refused, Error, "not you");
  assertEquals(heard(await joined), "mine");
});

Deno.test("SharedReads: bounded; beyond, each reads for itself", async () => {
  const shared = new SharedReads();
  const held = new Held();
  const asks = Array.from(
    { length: LIMITS.sharedReads + 50 },
    (_, i) => shared.ask(`key ${i}`, "a", 5, held.read),
  );
  const long = shared.ask("x".repeat(LIMITS.sharedKeyChars + 1), "a", 5, held.read);
  await turn();
  assertEquals([shared.size, held.begun], [LIMITS.sharedReads, asks.length + 1]);
  for (let i = 0; i <= asks.length; i++) held.end({ ...said("x"), seq: 5 });
  await Promise.all([...asks, long]);
});

Deno.test("reads over HTTP: many at once are few reads, each as new as its question", async () => {
  await withSite(async (flock, session, [anna]) => {
    const other = await signIn(flock);
    const figure = async (name: string): Promise<number> => {
      const { text } = await session.get("/metrics");
      return Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)?.[1] ?? NaN);
    };
    for (let round = 0; round < 20; round++) {
      const { id } = await anna?.ok("create_task", { title: `round ${round}` }) ?? {};
      const answers = await Promise.all(
        Array.from(
          { length: 10 },
          (_, i) => (i % 2 === 0 ? session : other).ok("list_tasks", { limit: 100 }),
        ),
      );
      for (const { tasks } of answers) {
        assert(tasks.some((task: Json) => task.id === id), `${id} is missing`);
      }
    }
    const shared = await figure("skein_http_reads_shared_total");
    assert(shared >= 40, `${shared} of 200 reads were shared`);
    // A peer's token never gets what was read for the human, nor a token that is none.
    const nobody = new Session(session.url, "no-token");
    const peer = new Session(session.url, (await anna?.ok("issue_token"))?.token);
    await Promise.all([
      session.ok("list_audit"),
      peer.refused(403, "NOT_ALLOWED", "list_audit"),
      nobody.refused(401, "TOKEN_INVALID", "list_audit"),
      session.ok("list_audit"),
    ]);
  });
});
