// Keeps as many workers alive as a run can use. One that cannot even begin, or finds nothing to do where we
// see something, is followed by the next later and later: that would fare no better.

import type { Conduct } from "../fleet/rules.ts";
import type { RunEvent, Snapshot } from "./events.ts";
import type { StartedHost } from "./start.ts";

/** A host that ends within this time has done nothing. */
const QUICK_MS = 2_000;
/** The longest pause before the next one is started. */
const MOST_PAUSE_S = 30;

export class Staff {
  readonly #start: (conduct: Conduct) => StartedHost;
  readonly #tell: (event: RunEvent) => void;
  readonly #hosts = new Set<StartedHost>();
  /** So many in a row have ended quickly. */
  #quick = 0;
  #restartAtMs = 0;

  /** @param start starts one more worker */
  constructor(start: (conduct: Conduct) => StartedHost, tell: (event: RunEvent) => void) {
    this.#start = start;
    this.#tell = tell;
  }

  /** Starts what is missing of what can be used now. */
  keep(snapshot: Snapshot, conduct: Conduct): void {
    const { ready = 0, in_progress = 0 } = snapshot.run.tasks;
    const wanted = Math.max(ready + in_progress, landing(snapshot, conduct));
    this.#fill(Math.min(conduct.workers, wanted), snapshot, conduct);
  }

  /** The same where nothing is left but to check and merge what is done. */
  land(snapshot: Snapshot, conduct: Conduct): void {
    this.#fill(landing(snapshot, conduct), snapshot, conduct);
  }

  #fill(wanted: number, { hosts }: Snapshot, conduct: Conduct): void {
    const alive = Math.max(this.#hosts.size, hosts.length);
    if (alive >= wanted || performance.now() < this.#restartAtMs) return;
    for (let more = wanted - alive; more > 0; more--) this.#add(conduct);
  }

  #add(conduct: Conduct): void {
    const startedMs = performance.now();
    const host = this.#start(conduct);
    this.#hosts.add(host);
    const text = `a worker starts (${host.pid})`;
    this.#tell({ kind: "worker", at: new Date().toISOString(), pid: host.pid, text });
    void host.ended.then(() => {
      this.#hosts.delete(host);
      const quick = performance.now() - startedMs < QUICK_MS;
      this.#quick = quick ? this.#quick + 1 : 0;
      const pauseMs = Math.min(MOST_PAUSE_S, 2 ** this.#quick) * 1_000;
      if (quick) this.#restartAtMs = performance.now() + pauseMs;
    });
  }
}

/** Workers that can be used for what waits to be checked: one does that at a time. */
function landing({ waiting }: Snapshot, { check }: Conduct): number {
  return check && waiting.length > 0 ? 1 : 0;
}
