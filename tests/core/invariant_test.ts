// A broken invariant is loud and is not a refusal: it is never the caller's mistake.

import { assertFalse, assertThrows } from "@std/assert";
import { Refusal } from "../../src/core/errors.ts";
import { invariant } from "../../src/core/invariant.ts";

Deno.test("invariant: throws an error that names what is broken, for every falsy condition", () => {
  for (const falsy of [false, 0, "", null, undefined, NaN]) {
    const thrown = assertThrows(() => invariant(falsy, "the sky is up"), Error, "the sky is up");
    assertFalse(thrown instanceof Refusal);
  }
  for (const truthy of [true, 1, "x", {}, []]) invariant(truthy, "holds");
});
