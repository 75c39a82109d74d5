// The SQLite engine: one file in WAL mode, one connection that writes and one that reads, flock
// for presence, UDP on loopback for bells. What each guarantee rests on is said where it is made.

import { createSocket, type Socket } from "node:dgram";
import { Refusal } from "../core/errors.ts";
import { invariant } from "../core/invariant.ts";
import { TIMES } from "../core/limits.ts";
import type { Presence, Tx } from "../core/transaction.ts";
import { BellBoard } from "./bellboard.ts";
import type { Bell, Checkpoint, Engine, Hold } from "./engine.ts";
import { CODE, codeOf, explain } from "./faults.ts";
import type { Home } from "./home.ts";
import { Connection, OpenTransaction } from "./connection.ts";
import { PresenceFile, probe, pulseAt, removeIfThere, waitUntilFree } from "./presence_file.ts";
import { Guard } from "./guard.ts";
import { Line, lookAgainMs, Turn } from "./line.ts";
import { WriteAheadLog } from "./log.ts";
import { deserted, Ringer } from "./ringer.ts";

function nothing(): void {}

/** Looks at the lock before it stands in line, each after a longer wait. Whoever has it needs a processor. */
const LOOKS = navigator.hardwareConcurrency > 1 ? 3 : 0;

/** Keeps the processor for less than any sleep takes: a write is over before a sleeper would be awake. */
function spin(us: number): void {
  const untilMs = performance.now() + us / 1_000;
  while (performance.now() < untilMs);
}

export class SqliteEngine implements Engine {
  readonly #home: Home;
  readonly #durable: boolean;
  readonly #dev: number;
  readonly #ino: number | null;
  #writer: Connection | null = null;
  #reader: Connection | null = null;
  readonly #log: WriteAheadLog;
  readonly #line: Line;
  readonly #turn = new Turn();
  readonly #ringer = new Ringer();
  readonly #board: BellBoard;
  readonly #guard = new Guard();
  #dataVersion = -1;
  #closed = false;
  #breathMs = 0;

  /** Opens the store of a home whose file exists; store/open.ts is the way in. */
  constructor(home: Home, durable = false) {
    this.#home = home;
    this.#durable = durable;
    this.#board = new BellBoard(home.bells);
    this.#line = new Line(home.line);
    this.#log = new WriteAheadLog(home.database, () => this.#connect(TIMES.upkeepSleepMs));
    const info = Deno.statSync(home.database);
    this.#dev = info.dev;
    this.#ino = info.ino;
  }

