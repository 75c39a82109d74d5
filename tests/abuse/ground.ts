// What the abuse tests stand on: callers that are no nodes (the human, whoever only has a token),
// the code that came of a call, and a count of the bad inputs that were tried.

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { Refusal } from "../../mod.ts";
import { operationNamed } from "../../src/catalogue.ts";
import type { Role, Settings } from "../../src/core/operation.ts";
import { Visitor } from "../../src/node/visitor.ts";
import { type Caller, perform } from "../../src/perform.ts";
import type { Store } from "../../src/store/unit.ts";
import { translate } from "../../src/translate.ts";
import type { Flock, Json } from "../operations/flock.ts";

/** Enough of everything, so that only what a test is about stands in the way. */
export const AMPLE: Settings = { messagesPerMinute: 1_000_000, leaseS: 900, stalledGraceS: 300 };

/** Whoever can call a tool. */
export interface Callable {
  call(name: string, args?: unknown): Promise<Json>;
}

export interface GuestOptions {
  readonly name?: string;
  readonly role?: Role;
  readonly session?: string;
  readonly token?: string;
  readonly folder?: string;
  readonly settings?: Partial<Settings>;
}

/** A command line without its process: the human unless something else is said. */
export class Guest implements Callable {
  readonly #visitor: Visitor;

  constructor(flock: Pick<Flock, "home" | "project">, options: GuestOptions = {}) {
    this.#visitor = new Visitor({
      home: flock.home,
      folder: options.folder ?? flock.project,
      name: options.name ?? null,
      role: options.role ?? null,
      session: options.session ?? null,
      settings: { ...AMPLE, ...options.settings },
      token: options.token ?? null,
    });
  }

  async call(name: string, args: unknown = {}): Promise<Json> {
    const { operation, input, claims } = understood(name, args);
    const { answer, shown } = await this.#visitor.call(operation, input, { claims });
    await shown();
    return answer;
  }
}

/** Somebody who has nothing but a token and hands it to the one path itself. */
export class Bearer implements Callable {
  readonly #store: Store;
  readonly #caller: Caller;

  constructor(store: Store, token: string, more: Partial<Caller> = {}) {
    this.#store = store;
    this.#caller = {
      token,
      folder: "/nowhere",
      project: "/nowhere",
      settings: AMPLE,
      heldEpoch: () => undefined,
      shown: { has: () => false, unmarked: 0 },
      offer: () => {},
      changed: () => ({ happened: Promise.resolve(), stop: () => {} }),
      ...more,
    };
  }

  async call(name: string, args: unknown = {}): Promise<Json> {
    const { operation, input, claims } = understood(name, args);
    return await perform(this.#store, this.#caller, operation, input, { claims });
  }
}

function understood(name: string, args: unknown): {
  operation: NonNullable<ReturnType<typeof operationNamed>>;
  input: unknown;
  claims: readonly string[];
} {
  const { operation: own, input, claims } = translate(name, args);
  const operation = operationNamed(own);
  if (operation === undefined) throw new Refusal("UNKNOWN_TOOL", `there is no tool ${name}`);
  return { operation, input, claims };
}

/** What came of a call: `ok`, or the code of its refusal. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.code;
    throw thrown;
  }
}

/** Bad inputs of a file, each counted once. */
export class Tally {
  readonly #seen = new Set<string>();

  add(...what: unknown[]): void {
    this.#seen.add(
      what.map((one) => Deno.inspect(one, { depth: 9, strAbbreviateSize: 200 })).join(),
    );
  }

  /** Calls what has to be refused with this code (or one of these). */
  async refused(
    codes: string | readonly string[],
    who: Callable,
    name: string,
    args: unknown = {},
  ): Promise<void> {
    this.add(codes, name, args);
    const wanted = typeof codes === "string" ? [codes] : codes;
    const got = await codeOf(who.call(name, args));
    const text = `${name} ${Deno.inspect(args)} was to give ${wanted.join(" or ")}`;
    assertEquals(wanted.includes(got) ? "" : got, "", text);
  }

  /** The last test of a file. */
  print(): void {
    Deno.test("abuse: how many bad inputs were tried", () => {
      const line = `abuse: ${this.#seen.size} bad inputs\n`;
      Deno.stdout.writeSync(new TextEncoder().encode(line));
    });
  }
}

/** Rows of a store, read from outside. */
export function rows<R>(home: string, sql: string, ...params: (string | number)[]): R[] {
  const db = new DatabaseSync(join(home, "skein.db"), { readOnly: true, timeout: 2_000 });
  try {
    return db.prepare(sql).all(...params) as R[];
  } finally {
    db.close();
  }
}

/** The one number a query gives. */
export function count(home: string, sql: string, ...params: (string | number)[]): number {
  const [row] = rows<Record<string, number>>(home, sql, ...params);
  return Number(Object.values(row ?? {})[0] ?? Number.NaN);
}

/** Changes a store behind its back. */
export function alter(home: string, sql: string, ...params: (string | number | null)[]): void {
  const db = new DatabaseSync(join(home, "skein.db"), { timeout: 2_000 });
  try {
    db.prepare(sql).run(...params);
  } finally {
    db.close();
  }
}

/** Where a text stands in a home: tables by name, files by name. */
export function foundIn(home: string, text: string): string[] {
  const found: string[] = [];
  const tables = rows<{ name: string }>(
    home,
    "SELECT name FROM sqlite_master WHERE type = 'table'",
  );
  for (const { name } of tables) {
    for (const row of rows<Record<string, unknown>>(home, `SELECT * FROM "${name}"`)) {
      const values = Object.values(row).map((value) =>
        value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
      );
      if (values.some((value) => value.includes(text))) found.push(`table ${name}`);
    }
  }
  for (const entry of Deno.readDirSync(home)) {
    if (!entry.isFile) continue;
    const bytes = new TextDecoder("latin1").decode(Deno.readFileSync(join(home, entry.name)));
    if (bytes.includes(text)) found.push(`file ${entry.name}`);
  }
  return [...new Set(found)];
}
