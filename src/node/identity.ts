// As whom a command line acts. A token decides; else the agent whose shell this is (told by the
// environment or by the processes above), else a peer that is named, else the human. What an agent
// starts is never the human, and never another agent.

import { Refusal } from "../core/errors.ts";
import type { Role, Settings } from "../core/operation.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { VERSION } from "../core/version.ts";
import { markAllOfferedSeen } from "../message/deliveries.ts";
import { enter } from "../peer/entry.ts";
import { nameIn } from "../peer/names.ts";
import { isNumbered } from "../peer/rules.ts";
import { OPERATOR } from "../peer/session.ts";
import {
  peerById,
  peerByName,
  peerBySession,
  type PeerRow,
  peersOfClients,
  type ProcessId,
  renewLease,
} from "../peer/table.ts";
import { readToken } from "../peer/token.ts";
import { commit, type Store } from "../store/unit.ts";
import { newId } from "./ids.ts";
import { beginOperator } from "./operator.ts";
import { Pass } from "./pass.ts";
import { ancestry } from "./process.ts";

export interface IdentityOptions {
  readonly folder: string;
  readonly project: string;
  readonly tree: string;
  readonly name: string | null;
  readonly role: Role | null;
  /** Session of the agent in whose shell this runs, if the environment says so. */
  readonly session: string | null;
  readonly settings: Settings;
  readonly token?: string | null;
}

/** Who acts, and the proof. */
export interface Who {
  readonly peer: string;
  readonly incarnation: string;
  readonly token: string;
  readonly renew?: (role: Role, project: string) => void;
  /** What it is called, which may not be what it called itself. */
  readonly name: string;
  /** What it has to be told, where it has just come: another name or role than it wanted. */
  readonly notices: readonly string[];
}

/** What is known of an agent in whose shell this runs. */
interface Agent {
  readonly session: string | null;
  /** Its peer, if it has one that lives. */
  readonly peer: PeerRow | null;
  /** Its client, where that is all that is known of it. */
  readonly client?: ProcessId;
  /** What its peer was called, where it lives no more. */
  readonly name?: string;
}

interface Acting {
  readonly id: string;
  readonly name: string;
  readonly notices: readonly string[];
  readonly incarnation: string;
  readonly role: Role;
  readonly project: string;
}

export class Identities {
  readonly #store: Store;
  readonly #options: IdentityOptions;

