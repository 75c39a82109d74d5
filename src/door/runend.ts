// After `skein run end`: the agents of a run whose worker and conductor are dead hear of no end, and no
// process of the run is left to save what they had done. Whoever ends it does so.

import { callsOf } from "../conductor/calls.ts";
import { sweepEnded } from "../conductor/ended.ts";
import { asRefusal } from "../core/errors.ts";
import type { Visitor } from "../node/visitor.ts";
import { prepareHome } from "../store/home.ts";
import { remark } from "./output.ts";

/** Settles what the ended runs of the project left open; the run is ended whatever stays. */
export async function afterEnd(visitor: Visitor, home: string): Promise<void> {
  try {
    const { faults } = await sweepEnded(callsOf(visitor), prepareHome(home).folder);
    for (const text of faults) remark(`skein: ${text}`);
  } catch (thrown) {
    remark(`skein: what the run left stays: ${asRefusal(thrown).message}`);
  }
}
