// What every engine guarantees to those who read while others write.

import { assert, assertEquals } from "@std/assert";
import { type Define, put, valueOf } from "./engine_contract.ts";

/** Looks at a condition that a transaction may wait for without awaiting anything else. */
const PATIENCE = 2_000;
const TRIES = 50;

/** Registers these tests. */
export function besideWriters(define: Define): void {
  // An engine may give the event loop a turn before it begins, which no body can wait for: what is
  // shown here is shown by one of several tries.
  define("read: never waits for a writer, and sees nothing of its open write", async ({ a, b }) => {
    await a.write((tx) => put(tx, "x", 1));
    let seen: number | undefined;
    for (let tries = 0; tries < TRIES && seen === undefined; tries++) {
      let inside: number | undefined;
      let reading: Promise<unknown> = Promise.resolve();
      await b.write(async (tx) => {
        await put(tx, "x", 2);
        reading = a.read(async (inner) => inside = await valueOf(inner, "x"));
        for (let i = 0; i < PATIENCE && inside === undefined; i++) await valueOf(tx, "x");
        seen = inside;
        assertEquals(await valueOf(tx, "x"), 2);
      });
      await reading;
      if (seen === undefined) await a.write((tx) => put(tx, "x", 1));
    }
    assertEquals(seen, 1);
    assertEquals(await a.read((tx) => valueOf(tx, "x")), 2);
  });

  define("read: sees one snapshot while others commit", async ({ a, b }) => {
    let committed = false;
    for (let tries = 0; tries < TRIES && !committed; tries++) {
      await b.write((tx) => put(tx, "x", 1));
      let writing: Promise<unknown> = Promise.resolve();
      let done = false;
      const seen = await a.read(async (tx) => {
        const first = await valueOf(tx, "x");
        writing = b.write((inner) => put(inner, "x", 2)).then(() => done = true);
        for (let i = 0; i < PATIENCE && !done; i++) await valueOf(tx, "x");
        committed = done;
        return [first, await valueOf(tx, "x")];
      });
      await writing;
      assertEquals(seen, [1, 1]);
    }
    assert(committed, "the write went on beside the read");
    assertEquals(await a.read((tx) => valueOf(tx, "x")), 2);
  });
}
