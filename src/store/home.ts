// The home: the folder that holds the store, the secret and the presence locks. It must be the
// user's alone and on a disk whose locks and shared memory this kernel keeps; everything else is
// refused with what to do.

import { sha256 } from "../core/digest.ts";
import { basename, dirname, join, resolve } from "@std/path";
import type { Clock } from "../core/clock.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import { exists, namesIn } from "../core/folders.ts";
import { TIMES } from "../core/limits.ts";
import { shellWord } from "../core/shellword.ts";
import { readyFor } from "./making.ts";

/** File systems whose locks and memory maps cannot be trusted between machines, by magic number. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x65735546, "FUSE"],
  [0x00c36400, "Ceph"],
  [0x47504653, "GPFS"],
  [0x0bd00bd0, "Lustre"],
]);

/** The paths inside a home. */
export interface Home {
  readonly folder: string;
  readonly database: string;
  /** SQLite's write-ahead log, where there is one. */
  readonly log: string;
  readonly peers: string;
  readonly secret: string;
  readonly openLock: string;
  readonly head: string;
  /** Whose bell need not be rung. */
  readonly bells: string;
  /** Who waits to write. */
  readonly line: string;
}

export function homeAt(folder: string): Home {
  return {
    folder,
    database: join(folder, "skein.db"),
    log: join(folder, "skein.db-wal"),
    peers: join(folder, "peers"),
    secret: join(folder, "secret"),
    openLock: join(folder, "open.lock"),
    head: join(folder, "head"),
    bells: join(folder, "bells"),
    line: join(folder, "line.lock"),
  };
}

/**
 * Makes the home if it is missing and checks that it is safe to use.
 * @throws Refusal `HOME_UNSAFE`, `HOME_MOVED`, `STORE_FULL`
 */
export function prepareHome(folder: string): Home {
  refuseMoved(folder);
  makeFolder(folder);
  const real = Deno.realPathSync(folder);
  const home = homeAt(real);
  const info = Deno.statSync(real);
  if (!info.isDirectory) throw new Refusal("HOME_UNSAFE", `home ${real} is not a folder`);
  const uid = Deno.uid();
  if (info.uid !== null && uid !== null && info.uid !== uid) {
    throw new Refusal("HOME_UNSAFE", `home ${real} belongs to user ${info.uid}, not to ${uid}`, {
      hint: "Set SKEIN_HOME to a folder of your own.",
    });
  }
  if (info.mode !== null && (info.mode & 0o077) !== 0) tighten(home, info.mode);
  try {
    makeFolder(home.peers);
  } catch (thrown) {
    // A copy on a medium that cannot be written is looked at all the same.
    if (!exists(home.database)) throw thrown;
  }
  return home;
}

/**
 * A home that is missing while one stands beside it under another name was moved there: a new one in its
 * place would look as if everything were lost.
 * @throws Refusal `HOME_MOVED`
 */
export function refuseMoved(folder: string): void {
  if (exists(folder)) return;
  const home = resolve(folder);
  let names: string[];
  try {
    names = namesIn(dirname(home));
  } catch {
    // Whoever may not look beside it cannot have put it there.
    return;
  }
  const last = names.filter((name) => name.startsWith(`${basename(home)}.before-`)).sort()
    .map((name) => join(dirname(home), name)).at(-1);
  const [ready] = readyFor(home);
  if (ready === undefined && last === undefined) return;
  const put = (path: string): string => `mv ${shellWord(path)} ${shellWord(home)}`;
  const ways = [
    ...(ready === undefined ? [] : [`to finish the restore that was cut off: ${put(ready)}`]),
    ...(last === undefined ? [] : [`to put back what was there before: ${put(last)}`]),
    `to begin anew: mkdir -m 700 ${shellWord(home)}`,
  ];
  const found = [ready, last].filter((path) => path !== undefined);
  throw new Refusal(
    "HOME_MOVED",
    `there is no home ${home}, but beside it ${found.join(" and ")}`,
    {
      hint: `${ways.join("; ")}.`,
    },
  );
}

/**
 * Whether somebody has made a store in this home. Changes nothing.
 * @throws Refusal `HOME_UNSAFE` when it is no folder
 */
export function isMade(folder: string): boolean {
  let isDirectory: boolean;
  try {
    isDirectory = Deno.statSync(folder).isDirectory;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    // A part of the path is no folder, or may not be looked into.
    isDirectory = false;
  }
  if (isDirectory) return hasStore(homeAt(folder));
  throw new Refusal("HOME_UNSAFE", `home ${folder} is not a folder that can be read`, {
    hint: "Set SKEIN_HOME to a folder that can be written.",
  });
}

