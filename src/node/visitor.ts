// A caller without a process of its own: a command line. It opens the store, acts as a leased
// peer, as the session it runs in, or as the operator, and is gone. No presence, no election.

import { asRefusal, Refusal } from "../core/errors.ts";
import { systemClock } from "../core/clock.ts";
import type { AnyOperation, Role, Settings } from "../core/operation.ts";
import { repositoryOf } from "../core/repository.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { VERSION } from "../core/version.ts";
import { markAllOfferedSeen, markOffered } from "../message/table.ts";
import { enter } from "../peer/entry.ts";
import {
  leaderRow,
  peerById,
  peerByName,
  peerBySession,
  type PeerRow,
  renewLease,
  writeEntry,
} from "../peer/table.ts";
import { type Answer, type Caller, type CallOptions, type Change, perform } from "../perform.ts";
import { openStore } from "../store/open.ts";
import { SCHEMA_VERSION } from "../store/schema.ts";
import { commit, type Store } from "../store/unit.ts";
import { newId } from "./ids.ts";

export interface VisitorOptions {
  readonly home: string;
  readonly folder: string;
  readonly name: string | null;
  readonly role: Role | null;
  /** Session of the agent in whose shell this runs. */
  readonly session: string | null;
  readonly settings: Settings;
}

/** Id and name of the human's peer. */
export const OPERATOR = "operator";
/** How often a waiting visitor looks; it has no bell. */
const POLL_MS = 25;
const WAL_FROM_BYTES = 8 * 1024 * 1024;
const WAL_TRUNCATE_BYTES = 64 * 1024 * 1024;

