// What a node is made of between joining and leaving, and how it says goodbye.

import type { Clock } from "../core/clock.ts";
import type { Role, Settings } from "../core/operation.ts";
import type { Entered } from "../peer/entry.ts";
import { endLife } from "../peer/life.ts";
import { addUsage } from "../peer/standing.ts";
import { setWatch } from "../peer/table.ts";
import { refusalsWritten } from "../refusals.ts";
import type { Bell, Hold } from "../store/engine.ts";
import { commit, type Store } from "../store/unit.ts";
import type { Election } from "./election.ts";
import type { Feed } from "./feed.ts";
import type { GitWatch } from "./gitwatch.ts";
import type { Mail } from "./mail.ts";
import type { OnLead } from "./leading.ts";
import type { Pass } from "./pass.ts";

/** What a node is told when it is made. */
export interface NodeOptions {
  readonly home: string;
  readonly folder: string;
  readonly name?: string | null;
  readonly role?: Role | null;
  /** Session id of the client, if the client itself is behind the node. */
  readonly session?: string | null;
  readonly settings: Settings;
  readonly clock?: Clock;
  /** Secret of the home, if not the one in it. */
  readonly secret?: Uint8Array | null;
  /** The client behind the node, if there is one: its process and what it calls itself. */
  readonly client?: { readonly pid: number; readonly name: string } | null;
  /** Token of the peer on whose behalf it acts, and whose presence another process keeps (guest.ts). */
  readonly behalf?: string | null;
  /**
   * Called when the node begins to lead, with what a leader serves from; returns how to stop. Nobody
   * imports a door, so whoever makes a node brings its own.
   */
  readonly onLead?: OnLead | undefined;
  /** Called with every tick while the peer lives, in the wake that it has anyway: a second or two apart. */
  readonly onTick?: () => void;
  /** Told of trouble that no answer can carry, each text once a minute; never for the normal course. */
  readonly onTrouble?: (what: string, thrown: unknown) => void;
}

/** Everything that exists between joining and leaving. */
export interface Life {
  readonly store: Store;
  readonly incarnation: string;
  /** The presence is kept by another process. */
  readonly guest: boolean;
  readonly hold: Hold;
  readonly bell: Bell;
  readonly feed: Feed;
  readonly mail: Mail;
  readonly election: Pick<Election, "epoch" | "look" | "tick" | "stop">;
  readonly entered: Entered;
  readonly pass: Pass;
  readonly git: GitWatch | null;
}

/** Writes the marks that are due, frees what the peer held and gives the lead away. */
export async function sayGoodbye(life: Life, uncountedCalls: () => number): Promise<void> {
  await life.mail.close();
  await refusalsWritten(life.store);
  await commit(life.store, async (unit) => {
    await addUsage(unit.tx, life.entered.id, { tool_calls: uncountedCalls() });
    if (life.guest) return;
    await unit.tx.run(
      "UPDATE leader SET incarnation = NULL, peer = NULL, url = NULL WHERE incarnation = ?",
      life.incarnation,
    );
    await endLife(unit, life.incarnation, "left");
  });
}

/** Whoever watches is rung for everything; a guest has no bell and looks by itself. */
export async function watch(life: Life, watching: boolean): Promise<void> {
  if (life.guest) return;
  await commit(life.store, ({ tx }) => setWatch(tx, life.incarnation, watching));
}
