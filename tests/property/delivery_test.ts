// Deliveries in the real tables, under any order of offers, sightings, withdrawals and deaths, against
// an oracle of a few lines: nothing that was seen comes back, nobody is offered the same message twice
// in one life unless it never came, and only the life that was offered it last can have seen it.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Shown } from "../../src/core/operation.ts";
import type { Tx } from "../../src/core/transaction.ts";
import { STATES } from "../../src/message/rules.ts";
import * as deliveries from "../../src/message/deliveries.ts";
import { post } from "../../src/message/table.ts";
import { withHome } from "../support/home.ts";

const LIVES = ["i1", "i2", "i3"] as const;
const MESSAGES = 3;
const MOST = 2;

/** What may happen to a peer's mail in one of its lives. Of a death the store need not be told. */
type Step =
  /** It asks, and is offered what is due. */
  | { readonly what: "ask"; readonly life: string }
  /** A race: it is offered a message again that it was told of before. */
  | { readonly what: "offerAgain"; readonly life: string; readonly which: number }
  /** A request of it shows that it went on. */
  | { readonly what: "goOn"; readonly life: string }
  | { readonly what: "seeOne"; readonly life: string; readonly which: number }
  /** What it was offered came to nobody: the call was cancelled. */
  | { readonly what: "withdraw"; readonly life: string; readonly which: number };

const lives = fc.constantFrom(...LIVES);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ what: fc.constantFrom("ask" as const, "goOn" as const), life: lives }),
    fc.record({
      what: fc.constantFrom("offerAgain" as const, "seeOne" as const, "withdraw" as const),
      life: lives,
      which: fc.nat(MESSAGES - 1),
    }),
  ),
  { maxLength: 25 },
);

/** A delivery, as the oracle knows it. */
interface Known {
  readonly id: number;
  state: typeof STATES[number];
  to: string | null;
}

const isDue = ({ state, to }: Known, life: string): boolean =>
  state === "queued" || (state === "offered" && to !== life);

const NOBODY: Shown = { has: () => false, unmarked: 0 };
const AT = "2026-01-01T00:00:00.000Z";

/** A peer's mail, in the tables and as the oracle knows it. */
class Mail {
  readonly #tx: Tx;
  readonly #peer: string;
  readonly #known: Known[] = [];

  constructor(tx: Tx, peer: string) {
    this.#tx = tx;
    this.#peer = peer;
  }

  async post(): Promise<void> {
    const id = await post(this.#tx, {
      sender: "s",
      sender_name: "s",
      sender_role: "worker",
      project: "/p",
      category: "finding",
      content: "news",
      task: null,
      run: null,
      reply_to: null,
      chain: null,
      at: AT,
      upS: 1,
    }, [this.#peer, "another"]);
    this.#known.push({ id, state: "queued", to: null });
  }

  async take(step: Step): Promise<void> {
    const { life } = step;
    const tx = this.#tx;
    const one = "which" in step ? this.#known[step.which] : undefined;
    const mine = (known: Known): boolean => known.state === "offered" && known.to === life;
    const ids = one === undefined ? [] : [one.id];
    switch (step.what) {
      case "ask": {
        const due = this.#known.filter((known) => isDue(known, life)).slice(0, MOST);
        const found = await deliveries.unread(tx, this.#peer, life, MOST, NOBODY);
        const offered = found.map(({ id }) => id);
        // Of more than fit, what nobody was offered yet comes before what an earlier life was.
        if (due.length < MOST) assertEquals(offered, due.map(({ id }) => id));
        assertEquals(offered.length, due.length);
        await deliveries.markOffered(tx, this.#peer, offered, life, AT);
        for (const known of this.#known.filter(({ id }) => offered.includes(id))) {
          assert(isDue(known, life), `m${known.id} is not due for ${life}`);
          [known.state, known.to] = ["offered", life];
        }
        return;
      }
      case "offerAgain":
        await deliveries.markOffered(tx, this.#peer, ids, life, AT);
        if (one !== undefined && one.state !== "seen") [one.state, one.to] = ["offered", life];
        return;
      case "goOn":
        await deliveries.markAllOfferedSeen(tx, this.#peer, life, AT);
        for (const known of this.#known.filter(mine)) known.state = "seen";
        return;
      case "seeOne":
        await deliveries.markSeen(tx, this.#peer, ids, life, AT);
        if (one !== undefined && mine(one)) one.state = "seen";
        return;
      case "withdraw":
        await deliveries.markQueued(tx, this.#peer, ids, life);
        // Also what was taken for seen: the answer that showed it was dropped.
        if (one !== undefined && one.to === life) [one.state, one.to] = ["queued", null];
        return;
    }
  }

  /** The tables say what the oracle says, to every life and to the sender. */
  async check(): Promise<void> {
    const tx = this.#tx;
    for (const life of [...LIVES, "a new life"]) {
      const due = this.#known.filter((known) => isDue(known, life)).map(({ id }) => id);
      const found = await deliveries.unread(tx, this.#peer, life, 10, NOBODY);
      assertEquals(found.map(({ id }) => id), due, life);
      assertEquals(await deliveries.countUnread(tx, this.#peer, life, 10, NOBODY), due.length);
      const offered = this.#known.filter(({ state, to }) => state === "offered" && to === life);
      const told = await deliveries.offeredTo(tx, this.#peer, life);
      assertEquals(told.sort(), offered.map(({ id }) => id));
    }
    for (const { id, state } of this.#known) {
      const recipients = JSON.stringify([this.#peer, "another"]);
      const states = (await deliveries.deliveriesOf(tx, { id, recipients })).map((one) =>
        one.state
      );
      assertEquals(states, [state, "queued"], "nobody else's mail is touched");
    }
  }
}

Deno.test("deliveries: the tables do what is promised, under any order of events", async () => {
  await withHome(async (home) => {
    const { engine } = await home.open();
    let peers = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        await engine.write(async (tx) => {
          const mail = new Mail(tx, `p${peers++}`);
          for (let i = 0; i < MESSAGES; i++) await mail.post();
          for (const step of list) {
            await mail.take(step);
            await mail.check();
          }
        });
      }),
      { numRuns: 200 },
    );
  });
});
