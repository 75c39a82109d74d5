// Events: the journal as server-sent events. Every stream is a cursor in the journal, so nobody needs
// to be remembered: whoever comes back says how far it was. Rows go out as they are committed; who is
// behind is read to from the journal as fast as it takes them; who takes nothing is cut.

import { iso } from "../core/clock.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import { VERSION } from "../core/version.ts";
import { detailOf } from "../audit/chain.ts";
import { projectsOf } from "../audit/whose.ts";
import type { Lead } from "../node/leading.ts";
import { leaderRow } from "../peer/leader.ts";
import { peerById } from "../peer/table.ts";
import { headSeq, type JournalRow, rowsAfter } from "../store/journal.ts";
import { HEADERS, Rejected } from "./http_guard.ts";

/** Rows that one look at the journal reads. */
const PAGE_ROWS = 500;
const encoder = new TextEncoder();
const BEAT = encoder.encode(": beat\n\n");

/** What a stream has to be told of the leader. */
interface LeaderEvent {
  readonly name: string | null;
  readonly epoch: number;
  readonly since: string | null;
  readonly url: string | null;
}

/** One who follows. */
interface Stream {
  cursor: number;
  /** Told from the journal, not from the feed, until it has caught up. */
  behind: boolean;
  reading: boolean;
  /** Since when it has taken nothing although there is more than it may leave unsent. */
  fullSinceMs: number | null;
  controller: ReadableStreamDefaultController<Uint8Array>;
  /** Whether whoever follows may still do so. */
  allowed(): Promise<boolean>;
}

export class Events {
  readonly #lead: Lead;
  readonly #streams = new Set<Stream>();
  #listening: Promise<() => Promise<void>> | null = null;
  /** The newest row that the feed has told of. */
  #head = 0;
  /** Rows are told in their order, though each is looked up first. */
  #telling: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setInterval> | null = null;
  #beats = 0;
  #stopped = false;

  constructor(lead: Lead) {
    this.#lead = lead;
  }

  /** How many follow. */
  get count(): number {
    return this.#streams.size;
  }

