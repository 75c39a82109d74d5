// Who acts, and whether it may. The actor comes from its token and from the store, in the very
// transaction in which it acts; nothing a call says about itself counts. What control did (pause,
// kill) and what the policy says is read here, so it holds through every door.

import { Refusal } from "./core/errors.ts";
import { LIMITS } from "./core/limits.ts";
import type { Actor, AnyOperation, Role, Settings } from "./core/operation.ts";
import {
  effectivePolicy,
  permits,
  type Policy,
  rolesUnder,
  type StoredPolicy,
} from "./core/policy.ts";
import { head } from "./core/text.ts";
import type { Tx } from "./core/transaction.ts";
import { actorById, type ActorRow, peerById } from "./peer/table.ts";
import { type Claims, readToken } from "./peer/token.ts";
import { runById } from "./run/table.ts";

/** What a call brings that says who it is. */
export interface Identity {
  /** The proof. */
  readonly token: string;
  /**
   * Makes a new token, where the caller is trusted to hold the secret: when the old one is about to
   * expire, or its role or project has changed. Whoever only has a token has to ask for another.
   */
  readonly renew?: (role: Role, project: string) => void;
  readonly folder: string;
  /** The operator has no project of its own: it acts in the one it stands in. */
  readonly project: string;
  readonly settings: Settings;
}

/** Who may act, under which policy. */
export interface Authorised {
  readonly actor: Actor;
  readonly policy: Policy;
}

/**
 * Finds out who acts and whether it may.
 * @throws Refusal `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_STALE`, `NOT_JOINED`, `KILLED`, `FENCED`,
 * `NOT_YOU`, `PAUSED`, `NOT_ALLOWED`
 */
export async function authorise(
  tx: Tx,
  upS: number,
  secret: Uint8Array,
  caller: Identity,
  operation: AnyOperation,
  reads: boolean,
  claimed: readonly string[] = [],
): Promise<Authorised> {
  const claims = readToken(secret, caller.token);
  const row = await actorById(tx, claims.peer);
  if (row === undefined) throw new Refusal("NOT_JOINED", "this session is not part of the flock");
  if (row.incarnation !== claims.incarnation) await refuseEnded(tx, claims);
  // A token alone does not tell whether its session's process is still there; the kernel does.
  if (caller.renew === undefined && row.kind === "resident") await refuseDead(tx, row, claims);
  refuseStale(row, claims, upS, caller);
  const other = claimed.find((name) => name !== row.name);
  if (other !== undefined) {
    throw new Refusal("NOT_YOU", `you are ${row.name}, not ${head(other, LIMITS.nameChars)}`, {
      you: row.name,
    });
  }
  const policy = effectivePolicy(
    row.policy === null ? {} : JSON.parse(row.policy) as StoredPolicy,
    caller.settings,
    LIMITS.messagesPerMinute,
  );
  if (row.paused_at !== null && !reads && operation.whilePaused !== true) {
    const { paused_by: by, paused_why: why } = await peerById(tx, claims.peer) ?? {};
    throw new Refusal("PAUSED", `${operation.name}: ${row.name} was paused by ${by}: ${why}`, {
      since: row.paused_at,
    });
  }
  if (!permits(operation.roles, row.role, policy)) {
    const who = rolesUnder(operation.roles, policy.modes[0] ?? "strict").join(", ");
    throw new Refusal("NOT_ALLOWED", `${operation.name} is for ${who}; you are ${row.role}`, {
      role: row.role,
      policy: policy.modes.join("+"),
    });
  }
  return { actor: await actorFrom(tx, row, claims, caller), policy };
}

/** A token is of one life; leaving, a kill and a newer life have ended it. */
async function refuseEnded(tx: Tx, claims: Claims): Promise<never> {
  const row = await peerById(tx, claims.peer);
  if (row === undefined) throw new Refusal("NOT_JOINED", "this session is not part of the flock");
  if (row.killed_at !== null) {
    throw new Refusal("KILLED", `${row.name} was ended by ${row.killed_by} at ${row.killed_at}`);
  }
  if (row.state === "gone") throw new Refusal("NOT_JOINED", `${row.name} has left the flock`);
  throw new Refusal("FENCED", `a newer session acts as ${row.name} now`);
}

async function refuseDead(tx: Tx, row: ActorRow, claims: Claims): Promise<void> {
  if (await tx.held(claims.incarnation) !== "free") return;
  throw new Refusal("NOT_JOINED", `the session of ${row.name} has died`);
}

function refuseStale(row: ActorRow, claims: Claims, upS: number, caller: Identity): void {
  const changed = claims.role !== row.role || claims.project !== row.project;
  const halfS = (claims.expiresS - claims.issuedS) / 2;
  // Issued later than now: in an earlier boot, whose seconds are over.
  const over = upS + 1 < claims.issuedS;
  if (!changed && !over && upS < claims.expiresS - (caller.renew === undefined ? 0 : halfS)) return;
  if (caller.renew !== undefined) return caller.renew(row.role, row.project);
  if (!changed) throw new Refusal("TOKEN_EXPIRED", `the token of ${row.name} has expired`);
  throw new Refusal(
    "TOKEN_STALE",
    `the token says ${claims.role}, but ${row.name} is ${row.role} now`,
  );
}

async function actorFrom(
  tx: Tx,
  row: ActorRow,
  claims: Claims,
  caller: Identity,
): Promise<Actor> {
  const human = row.role === "operator";
  return {
    id: claims.peer,
    name: row.name,
    role: row.role,
    project: human ? caller.project : row.project,
    folder: human ? caller.folder : row.folder,
    incarnation: claims.incarnation,
    run: human ? await operatorsRun(tx, row.run, caller.project) : row.run,
    resident: row.kind === "resident",
    pinned: row.pinned === 1,
    bucket: { tokens: row.rate_tokens, atS: row.rate_at_s },
    urgent: { tokens: row.urgent_tokens, atS: row.urgent_at_s },
    budgeted: row.budget !== null,
    proofEndsS: caller.renew === undefined ? claims.expiresS : null,
  };
}

/** The operator's run counts only in its own project. */
async function operatorsRun(tx: Tx, run: string | null, project: string): Promise<string | null> {
  if (run === null) return null;
  return (await runById(tx, run))?.project === project ? run : null;
}
