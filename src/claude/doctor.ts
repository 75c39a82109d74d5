// `skein doctor`: how things stand on this machine, each finding with what to do about it. It looks,
// measures, and makes nothing that is not there, but for a bell of its own that it rings once.

import { onPath } from "../agent/command.ts";
import { asRefusal } from "../core/errors.ts";
import { systemClock } from "../core/clock.ts";
import { repositoryOf } from "../core/repository.ts";
import { VERSION } from "../core/version.ts";
import { isMade, refuseMoved } from "../store/home.ts";
import { type Environment, faultsOf } from "../node/settings.ts";
import { answers } from "../node/reach.ts";
import { leaderRow } from "../peer/leader.ts";
import { ancestry } from "../node/process.ts";
import { livePeers, peerByIncarnation, peerBySession } from "../peer/table.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/unit.ts";
import { CHANNEL_FLAG, clientTakesChannel } from "./channel.ts";
import { copies } from "./copies.ts";
import { type Finding, installation } from "./installation.ts";
import { installedAt } from "./note.ts";
import { type Places, placesOf } from "./places.ts";
import { variables } from "./variables.ts";

export type { Finding };

const BELL_MS = 2_000;
/** A ring that takes longer than this is felt. */
const SLOW_MS = 50;

/** Looks at everything here, from the folder `cwd`; a look that fails is a finding, too. */
export async function examine(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<Finding[]> {
  const found: Finding[] = [versions()];
  const reading = faultsOf(env, cwd);
  const { environment } = reading;
  let places: Places | null = null;
  try {
    places = placesOf(env, cwd);
  } catch (thrown) {
    // A variable that stands in the way of both is said once.
    const field = asRefusal(thrown).details["field"];
    if (!reading.faults.some(({ details }) => details["field"] === field)) {
      found.push(fault("places", thrown));
    }
  }
  found.push(...variables(reading, env, cwd, places));
  if (environment !== null) found.push(...await homeOf(environment, env));
  if (environment !== null && places !== null) {
    found.push(...installation(places, environment.home));
  }
  if (places !== null) found.push(...delivery(places, env));
  found.push(await channels(env, ancestry().processes.map(({ pid }) => pid)));
  return found;
}

function fault(what: string, thrown: unknown): Finding {
  const { code, message, hint } = asRefusal(thrown);
  return { what, state: "fault", text: `${code}: ${message}`, remedy: hint };
}

/** The store and who uses it. One that is not there yet is not made to be looked at. */
async function homeOf(
  environment: Environment,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    if (!isMade(environment.home)) {
      refuseMoved(environment.home);
      const text = `${environment.home} is not there yet: the first session or command makes it`;
      return [{ what: "home", state: "ok", text }];
    }
    const store = await openStore(environment.home, systemClock, environment.secret);
    const text = `${store.folder}, the user's alone, on a local disk`;
    found.push({ what: "home", state: "ok", text });
    found.push(await leader(store), await flock(store, environment.folder), await bell(store));
    found.push(await client(store, env), ...copies(store.folder, systemClock.wallMs()));
    store.engine.close();
  } catch (thrown) {
    found.push(fault("home", thrown));
  }
  return found;
}

function versions(): Finding {
  const text = `skein ${VERSION}, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`;
  return { what: "versions", state: "ok", text };
}

async function leader(store: Store): Promise<Finding> {
  const row = await store.engine.read(leaderRow);
  const { incarnation } = row;
  if (incarnation === null || store.engine.held(incarnation) !== "held") {
    return {
      what: "leader",
      state: "note",
      text: "nobody leads: no session is running, or the first has not joined yet",
      remedy: "Start an agent session, or keep one up with: skein up",
    };
  }
  const peer = await store.engine.read((tx) => peerByIncarnation(tx, incarnation));
  const text = `${peer?.name}, epoch ${row.epoch}, ${row.url ?? "no page"}`;
  if (row.url === null) {
    const remedy = "Set SKEIN_PORT to a free port in its environment, or restart an older session.";
    return { what: "leader", state: "note", text, remedy };
  }
  if (await answers(row.url)) return { what: "leader", state: "ok", text };
  const remedy =
    "It is stopped or busy: another one leads within 15 s, or let it go on (fg, SIGCONT).";
  return { what: "leader", state: "fault", text: `${text}, which does not answer`, remedy };
}

async function flock(store: Store, folder: string): Promise<Finding> {
  const project = repositoryOf(folder)?.commonDir ?? folder;
  const peers = await store.engine.read((tx) => livePeers(tx, project));
  const stalled = peers.filter((peer) => peer.stalled_since_s !== null).map((peer) => peer.name);
  const names = peers.map((peer) => peer.name).join(", ") || "nobody";
  if (stalled.length === 0) return { what: "flock", state: "ok", text: `here: ${names}` };
  return {
    what: "flock",
    state: "fault",
    text: `these do not react: ${stalled.join(", ")}`,
    remedy: "Let them go on (fg, SIGCONT) or end them: what they hold is free after a grace.",
  };
}

