// A flock in one process: real nodes on a real store in a temporary home, called the way a door
// calls them. Every answer is held against the output its operation declares, so each test of the
// meaning of an operation is a test of its shape, too. The clock can be moved, since retry delays
// and rate windows are longer than a test may last.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type AnyOperation, Node, operationNamed, Refusal } from "../../mod.ts";
import { translate } from "../../src/translate.ts";
import type { Role } from "../../src/core/operation.ts";
import { makeRepository } from "../support/git.ts";
import type { Reply } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

// Whoever may start a worker has to get past the look for its program; nothing here starts one.
Deno.env.set("SKEIN_AGENT", "true");

/** An answer of whatever shape. */
export type Json = Reply["json"];

export interface MemberOptions {
  readonly role?: Role;
  readonly session?: string;
  /** A folder below the flock's; the project's own unless given. */
  readonly folder?: string;
  /** Messages a minute. */
  readonly rate?: number;
}

export interface ActOptions {
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** One peer of the flock. */
export class Member {
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
  }

  /** Calls a tool by any of its names; throws its refusal. */
  async call(name: string, args: unknown = {}, options: ActOptions = {}): Promise<Json> {
    this.node.received();
    const { operation: own, input, claims } = translate(name, args);
    const operation = operationNamed(own);
    if (operation === undefined) throw new Refusal("UNKNOWN_TOOL", `there is no tool ${name}`);
    const { answer, offer } = await this.node.call(operation, input, { ...options, claims });
    assertShape(operation, answer);
    offer.flushed();
    return answer;
  }

  /** Calls a tool that has to refuse; gives the refusal. Nobody is told more than it says. */
  async refused(code: string, name: string, args: unknown = {}): Promise<Json> {
    let answer: unknown;
    try {
      answer = await this.call(name, args);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      assertEquals(thrown.code, code, thrown.message);
      return thrown.toJSON().error;
    }
    throw new Error(`${name} was to be refused with ${code}; it gave ${JSON.stringify(answer)}`);
  }

  /** Everything unread, and nothing afterwards. */
  async inbox(): Promise<Json[]> {
    return (await this.call("check", { limit: 50 })).messages;
  }

  leave(): Promise<void> {
    return this.node.leave();
  }
}

/** What the operation declares, and nothing else; mail and notices ride on any answer. */
function assertShape(operation: AnyOperation, answer: Json): void {
  const { mail: _mail, notice: _notice, ...own } = answer;
  // As it travels: a field that is undefined is not there.
  const sent = JSON.parse(JSON.stringify(own));
  assertEquals(operation.output.parse(sent), sent, `${operation.name} answers as it declares`);
}

export class Flock {
  readonly folder: string;
  readonly home: string;
  readonly project: string;
  readonly #members: Node[] = [];
  #skippedS = 0;
  #wallMs: number | null = null;

  constructor(folder: string) {
    this.folder = folder;
    this.home = join(folder, "home");
    this.project = join(folder, "project");
  }

  /** Lets time pass for everybody; wall time stays. */
  pass(seconds: number): void {
    this.#skippedS += seconds;
  }

  /** Everything from now on happens within one millisecond of wall time. */
  freeze(): void {
    this.#wallMs = Date.now();
  }

  /** A resident peer; without a name it gets a generated one. */
  async member(name: string | null, options: MemberOptions = {}): Promise<Member> {
    const folder = options.folder === undefined ? this.project : join(this.folder, options.folder);
    Deno.mkdirSync(folder, { recursive: true });
    const node = new Node({
      home: this.home,
      folder,
      name,
      role: options.role ?? null,
      session: options.session ?? null,
      settings: {
        messagesPerMinute: options.rate ?? 1_000_000,
        leaseS: 900,
        stalledGraceS: 300,
      },
      clock: {
        wallMs: () => this.#wallMs ?? Date.now(),
        upS: () => Deno.osUptime() + this.#skippedS,
      },
    });
    this.#members.push(node);
    await node.enter();
    return new Member(node);
  }

  /** The usual three: an architect and two workers with roles of their own choice. */
  async crew(): Promise<{ lead: Member; anna: Member; bob: Member }> {
    const lead = await this.member("lead");
    return { lead, anna: await this.member("anna"), bob: await this.member("bob") };
  }

  async end(): Promise<void> {
    for (const node of this.#members) await node.leave();
  }
}

/**
 * A test with a flock of its own. A node keeps its store open and may still wait for its leader's
 * lock when it has left (only the end of a process frees those), hence no leak checks.
 */
export function flockTest(name: string, body: (flock: Flock) => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      withTempFolder(async (folder) => {
        const flock = new Flock(folder);
        await makeRepository(flock.project);
        try {
          await body(flock);
        } finally {
          await flock.end();
        }
      }),
  });
}
