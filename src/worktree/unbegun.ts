// A run that could not begin leaves no branch behind.

import { join } from "@std/path";
import { placeOf, readOrNull, type RunTree } from "./place.ts";
import { dropRef, tipOf } from "./refs.ts";

/** Deletes the branch of a run that never began; one that somebody has moved since stays. */
export async function dropUnbegun(r: RunTree): Promise<void> {
  const place = placeOf(r);
  const known = readOrNull(join(place.folder, "run.json"));
  if (known === null) return;
  const { base } = JSON.parse(known) as { base: string };
  if (await tipOf(place, place.ref) === base) await dropRef(place, place.ref, base);
}
