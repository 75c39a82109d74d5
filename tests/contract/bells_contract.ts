// What every engine has to guarantee of its bells: they reach who listens, at once and not too often,
// and leave alone who does not.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Define } from "./engine_contract.ts";

export function bells(define: Define): void {
  define("ring: reaches the bell of another handle", async ({ a, b }) => {
    let [rings, others] = [0, 0];
    const bell = await b.bell(() => rings++);
    const other = await b.bell(() => others++);
    assert(bell.address > 0);
    assertNotEquals(bell.address, other.address);
    a.ring([bell.address]);
    await eventually(() => rings === 1, { what: "the ring" });
    assertEquals(others, 0);
    bell.close();
    other.close();
  });

  define("ring: many within a millisecond become two, and none is left over", async ({ a, b }) => {
    let rings = 0;
    const bell = await b.bell(() => rings++);
    for (let i = 0; i < 100; i++) a.ring([bell.address]);
    await eventually(() => rings === 2, { what: "the first ring and the one for all others" });
    // Datagrams keep their order here: whatever was still on its way comes before this one.
    a.ring([bell.address]);
    await eventually(() => rings >= 3, { what: "a later ring" });
    assertEquals(rings, 3);
    bell.close();
  });

  define("ring: a quiet bell is left alone until it is loud again", async ({ a, b }) => {
    let [rings, others] = [0, 0];
    const bell = await b.bell(() => rings++);
    const other = await b.bell(() => others++);
    bell.quiet(true);
    a.ring([bell.address]);
    b.ring([bell.address]);
    // Datagrams keep their order: had there been a ring, it would have come before this one.
    a.ring([other.address]);
    b.ring([other.address]);
    await eventually(() => others > 0, { what: "the ring of the other bell" });
    assertEquals(rings, 0);
    bell.quiet(false);
    a.ring([bell.address]);
    await eventually(() => rings === 1, { what: "the ring of the loud bell" });
    bell.close();
    other.close();
  });

  define(
    "deserted: proves that nobody listens any more, and takes nobody's place",
    async ({ a, b }) => {
      let rings = 0;
      const bell = await b.bell(() => rings++);
      assertEquals(await a.deserted(bell.address), false);
      assertEquals(await b.deserted(bell.address), false);
      a.ring([bell.address]);
      await eventually(() => rings > 0, { what: "the ring after it was asked for" });
      bell.close();
      await eventually(() => a.deserted(bell.address), { what: "the bell without an owner" });
      assertEquals(await b.deserted(bell.address), true, "whoever asks leaves it free again");
      for (const address of [0, -1, 65_536]) assertEquals(await a.deserted(address), false);
    },
  );

  define("ring: never throws, whoever is rung", async ({ a, b }) => {
    const bell = await b.bell(() => {});
    bell.close();
    a.ring([bell.address, bell.address]);
    a.ring([]);
    a.ring([0, -1, 65_536, 1.5, NaN]);
  });
}