export class Visitor {
  readonly #options: VisitorOptions;
  readonly #project: string;
  readonly #tree: string;
  #store: Store | null = null;
  #actor: { id: string; incarnation: string; resident: boolean } | null = null;

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
      const store = this.#store ??= await openStore(this.#options.home, systemClock);
      const actor = this.#actor ??= await this.#identify(store);
      const offered = new Set<number>();
      const answer = await perform(
        store,
        this.#caller(store, actor, offered),
        operation,
        input,
        options,
      );
      return { answer, shown: () => this.#shown(store, actor, offered) };
    } catch (thrown) {
      throw asRefusal(thrown);
    }
  }

  #caller(
    store: Store,
    actor: { id: string; incarnation: string },
    offered: Set<number>,
  ): Caller {
    return {
      peer: actor.id,
      incarnation: actor.incarnation,
      folder: this.#options.folder,
      project: this.#project,
      settings: this.#options.settings,
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
        const leftMs = Math.max(0, Math.min(POLL_MS, deadline - performance.now()));
        await new Promise((wake) => setTimeout(wake, leftMs));
      } while (!stopped && !store.engine.changed() && performance.now() < deadline);
    };
    store.engine.changed();
    return { happened: poll(), stop: () => void (stopped = true) };
  }

  /** Marks what was printed; a process that dies before leaves it to be printed again. */
  async #shown(
    store: Store,
    actor: { id: string; incarnation: string },
    offered: ReadonlySet<number>,
  ): Promise<void> {
    if (offered.size > 0) {
      await commit(
        store,
        ({ tx, at }) => markOffered(tx, actor.id, [...offered], actor.incarnation, at),
      );
    }
    // Where no leader does it, the last one to leave keeps the log short.
    const leader = await store.engine.read(leaderRow);
    const led = leader.incarnation !== null && store.engine.held(leader.incarnation) === "held";
    if (!led) store.engine.checkpoint(WAL_FROM_BYTES, WAL_TRUNCATE_BYTES);
  }

  /**
   * Finds out as whom this process acts. Only what has to be written is written: a look around
   * does not wait for writers.
   */
  async #identify(store: Store): Promise<{ id: string; incarnation: string; resident: boolean }> {
    const known = await store.engine.read(async (tx) => {
      const row = await this.#row(tx);
      if (row === undefined || row.state === "gone" || row.incarnation === null) return null;
      const { id, incarnation } = row;
      if (row.kind === "resident") {
        if (await tx.held(incarnation) === "free") return null;
        this.#refuseStranger(row);
        return { id, incarnation, resident: true };
      }
      const leftS = (row.lease_until_s ?? 0) - store.clock.upS();
      const fresh = leftS > this.#options.settings.leaseS * 0.9;
      const printed = await tx.get(
        "SELECT 1 AS x FROM delivery WHERE peer = ? AND state = 1 LIMIT 1",
        id,
      );
      const asIs = this.#options.role === null || this.#options.role === row.role;
      return fresh && printed === undefined && asIs ? { id, incarnation, resident: false } : null;
    });
    return known ?? await commit(store, (unit) => this.#appear(unit));
  }

  /** Only the shell of a live session acts as it: a name alone proves nothing. */
  #refuseStranger(row: PeerRow): void {
    const { session } = this.#options;
    if (session !== null && session === row.session) return;
    throw new Refusal(
      "NAME_TAKEN",
      `${row.name} is a session that lives; only its own shell acts as it`,
      {
        hint: "Act under another name, or send it a message.",
      },
    );
  }

  #row(tx: Tx): Promise<PeerRow | undefined> {
    const { name, session } = this.#options;
    if (name !== null) return peerByName(tx, name);
    return session === null ? peerById(tx, OPERATOR) : peerBySession(tx, session);
  }

  /** Gives the peer its lease, or makes it. */
  async #appear(unit: Unit): Promise<{ id: string; incarnation: string; resident: boolean }> {
    const { name, session } = this.#options;
    const row = await this.#row(unit.tx);
    if (row !== undefined && row.state === "live" && row.incarnation !== null) {
      const resident = row.kind === "resident";
      if (!resident || await unit.tx.held(row.incarnation) !== "free") {
        if (resident) this.#refuseStranger(row);
        return await this.#actAs(unit, row, row.incarnation, resident);
      }
    }
    if (name === null && session === null) return await this.#asOperator(unit);
    const incarnation = newId(12);
    const entered = await enter(
      unit,
      {
        kind: "leased",
        name,
        role: this.#options.role,
        session,
        incarnation,
        bell: 0,
        pid: 0,
        version: VERSION,
        project: this.#project,
        folder: this.#options.folder,
        tree: this.#tree,
        leaseUntilS: unit.upS + this.#options.settings.leaseS,
      },
      () => newId(8),
      Math.random,
    );
    return { id: entered.id, incarnation, resident: false };
  }

  async #actAs(
    unit: Unit,
    row: PeerRow,
    incarnation: string,
    resident: boolean,
  ): Promise<{ id: string; incarnation: string; resident: boolean }> {
    if (this.#options.role !== null && this.#options.role !== row.role && !resident) {
      throw new Refusal("NOT_ALLOWED", `${row.name} is ${row.role}, not ${this.#options.role}`, {
        field: "role",
        hint: `Use another name, or: skein join --as ${row.name} --role ${this.#options.role}`,
      });
    }
    // The process that printed the mail has ended and another call came: it was read.
    if (!resident) {
      await markAllOfferedSeen(unit.tx, row.id, incarnation, unit.at);
      await renewLease(unit.tx, row.id, unit.upS + this.#options.settings.leaseS, unit.at);
    }
    return { id: row.id, incarnation, resident };
  }

  /** The human: one peer of the home, in no project's roster. */
  async #asOperator(
    unit: Unit,
  ): Promise<{ id: string; incarnation: string; resident: boolean }> {
    const incarnation = newId(12);
    await writeEntry(unit.tx, {
      id: OPERATOR,
      name: OPERATOR,
      role: "operator",
      wantedRole: null,
      pinned: true,
      project: "",
      folder: "",
      tree: "",
      kind: "leased",
      session: null,
      incarnation,
      bell: 0,
      pid: 0,
      version: VERSION,
      schema: SCHEMA_VERSION,
      at: unit.at,
      leaseUntilS: unit.upS + this.#options.settings.leaseS,
    });
    return { id: OPERATOR, incarnation, resident: false };
  }
}
