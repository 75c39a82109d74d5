// The ground the cluster tests stand on: a home and a folder of their own, real `skein mcp`
// processes, plain command line calls, scripts that embed a node, and the store read from the
// outside. Whatever a test starts is ended by pid when it is over, however it ends.

import { DatabaseSync } from "node:sqlite";
import { fromFileUrl, join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import {
  type Peer,
  peerEnv,
  type PeerOptions,
  SOURCE_COMMAND,
  startPeer,
  testEnv,
} from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { Script } from "./script.ts";

/** What a query may bind. */
type Param = string | number | null;

/** How a member differs from the others. */
export type MemberOptions = Partial<Omit<PeerOptions, "home">>;

/** The leader row, with the name of the peer in it. */
export interface Leader {
  readonly name: string | null;
  readonly incarnation: string | null;
  readonly epoch: number;
}

/** What a command line call left behind. */
export interface Ran<T> {
  readonly code: number;
  readonly json: T;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script of this folder. */
export type ScriptName = "racer.ts" | "mixer.ts";

export class Flock {
  readonly home: string;
  readonly folder: string;
  readonly database: string;
  readonly #peers: Peer[] = [];
  readonly #scripts: Script[] = [];
  /** What was begun and may still be on its way when a test gives up. */
  readonly #pending: Promise<unknown>[] = [];

  constructor(root: string) {
    this.home = join(root, "home");
    this.folder = join(root, "work");
    this.database = join(this.home, "skein.db");
    Deno.mkdirSync(this.folder);
  }

  /** Starts a server and shakes hands; it joins with its first call. */
  async start(options: MemberOptions = {}): Promise<Peer> {
    const env = { SKEIN_RATE: "1000000", ...options.env };
    const starting = startPeer({ folder: this.folder, ...options, home: this.home, env });
    this.#pending.push(starting);
    const peer = await starting;
    this.#peers.push(peer);
    return peer;
  }

  /** Starts a server and joins. */
  async join(options: MemberOptions = {}): Promise<Peer> {
    const peer = await this.start(options);
    await peer.ok("join");
    return peer;
  }

  /** Starts servers with these names, one after the other, so that the first leads. */
  async joinAll(...names: string[]): Promise<Peer[]> {
    const peers: Peer[] = [];
    for (const name of names) peers.push(await this.join({ name }));
    return peers;
  }

  /** Starts a script of this folder as a member of the flock. */
  script(name: ScriptName, options: MemberOptions = {}, args: readonly string[] = []): Script {
    const path = fromFileUrl(new URL(name, import.meta.url));
    const env = peerEnv({
      folder: this.folder,
      ...options,
      home: this.home,
      env: { SKEIN_RATE: "1000000", ...options.env },
    });
    const script = new Script([Deno.execPath(), "run", "-A", "--no-check", path, ...args], env);
    this.#scripts.push(script);
    return script;
  }

  /** Runs `skein` on the command line; `json` is what it printed with `--json`. */
  async cli<T>(args: readonly string[], options: MemberOptions = {}): Promise<Ran<T>> {
    const [command = "", ...before] = SOURCE_COMMAND;
    const running = new Deno.Command(command, {
      args: [...before, ...args, "--json"],
      cwd: options.folder ?? this.folder,
      clearEnv: true,
      env: testEnv({
        SKEIN_HOME: this.home,
        ...(options.session === undefined ? {} : { CLAUDE_CODE_SESSION_ID: options.session }),
        ...options.env,
      }),
      stdin: "null",
    }).output();
    this.#pending.push(running);
    const { code, stdout, stderr } = await running;
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout);
    const json = (text.startsWith("{") ? JSON.parse(text) : {}) as T;
    return { code, json, stdout: text, stderr: decoder.decode(stderr) };
  }

  /** Rows of the store, read from outside of skein. */
  rows<R>(sql: string, ...params: Param[]): R[] {
    const db = new DatabaseSync(this.database, { readOnly: true, timeout: 2_000 });
    try {
      return db.prepare(sql).all(...params) as R[];
    } finally {
      db.close();
    }
  }

  /** The first column of the first row, as a number. */
  count(sql: string, ...params: Param[]): number {
    const [row] = this.rows<Record<string, number>>(sql, ...params);
    return Number(Object.values(row ?? {})[0] ?? Number.NaN);
  }

  leader(): Leader {
    const [row] = this.rows<Leader>(
      `SELECT p.name, l.incarnation, l.epoch FROM leader l
       LEFT JOIN peer p ON p.incarnation = l.incarnation WHERE l.one = 1`,
    );
    return row ?? { name: null, incarnation: null, epoch: 0 };
  }

  /** Resolves with the leader row once somebody other than `old` leads, and how long that took. */
  async nextLeader(old: Leader, withinMs: number): Promise<Leader & { tookMs: number }> {
    const startMs = performance.now();
    let now = old;
    await eventually(() => {
      now = this.leader();
      return now.epoch > old.epoch && now.name !== null;
    }, { withinMs, what: "another leader" });
    return { ...now, tookMs: performance.now() - startMs };
  }

  /** The present life of a peer. */
  incarnation(name: string): string {
    const [row] = this.rows<{ incarnation: string | null }>(
      "SELECT incarnation FROM peer WHERE name = ?",
      name,
    );
    return row?.incarnation ?? "";
  }

  presenceFile(name: string): string {
    return join(this.home, "peers", `${this.incarnation(name)}.lock`);
  }

  async endAll(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await Promise.all([
      ...this.#peers.map((peer) => peer.kill()),
      ...this.#scripts.map((script) => script.kill()),
    ]);
  }
}

/** Runs `body` with a flock in a fresh home, and ends all its processes. */
export async function withFlock(body: (flock: Flock) => Promise<void>): Promise<void> {
  await withTempFolder(async (root) => {
    const flock = new Flock(root);
    try {
      await body(flock);
    } finally {
      await flock.endAll();
    }
  });
}

/** Prints a measured time where the test's own output goes. */
export function report(what: string, ...tookMs: readonly number[]): void {
  const sorted = tookMs.map((ms) => Math.round(ms)).sort((a, b) => a - b);
  const line = `  measured: ${what}: ${sorted.join(", ")} ms\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}
