// The HTTP door: what the leader serves on 127.0.0.1. It begins with the lead and ends with it. The
// port is the preferred one, else the next free one; a leader that is not on the preferred one tries
// it each second and moves there, and serves the other one on for the pages that are open on it.

import { asRefusal, Refusal } from "../core/errors.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import { Deposed } from "../node/duties.ts";
import type { Lead } from "../node/leading.ts";
import { leaderRow } from "../peer/leader.ts";
import { peerById } from "../peer/table.ts";
import { Events } from "./http_events.ts";
import { Routes } from "./http_routes.ts";

const HOST = "127.0.0.1";

/** How long a port may take to be free after its leader has left. */
const CLOSING_MS = 150;

/** A port that is served. */
interface Served {
  readonly port: number;
  /** The port is free at once; what is being answered is answered. */
  stop(): void;
}

class Door {
  readonly #lead: Lead;
  readonly #preferred: number;
  readonly #events: Events;
  readonly #routes: Routes;
  /** The port that is told to everybody, and the one that is served on besides. */
  #main: Served | null = null;
  #old: Served | null = null;
  /** Looks in a row in which nobody followed on the old port. */
  #quiet = 0;
  #timer: ReturnType<typeof setInterval> | null = null;
  #stopped = false;
  #looking = false;
  #complained = false;
  /** Whether everybody knows where the page is. */
  #told = false;

  constructor(lead: Lead, preferred: number) {
    this.#lead = lead;
    this.#preferred = preferred;
    this.#events = new Events(lead);
    this.#routes = new Routes(lead, this.#events);
  }

  start(): void {
    void this.#look();
    this.#timer = setInterval(() => void this.#look(), TIMES.tickMs);
    Deno.unrefTimer(this.#timer);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#events.stop();
    this.#main?.stop();
    this.#old?.stop();
  }

  /** Is there a port, is it the preferred one, and has everybody left the old one? */
  async #look(): Promise<void> {
    if (this.#stopped || this.#looking) return;
    this.#looking = true;
    try {
      if (this.#main === null) await this.#begin();
      else if (this.#preferred !== 0 && this.#main.port !== this.#preferred) this.#move();
      if (!this.#told) await this.#tell();
      this.#leaveOld();
    } catch (thrown) {
      // Whoever is deposed is told so, and stopped.
      if (!this.#stopped && !(thrown instanceof Deposed)) this.#lead.trouble("http", thrown);
    } finally {
      this.#looking = false;
    }
  }

  async #begin(): Promise<void> {
    // A leader that has just left is still closing its port.
    const untilMs = performance.now() + CLOSING_MS;
    while (this.#main === null && !this.#stopped) {
      const served = this.#tryPreferred();
      if (served !== null || performance.now() >= untilMs) {
        this.#main = served ?? this.#first();
        break;
      }
      await new Promise((wake) => setTimeout(wake, CLOSING_MS / 10));
    }
    this.#told = this.#main === null;
  }

  /** The preferred port, or null while somebody has it. */
  #tryPreferred(): Served | null {
    if (this.#preferred === 0) return this.#serve(0);
    try {
      return this.#serve(this.#preferred);
    } catch (thrown) {
      if (thrown instanceof Deno.errors.AddrInUse) return null;
      // Forbidden, for one: what to say of it is said where all of them are tried.
      return this.#first();
    }
  }

  /** The preferred port or the next free one. */
  #first(): Served | null {
    let why: unknown = null;
    for (let step = 0; step <= LIMITS.portTries; step++) {
      const port = this.#preferred === 0 ? 0 : this.#preferred + step;
      if (port > 65_535) break;
      try {
        return this.#serve(port);
      } catch (thrown) {
        why = thrown;
        // Not in use but forbidden: so are its neighbours.
        if (!(thrown instanceof Deno.errors.AddrInUse)) break;
      }
    }
    if (this.#complained) return null;
    this.#complained = true;
    const last = Math.min(65_535, this.#preferred + LIMITS.portTries);
    throw new Refusal(
      "NOT_AVAILABLE",
      `the page cannot be served on ${HOST}, ports ${this.#preferred} to ${last}: ` +
        `${asRefusal(why).message}. Set SKEIN_PORT to a free port from 1024 on, or to 0 for any`,
      { field: "SKEIN_PORT" },
    );
  }

  /** @throws Deno.errors.AddrInUse and whatever else the system says */
  #serve(port: number): Served {
    let own = port;
    const server = Deno.serve({
      hostname: HOST,
      port,
      onListen: () => {},
      onError: (thrown) => {
        this.#lead.trouble("http", thrown);
        return new Response(null, { status: 500 });
      },
    }, (request, info) => this.#routes.answer(request, info, own));
    own = server.addr.port;
    // A process that only serves may end; and a server that fails is begun again by the next look.
    server.unref();
    server.finished.catch((thrown) => {
      if (this.#stopped) return;
      this.#lead.trouble("http", thrown);
      if (this.#main?.port === own) this.#main = null;
    });
    const stop = (): void => {
      server.shutdown().catch((thrown) => this.#lead.trouble("http", thrown));
    };
    return { port: own, stop };
  }

  /** Moves to the preferred port, if it is free by now. */
  #move(): void {
    const served = this.#tryPreferred();
    if (served === null) return;
    this.#old?.stop();
    this.#old = this.#main;
    this.#main = served;
    this.#told = false;
  }

  /** Everybody learns where the leader is: the store, and the pages that are open. */
  async #tell(): Promise<void> {
    const url = this.#main === null ? null : `http://${HOST}:${this.#main.port}`;
    await this.#lead.setUrl(url);
    this.#told = true;
    const told = await this.#lead.store.engine.read(async (tx) => {
      const { peer, epoch, since } = await leaderRow(tx);
      const name = peer === null ? null : (await peerById(tx, peer))?.name ?? null;
      return { name, epoch, since, url };
    });
    this.#events.leader(told);
  }

  /** Pages that were told to move have done so, or nobody looks at them. */
  #leaveOld(): void {
    if (this.#old === null) return;
    this.#quiet = this.#events.count > 0 ? 0 : this.#quiet + 1;
    if (this.#quiet * TIMES.tickMs < TIMES.beatMs) return;
    this.#old.stop();
    this.#old = null;
    this.#quiet = 0;
  }
}

/** Serves for whoever leads, on the preferred port (0: any) or the next free one. */
export function serveHttp(lead: Lead, preferred: number): () => void {
  const door = new Door(lead, preferred);
  door.start();
  return () => door.stop();
}
