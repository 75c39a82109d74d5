// Joining: presence first, then the row, then the bell and the rest of a life. Nobody can know a
// life that never got a row.

import { VERSION } from "../core/version.ts";
import { enter } from "../peer/entry.ts";
import type { Bell } from "../store/engine.ts";
import { commit, type Store } from "../store/unit.ts";
import { Election } from "./election.ts";
import { Feed } from "./feed.ts";
import { GitWatch } from "./gitwatch.ts";
import { newId } from "./ids.ts";
import type { Life, NodeOptions } from "./life.ts";
import { Mail } from "./mail.ts";
import { Pass } from "./pass.ts";
import { agentProcess } from "./process.ts";
import { storeBallot } from "./seat.ts";

/** Who joins, and where. */
export interface Newcomer {
  readonly options: NodeOptions;
  readonly project: string;
  readonly tree: string;
  readonly session: string | null;
}

/** What the election tells. */
export interface ElectionEvents {
  leading(incarnation: string, epoch: number): void;
  deposed(): void;
  /** This life is over: a newer one of the same identity is here, or control has ended it. */
  over(): void;
}

/**
 * Begins a life in an open store.
 * @throws Refusal whatever stands in the way of joining; nothing is left behind then
 */
export async function beginLife(
  store: Store,
  newcomer: Newcomer,
  events: ElectionEvents,
): Promise<Life> {
  const { options, project, tree, session } = newcomer;
  const client = options.client ?? null;
  const incarnation = newId(12);
  const hold = store.engine.hold(incarnation);
  const feed = new Feed(store);
  let bell: Bell | null = null;
  try {
    bell = await store.engine.bell(() => feed.rung());
    const arrival = {
      kind: "resident" as const,
      name: options.name ?? null,
      role: options.role ?? null,
      session,
      incarnation,
      bell: bell.address,
      pid: Deno.pid,
      version: VERSION,
      project,
      folder: options.folder,
      tree,
      leaseUntilS: null,
      client: client === null ? null : agentProcess(client.pid, client.name),
    };
    feed.hear(bell);
    const entered = await commit(
      store,
      (unit) => enter(unit, arrival, () => newId(8), Math.random),
    );
    const { id: peer, role } = entered;
    const mail = new Mail(store, peer, incarnation);
    const election = new Election({
      ...storeBallot(store, incarnation, peer, () => events.over()),
      leading: (epoch) => events.leading(incarnation, epoch),
      deposed: () => events.deposed(),
    });
    const git = project === options.folder ? null : new GitWatch(store, peer, tree);
    const pass = new Pass(store, { peer, incarnation, role, project });
    return {
      store,
      incarnation,
      guest: false,
      hold,
      bell,
      feed,
      mail,
      election,
      entered,
      pass,
      git,
    };
  } catch (thrown) {
    // Whoever may not join tries again with its next call: nothing may add up.
    bell?.close();
    hold.release(true);
    throw thrown;
  }
}
