// What a process is told by its environment. Read once, at the door; a value that makes no sense
// is refused with its name, since a silent default would be a surprise later.

import { isAbsolute, resolve } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Role, Settings } from "../core/operation.ts";
import { POLICIES, type PolicyName } from "../core/policy.ts";
import { shellWord } from "../core/shellword.ts";
import { nameFault } from "../peer/rules.ts";

/** The environment of a process. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Everything the environment decides. */
export interface Environment {
  readonly home: string;
  readonly name: string | null;
  readonly role: Role | null;
  readonly folder: string;
  /** Port of the page; 0 is any free one. */
  readonly port: number;
  /** Which tools are listed. */
  readonly tools: string;
  /** Session id of the client that started the process; counts only if the client itself is it. */
  readonly session: string | null;
  readonly settings: Settings;
  /** The secret of the home, if the environment gives it; else it is in the home. */
  readonly secret: Uint8Array | null;
  /** Proves on the command line who acts. */
  readonly token: string | null;
}

/**
 * Reads the settings.
 * @throws Refusal `INVALID_INPUT` naming the variable
 */
export function readEnvironment(env: Env, cwd: string): Environment {
  const userHome = env["HOME"] ?? env["USERPROFILE"];
  const home = filled(env, "SKEIN_HOME") ??
    (userHome === undefined ? null : `${userHome}/.skein`);
  if (home === null) {
    throw new Refusal("INVALID_INPUT", "neither SKEIN_HOME nor HOME is set", {
      field: "SKEIN_HOME",
      hint: "Set SKEIN_HOME to the folder of the store, or HOME to your home folder.",
    });
  }
  if (!isAbsolute(home)) throw relativeHome(home, filled(env, "SKEIN_HOME") === null);
  refuseOtherHome(home, filled(env, "SKEIN_INSTALLED_HOME"));
  const [nameIn, name] = either(env, "SKEIN_NAME", "PEER_ID");
  const fault = name === null ? null : nameFault(name);
  if (fault !== null) {
    throw new Refusal("INVALID_INPUT", `${nameIn} ${name}: ${fault}`, wrong(nameIn));
  }
  return {
    home,
    name,
    role: roleOf(...either(env, "SKEIN_ROLE", "PEER_ROLE")),
    folder: folderOf(...either(env, "SKEIN_DIR", "PEER_DIR"), cwd),
    port: number(env, "SKEIN_PORT", 7_899, 0, 65_535),
    tools: filled(env, "SKEIN_TOOLS") ?? "all",
    session: filled(env, "CLAUDE_CODE_SESSION_ID"),
    settings: {
      messagesPerMinute: filled(env, "SKEIN_RATE") === null
        ? null
        : number(env, "SKEIN_RATE", LIMITS.messagesPerMinute, 1, 100_000_000),
      policy: policyOf(filled(env, "SKEIN_POLICY")),
      leaseS: number(env, "SKEIN_LEASE_S", LIMITS.leaseS, 1, 604_800),
      stalledGraceS: number(env, "SKEIN_STALLED_S", LIMITS.stalledGraceS, 1, 604_800),
      agents: number(env, "SKEIN_AGENTS", LIMITS.agents, 1, 1_000),
      durable: syncOf(filled(env, "SKEIN_SYNC")) === "full",
    },
    secret: secretOf(filled(env, "SKEIN_SECRET")),
    // An empty one is a token that nobody got, not none: it must not act as the human.
    token: env["SKEIN_TOKEN"] ?? null,
  };
}

/** An environment read as far as it makes sense, and what does not. */
export interface Reading {
  /** Null where nothing can be made of it: there is no home. */
  readonly environment: Environment | null;
  readonly faults: readonly Refusal[];
}

/** Reads the settings and gives every fault, each variable that has one left out. Throws no refusal. */
export function faultsOf(env: Env, cwd: string): Reading {
  const left: Record<string, string | undefined> = { ...env };
  const faults: Refusal[] = [];
  for (;;) {
    try {
      return { environment: readEnvironment(left, cwd), faults };
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      faults.push(thrown);
      const field = String(thrown.details["field"]);
      if (left[field] === undefined) return { environment: null, faults };
      left[field] = undefined;
    }
  }
}

/** The variable for a home that was typed, which is meant from here: a variable is read in every folder. */
export function typedHome(home: string | undefined): Env {
  if (home === undefined) return {};
  return { SKEIN_HOME: home === "" ? home : resolve(home) };
}

