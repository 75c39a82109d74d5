// Who may do what. A policy is a table: for every operation and for the finer rights inside of them
// the roles that have it. The operator sets the policy of a home; the environment of a process can
// only take away. Pure.

import type { Role } from "./operation.ts";

/**
 * `strict`: the architect plans and decides, workers do. `open`: workers may do all of that, too.
 * `lite`: the architect makes tasks and memory, workers claim and complete.
 */
export const POLICIES = ["strict", "open", "lite"] as const;
export type PolicyName = typeof POLICIES[number];

/** Roles that may do something: the same under every policy, or by policy. */
export type Roles = readonly Role[] | Readonly<Record<PolicyName, readonly Role[]>>;

export const WORKING: readonly Role[] = ["architect", "worker", "operator"];
export const EVERYONE: readonly Role[] = ["architect", "worker", "observer", "operator"];
export const LEADING: readonly Role[] = ["architect", "operator"];
/** Who claims and completes where planning and doing are kept apart. */
export const DOING: readonly Role[] = ["worker", "operator"];
export const OPERATOR_ONLY: readonly Role[] = ["operator"];

/** What an operation lets only some do, of those who may call it. */
export const RIGHTS = {
  /** Set decisions and constraints, which bind everybody. */
  decide: { strict: LEADING, open: WORKING, lite: LEADING },
  /** Add tasks that need nobody's acceptance, though one's role was given by a spawner. */
  skip_acceptance: { strict: LEADING, open: WORKING, lite: LEADING },
  /** Accept what others proposed. */
  accept: { strict: LEADING, open: WORKING, lite: LEADING },
  /** Change, release, cancel, assign tasks that others made or hold. */
  manage: { strict: LEADING, open: WORKING, lite: LEADING },
  /** Start and change runs, and end what one has begun oneself. */
  change_runs: { strict: WORKING, open: WORKING, lite: WORKING },
  /** End runs that others began, or that worker processes drive. */
  end_runs: { strict: LEADING, open: LEADING, lite: LEADING },
  /** Set the policy of the home. */
  set_policy: { strict: OPERATOR_ONLY, open: OPERATOR_ONLY, lite: OPERATOR_ONLY },
  /** Release locks that others hold. */
  break_locks: { strict: LEADING, open: LEADING, lite: LEADING },
  /** Read messages and conversations of others. */
  read_all: { strict: LEADING, open: LEADING, lite: LEADING },
} as const satisfies Record<string, Record<PolicyName, readonly Role[]>>;
export type Right = keyof typeof RIGHTS;

/** What the operator stored; what is missing was never set. */
export interface StoredPolicy {
  readonly mode?: PolicyName;
  readonly messagesPerMinute?: number;
}

/** What the environment of a process says; null where it says nothing. */
export interface ProcessPolicy {
  readonly policy?: PolicyName | null;
  readonly messagesPerMinute: number | null;
}

/** The policy under which one call runs. */
export interface Policy {
  /** Every one of them has to permit. */
  readonly modes: readonly PolicyName[];
  readonly messagesPerMinute: number;
}

/**
 * What is stored holds; the environment only tightens it. Where nothing is stored, the environment
 * applies, and without that the default.
 */
export function effectivePolicy(
  stored: StoredPolicy,
  process: ProcessPolicy,
  defaultPerMinute: number,
): Policy {
  const own = process.policy ?? null;
  const modes = stored.mode === undefined
    ? [own ?? "strict" as const]
    : own === null || own === stored.mode
    ? [stored.mode]
    : [stored.mode, own];
  const { messagesPerMinute: storedRate } = stored;
  const { messagesPerMinute: ownRate } = process;
  const messagesPerMinute = storedRate === undefined
    ? ownRate ?? defaultPerMinute
    : Math.min(storedRate, ownRate ?? storedRate);
  return { modes, messagesPerMinute };
}

/** Whether a role may do something under a policy. */
export function permits(roles: Roles, role: Role, policy: Pick<Policy, "modes">): boolean {
  return policy.modes.every((mode) => rolesUnder(roles, mode).includes(role));
}

/** The roles under one policy. */
export function rolesUnder(roles: Roles, mode: PolicyName): readonly Role[] {
  return isList(roles) ? roles : roles[mode];
}

function isList(roles: Roles): roles is readonly Role[] {
  return Array.isArray(roles);
}
