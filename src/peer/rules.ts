// Who a newcomer is, which role it gets, and how fast it may talk. Pure: the clock, randomness and
// everything that was read are handed in.

import type { Role } from "../core/operation.ts";

/** Names that mean something else. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "operator",
  "skein",
  "all",
  "me",
  "nobody",
  "human",
]);
/** What a role may do, as a number: a higher one may do more. */
export function rankOf(role: Role): number {
  return ["observer", "worker", "architect", "operator"].indexOf(role);
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** Why a name cannot be used; null if it can. */
export function nameFault(name: string): string | null {
  if (!NAME.test(name)) {
    return "a name has 1 to 64 letters, digits, '_', '-' or '.', and starts with a letter or digit";
  }
  if (RESERVED_NAMES.has(name.toLowerCase())) return `the name ${name} is reserved`;
  return null;
}

const FIRST = (
  "amber arctic ashen autumn bold brave brisk calm cedar clear coastal copper crisp dapper dawn " +
  "deft early ember fleet frosty gentle golden hardy hazel keen lively lofty lunar maple mellow " +
  "merry misty noble northern pine plucky quick quiet ready river rosy royal rustic sage silver " +
  "snowy solar steady stout swift tidal trusty upland vivid warm wild winter witty zesty"
).split(" ");
const SECOND = (
  "auk avocet bittern brant bunting canary condor coot crane crow curlew dipper dove duck dunlin " +
  "eagle egret eider falcon finch gannet goose grebe grouse gull harrier hawk heron ibis jackdaw " +
  "jay kestrel kite lark linnet loon magpie martin merlin osprey ouzel owl petrel pipit plover " +
  "puffin quail raven robin rook ruff shrike siskin skua snipe sparrow starling stork swan swift " +
  "teal tern thrush wagtail wren"
).split(" ");

/** A readable name that is not taken: `brisk-heron`. `random` gives numbers in [0, 1). */
export function generateName(random: () => number, taken: (name: string) => boolean): string {
  const pick = (words: string[]): string => words[Math.floor(random() * words.length)] ?? "swift";
  for (let tries = 0; tries < 50; tries++) {
    const name = `${pick(FIRST)}-${pick(SECOND)}`;
    if (!taken(name)) return name;
  }
  for (let n = 2;; n++) {
    const name = `${pick(FIRST)}-${pick(SECOND)}-${n}`;
    if (!taken(name)) return name;
  }
}

/** The first of `name`, `name-2`, `name-3`, … that is free. */
export function nextFreeName(name: string, taken: (name: string) => boolean): string {
  for (let n = 2;; n++) {
    const candidate = numberedName(name, n);
    if (!taken(candidate)) return candidate;
  }
}

/** `name`, `name-2`, `name-3`: the `n`th of those that are called alike. */
export function numberedName(name: string, n: number): string {
  if (n === 1) return name;
  const suffix = `-${n}`;
  return name.slice(0, 64 - suffix.length) + suffix;
}

/** Whether somebody who called itself `base` may have been given `name` instead. */
export function isNumbered(name: string, base: string): boolean {
  const n = Number(/-(\d{1,6})$/.exec(name)?.[1] ?? 0);
  return n >= 2 && numberedName(base, n) === name;
}

/** What is known of an identity that a newcomer might be. */
export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly session: string | null;
  readonly kind: "resident" | "leased";
  /** Somebody is behind it right now. */
  readonly alive: boolean;
  /** Control has ended it: nobody becomes it again until it is resumed. */
  readonly killed?: boolean;
}

/** What a newcomer brings. */
export interface Brings {
  readonly session: string | null;
  readonly name: string | null;
  readonly project: string;
}

export type Identity =
  /** It is this peer, come back; a live older incarnation is fenced. */
  | { readonly as: "same"; readonly id: string }
  /** Somebody new, under this name. `instead` is the name it wanted and could not have. */
  | { readonly as: "new"; readonly name: string; readonly instead?: string }
  /** Somebody new; the name it wants belonged to a peer of another project that is gone. */
  | { readonly as: "heir"; readonly name: string; readonly archive: string }
  /** It is a peer that control has ended. */
  | { readonly as: "killed"; readonly id: string };

/**
 * Decides who a newcomer is: the session it brings counts first, then its explicit name, and
 * without either it gets a generated name.
 */
export function decideIdentity(
  brings: Brings,
  bySession: Candidate | null,
  byName: Candidate | null,
  taken: (name: string) => boolean,
  random: () => number,
): Identity {
  if (bySession !== null) {
    return { as: bySession.killed === true ? "killed" : "same", id: bySession.id };
  }
  if (brings.name === null) return { as: "new", name: generateName(random, taken) };
  if (byName === null) return { as: "new", name: brings.name };
  if (byName.killed === true) {
    // Another session that is given the name is somebody else; whoever brings the name alone is not.
    const other = brings.session !== null && brings.session !== byName.session;
    return other
      ? { as: "heir", name: brings.name, archive: byName.id }
      : { as: "killed", id: byName.id };
  }
  const here = byName.project === brings.project;
  // Who has no process is whoever brings the name, but not in two projects at once.
  const replaceable = !byName.alive ||
    (here && byName.kind === "leased" && byName.session === null);
  if (!replaceable) {
    return { as: "new", name: nextFreeName(brings.name, taken), instead: brings.name };
  }
  if (here) return { as: "same", id: byName.id };
  return { as: "heir", name: brings.name, archive: byName.id };
}