/** The variables that are read, for help texts and for passing on. */
export const VARIABLES: readonly { name: string; meaning: string }[] = [
  { name: "SKEIN_HOME", meaning: "folder of the store (default `~/.skein`)" },
  { name: "SKEIN_NAME", meaning: "name of this peer (also `PEER_ID`; default: generated)" },
  { name: "SKEIN_ROLE", meaning: "role: architect, worker or observer (also `PEER_ROLE`)" },
  { name: "SKEIN_DIR", meaning: "folder this peer works in (also `PEER_DIR`; default: current)" },
  { name: "SKEIN_PORT", meaning: "port of the page (default 7899; 0: any free one)" },
  { name: "SKEIN_TOOLS", meaning: "listed tools: `all`, `core`, `c2-lattice`, `coordination`" },
  {
    name: "SKEIN_RATE",
    meaning: "messages a minute for each peer (default 10); lowers what the policy allows",
  },
  {
    name: "SKEIN_POLICY",
    meaning: "`strict` (default), `open` or `lite`; tightens a stored policy",
  },
  { name: "SKEIN_TOKEN", meaning: "token by which the command line acts (`skein token issue`)" },
  {
    name: "SKEIN_SECRET",
    meaning: "secret of the home in place of its file: 64 hexadecimal digits",
  },
  { name: "SKEIN_LEASE_S", meaning: "seconds a peer without a process keeps what it holds (900)" },
  { name: "SKEIN_BIN", meaning: "folder of the command that is installed (`~/.local/bin`)" },
  { name: "SKEIN_AGENT", meaning: "the agent's program for workers (default `claude`)" },
  { name: "SKEIN_AGENTS", meaning: "agents that runs may have at work on this machine (24)" },
  { name: "SKEIN_STALLED_S", meaning: "seconds a peer may be stalled before takeover (300)" },
  {
    name: "SKEIN_SYNC",
    meaning:
      "`normal` (default): what is acknowledged outlives any process; `full`: a power cut, " +
      "too, and each write waits for the disk",
  },
];

/** What a refusal of a variable carries: its name, and what to do about it. */
function wrong(name: string): { readonly field: string; readonly hint: string } {
  return { field: name, hint: `Correct ${name}, or leave it out; skein help all says what it is.` };
}

function filled(env: Env, name: string): string | null {
  const value = env[name];
  return value === undefined || value === "" ? null : value;
}

function number(env: Env, name: string, fallback: number, min: number, max: number): number {
  const text = filled(env, name);
  if (text === null) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Refusal(
    "INVALID_INPUT",
    `${name}=${text} is not an integer from ${min} to ${max}`,
    wrong(name),
  );
}

/** An installed server may write to one home alone; in another it could do nothing but fail. */
function refuseOtherHome(home: string, installed: string | null): void {
  if (installed === null || installed === home) return;
  throw new Refusal(
    "INVALID_INPUT",
    `SKEIN_HOME is ${home}, but skein is installed for ${installed}`,
    {
      field: "SKEIN_HOME",
      hint: `Install it for that home: SKEIN_HOME=${shellWord(home)} skein install`,
    },
  );
}

function policyOf(text: string | null): PolicyName | null {
  const known = POLICIES.find((one) => one === text);
  if (text === null || known !== undefined) return known ?? null;
  throw new Refusal(
    "INVALID_INPUT",
    `SKEIN_POLICY=${text} is not ${POLICIES.join(", ")}`,
    wrong("SKEIN_POLICY"),
  );
}

function syncOf(text: string | null): "normal" | "full" {
  if (text === null) return "normal";
  if (text === "normal" || text === "full") return text;
  throw new Refusal(
    "INVALID_INPUT",
    `SKEIN_SYNC=${text} is not normal or full`,
    wrong("SKEIN_SYNC"),
  );
}

/** Never quoted in a refusal: it is a secret. */
function secretOf(text: string | null): Uint8Array | null {
  if (text === null) return null;
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new Refusal("INVALID_INPUT", "SKEIN_SECRET is not 64 hexadecimal digits", {
      field: "SKEIN_SECRET",
      hint: "Make one with: openssl rand -hex 32",
    });
  }
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function roleOf(name: string, text: string | null): Role | null {
  if (text === null || text === "architect" || text === "worker" || text === "observer") {
    return text;
  }
  throw new Refusal(
    "INVALID_INPUT",
    `${name}=${text} is not architect, worker or observer`,
    wrong(name),
  );
}

function folderOf(name: string, text: string | null, cwd: string): string {
  try {
    return Deno.realPathSync(text ?? cwd);
  } catch {
    throw new Refusal("INVALID_INPUT", `${name}=${text ?? cwd} does not exist`, wrong(name));
  }
}

/** Of two names of one variable the one that is set, with its value. */
function either(env: Env, name: string, other: string): [string, string | null] {
  const value = filled(env, name);
  const second = filled(env, other);
  return value === null && second !== null ? [other, second] : [name, value];
}

/** In every folder it would be another store, whose sessions would not know each other. */
function relativeHome(home: string, ofUser: boolean): Refusal {
  const field = ofUser ? "HOME" : "SKEIN_HOME";
  return new Refusal("INVALID_INPUT", `${field}: the store's folder ${home} is not absolute`, {
    field,
    hint: `Set ${field} to an absolute path.`,
  });
}