function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const { code, message: why } = asRefusal(thrown);
    if (code === "STORE_FULL") throw asRefusal(thrown);
    throw new Refusal("HOME_UNSAFE", `cannot make ${folder}: ${why}`, {
      hint: "Set SKEIN_HOME to a folder that can be written.",
    });
  }
}

/** Others may look into the folder: ours to close if it holds nothing of theirs. */
function tighten(home: Home, mode: number): void {
  const ours = new Set([
    "skein.db",
    "peers",
    "secret",
    "open.lock",
    "head",
    "bells",
    "line.lock",
    "logs",
    "wake",
    "cache",
  ]);
  const names = [...Deno.readDirSync(home.folder)].map((entry) => entry.name);
  // A store makes it ours; without one, every name has to be.
  if (!names.includes("skein.db") && !names.every((name) => ours.has(name))) {
    const shown = (mode & 0o777).toString(8);
    throw new Refusal(
      "HOME_UNSAFE",
      `home ${home.folder} has mode ${shown} and holds files that are not skein's`,
      { hint: "Set SKEIN_HOME to a folder of its own, or chmod 700 it yourself." },
    );
  }
  Deno.chmodSync(home.folder, 0o700);
}

/**
 * Where a home stands is looked at by whoever opens it first since the machine started.
 * @throws Refusal `HOME_NETWORK`
 */
export function refuseNetwork({ folder }: Home): void {
  // Deno tells no file system types itself; node:fs is loaded only here, and takes a megabyte.
  const { statfsSync } = process.getBuiltinModule("node:fs") as typeof import("node:fs");
  const type = Number(statfsSync(folder).type) >>> 0;
  const name = NETWORK_FILE_SYSTEMS.get(type);
  if (name === undefined) return;
  throw new Refusal(
    "HOME_NETWORK",
    `home ${folder} is on ${name}, where file locks do not tell who lives`,
  );
}

/**
 * Runs `body` while no other process opens this home for the first time.
 * @throws Refusal `STORE_BUSY` when another process keeps opening it
 */
export async function whileOpening<T>(home: Home, body: () => T): Promise<T> {
  const options = { read: true, write: true, create: true, mode: 0o600 };
  const file = Deno.openSync(home.openLock, options);
  try {
    const deadline = performance.now() + TIMES.busyMs;
    while (!file.tryLockSync(true)) {
      if (performance.now() >= deadline) {
        throw new Refusal("STORE_BUSY", `another process has been opening ${home.folder} too long`);
      }
      await new Promise((wake) => setTimeout(wake, 1 + Math.random() * 4));
    }
    return body();
  } finally {
    file.close();
  }
}

/** Reads the home's secret, making it on first use. Call it inside `whileOpening`. */
export function readSecret(home: Home): Uint8Array {
  try {
    const secret = Deno.readFileSync(home.secret);
    if (secret.length === 32) return secret;
    throw new Refusal("STORE_DAMAGED", `${home.secret} holds ${secret.length} bytes, not 32`);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  if (hasStore(home)) {
    throw new Refusal("SECRET_CHANGED", `${home.secret} is gone, but not the store it belongs to`);
  }
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const temporary = `${home.secret}.new`;
  Deno.writeFileSync(temporary, secret, { mode: 0o600 });
  Deno.renameSync(temporary, home.secret);
  return secret;
}

function hasStore(home: Home): boolean {
  try {
    return Deno.statSync(home.database).size > 0;
  } catch {
    return false;
  }
}

/** Which boot of which machine this is. */
export interface Boot {
  /** Machine id, else host name, hashed: equal on one machine, different in a container. */
  readonly machine: string;
  /** Wall time of the boot in minutes since 1970; moves when the clock is set. */
  readonly bootMinute: number;
}

export function thisBoot(clock: Clock): Boot {
  let machineId = "";
  try {
    machineId = Deno.readTextFileSync("/etc/machine-id").trim();
  } catch {
    // Not every system has one; the host name alone still tells containers apart.
  }
  // A laptop changes its host name with the network, its machine id never.
  const machine = sha256(machineId === "" ? Deno.hostname() : machineId).slice(0, 16);
  return { machine, bootMinute: Math.round((clock.wallMs() / 1000 - clock.upS()) / 60) };
}
