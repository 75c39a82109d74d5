// What is kept of a refusal: who, which operation, which code, which field and how large; never what
// it said. One journal row for each of them and minute. Refusals by filter and rate are counted
// against the peer, which is paused when there are too many: somebody runs wild or was taken over.

import type { Store } from "./store/unit.ts";
import { commit } from "./store/unit.ts";
import { ERRORS, type Refusal } from "./core/errors.ts";
import { LIMITS } from "./core/limits.ts";
import type { Unit } from "./core/transaction.ts";
import { notify, SYSTEM } from "./message/notice.ts";
import { strike } from "./peer/rules.ts";
import { pause, setStrikes } from "./peer/standing.ts";
import { architectOf, peerById, type PeerRow } from "./peer/table.ts";
import { type Claims, readToken } from "./peer/token.ts";
import { countRefusal } from "./store/refusals.ts";

/** Refusals that count against a peer. */
const STRIKES: ReadonlySet<string> = new Set(["RATE_LIMITED", "CONTENT_REFUSED"]);
/** In whose name a refusal is kept when nobody could be identified. */
export const NOBODY = "nobody";

/** Keeps what may be kept of a refusal, before it goes out. */
export async function noteRefusal(
  store: Store,
  token: string,
  op: string,
  refusal: Refusal,
  characters: number,
): Promise<void> {
  // A store that refuses cannot be asked to write that down; a cancelled call was nobody's fault.
  if (ERRORS[refusal.code].http >= 499) return;
  const claims = claimsOf(store, token);
  await commit(store, async (unit) => {
    const row = claims === null ? undefined : await peerById(unit.tx, claims.peer);
    const actor = row?.name ?? NOBODY;
    const earlier = await countRefusal(unit.tx, actor, op, refusal.code, unit.at);
    if (earlier !== null) {
      const { code, details } = refusal;
      const field = fieldOf(details["field"]);
      const further = earlier === 0 ? {} : { further: earlier };
      unit.record({
        actor,
        op: "refuse",
        subject: `peer/${actor}`,
        detail: { op, code, field, characters, ...further },
      });
    }
    const current = row !== undefined && row.incarnation === claims?.incarnation;
    if (current && STRIKES.has(refusal.code)) await count(unit, row);
  });
}

/** The name of an unknown field is the caller's own text: kept only if it looks like a name. */
function fieldOf(field: unknown): string | null {
  return typeof field === "string" && /^[\w.-]{1,64}$/.test(field) ? field : null;
}

function claimsOf(store: Store, token: string): Claims | null {
  try {
    return readToken(store.secret, token);
  } catch {
    // Nobody we know: that is what is kept.
    return null;
  }
}

async function count(unit: Unit, row: PeerRow): Promise<void> {
  const strikes = strike(
    { count: row.strikes, atS: row.strikes_at_s },
    unit.upS,
    LIMITS.strikesDecayPerMinute,
  );
  await setStrikes(unit.tx, row.id, strikes.count, strikes.atS);
  if (strikes.count < LIMITS.strikes || row.paused_at !== null || row.role === "operator") return;
  const why = `${LIMITS.strikes} of its calls were refused by content filter or rate limit`;
  await pause(unit.tx, row.id, { at: unit.at, by: SYSTEM, why });
  unit.record({ actor: SYSTEM, op: "pause", subject: `peer/${row.name}`, detail: { why } });
  const architect = await architectOf(unit.tx, row.project);
  if (architect === undefined || architect.id === row.id) return;
  await notify(unit, [architect.id], {
    project: row.project,
    category: "alert",
    content: `${row.name} is paused: ${why}. control with action resume lets it go on.`,
  });
}
