// `skein mirror`: a pass at the start and after every change of the store or of the findings, until
// somebody ends it. Several at once, and commands beside it, take turns.

import { join } from "@std/path";
import { asRefusal, type ErrorCode, type Refusal } from "../core/errors.ts";
import { counted } from "../core/text.ts";
import type { Answer } from "../perform.ts";
import { FINDINGS, mirror, type Mirrored } from "./mirror.ts";

/** Whoever calls; a new one is made when its life has ended. */
export interface Follower {
  call(operation: string, input: unknown): Promise<Answer>;
  changed(ms: number): Promise<void>;
}

export interface FollowOptions {
  readonly once: boolean;
  readonly json: boolean;
  readonly say: (line: string) => void;
  readonly warn: (warnings: readonly string[]) => void;
}

/** The findings have no bell: they are looked at this often. */
const LOOK_MS = 500;
/** A life that a lease or a newer one has ended; the same may come back. */
const ENDED: readonly ErrorCode[] = ["NOT_JOINED", "FENCED", "TOKEN_EXPIRED", "TOKEN_STALE"];
/** A store that is not the one any more: going on would write another one's files. */
const OVER: readonly ErrorCode[] = ["STORE_GONE", "STORE_REPLACED", "KILLED", "TOKEN_INVALID"];

/** Follows the store; the exit code: 0 when it was ended, 1 when it could not go on. */
export async function follow(
  newFollower: () => Follower,
  path: string,
  options: FollowOptions,
): Promise<number> {
  let follower = newFollower();
  let over: Refusal | null = null;
  const call = async (operation: string, input: unknown): Promise<Answer> => {
    try {
      return await follower.call(operation, input);
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      if (OVER.includes(refusal.code)) over = refusal;
      if (!ENDED.includes(refusal.code)) throw refusal;
      follower = newFollower();
      return await follower.call(operation, input);
    }
  };
  let stopped = false;
  const stop = new Promise<void>((done) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => {
        stopped = true;
        done();
      });
    }
  });
  if (!options.once && !options.json) options.say(`mirroring ${path}; Ctrl-C ends`);
  let warned = "";
  let seen = "";
  for (let full = true; !stopped; full = false) {
    // What is written to the findings from here on is another look's.
    seen = stampOf(path);
    const mirrored = await mirror(call, path, { full });
    if (over !== null) throw over;
    tell(mirrored, options);
    if (mirrored.warnings.join() !== warned) options.warn(mirrored.warnings);
    warned = mirrored.warnings.join();
    if (options.once) return mirrored.ok ? 0 : 1;
    await changes(follower, path, mirrored.written.length > 0 ? stampOf(path) : seen, stop);
  }
  return 0;
}

function tell({ ok, folder, written, warnings }: Mirrored, options: FollowOptions): void {
  if (options.json) {
    if (written.length > 0 || options.once) {
      options.say(JSON.stringify({ ok, folder, written, warnings }));
    }
  } else if (options.once) {
    if (ok) options.say(writtenText({ folder, written }));
  } else if (written.length > 0) options.say(`wrote ${counted(written.length, "file")}`);
}

/** What a single pass has done, for people. */
export function writtenText({ folder, written }: Pick<Mirrored, "folder" | "written">): string {
  return written.length === 0
    ? `${folder} is up to date`
    : `${folder}: ${counted(written.length, "file")} written`;
}

/** Resolves when the store or the findings have changed, or at the end. */
async function changes(
  follower: Follower,
  path: string,
  seen: string,
  stop: Promise<void>,
): Promise<void> {
  let ended = false;
  const end = stop.then(() => void (ended = true));
  const started = performance.now();
  while (!ended) {
    const before = performance.now();
    await Promise.race([follower.changed(LOOK_MS), end]);
    // Resolved before its time: something was written.
    if (performance.now() - before < LOOK_MS - 50 || stampOf(path) !== seen) return;
    // Now and then without a reason, whatever was missed.
    if (performance.now() - started > 20 * LOOK_MS) return;
  }
}

/** Changes when somebody writes to the findings. */
function stampOf(path: string): string {
  try {
    const { mtime, size, ino } = Deno.lstatSync(join(path, FINDINGS));
    return `${mtime?.getTime()}/${size}/${ino}`;
  } catch {
    return "";
  }
}
