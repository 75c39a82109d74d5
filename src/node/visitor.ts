// A caller without a process of its own: a command line. It opens the store, acts as whoever it is
// (node/identity.ts), and is gone. No presence, no election.

import { asRefusal } from "../core/errors.ts";
import { systemClock } from "../core/clock.ts";
import { LOG, TIMES } from "../core/limits.ts";
import type { AnyOperation, Role, Settings } from "../core/operation.ts";
import { repositoryOf } from "../core/repository.ts";
import { markOffered } from "../message/deliveries.ts";
import { leaderRow } from "../peer/leader.ts";
import { type Answer, type Caller, type CallOptions, type Change, perform } from "../perform.ts";
import { noteRefusal, refusalsWritten } from "../refusals.ts";
import { openStore } from "../store/open.ts";
import { commit, type Store } from "../store/unit.ts";
import { carryOut } from "./carry.ts";
import { HeadKeeper, type Keeping } from "./head.ts";
import { Identities, type Who } from "./identity.ts";

export interface VisitorOptions {
  readonly home: string;
  readonly folder: string;
  readonly name: string | null;
  readonly role: Role | null;
  /** Session of the agent in whose shell this runs. */
  readonly session: string | null;
  readonly settings: Settings;
  /** Secret of the home, if not the one in it. */
  readonly secret?: Uint8Array | null;
  /** Proof of who acts; nothing else counts then. */
  readonly token?: string | null;
}

export class Visitor {
  readonly #options: VisitorOptions;
  readonly #project: string;
  readonly #tree: string;
  #store: Store | null = null;
  #who: Who | null = null;
  /** What the caller has still to be told about who it is. */
  readonly #notices: string[] = [];

  constructor(options: VisitorOptions) {
    this.#options = options;
    const repository = repositoryOf(options.folder);
    this.#project = repository?.commonDir ?? options.folder;
    this.#tree = repository?.tree ?? options.folder;
  }

  /** Runs one operation; `shown` has to be called once its answer was printed. */
  async call(
    operation: AnyOperation,
    input: unknown,
    options: Pick<CallOptions, "key" | "signal" | "claims"> = {},
  ): Promise<{ answer: Answer; shown: () => Promise<void> }> {
    try {
      const { home, secret, settings: { durable } } = this.#options;
      const store = this.#store ??= await openStore(home, systemClock, secret ?? null, durable);
      const who = this.#who ??= await this.#identify(store, operation.name);
      const offered = new Set<number>();
      const decided = await perform(
        store,
        this.#caller(store, who, offered),
        operation,
        input,
        { ...options, claims: this.#asHere(options.claims, who.name) },
      );
      const { key } = options;
      const carried = await carryOut(store, operation, decided, { peer: who.peer, key });
      const notices = this.#notices.splice(0);
      const answer = notices.length === 0 ? carried : { ...carried, notice: notices.join("; ") };
      return { answer, shown: () => this.#shown(store, who, offered) };
    } catch (thrown) {
      if (this.#store !== null) await refusalsWritten(this.#store);
      throw asRefusal(thrown);
    }
  }

  /** Who calls itself by its name is who has it here, whatever that is called in this project. */
  #asHere(claims: readonly string[] = [], own: string): readonly string[] {
    return claims.map((claim) => claim === this.#options.name ? own : claim);
  }

  /** Resolves when somebody has changed something, or after so many milliseconds. */
  async changed(ms: number): Promise<void> {
    const { home, secret, settings: { durable } } = this.#options;
    const store = this.#store ??= await openStore(home, systemClock, secret ?? null, durable);
    await this.#changed(store, ms).happened;
  }

  /** Who acts; whoever tries to be somebody else leaves a trace. */
  async #identify(store: Store, op: string): Promise<Who> {
    const options = { ...this.#options, project: this.#project, tree: this.#tree };
    try {
      const who = await new Identities(store, options).find();
      const { name } = this.#options;
      this.#notices.push(...who.notices);
      if (op === "join" && name !== null && name !== who.name && who.notices.length === 0) {
        this.#notices.push(`you called yourself ${name}; in this project you are ${who.name}`);
      }
      return who;
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      await noteRefusal(store, this.#options.token ?? "", op, refusal, 0);
      throw refusal;
    }
  }

  #caller(store: Store, who: Who, offered: Set<number>): Caller {
    const { renew } = who;
    return {
      get token(): string {
        return who.token;
      },
      ...(renew === undefined ? {} : { renew }),
      folder: this.#options.folder,
      project: this.#project,
      settings: this.#options.settings,
      uncounted: 1,
      heldEpoch: () => undefined,
      shown: { has: (message) => offered.has(message), unmarked: offered.size },
      offer: (message) => void offered.add(message),
      changed: (ms) => this.#changed(store, ms),
    };
  }

  #changed(store: Store, ms: number): Change {
    const deadline = performance.now() + ms;
    let stopped = false;
    const poll = async (): Promise<void> => {
      do {
        const leftMs = Math.max(0, Math.min(TIMES.visitorMs, deadline - performance.now()));
        await new Promise((wake) => setTimeout(wake, leftMs));
      } while (!stopped && !store.engine.changed() && performance.now() < deadline);
    };
    store.engine.changed();
    return { happened: poll(), stop: () => void (stopped = true) };
  }

  /** Marks what was printed; a process that dies before leaves it to be printed again. */
  async #shown(
    store: Store,
    who: Who,
    offered: ReadonlySet<number>,
  ): Promise<void> {
    if (offered.size > 0) {
      await commit(
        store,
        ({ tx, at }) => markOffered(tx, who.peer, [...offered], who.incarnation, at),
      );
    }
    // Where no leader does it, the last one to leave keeps the log short and the head written.
    const leader = await store.engine.read(leaderRow);
    const led = leader.incarnation !== null && store.engine.held(leader.incarnation) === "held";
    if (led) return;
    store.engine.checkpoint(LOG.fromBytes, LOG.restartFromBytes);
    const keeping = {
      write: (body: Parameters<Keeping["write"]>[0]) => commit(store, body),
      current: () => Promise.resolve(true),
    };
    // What was asked for is done and printed; the next one who comes keeps the head.
    await new HeadKeeper(store).keep(keeping).catch(() => {});
  }
}
