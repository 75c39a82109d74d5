// What a node is while it leads: its duties run, and whoever serves for the leader (the HTTP door) is
// handed what it serves from. Both end together, the moment somebody else leads or the node leaves.

import type { Settings } from "../core/operation.ts";
import type { Change } from "../perform.ts";
import type { JournalRow } from "../store/journal.ts";
import type { Store } from "../store/unit.ts";
import { Duties } from "./duties.ts";
import type { NodeOptions } from "./life.ts";
import type { SleepWatch } from "./presence.ts";

/** What the leader serves from. */
export interface Lead {
  readonly store: Store;
  readonly incarnation: string;
  readonly epoch: number;
  readonly settings: Settings;
  /** Begins to wait for a change, for at most `ms`. */
  changed(ms: number): Promise<Change>;
  /** Calls `listener` with every row of the journal from now on; returns how to stop. */
  listen(listener: (rows: readonly JournalRow[]) => void): Promise<() => Promise<void>>;
  /**
   * Writes where the leader is reached, if it still leads.
   * @throws Deposed
   */
  setUrl(url: string | null): Promise<void>;
  /** Tells of trouble that no answer can carry. */
  trouble(what: string, thrown: unknown): void;
}

/** Begins to serve; returns how to stop, which is quick and never throws. */
export type OnLead = (lead: Lead) => () => void;

/** What leading needs of the node around it. */
export interface LeadingEvents extends Pick<Lead, "changed" | "listen"> {
  deposed(): void;
}

export class Leading {
  readonly #duties: Duties;
  readonly #stopDoor: () => void;

  constructor(
    store: Store,
    incarnation: string,
    epoch: number,
    options: Pick<NodeOptions, "onLead" | "onTrouble" | "settings"> & {
      readonly sleep: SleepWatch;
    },
    events: LeadingEvents,
  ) {
    const trouble = (what: string, thrown: unknown): void => options.onTrouble?.(what, thrown);
    this.#duties = new Duties(store, incarnation, epoch, options.sleep, {
      failed: (duty, thrown) => trouble(`duty ${duty}`, thrown),
      deposed: () => events.deposed(),
    });
    this.#duties.start();
    this.#stopDoor = options.onLead?.({
      store,
      incarnation,
      epoch,
      settings: options.settings,
      changed: events.changed,
      listen: events.listen,
      setUrl: (url) =>
        this.#duties.fenced(async ({ tx }) => {
          await tx.run("UPDATE leader SET url = ? WHERE one = 1", url);
        }),
      trouble,
    }) ?? nothing;
  }

  stop(): void {
    this.#duties.stop();
    this.#stopDoor();
  }
}

function nothing(): void {}
