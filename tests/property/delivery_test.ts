// A delivery under any order of offers, sightings and deaths: nothing that was seen comes back,
// nobody is offered the same message twice in one life, and only the life that was offered it last
// can have seen it.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { afterEvent, type Delivery, isDue, STATES } from "../../src/message/rules.ts";

/** What may happen: a life asks for its mail, shows that it went on, or dies for the next one. */
type Step =
  | { readonly what: "ask"; readonly life: string }
  | { readonly what: "goOn"; readonly life: string }
  | { readonly what: "offerUnasked"; readonly life: string }
  | { readonly what: "die" };

const lives = fc.constantFrom("i1", "i2", "i3", "i4");
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ what: fc.constantFrom("ask" as const, "goOn", "offerUnasked"), life: lives }),
    fc.constant({ what: "die" as const }),
  ),
  { maxLength: 40 },
);

const QUEUED: Delivery = { state: "queued", offeredTo: null };
const RUNS = { numRuns: 5_000 };

/** One step; production offers only what is due, `offerUnasked` is a race that offers anyway. */
function take(delivery: Delivery, step: Step): Delivery {
  switch (step.what) {
    case "ask":
      return isDue(delivery, step.life)
        ? afterEvent(delivery, { kind: "offered", to: step.life })
        : delivery;
    case "offerUnasked":
      return afterEvent(delivery, { kind: "offered", to: step.life });
    case "goOn":
      return afterEvent(delivery, { kind: "seen", by: step.life });
    case "die":
      // Nothing happens to the delivery: the next life finds it as it is.
      return delivery;
  }
}

Deno.test("afterEvent: states only go forward, and seen is final", () => {
  fc.assert(
    fc.property(steps, (list) => {
      let delivery = QUEUED;
      for (const step of list) {
        const next = take(delivery, step);
        assert(STATES.indexOf(next.state) >= STATES.indexOf(delivery.state));
        if (delivery.state === "seen") assertEquals(next, delivery);
        delivery = next;
      }
    }),
    RUNS,
  );
});

Deno.test("afterEvent: only the life it was offered to last can have seen it", () => {
  fc.assert(
    fc.property(steps, (list) => {
      let delivery = QUEUED;
      let lastOffered: string | null = null;
      for (const step of list) {
        const before = delivery;
        delivery = take(delivery, step);
        if (before.state === "seen") continue;
        if (delivery.state === "seen") {
          assert(step.what === "goOn");
          assertEquals(step.life, lastOffered);
        } else if (
          step.what === "offerUnasked" || (step.what === "ask" && isDue(before, step.life))
        ) {
          lastOffered = step.life;
        }
        assertEquals(delivery.offeredTo, lastOffered);
      }
    }),
    RUNS,
  );
});

Deno.test("isDue: never twice for one life unless another was offered it in between", () => {
  fc.assert(
    fc.property(steps, (list) => {
      let delivery = QUEUED;
      let last: string | null = null;
      for (const step of list) {
        if (step.what === "ask" && isDue(delivery, step.life)) {
          assert(last !== step.life, `${step.life} was offered it before, nobody since`);
        }
        delivery = take(delivery, step);
        if (delivery.state === "offered") last = delivery.offeredTo;
      }
    }),
    RUNS,
  );
});

Deno.test("isDue: a message that nobody has seen is due for every later life", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const delivery = list.reduce(take, QUEUED);
      assertEquals(isDue(delivery, "a new life"), delivery.state !== "seen");
      const offered = afterEvent(delivery, { kind: "offered", to: "a new life" });
      const seen = afterEvent(offered, { kind: "seen", by: "a new life" });
      assertEquals(seen.state, "seen");
      assertEquals(isDue(seen, "yet another"), false);
    }),
    RUNS,
  );
});
