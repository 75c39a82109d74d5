// The shape of an operation: written once, offered through every door. The doors derive tools,
// subcommands, routes and help from it; perform.ts is the only caller of `handle`.

import type * as z from "zod";
import type { Policy, ProcessPolicy, Right, Roles } from "./policy.ts";
import type { Act, Presence, Tx, Unit } from "./transaction.ts";

export type Role = "architect" | "worker" | "observer" | "operator";

/** `read` sees a snapshot; `write` runs in one write transaction and leaves a journal row. */
export type Effect = "read" | "write";

/** Who acts: loaded from the store in the same transaction, never from a parameter. */
export interface Actor {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly project: string;
  readonly folder: string;
  readonly incarnation: string;
  readonly run: string | null;
  readonly resident: boolean;
  /** Its role was given by the environment or a spawner. */
  readonly pinned: boolean;
  /** What is left of its messages for this minute, and of its escalations. */
  readonly bucket: { readonly tokens: number; readonly atS: number };
  readonly urgent: { readonly tokens: number; readonly atS: number };
  /** Whether a budget was set for it. */
  readonly budgeted: boolean;
  /** When its proof ends, in seconds since boot; null if it can renew it. */
  readonly proofEndsS: number | null;
}

/** What a handler may use. */
export interface Context extends Omit<Unit, "record"> {
  readonly actor: Actor;
  /** The policy of the home, tightened by the process. */
  readonly policy: Policy;
  /** Whether the actor has a right under it. */
  may(right: Right): boolean;
  /** The claim epoch the caller's node remembers for a task. */
  heldEpoch(taskId: string): number | undefined;
  /** What was shown to the caller already, whether or not the store knows it yet. */
  readonly shown: Shown;
  /** Says that the answer shows this message to the caller. */
  offer(message: number): void;
  /** Milliseconds this call may still wait; 0 on the last try. */
  readonly waitMs: number;
  /** Settings of the process the call came through. */
  readonly settings: Settings;
  /** Probes a presence lock. */
  held(incarnation: string): Promise<Presence>;
  /** Adds a row to the journal, in the actor's name unless another is given. */
  record(act: Omit<Act, "actor" | "op"> & Partial<Pick<Act, "actor" | "op">>): void;
  readonly tx: Tx;
}

/** The messages that a caller has been shown in this life. */
export interface Shown {
  has(message: number): boolean;
  /** How many of them the store does not know yet: it still counts them as unread. */
  readonly unmarked: number;
}

/** Settings a handler needs, from the environment. */
export interface Settings extends ProcessPolicy {
  /** Seconds a peer without a process keeps what it holds. */
  readonly leaseS: number;
  /** Seconds a peer may be stalled before others may take over. */
  readonly stalledGraceS: number;
  /** Agents that may run at the same time on this machine, over all runs. */
  readonly agents?: number;
  /** Whether a write is on the disk before it is acknowledged, for the day the power fails. */
  readonly durable?: boolean;
}

/** The store, as a survey sees it. */
export interface View {
  /** The home's folder. */
  readonly folder: string;
  readonly secret: Uint8Array;
  /** Wall time, in milliseconds since 1970. */
  readonly nowMs: number;
  /** One short read. */
  read<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
}

/** Returned by a handler of a waiting operation: not yet, try again when something changed. */
export const WAIT: unique symbol = Symbol("wait");

/** One thing a peer can do. */
export interface Operation<I extends z.ZodType, O extends z.ZodType, P> {
  /** `verb_noun`, as agents call it. */
  readonly name: string;
  /** One line for the model: meaning, not mechanics. */
  readonly summary: string;
  /** Roles that may call it. */
  readonly roles: Roles;
  readonly effect: Effect;
  /** What a client may assume of it. */
  readonly hints: { readonly destructive?: boolean; readonly idempotent?: boolean };
  readonly risk: "low" | "medium" | "high";
  /** Not in the list of tools: for hooks, hosts, the command line and the page. */
  readonly unlisted?: boolean;
  /** Its answer is a secret: it is not remembered under an idempotency key. */
  readonly secret?: boolean;
  /** A paused peer may call it though it writes. */
  readonly whilePaused?: boolean;
  /** The command line's `--all` sets this field to `*`. */
  readonly allField?: string;
  /** The command line prints these items as JSON lines, page after page. */
  readonly lines?: { readonly items: string; readonly cursor: string };
  /** Fields that the command line takes without a flag, in order; a list takes the rest. */
  readonly positionals?: readonly string[];
  readonly input: I;
  readonly output: O;
  /** Whether this call of a write only reads: then it runs as a read. */
  readsOnly?(input: z.output<I>): boolean;
  /** Whether this call needs the search index up to date. */
  searches?(input: z.output<I>): boolean;
  /** How long the call may wait, if it can: from its input. */
  waitMs?(input: z.output<I>): number;
  /** Work that touches the file system, done before the transaction opens; only for who may. */
  prepare?(input: z.output<I>, folder: string): P | Promise<P>;
  /** Reads too long for one transaction, once it is clear that the actor may. In place of `prepare`. */
  survey?(input: z.output<I>, view: View): Promise<P>;
  handle(ctx: Context, input: z.output<I>, prepared: P): Promise<z.input<O> | typeof WAIT>;
  /** The subcommand that carries out, after the commit, what the answer says. */
  readonly carriesOut?: string;
  /** Takes back what a wait stored, in a write of its own, when the wait ends without success. */
  unwait?(unit: Unit, actor: Actor): Promise<void>;
}

/** Any operation, as lists of them hold it. */
export type AnyOperation = Operation<z.ZodType, z.ZodType, unknown>;

/** Gives an operation its types. */
export function operation<I extends z.ZodType, O extends z.ZodType, P = undefined>(
  definition: Operation<I, O, P>,
): Operation<I, O, P> {
  return definition;
}