  constructor(store: Store, options: IdentityOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Finds out who acts. Only what has to be written is written: a look around waits for no writer.
   * @throws Refusal `TOKEN_INVALID`, `NOT_YOU`, `NAME_TAKEN`, `NOT_ALLOWED`, `KILLED`
   */
  async find(): Promise<Who> {
    const token = this.#options.token ?? null;
    if (token !== null) return await this.#byToken(token);
    const { engine } = this.#store;
    const known = await engine.read(async (tx) => this.#asItIs(tx, await this.#agent(tx)));
    const acting = known ?? await commit(this.#store, async (unit) => {
      return await this.#appear(unit, await this.#agent(unit.tx));
    });
    const pass = new Pass(this.#store, { ...acting, peer: acting.id });
    return {
      peer: acting.id,
      incarnation: acting.incarnation,
      name: acting.name,
      notices: acting.notices,
      get token(): string {
        return pass.token;
      },
      renew: (role, project) => pass.renew(role, project),
    };
  }

  async #byToken(token: string): Promise<Who> {
    const { peer, incarnation } = readToken(this.#store.secret, token);
    const { name } = this.#options;
    const { row, own } = await this.#store.engine.read(async (tx) => ({
      row: await peerById(tx, peer),
      own: await this.#ownName(tx, null),
    }));
    if (name !== null && row !== undefined && row.name !== name && row.name !== own) {
      throw new Refusal("NOT_YOU", `the token is ${row.name}'s, not ${name}'s`, { you: row.name });
    }
    return { peer, incarnation, token, name: row?.name ?? "", notices: [] };
  }

  /**
   * The agent whose shell this is; null in a human's terminal. The processes above say more than the
   * environment, which a shell can set as it likes.
   */
  async #agent(tx: Tx): Promise<Agent | null> {
    const { processes, sessions } = ancestry();
    const peers = await peersOfClients(tx, processes);
    const nearest = peers[0];
    if (nearest !== undefined) return await this.#agentOf(tx, nearest.client, peers);
    const { session } = this.#options;
    if (session !== null) return { session, peer: live(await peerBySession(tx, session)) };
    for (const above of sessions) {
      const row = await peerBySession(tx, above);
      if (row !== undefined) return { session: above, peer: live(row) };
    }
    return null;
  }

  /** The agent that one process runs; where it runs several, session or name say which. */
  async #agentOf(
    tx: Tx,
    client: ProcessId,
    peers: readonly { readonly id: string; readonly client: ProcessId }[],
  ): Promise<Agent> {
    const { session, name } = this.#options;
    const rows: PeerRow[] = [];
    for (const one of peers) {
      const row = one.client.pid === client.pid ? await peerById(tx, one.id) : undefined;
      if (row !== undefined) rows.push(row);
    }
    const here = rows.filter((row) => row.state === "live");
    const own = here.length === 1
      ? here[0]
      : here.find((row) => row.session !== null && row.session === session) ??
        here.find((row) => row.name === name);
    if (own !== undefined) return { session: own.session, peer: own };
    // Its agent has ended, or control has ended it: the shell is still not the human's.
    const [last] = rows;
    if (here.length === 0 && last !== undefined) {
      return { session: last.session, peer: null, client, name: last.name };
    }
    const names = here.map((row) => row.name).join(", ");
    throw new Refusal("NOT_YOU", `one process runs several agents: ${names}`, {
      hint: "Say whose shell this is: --as with one of these names, or SKEIN_TOKEN.",
    });
  }

  /** The name that was given, as it is in this project; an agent's own is its own everywhere. */
  async #ownName(tx: Tx, agent: Agent | null): Promise<string | null> {
    const { name, project } = this.#options;
    if (name === null) return null;
    const own = agent?.peer?.name ?? name;
    if (isNumbered(own, name)) return own;
    const row = agent === null ? undefined : await peerByName(tx, name);
    return row !== undefined && isOf(agent, row) ? name : await nameIn(tx, name, project);
  }

  /** The peer's row by what was said: its name, the agent's, the human's. */
  async #row(tx: Tx, agent: Agent | null): Promise<PeerRow | undefined> {
    const name = await this.#ownName(tx, agent);
    if (name !== null) return await peerByName(tx, name);
    if (agent === null) return await peerById(tx, OPERATOR);
    if (agent.name !== undefined) return await peerByName(tx, agent.name);
    if (agent.peer !== null || agent.session === null) return agent.peer ?? undefined;
    return await peerBySession(tx, agent.session);
  }

  /** Who acts, where nothing has to be written for it. */
  async #asItIs(tx: Tx, agent: Agent | null): Promise<Acting | null> {
    const row = await this.#row(tx, agent);
    this.#refuseMask(agent, row);
    if (row === undefined || row.state === "gone" || row.incarnation === null) return null;
    const { id, name, incarnation, role, project } = row;
    const acting = { id, name, notices: [], incarnation, role, project };
    if (row.kind === "resident") {
      if (await tx.held(incarnation) === "free") return null;
      this.#refuseStranger(agent, row);
      return acting;
    }
    const leftS = (row.lease_until_s ?? 0) - this.#store.clock.upS();
    const fresh = leftS > this.#options.settings.leaseS * 0.9;
    const printed = await tx.get(
      "SELECT 1 AS x FROM delivery WHERE peer = ? AND state = 1 LIMIT 1",
      id,
    );
    const asIs = this.#options.role === null || this.#options.role === role;
    return fresh && printed === undefined && asIs ? acting : null;
  }

  /** An agent's shell acts as that agent, whatever name it gives. */
  #refuseMask(agent: Agent | null, row: PeerRow | undefined): void {
    const { name } = this.#options;
    if (agent === null || name === null) return;
    const own = agent.peer;
    const masked = own !== null && own.name !== name && !isNumbered(own.name, name);
    if (masked && own.kind === "resident") {
      throw new Refusal("NOT_YOU", `this is the shell of ${own.name}; it cannot act as ${name}`, {
        you: own.name,
      });
    }
    const foreign = row !== undefined && row.state === "live" && row.id !== own?.id &&
      (row.session === null || row.session !== agent.session);
    if (!foreign) return;
    throw new Refusal("NAME_TAKEN", `${name} is somebody else`, {
      hint: "Act under another name, or send it a message.",
    });
  }

  /** Only the shell of a live session acts as it: a name alone proves nothing. */
  #refuseStranger(agent: Agent | null, row: PeerRow): void {
    if (isOf(agent, row)) return;
    throw new Refusal(
      "NAME_TAKEN",
      `${row.name} is a session that lives; only its own shell acts as it`,
      { hint: "Act under another name, or send it a message." },
    );
  }

  /** Gives the peer its lease, or makes it. */
  async #appear(unit: Unit, agent: Agent | null): Promise<Acting> {
    const { name, role, settings, project, folder, tree } = this.#options;
    const row = await this.#row(unit.tx, agent);
    this.#refuseMask(agent, row);
    if (row !== undefined && row.state === "live" && row.incarnation !== null) {
      const resident = row.kind === "resident";
      if (!resident || await unit.tx.held(row.incarnation) !== "free") {
        if (resident) this.#refuseStranger(agent, row);
        return await this.#actAs(unit, row, row.incarnation, resident);
      }
    }
    if (name === null && agent === null) {
      const incarnation = await beginOperator(unit, settings);
      const human = { id: OPERATOR, name: OPERATOR, role: "operator", project: "" } as const;
      return { ...human, incarnation, notices: [] };
    }
    const incarnation = newId(12);
    const own = await this.#ownName(unit.tx, agent);
    const newcomer = {
      kind: "leased" as const,
      name: own ?? agent?.name ?? null,
      client: agent?.client ?? null,
      role,
      session: agent?.session ?? null,
      incarnation,
      bell: 0,
      pid: 0,
      version: VERSION,
      project,
      folder,
      tree,
      leaseUntilS: unit.upS + settings.leaseS,
      mayRise: agent === null,
    };
    const entered = await enter(unit, newcomer, () => newId(8), Math.random);
    const notices = own === name
      ? entered.notices
      : [`another project has a peer ${name}; here you are ${entered.name}`, ...entered.notices];
    return {
      id: entered.id,
      name: entered.name,
      notices,
      incarnation,
      role: entered.role,
      project,
    };
  }

  async #actAs(
    unit: Unit,
    row: PeerRow,
    incarnation: string,
    resident: boolean,
  ): Promise<Acting> {
    const { id, role, project } = row;
    if (this.#options.role !== null && this.#options.role !== role && !resident) {
      throw new Refusal("NOT_ALLOWED", `${row.name} is ${role}, not ${this.#options.role}`, {
        field: "role",
        hint: `Use another name, or: skein join --as ${row.name} --role ${this.#options.role}`,
      });
    }
    // The process that printed the mail has ended and another call came: it was read.
    if (!resident) {
      await markAllOfferedSeen(unit.tx, id, incarnation, unit.at);
      await renewLease(unit.tx, id, unit.upS + this.#options.settings.leaseS, unit.at);
    }
    return { id, name: row.name, notices: [], incarnation, role, project };
  }
}

/** Whether a peer is the one of an agent. */
function isOf(agent: Agent | null, row: PeerRow): boolean {
  return agent !== null &&
    (agent.peer?.id === row.id || (row.session !== null && agent.session === row.session));
}

function live(row: PeerRow | undefined): PeerRow | null {
  return row?.state === "live" ? row : null;
}
