// A host: the process of one worker. It is the worker's resident node, does one task of the run after
// another, and ends when nothing is left for it. Nobody has to watch it: if it dies, its claim is free
// within seconds and the next who looks cleans up.

import { asRefusal } from "../core/errors.ts";
import type { Conduct } from "../fleet/rules.ts";
import { Node } from "../node/node.ts";
import type { OnLead } from "../node/leading.ts";
import type { Environment } from "../node/settings.ts";
import { type Calls, callsOf } from "./calls.ts";
import { landNext } from "./landing.ts";
import { mergePlace } from "./merge.ts";
import { sweep } from "./sweep.ts";
import { work } from "./work.ts";

/** Sleeps at least this long when there is nothing to do. */
const LEAST_MS = 50;

/** Runs a worker's process for a run until nothing is left to do; returns its exit code. */
export async function host(
  run: string,
  environment: Environment,
  onLead: OnLead,
): Promise<number> {
  const node = new Node({
    ...environment,
    role: "worker",
    session: null,
    onLead,
    onTrouble: (what, thrown) => complain(`${what}: ${asRefusal(thrown).message}`),
  });
  const left = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => left.abort());
  }
  try {
    await node.enter();
    const { folder: home } = await node.place();
    await new Host(run, home, node, left.signal).loop();
    return 0;
  } catch (thrown) {
    const { code, message, hint } = asRefusal(thrown);
    complain(`${code} ${message} (${hint})`);
    return 1;
  } finally {
    await node.leave();
  }
}

function complain(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${new Date().toISOString()} ${text}\n`));
}

class Host {
  readonly #run: string;
  readonly #home: string;
  readonly #node: Node;
  readonly #calls: Calls;
  readonly #signal: AbortSignal;
  #goal: string | null = null;

  constructor(run: string, home: string, node: Node, signal: AbortSignal) {
    this.#run = run;
    this.#home = home;
    this.#node = node;
    this.#calls = callsOf({
      // Mail is the agent's, not its worker's process's.
      call: (operation, input) => node.call(operation, input, { peek: true }),
    });
    this.#signal = signal;
  }

  async loop(): Promise<void> {
    let idle = 0;
    while (!this.#signal.aborted) {
      // Waiting begins before looking, or what happens in between is missed.
      const waiting = await this.#node.changed(60_000);
      const begun = await this.#calls.begin(this.#run);
      const { attempt, task, conduct, reason, retry_ms: retryMs = 0 } = begun;
      if (attempt !== null && task !== undefined) {
        waiting.stop();
        idle = 0;
        this.#goal ??= (await this.#calls.run({ action: "status", id: this.#run })).goal;
        await work({
          node: this.#node,
          calls: this.#calls,
          home: this.#home,
          goal: this.#goal,
          conduct,
          attempt,
          task,
          briefing: begun.briefing ?? "",
          from: begun.from ?? null,
          signal: this.#signal,
        });
        // Before the next task, or those that build on it would wait for that, too.
        while (await this.#land());
        continue;
      }
      if (await this.#land()) {
        waiting.stop();
        continue;
      }
      // What a dead worker left may be what the others wait for.
      const swept = idle++ % 2 === 0 ? await this.#sweep(conduct) : 0;
      if (swept === 0 && isOver(reason)) return waiting.stop();
      if (swept === 0) await this.#sleep(waiting, Math.max(LEAST_MS, retryMs));
      else waiting.stop();
    }
  }

  /** Lands what waits to be checked; whether anything came of it. */
  async #land(): Promise<boolean> {
    return !this.#signal.aborted && await landNext({
      node: this.#node,
      calls: this.#calls,
      home: this.#home,
      run: this.#run,
      signal: this.#signal,
    });
  }

  async #sweep(conduct: Conduct): Promise<number> {
    const { attempts } = await this.#calls.attempts({ run: this.#run, open: true });
    const place = mergePlace(conduct, { run: this.#run, home: this.#home });
    return (await sweep(this.#calls, place, attempts))?.length ?? 0;
  }

  async #sleep(
    waiting: { readonly happened: Promise<void>; stop(): void },
    ms: number,
  ): Promise<void> {
    const timer = setTimeout(() => waiting.stop(), ms);
    const stop = (): void => waiting.stop();
    this.#signal.addEventListener("abort", stop, { once: true });
    await waiting.happened;
    this.#signal.removeEventListener("abort", stop);
    clearTimeout(timer);
  }
}

function isOver(reason: string | undefined): boolean {
  return reason === "finished" || reason === "stopped" || reason === "budget";
}
