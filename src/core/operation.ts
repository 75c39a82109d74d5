// The shape of an operation: written once, offered through every door. The doors derive tools,
// subcommands, routes and help from it; perform.ts is the only caller of `handle`.

import type { z } from "zod";
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
  /** What is left of its messages for this minute. */
  readonly bucket: { readonly tokens: number; readonly atS: number };
}

/** What a handler may use. */
export interface Context extends Omit<Unit, "record"> {
  readonly actor: Actor;
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
export interface Settings {
  /** Messages a minute for each peer. */
  readonly messagesPerMinute: number;
  /** Seconds a peer without a process keeps what it holds. */
  readonly leaseS: number;
  /** Seconds a peer may be stalled before others may take over. */
  readonly stalledGraceS: number;
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
  readonly roles: readonly Role[];
  readonly effect: Effect;
  /** What a client may assume of it. */
  readonly hints: { readonly destructive?: boolean; readonly idempotent?: boolean };
  readonly risk: "low" | "medium" | "high";
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
  /** Work that touches the file system, done before the transaction opens. */
  prepare?(input: z.output<I>, folder: string): P | Promise<P>;
  handle(ctx: Context, input: z.output<I>, prepared: P): Promise<z.input<O> | typeof WAIT>;
  /** Takes back what a wait stored, in a write of its own, when the wait ends without success. */
  unwait?(unit: Unit, actor: Actor): Promise<void>;
}

/** Any operation, as lists of them hold it. */
export type AnyOperation = Operation<z.ZodType, z.ZodType, unknown>;

/** Everyone who works; observers only read. */
export const WORKING: readonly Role[] = ["architect", "worker", "operator"];
export const EVERYONE: readonly Role[] = ["architect", "worker", "observer", "operator"];

/** Gives an operation its types. */
export function operation<I extends z.ZodType, O extends z.ZodType, P = undefined>(
  definition: Operation<I, O, P>,
): Operation<I, O, P> {
  return definition;
}
