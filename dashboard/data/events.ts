// The stream of events: every journal row once, in order, from where the page stopped. It reconnects
// by itself, and whoever listens gets the rows of one read of the network together.

import { Cell } from "./cell.ts";
import { call, refusedBy, signedOutBy } from "./api.ts";
import { Foreign } from "./proof.ts";
import { isHere, keep, projectHeader, wire } from "./session.ts";
import { type Event, Parser } from "./parser.ts";
import type { Hello, JournalRow } from "./types.ts";

/** How the page stands with the leader. */
export interface Connection {
  readonly state: "connecting" | "live" | "lost";
  readonly hello: Hello | null;
  /** Milliseconds since 1970 when it was lost. */
  readonly since: number;
  /** Why the leader lets nobody follow, in its words; null while nobody answers. */
  readonly why?: string | null;
  /** Somebody has the port and says nothing: the leader's process is stopped, or hangs. */
  readonly hung?: boolean;
  /** Somebody else has the port: what it says is neither shown nor done. */
  readonly foreign?: boolean;
}

export const connection: Cell<Connection> = new Cell<Connection>({
  state: "connecting",
  hello: null,
  since: Date.now(),
});
/** Leadership moved while the page was open: to whom, when. */
export const moved: Cell<{ name: string; epoch: number; at: number } | null> = new Cell<
  { name: string; epoch: number; at: number } | null
>(null);
/** The newest rows of all projects, newest last; bounded. */
export const recent: Cell<readonly JournalRow[]> = new Cell<readonly JournalRow[]>([]);
/** Those of the project that is looked at: a busy neighbour does not push them out. */
export const recentHere: Cell<readonly JournalRow[]> = new Cell<readonly JournalRow[]>([]);

const RECENT_ROWS = 400;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** The door sends something each 10 s; a stopped leader sends nothing. */
const SILENCE_MS = 12_500;
const CONNECT_MS = 5_000;
/** Nothing came for so long: then it is asked whether it still answers, and given as long again. */
const QUIET_MS = 2_500;
/**
 * A browser opens six connections to one address, for all tabs together, and a stream keeps one. A tab
 * that nobody sees lets go of it, and looks now and then, since its title counts what needs somebody.
 */
const SEEN_MS = 2_000;
const AWAY_MS = 15_000;

const READY_MS = 400;

/**
 * Resolves when events flow, so that what is read after cannot miss one; or when that takes too long:
 * then everything is read again once they do.
 */
export function flowing(): Promise<void> {
  if (connection.value.hello !== null) return Promise.resolve();
  return new Promise((done) => {
    const unwatch = connection.watch(() => {
      if (connection.value.hello === null) return;
      unwatch();
      clearTimeout(timer);
      done();
    });
    const timer = setTimeout(() => {
      late = true;
      unwatch();
      done();
    }, READY_MS);
  });
}

type Listener = (rows: readonly JournalRow[], reset: boolean) => void;
const listeners = new Set<Listener>();
let lastSeq: number | null = null;
let running: AbortController | null = null;
/** Something was read before events flowed. */
let late = false;
/** What was answered in place of the stream, at the last try. */
let refusal: string | null = null;
/** The last try was given up without an answer. */
let hung = false;
/** The last try was answered by somebody else. */
let foreign = false;
/** The stream was let go because nobody sees this tab. */
let away = false;