  /**
   * Begins a stream.
   * @param after number of the last row that is known, null for from now on
   * @throws Rejected 503 when too many follow
   */
  async open(
    after: number | null,
    project: string,
    allowed: () => Promise<boolean>,
  ): Promise<Response> {
    if (this.#streams.size >= LIMITS.eventStreams) {
      throw new Rejected(
        503,
        new Refusal("LIMIT_REACHED", `${LIMITS.eventStreams} streams are open`, {
          hint: "Close pages that nobody looks at.",
        }),
        { "retry-after": "5" },
      );
    }
    let stream: Stream | null = null;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const made = { cursor: 0, behind: true, reading: true, fullSinceMs: null };
        stream = { ...made, controller, allowed };
        this.#streams.add(stream);
      },
      pull: () => stream === null ? undefined : this.#drained(stream),
      cancel: () => stream === null ? undefined : this.#drop(stream),
    }, { highWaterMark: LIMITS.eventBytes, size: (chunk) => chunk.length });
    const own = stream as Stream | null;
    if (own === null) throw new Error("invariant broken: a stream starts at once");
    try {
      // Listening first: what is committed while we look is told by the feed.
      await this.#listen();
      await this.#greet(own, after, project);
    } catch (thrown) {
      this.#drop(own);
      throw thrown;
    }
    return new Response(body, {
      headers: {
        ...HEADERS,
        "content-type": "text/event-stream",
        // Compressed, rows would wait for more of them.
        "cache-control": "no-store, no-transform",
      },
    });
  }

  async #greet(stream: Stream, after: number | null, project: string): Promise<void> {
    const { seq, oldest, leader } = await this.#lead.store.engine.read(async (tx) => {
      const first = await tx.get<{ seq: number }>("SELECT seq FROM journal ORDER BY seq LIMIT 1");
      const row = await leaderRow(tx);
      const name = row.peer === null ? null : (await peerById(tx, row.peer))?.name ?? null;
      const { epoch, since, url } = row;
      return {
        seq: await headSeq(tx),
        oldest: first?.seq ?? 1,
        leader: { name, epoch, since, url } satisfies LeaderEvent,
      };
    });
    const from = after ?? seq;
    const lost = from > seq || from < oldest - 1 || seq - from > LIMITS.eventRows;
    stream.cursor = lost ? seq : from;
    this.#send(stream, text("hello", { seq, leader, version: VERSION, project }));
    if (lost) this.#send(stream, text("reset", { seq }));
    stream.reading = false;
    void this.#catchUp(stream);
  }

  /** Tells everybody where the leader is now. */
  leader(event: LeaderEvent): void {
    const chunk = text("leader", event);
    for (const stream of this.#streams) this.#send(stream, chunk);
  }

  async #listen(): Promise<void> {
    this.#timer ??= setInterval(() => this.#tick(), TIMES.tickMs);
    Deno.unrefTimer(this.#timer);
    this.#listening ??= this.#lead.listen((rows) => {
      this.#telling = this.#telling.then(() => this.#told(rows)).catch((thrown) => {
        // Who is not told now reads them from the journal with the next row, or is cut there.
        this.#lead.trouble("events", thrown);
      });
    });
    try {
      await this.#listening;
    } catch (thrown) {
      this.#listening = null;
      throw thrown;
    }
  }

  /** The feed tells of rows: they go out to whoever is up to date. */
  async #told(rows: readonly JournalRow[]): Promise<void> {
    if (this.#streams.size === 0) return;
    const projects = await this.#lead.store.engine.read((tx) => projectsOf(tx, rows));
    const first = rows[0]?.seq ?? 0;
    this.#head = rows.at(-1)?.seq ?? this.#head;
    const chunk = encoded(rows, projects);
    for (const stream of this.#streams) {
      if (stream.behind) {
        void this.#catchUp(stream);
      } else if (stream.cursor + 1 === first && hasRoom(stream)) {
        stream.cursor = this.#head;
        this.#send(stream, chunk);
      } else if (stream.cursor < this.#head) {
        stream.behind = true;
        void this.#catchUp(stream);
      }
    }
  }

  /** Reads to a stream from the journal until it is up to date or has enough to send. */
  async #catchUp(stream: Stream): Promise<void> {
    if (stream.reading || !this.#streams.has(stream)) return;
    stream.reading = true;
    try {
      while (hasRoom(stream) && this.#streams.has(stream)) {
        const { cursor } = stream;
        const { rows, projects } = await this.#lead.store.engine.read(async (tx) => {
          const rows = await rowsAfter(tx, cursor, PAGE_ROWS);
          return { rows, projects: await projectsOf(tx, rows) };
        });
        const last = rows.at(-1);
        if (last !== undefined) {
          stream.cursor = last.seq;
          this.#send(stream, encoded(rows, projects));
        }
        if (rows.length < PAGE_ROWS && stream.cursor >= this.#head) {
          stream.behind = false;
          return;
        }
      }
    } catch (thrown) {
      this.#lead.trouble("events", thrown);
      this.#cut(stream);
    } finally {
      stream.reading = false;
    }
  }

  #drained(stream: Stream): void {
    stream.fullSinceMs = null;
    if (stream.behind) void this.#catchUp(stream);
  }

  #send(stream: Stream, chunk: Uint8Array): void {
    try {
      stream.controller.enqueue(chunk);
    } catch {
      // It was closed from the other side.
      this.#drop(stream);
    }
  }

  /** Once a second: is the store still there; who takes nothing is cut; every ten a sign of life, if one still may follow. */
  #tick(): void {
    try {
      // A stream of a store that is gone would go on saying that nothing is new.
      this.#lead.store.engine.assertOurs();
    } catch (thrown) {
      this.#lead.trouble("events", thrown);
      for (const stream of [...this.#streams]) this.#cut(stream);
      return;
    }
    const nowMs = performance.now();
    for (const stream of this.#streams) {
      if (hasRoom(stream)) stream.fullSinceMs = null;
      else stream.fullSinceMs ??= nowMs;
      if (nowMs - (stream.fullSinceMs ?? nowMs) >= TIMES.slowMs) this.#cut(stream);
    }
    this.#beats += TIMES.tickMs;
    if (this.#beats < TIMES.beatMs) return;
    this.#beats = 0;
    for (const stream of this.#streams) {
      void stream.allowed().catch(() => false).then((still) => {
        if (!still) this.#cut(stream);
        else if (hasRoom(stream)) this.#send(stream, BEAT);
      });
    }
  }

  #cut(stream: Stream): void {
    this.#drop(stream);
    try {
      stream.controller.error(new Error("the stream was cut"));
    } catch {
      // Closed already.
    }
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const listening = this.#listening;
    this.#listening = null;
    if (this.#stopped || listening === null) return;
    void listening.then((stop) => stop()).catch((thrown) => this.#lead.trouble("events", thrown));
  }

  /** Ends every stream; whoever followed finds the next leader. */
  stop(): void {
    this.#stopped = true;
    const at = iso(this.#lead.store.clock.wallMs());
    this.leader({ name: null, epoch: this.#lead.epoch, since: at, url: null });
    for (const stream of [...this.#streams]) {
      this.#drop(stream);
      try {
        stream.controller.close();
      } catch {
        // Closed already.
      }
    }
  }
}

function hasRoom(stream: Stream): boolean {
  return (stream.controller.desiredSize ?? 0) > 0;
}

function text(event: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function encoded(
  rows: readonly JournalRow[],
  projects: readonly (string | null)[],
): Uint8Array {
  let out = "";
  for (const [i, row] of rows.entries()) {
    const { seq, at, actor, op, subject } = row;
    const project = projects[i] ?? null;
    const data = JSON.stringify({ seq, at, actor, op, subject, detail: detailOf(row), project });
    out += `id: ${seq}\nevent: journal\ndata: ${data}\n\n`;
  }
  return encoder.encode(out);
}