  // Opened on first use: most processes read long before they write.
  #writing(): Connection {
    return this.#writer ??= this.#connect(0);
  }

  #reading(): Connection {
    if (this.#reader !== null) return this.#reader;
    this.#reader = this.#connect(TIMES.busySleepMs);
    this.#reader.prepare("PRAGMA query_only = ON").get();
    return this.#reader;
  }

  #connect(timeoutMs: number): Connection {
    if (this.#closed) throw new Refusal("NOT_JOINED", "the store is closed");
    const { database } = this.#home;
    try {
      return new Connection(database, (name) => this.held(name), timeoutMs, this.#durable);
    } catch (thrown) {
      throw this.#explain(thrown);
    }
  }

  async write<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    const connection = this.#writing();
    await this.#breathe();
    // From now, not from its turn: those who wait in line give up together.
    const deadline = performance.now() + TIMES.busyMs;
    return await connection.queue(async () => {
      await this.#begin(connection, deadline);
      const tx = new OpenTransaction(connection);
      let result: T;
      try {
        result = await this.#guard.run(() => body(tx));
        tx.end();
        // Nothing goes into a file that is not the home's any more. Asked before the commit: a home that
        // was moved is somebody's store still, and what is refused is stored nowhere.
        this.assertOurs();
        this.#log.assertOurs();
        connection.prepare("COMMIT").run();
      } catch (thrown) {
        tx.end();
        connection.rollback();
        throw this.#explain(thrown);
      }
      this.#turn.wrote(performance.now());
      return result;
    });
  }

  async read<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    const connection = this.#reading();
    await this.#breathe();
    return await connection.queue(async () => {
      const tx = new OpenTransaction(connection);
      try {
        connection.prepare("BEGIN").run();
        const result = await this.#guard.run(() => body(tx));
        tx.end();
        connection.prepare("COMMIT").run();
        return result;
      } catch (thrown) {
        tx.end();
        connection.rollback();
        throw this.#explain(thrown);
      }
    });
  }

  /**
   * Every statement answers at once, so a caller in a loop would never let a timer run: no pulse,
   * no duty, no bell. After some milliseconds of that the loop gets a turn.
   */
  async #breathe(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#breathMs < TIMES.chunkMs) return;
    await new Promise<void>((next) => setImmediate(next));
    this.#breathMs = performance.now();
  }

  /**
   * Takes the write lock. Transactions are short: it is looked at again when one would be over. Then
   * somebody writes on and on, and it is looked at now and then, by one at a time: whoever has the lock gets
   * several done, while its pages are in memory, before the next one has to read them all again.
   */
  async #begin(connection: Connection, deadline: number): Promise<void> {
    await this.#handOver();
    for (let looks = 0; looks <= LOOKS; looks++) {
      spin(TIMES.busySpinUs * looks * (0.5 + Math.random()));
      if (this.#tryBegin(connection)) return;
    }
    try {
      const first = await this.#line.stand(Math.min(TIMES.lineMs, deadline - performance.now()));
      while (!this.#tryBegin(connection)) {
        const nowMs = performance.now();
        if (nowMs >= deadline) {
          throw new Refusal(
            "STORE_BUSY",
            `no write for ${TIMES.busyMs / 1000} s: another process keeps its transaction open`,
          );
        }
        const lookMs = lookAgainMs(first, nowMs - deadline + TIMES.busyMs);
        await new Promise((wake) => setTimeout(wake, lookMs * (0.5 + Math.random())));
      }
    } finally {
      this.#line.leave();
    }
  }

  /** Whoever has written on and on for a while lets the first in line have a look. */
  async #handOver(): Promise<void> {
    if (!this.#turn.isOver(performance.now()) || !this.#line.held()) return;
    await new Promise((wake) => setTimeout(wake, 2 * TIMES.busyLookMs));
  }

  #tryBegin(connection: Connection): boolean {
    // Closed while it stood in line.
    if (this.#closed) throw new Refusal("NOT_JOINED", "the store is closed");
    try {
      connection.prepare("BEGIN IMMEDIATE").run();
      return true;
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code !== CODE.busy && code !== CODE.locked) throw this.#explain(thrown);
      return false;
    }
  }

  /** What the file system or SQLite says, in words that lead on. */
  #explain(thrown: unknown): unknown {
    if (codeOf(thrown) === 0) return thrown;
    try {
      this.assertOurs();
    } catch (refusal) {
      return refusal;
    }
    return explain(thrown, this.#home.database);
  }

  assertOurs(): void {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(this.#home.database);
    } catch (thrown) {
      const { NotADirectory, NotFound } = Deno.errors;
      if (!(thrown instanceof NotFound || thrown instanceof NotADirectory)) throw thrown;
      throw new Refusal("STORE_GONE", `${this.#home.database} was deleted under this session`);
    }
    if (info.ino === this.#ino && info.dev === this.#dev) return;
    throw new Refusal("STORE_REPLACED", `${this.#home.database} was replaced under this session`);
  }

  #presencePath(name: string): string {
    return `${this.#home.peers}/${name.includes(".") ? name : `${name}.lock`}`;
  }

  hold(name: string): Hold {
    return new PresenceFile(this.#presencePath(name));
  }

  held(name: string): Presence {
    return probe(this.#presencePath(name));
  }

  pulseOf(name: string): number | null {
    return pulseAt(this.#presencePath(name));
  }

  freed(name: string): Promise<"freed" | "missing"> {
    return waitUntilFree(this.#presencePath(name));
  }

  forget(name: string): void {
    removeIfThere(this.#presencePath(name));
  }

  presences(): string[] {
    // A life that ended between making its file and naming it leaves one under a longer name.
    return [...Deno.readDirSync(this.#home.peers)].map(({ name }) => name.replace(/\.lock$/, ""));
  }

  async bell(onRing: () => void): Promise<Bell> {
    const socket: Socket = createSocket("udp4");
    await new Promise<void>((done, fail) => {
      socket.once("error", fail);
      socket.bind(0, "127.0.0.1", () => done());
    });
    socket.removeAllListeners("error");
    // A datagram that was refused says nothing about us.
    socket.on("error", nothing);
    socket.on("message", onRing);
    socket.unref();
    const address = socket.address().port;
    invariant(address > 0, "a bound bell has a port");
    // Whoever had this port before may have left it quiet.
    this.#board.set(address, false);
    return {
      address,
      quiet: (on) => this.#board.set(address, on),
      close: () => socket.close(),
    };
  }

  deserted(address: number): Promise<boolean> {
    return deserted(address);
  }

  ring(addresses: Iterable<number>): void {
    for (const address of addresses) {
      if (!this.#board.quiet(address)) this.#ringer.ring(address);
    }
  }

  changed(): boolean {
    const row = this.#reading().prepare("PRAGMA data_version").get() as { data_version: number };
    const before = this.#dataVersion;
    this.#dataVersion = row.data_version;
    return before !== row.data_version;
  }

  checkpoint(fromBytes: number, restartFromBytes: number): Checkpoint | null {
    try {
      return this.#log.checkpoint(fromBytes, restartFromBytes);
    } catch (thrown) {
      throw this.#explain(thrown);
    }
  }

  shrinkLog(toBytes: number): void {
    try {
      this.#log.shrink(toBytes);
    } catch (thrown) {
      throw this.#explain(thrown);
    }
  }

  close(): void {
    this.#closed = true;
    this.#ringer.close();
    this.#board.close();
    this.#line.close();
    this.#log.close();
    this.#reader?.close();
    this.#writer?.close();
  }
}
