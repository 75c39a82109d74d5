// What every engine has to guarantee, as tests: whoever writes a second engine calls this with it.
// It always works with two handles on one store, since one handle alone keeps any promise.

import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import type { Tx } from "../../src/core/transaction.ts";
import type { Engine } from "../../src/store/engine.ts";
import { eventually } from "../support/eventually.ts";
import { bells } from "./bells_contract.ts";
import { beside, PATIENCE } from "./beside.ts";

/** Two handles on one fresh store, as two processes have them. */
export interface Pair {
  readonly a: Engine;
  readonly b: Engine;
  /** Closes both and removes the store. */
  close(): Promise<void>;
}

export type Define = (criterion: string, body: (pair: Pair) => Promise<void>) => void;

/** Registers the contract's tests for one engine. */
export function engineContract(name: string, open: () => Promise<Pair>): void {
  const define: Define = (criterion, body) => {
    Deno.test(`${name}.${criterion}`, async () => {
      const pair = await open();
      try {
        await body(pair);
      } finally {
        await pair.close();
      }
    });
  };
  atomicity(define);
  isolation(define);
  bounds(define);
  presence(define);
  bells(define);
  upkeep(define);
}

async function put(tx: Tx, key: string, value: number): Promise<void> {
  await tx.run(
    `INSERT INTO sequence (name, value) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    key,
    value,
  );
}

async function valueOf(tx: Tx, key: string): Promise<number | undefined> {
  const row = await tx.get<{ value: number }>("SELECT value FROM sequence WHERE name = ?", key);
  return row?.value;
}

function atomicity(define: Define): void {
  define("write: is seen by the other handle once it resolves", async ({ a, b }) => {
    assertEquals(await a.write((tx) => put(tx, "x", 1).then(() => "answer")), "answer");
    assertEquals(await b.read((tx) => valueOf(tx, "x")), 1);
  });

  define("write: a body that throws stores nothing, whatever it throws", async ({ a, b }) => {
    const bodies: readonly ((tx: Tx) => Promise<void>)[] = [
      () => {
        throw new Error("at once");
      },
      async (tx) => {
        await put(tx, "x", 1);
        throw new Error("afterwards");
      },
      async (tx) => {
        await put(tx, "x", 1);
        await tx.run("INSERT INTO sequence (name, value) VALUES ('x', 2)");
      },
      async (tx) => {
        await put(tx, "x", 1);
        await tx.run("no such statement");
      },
    ];
    for (const body of bodies) {
      await assertRejects(() => a.write(body));
      assertEquals(await a.read((tx) => valueOf(tx, "x")), undefined);
      assertEquals(await b.read((tx) => valueOf(tx, "x")), undefined);
    }
    await a.write((tx) => put(tx, "x", 3));
    assertEquals(await b.read((tx) => valueOf(tx, "x")), 3);
  });

  define("write: what the body threw is what the caller gets", async ({ a }) => {
    const mine = new Error("mine");
    const thrown = await assertRejects(() => a.write(() => Promise.reject(mine)));
    assert(thrown === mine);
  });

  define("write: writes of one handle run in the order in which they were asked", async ({ a }) => {
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4].map((n) =>
      a.write(async (tx) => {
        await put(tx, "x", n);
        order.push(n);
      })
    ));
    assertEquals(order, [1, 2, 3, 4]);
    assertEquals(await a.read((tx) => valueOf(tx, "x")), 4);
  });
}

function isolation(define: Define): void {
  define("write: two handles that count at the same time lose nothing", async ({ a, b }) => {
    const count = async (engine: Engine): Promise<void> => {
      for (let i = 0; i < 500; i++) {
        await engine.write(async (tx) => put(tx, "n", (await valueOf(tx, "n") ?? 0) + 1));
      }
    };
    await Promise.all([count(a), count(b)]);
    assertEquals(await a.read((tx) => valueOf(tx, "n")), 1_000);
  });
  define("read: never waits for a writer, and sees nothing of its open write", async ({ a, b }) => {
    await a.write((tx) => put(tx, "x", 1));
    await beside(async (round) => {
      let seen: number | undefined;
      let reading: Promise<unknown> = Promise.resolve();
      const before = await b.write(async (tx) => {
        await put(tx, "x", round + 1);
        reading = a.read(async (inner) => seen = await valueOf(inner, "x"));
        for (let i = 0; i < PATIENCE && seen === undefined; i++) await valueOf(tx, "x");
        return [seen, await valueOf(tx, "x")];
      });
      await reading;
      assertEquals(await a.read((tx) => valueOf(tx, "x")), round + 1);
      assertEquals(before, [before[0] && round, round + 1]);
      return before[0] !== undefined;
    });
  });

  define("read: sees one snapshot while others commit", async ({ a, b }) => {
    await b.write((tx) => put(tx, "x", 1));
    await beside(async (round) => {
      let writing: Promise<unknown> = Promise.resolve();
      let committed = false;
      const seen = await a.read(async (tx) => {
        const first = await valueOf(tx, "x");
        writing = b.write((inner) => put(inner, "x", round + 1)).then(() => committed = true);
        for (let i = 0; i < PATIENCE && !committed; i++) await valueOf(tx, "x");
        return [first, await valueOf(tx, "x"), committed];
      });
      await writing;
      assertEquals(seen.slice(0, 2), [round, round]);
      assertEquals(await a.read((tx) => valueOf(tx, "x")), round + 1);
      return seen[2] === true;
    });
  });
}

function bounds(define: Define): void {
  const bodies: Readonly<Record<string, { before: boolean; waitMs: number }>> = {
    "20 ms": { before: true, waitMs: 20 },
    "0 ms": { before: true, waitMs: 0 },
    "0 ms at its very start": { before: false, waitMs: 0 },
  };
  for (const [what, { before, waitMs }] of Object.entries(bodies)) {
    define(`write: a body that awaits a timer of ${what} is refused`, async ({ a, b }) => {
      const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
      await assertRejects(() =>
        a.write(async (tx) => {
          if (before) await put(tx, "x", 1);
          await new Promise((wake) => setTimeout(wake, waitMs));
          // In the middle of somebody else's transaction by now, if it were let.
          await put(tx, "x", 2).then(() => end("stored"), end);
        })
      );
      await a.write((tx) => put(tx, "y", 1));
      assert(await ended instanceof Error, "a statement after the end is refused");
      assertEquals(await b.read((tx) => valueOf(tx, "x")), undefined);
      assertEquals(await b.read((tx) => valueOf(tx, "y")), 1);
    });
  }

  define("read: a body that awaits a timer is refused", async ({ a }) => {
    const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
    await assertRejects(() =>
      a.read(async (tx) => {
        await new Promise((wake) => setTimeout(wake, 20));
        await valueOf(tx, "x").then(() => end("answered"), end);
      })
    );
    assert(await ended instanceof Error);
    assertEquals(await a.read((tx) => valueOf(tx, "x")), undefined);
  });

  define("write: statements after the end of a transaction are refused", async ({ a }) => {
    let kept: Tx | undefined;
    await a.write(async (tx) => {
      kept = tx;
      await put(tx, "x", 1);
    });
    await assertRejects(async () => await kept?.run("DELETE FROM sequence"));
    assertEquals(await a.read((tx) => valueOf(tx, "x")), 1);
  });

  define("close: afterwards every call is refused", async ({ a, b }) => {
    a.close();
    await assertRejects(() => a.read((tx) => valueOf(tx, "x")));
    await assertRejects(() => a.write((tx) => put(tx, "x", 1)));
    assertThrows(() => a.changed());
    await b.write((tx) => put(tx, "x", 2));
    assertEquals(await b.read((tx) => valueOf(tx, "x")), 2);
  });
}

function presence(define: Define): void {
  define("held: tells held from free from never heard of", async ({ a, b }) => {
    assertEquals(b.held("one"), "missing");
    const hold = a.hold("one");
    assertEquals([a.held("one"), b.held("one")], ["held", "held"]);
    assertEquals(await b.read((tx) => tx.held("one")), "held");
    assertEquals(await b.write((tx) => tx.held("two")), "missing");
    hold.release(true);
    assertNotEquals(b.held("one"), "held");
  });

  define("freed: resolves when the holder gives up, and not before", async ({ a, b }) => {
    const hold = a.hold("one");
    const answers: string[] = [];
    const waits = [a, b, b].map(async (engine) => answers.push(await engine.freed("one")));
    await b.write((tx) => put(tx, "x", 1));
    await eventually(() => b.held("one") === "held");
    assertEquals(answers, []);
    hold.release(true);
    await Promise.all(waits);
    assertEquals(answers, ["freed", "freed", "freed"]);
    assertEquals(await b.freed("never"), "missing");
  });

  define("pulse: makes a presence again that somebody removed", async ({ a, b }) => {
    const hold = a.hold("one");
    b.forget("one");
    assertEquals(b.held("one"), "missing");
    assertEquals(b.pulseOf("one"), null);
    hold.pulse();
    assertEquals(b.held("one"), "held");
    assertNotEquals(b.pulseOf("one"), null);
    const freed = b.freed("one");
    hold.release(true);
    assertEquals(await freed, "freed");
  });

  define("pulseOf: changes with every pulse; null for a stranger", async ({ a, b }) => {
    assertEquals(b.pulseOf("one"), null);
    const hold = a.hold("one");
    let last = b.pulseOf("one");
    assertNotEquals(last, null);
    for (let i = 0; i < 3; i++) {
      // Pulses come seconds apart; what tells them apart may be as coarse as a millisecond.
      const startMs = Date.now();
      await eventually(() => Date.now() > startMs + 1);
      assertEquals(b.pulseOf("one"), last);
      hold.pulse();
      assertNotEquals(b.pulseOf("one"), last);
      last = b.pulseOf("one");
    }
    hold.release(true);
  });

  define("forget: removes what is left, once or twice", ({ a, b }) => {
    const hold = a.hold("one");
    hold.release(true);
    b.forget("one");
    b.forget("one");
    b.forget("never");
    assertEquals(a.held("one"), "missing");
    return Promise.resolve();
  });
}

function upkeep(define: Define): void {
  define("changed: tells once that another handle has committed", async ({ a, b }) => {
    a.changed();
    assertEquals(a.changed(), false);
    await b.write((tx) => put(tx, "x", 1));
    assertEquals([a.changed(), a.changed()], [true, false]);
    await assertRejects(() => b.write(() => Promise.reject(new Error("rolled back"))));
    assertEquals(a.changed(), false);
  });

  define("checkpoint: keeps everything, and does nothing below its threshold", async ({ a, b }) => {
    for (let i = 0; i < 50; i++) await a.write((tx) => put(tx, `k${i}`, i));
    assertEquals(a.checkpoint(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), null);
    const done = a.checkpoint(0, 0);
    assert(done !== null && done.after.pendingBytes === 0);
    a.shrinkLog(0);
    assertEquals(await b.read((tx) => valueOf(tx, "k49")), 49);
    await b.write((tx) => put(tx, "k0", -1));
    assertEquals(await a.read((tx) => valueOf(tx, "k0")), -1);
  });
}