/** How long a ring takes from here to here: whether being told works at all. */
async function bell(store: Store): Promise<Finding> {
  let rung = (): void => {};
  const heard = new Promise<void>((done) => rung = done);
  const own = await store.engine.bell(() => rung());
  const late = new Promise<null>((done) => setTimeout(() => done(null), BELL_MS));
  const beforeMs = performance.now();
  store.engine.ring([own.address]);
  const outcome = await Promise.race([heard.then(() => performance.now() - beforeMs), late]);
  own.close();
  if (outcome === null) {
    return {
      what: "bell",
      state: "fault",
      text: "a datagram on loopback does not arrive: news is up to a second late",
      remedy: "Allow UDP on 127.0.0.1 in this machine's firewall or sandbox.",
    };
  }
  const text = `rings in ${outcome.toFixed(2)} ms`;
  return outcome < SLOW_MS
    ? { what: "bell", state: "ok", text }
    : { what: "bell", state: "note", text, remedy: "The machine is busy; measure again." };
}

/** The client in whose session this runs, if any, and whether its server is there to be asked. */
async function client(
  store: Store,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding> {
  const session = env["CLAUDE_CODE_SESSION_ID"];
  if (session === undefined || session === "") {
    return { what: "session", state: "ok", text: "a shell of its own: you are the operator" };
  }
  const peer = await store.engine.read((tx) => peerBySession(tx, session));
  const of = `the shell of the Claude Code session ${session}`;
  const lives = peer?.state === "live" && peer.incarnation !== null &&
    store.engine.held(peer.incarnation) === "held";
  if (lives) return { what: "session", state: "ok", text: `${of}, which is ${peer.name}` };
  return {
    what: "session",
    state: "fault",
    text: `${of}, but its server is not running: its hooks let everything through, no mail comes`,
    remedy: "In the session: /mcp, skein, Reconnect. If it is not listed there: skein install",
  };
}

/** Which ways mail can take to an agent here. */
function delivery(places: Places, env: Readonly<Record<string, string | undefined>>): Finding[] {
  const hooks = installedAt(places) !== null;
  const entry = env["CLAUDE_CODE_ENTRYPOINT"];
  const found: Finding[] = [
    { what: "mail on tool results", state: "ok", text: "works in every client" },
    hooks
      ? {
        what: "mail by hooks",
        state: "ok",
        text: "after each batch of tools, at prompts, at turn ends",
      }
      : {
        what: "mail by hooks",
        state: "note",
        text: "off: an agent that calls no tool of skein sees no mail",
        remedy: "Run: skein install",
      },
    {
      what: "locks at the moment of writing",
      state: hooks ? "ok" : "note",
      text: hooks
        ? "edits and shell commands are checked; the checks fail open if the server is dead or slow"
        : "off: locks are kept by those who ask for them",
      ...(hooks ? {} : { remedy: "Run: skein install" }),
    },
  ];
  return [...found, waking(hooks, entry)];
}

/** Whether mail wakes a session that waits for its human. */
function waking(hooks: boolean, entry: string | undefined): Finding {
  const what = "waking an idle session";
  const note = (text: string, remedy?: string): Finding => ({
    what,
    state: "note",
    text,
    ...(remedy === undefined ? {} : { remedy }),
  });
  if (!hooks) return note("off: nothing wakes a session that waits", "Run: skein install");
  if (entry === undefined && !onPath("claude")) {
    return note(
      "there is no claude on the PATH: no session to wake",
      "Install Claude Code, or put it on the PATH. Other clients are told with tool results.",
    );
  }
  if (entry === undefined || entry === "cli") {
    return { what, state: "ok", text: "interactive sessions are woken by the waiter" };
  }
  return note("not in this session: only interactive ones are woken");
}

/** Whether the client in whose session this runs was told to take channels from skein. */
async function channels(
  env: Readonly<Record<string, string | undefined>>,
  above: readonly number[],
): Promise<Finding> {
  const what = "channels";
  if ((env["CLAUDE_CODE_SESSION_ID"] ?? "") !== "" && await clientTakesChannel(above)) {
    const text = "this session was started to take them: mail rings there first; if the client " +
      "drops that without a word, as it may, the waiter wakes it";
    return { what, state: "ok", text };
  }
  return {
    what,
    state: "note",
    text: "not used here: they are one more way to wake a session",
    remedy: `Nothing has to be done. Where your account has channels: claude ${CHANNEL_FLAG}`,
  };
}