/** Calls back with new rows; `reset`: rows were missed, everything has to be read anew. */
export function onRows(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(rows: readonly JournalRow[], reset: boolean): void {
  for (const listener of [...listeners]) listener(rows, reset);
}

/** Older rows, read when the page opened, come before those of the stream. */
export function addOlder(
  rows: readonly JournalRow[],
  kept: Cell<readonly JournalRow[]> = recent,
): void {
  const first = kept.value[0]?.seq ?? Number.POSITIVE_INFINITY;
  const older = rows.filter((row) => row.seq < first);
  if (older.length > 0) kept.set([...older, ...kept.value].slice(-RECENT_ROWS));
}

function addNewer(rows: readonly JournalRow[], kept: Cell<readonly JournalRow[]>): void {
  if (rows.length > 0) kept.set([...kept.value, ...rows].slice(-RECENT_ROWS));
}

/** Follows the journal until `stop`. */
export async function follow(): Promise<void> {
  stop();
  const mine = new AbortController();
  running = mine;
  lastSeq = null;
  connection.set({ state: "connecting", hello: null, since: Date.now() });
  recent.set([]);
  recentHere.set([]);
  let pauseMs = FIRST_PAUSE_MS;
  while (!mine.signal.aborted) {
    const wasLive = await readOnce(mine.signal);
    if (mine.signal.aborted) return;
    if (wasLive) pauseMs = FIRST_PAUSE_MS;
    if (away) {
      await pause(AWAY_MS);
      continue;
    }
    lost();
    // Not at once: a page that is left or loaded anew loses its stream, too.
    if (!wasLive) keep(false);
    await pause(pauseMs * (0.8 + Math.random() * 0.4));
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

export function stop(): void {
  running?.abort();
  running = null;
}

function lost(): void {
  const now = connection.value;
  const same = now.why === refusal && now.hung === hung && now.foreign === foreign;
  if (now.state === "lost" && same) return;
  const since = now.state === "lost" ? now.since : Date.now();
  connection.set({ ...now, state: "lost", since, why: refusal, hung, foreign });
}

/** Waits, but not while the tab is hidden or the network is known to be back. */
function pause(ms: number): Promise<void> {
  return new Promise((next) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      next();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
  });
}

/** Calls back when nobody has seen this tab for a while, and again as long; returns how to stop. */
function unseen(callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | 0 = 0;
  const look = (): void => {
    clearTimeout(timer);
    if (!document.hidden) return;
    timer = setTimeout(() => {
      callback();
      look();
    }, SEEN_MS);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

/** One life of the stream; true if it ever was live. */
async function readOnce(signal: AbortSignal): Promise<boolean> {
  const silence = new AbortController();
  let live = false;
  away = false;
  const seen = unseen(() => {
    // Who cannot be reached is tried on: the page has to say so when somebody looks.
    if (!live) return;
    away = true;
    silence.abort();
  });
  let timer = setTimeout(() => silence.abort(), CONNECT_MS);
  let saidMs = performance.now();
  const asking = setInterval(() => {
    if (!live || performance.now() - saidMs < QUIET_MS) return;
    void answers().then((does) => does || silence.abort());
  }, QUIET_MS);
  try {
    const response = await wire()?.ask(
      lastSeq === null ? "/api/events" : `/api/events?after=${lastSeq}`,
      { headers: projectHeader(), signal: AbortSignal.any([signal, silence.signal]) },
    );
    if (response === undefined) return false;
    foreign = false;
    if (response.status === 401) {
      signedOutBy(await refusedBy(response));
      return false;
    }
    if (!response.ok || response.body === null) {
      refusal = `${(await refusedBy(response)).message}.`;
      return false;
    }
    refusal = null;
    const parser = new Parser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return live;
      live = true;
      hung = false;
      saidMs = performance.now();
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      take(parser.push(decoder.decode(value, { stream: true })));
    }
  } catch (thrown) {
    refusal = null;
    foreign = thrown instanceof Foreign;
    const late = thrown instanceof DOMException && thrown.name === "TimeoutError";
    hung = (late || silence.signal.aborted) && !away;
    return live;
  } finally {
    seen();
    clearTimeout(timer);
    clearInterval(asking);
  }
}

/** Whether the leader still answers anything. Whoever is gone refuses at once: the stream says so too. */
async function answers(): Promise<boolean> {
  try {
    const answer = await wire()?.ask("/healthz", { signal: AbortSignal.timeout(QUIET_MS) });
    return answer?.ok === true;
  } catch {
    return false;
  }
}

function take(events: readonly Event[]): void {
  const rows: JournalRow[] = [];
  let reset = false;
  for (const event of events) {
    if (event.name === "journal") {
      const row = event.data as JournalRow;
      if (lastSeq !== null && row.seq <= lastSeq) continue;
      lastSeq = row.seq;
      rows.push(row);
    } else if (event.name === "hello") greet(event.data as Hello);
    else if (event.name === "reset") {
      reset = true;
      lastSeq = (event.data as { seq?: number } | null)?.seq ?? lastSeq;
    } else if (event.name === "leader") {
      const leader = event.data as Hello["leader"];
      const hello = connection.value.hello;
      if (hello !== null && leader.name !== null) greet({ ...hello, leader });
    }
  }
  addNewer(rows, recent);
  addNewer(rows.filter(isHere), recentHere);
  if (rows.length > 0 || reset) tell(rows, reset);
}

function greet(hello: Hello): void {
  const before = connection.value.hello?.leader;
  lastSeq ??= hello.seq;
  keep(true);
  connection.set({ state: "live", hello, since: Date.now() });
  if (late) {
    late = false;
    tell([], true);
  }
  const { name, epoch, url } = hello.leader;
  if (before !== undefined && before.epoch !== epoch) {
    moved.set({ name: name ?? "somebody else", epoch, at: Date.now() });
  }
  if (url !== null && !isThisPort(url)) void followTo(url);
}

/** The name of this machine may be written in two ways. */
function isThisPort(url: string): boolean {
  return new URL(url).port === location.port;
}

let leaving = false;

/** The leader has moved to another port while it still serves this one: the page goes along. */
async function followTo(url: string): Promise<void> {
  if (leaving) return;
  leaving = true;
  try {
    const { code } = await call<{ code: string }>("issue_link");
    location.href = `${new URL(url).origin}/#code=${encodeURIComponent(code)}`;
  } catch {
    leaving = false;
  }
}