/** What a newcomer, or a peer that asks for another role, gets. */
export type RoleDecision =
  | { readonly role: Role; readonly wanted: Role | null; readonly notice?: string }
  | { readonly refused: "operator" | "pinned" | "taken"; readonly why: string };

export interface RoleQuestion {
  /** The role asked for, if any. */
  readonly asked: Role | null;
  /** Asked by the environment or a spawner, who cannot be answered with a refusal. */
  readonly pinning: boolean;
  /** The role it has so far. */
  readonly present: Role | null;
  /** Its role was given by the environment or a spawner. */
  readonly pinned: boolean;
  /** Name of the live architect of the project, if it is somebody else. */
  readonly seatHolder: string | null;
  /** Whether the peer takes an empty architect's seat without asking. */
  readonly takesSeat: boolean;
}

export function decideRole(question: RoleQuestion): RoleDecision {
  const { asked, present, seatHolder } = question;
  if (asked === "operator") {
    return { refused: "operator", why: "the operator is the human; the role cannot be joined" };
  }
  if (question.pinned && !question.pinning && asked !== null && asked !== present) {
    return { refused: "pinned", why: `your role ${present} was given to you and stays` };
  }
  if (asked === "architect" && seatHolder !== null) {
    const why = `${seatHolder} is the architect of this project`;
    if (!question.pinning) return { refused: "taken", why };
    return {
      role: "worker",
      wanted: "architect",
      notice: `${why}; you are a worker until it ends`,
    };
  }
  if (asked !== null) return { role: asked, wanted: null };
  if (present === "observer" || (question.pinned && present === "worker")) {
    return { role: present, wanted: null };
  }
  const sits = seatHolder === null && (question.takesSeat || present === "architect");
  return { role: sits ? "architect" : "worker", wanted: null };
}

/** A token bucket: what is left, and when that was. */
export interface Bucket {
  readonly tokens: number;
  readonly atS: number;
}

/**
 * Takes one token from a bucket that refills to `perMinute`; null if it is empty.
 * A bucket that was never used (negative) is full. Time that seems to go back refills nothing.
 */
export function takeToken(bucket: Bucket, nowS: number, perMinute: number): Bucket | null {
  const elapsedS = Math.max(0, nowS - bucket.atS);
  const before = bucket.tokens < 0 ? perMinute : bucket.tokens;
  const tokens = Math.min(perMinute, before + (elapsedS * perMinute) / 60);
  // A third of a token is no exact number: what is as good as one is one.
  const atS = Math.max(nowS, bucket.atS);
  return tokens >= 1 - 1e-9 ? { tokens: Math.max(0, tokens - 1), atS } : null;
}

/** Seconds until a bucket holds one token again. */
export function secondsToToken(bucket: Bucket, nowS: number, perMinute: number): number {
  const missing = 1 - Math.max(0, bucket.tokens) -
    (Math.max(0, nowS - bucket.atS) * perMinute) / 60;
  return Math.max(1, Math.ceil((missing * 60) / perMinute - 1e-9));
}

/** Files that two peers have changed at the same time, given their dirty lists. */
export function dirtyOverlap(mine: readonly string[], theirs: readonly string[]): string[] {
  const other = new Set(theirs);
  return mine.filter((file) => other.has(file));
}

/** Whether a peer that is stalled may be taken over. */
export function mayTakeOver(stalledSinceS: number | null, nowS: number, graceS: number): boolean {
  return stalledSinceS !== null && nowS - stalledSinceS >= graceS;
}

/** Refusals that count against a peer, and since when. */
export interface Strikes {
  readonly count: number;
  readonly atS: number;
}

/** One more; those before have decayed. Time that seems to go back decays nothing. */
export function strike(before: Strikes, nowS: number, decayPerMinute: number): Strikes {
  const decayed = (Math.max(0, nowS - before.atS) * decayPerMinute) / 60;
  return { count: Math.max(0, before.count - decayed) + 1, atS: Math.max(nowS, before.atS) };
}

/** What a peer has used: as reported, and calls as counted. */
export interface Usage {
  readonly tokens: number;
  readonly tool_calls: number;
  readonly cost_usd: number;
  readonly turns: number;
}

/** What it may use; what is missing is not limited. */
export type Budget = Partial<Usage>;

export const USAGE_KINDS = ["tokens", "tool_calls", "cost_usd", "turns"] as const;

/** What of a budget is spent, in words; null if nothing is. */
export function budgetSpent(used: Usage, budget: Budget | null): string | null {
  for (const kind of USAGE_KINDS) {
    const limit = budget?.[kind];
    if (limit !== undefined && used[kind] >= limit) return `${used[kind]} of ${limit} ${kind}`;
  }
  return null;
}

/**
 * Reads a budget as people and models write it: `50000` (tokens), `tokens=50000,cost_usd=2.5`, `none`.
 * Undefined if it makes no sense.
 */
export function readBudget(text: string): Budget | null | undefined {
  const trimmed = text.trim();
  if (trimmed === "none") return null;
  if (/^\d{1,15}$/.test(trimmed)) return { tokens: Number(trimmed) };
  const budget: Partial<Record<typeof USAGE_KINDS[number], number>> = {};
  for (const part of trimmed.split(/[\s,]+/)) {
    const [, kind, value] = /^(\w+)=(\d{1,15}(?:\.\d{1,6})?)$/.exec(part) ?? [];
    const known = USAGE_KINDS.find((one) => one === kind);
    if (known === undefined || (known !== "cost_usd" && value?.includes("."))) return undefined;
    budget[known] = Number(value);
  }
  return budget;
}
