// Waking an idle session. A hook of the client waits in the background (claude/waiter.ts) for a lock
// that this session's server holds: it costs nothing while it waits, and the kernel frees it should
// the server die. When mail comes for a session whose turn is over, the server lets go.

import { folderIn } from "../core/folders.ts";
import type { Node } from "../node/node.ts";
import { sweepWakes, WAKE_FOLDER, wakeName, wakePath } from "./wakefiles.ts";
import { CHANNEL_MS, channelRing, clientTakesChannel, type Notification } from "./channel.ts";

/** How long a wait for a ring lasts before it is begun anew. */
const LOOK_MS = 60_000;
/** A waiter that was woken has begun a turn long before this; else what it took is due again. */
const WOKEN_MS = 15_000;
const AGAIN_MS = 200;
/** Much longer than anybody who was woken holds a lock; less than the client waits for a hook. */
const HOLD_MS = 2_000;

export class Waiting {
  #files: Deno.FsFile[] = [];
  #paths: readonly string[] = [];
  #held = false;
  #idle = false;
  #closed = false;
  #looking = false;
  /** Ends of turns so far. */
  #turns = 0;
  /** Of those, the last in whose idleness the channel was rung. */
  #rungAt = 0;
  #channel: Promise<boolean> | null = null;
  readonly #notify: (notification: Notification) => Promise<void>;

  /** `notify` sends a notification to the client. */
  constructor(notify: (notification: Notification) => Promise<void>) {
    this.#notify = notify;
  }

  /** The model is at work: hooks bring the mail. */
  busy(): void {
    this.#idle = false;
  }

  /** The turn is over: from now on mail wakes the session. */
  async idle(node: Node): Promise<void> {
    if (this.#closed) return;
    this.#idle = true;
    this.#turns += 1;
    const { folder, incarnation } = await node.place();
    this.#open(folder, incarnation);
    if (this.#turns === 1) {
      const { engine } = await node.store();
      sweepWakes(folder, (life) => engine.held(life));
    }
    await this.#hold();
    if (this.#looking) return;
    this.#looking = true;
    void this.#look(node).catch(() => {
      // The store says why on the next call; the mail waits for the next turn.
    }).finally(() => {
      this.#looking = false;
    });
  }

  close(): void {
    this.#closed = true;
    this.#idle = false;
    this.#drop();
    // The client's stays, and with it whose it was: who waits for it learns that this life is over.
    const [own] = this.#paths;
    if (own !== undefined) remove(own);
  }

  #drop(): void {
    for (const file of this.#files) file.close();
    this.#files = [];
    this.#held = false;
  }

  /** In each file stands whose it is, for a waiter that knows no more than its client's process. */
  #open(folder: string, incarnation: string): void {
    const paths = [wakePath(folder, incarnation), wakePath(folder, wakeName(Deno.ppid))];
    if (this.#files.length > 0 && paths.join() === this.#paths.join()) return;
    this.#drop();
    const [own] = this.#paths;
    if (own !== undefined) remove(own);
    this.#paths = paths;
    const options = { read: true, write: true, create: true, mode: 0o600 };
    folderIn(folder, WAKE_FOLDER);
    for (const path of paths) {
      const file = Deno.openSync(path, options);
      file.truncateSync(0);
      file.writeSync(new TextEncoder().encode(incarnation));
      this.#files.push(file);
    }
  }

  /**
   * Takes the locks again; whoever was woken holds one for an instant. Not waited for without end: a
   * client that was given two servers of ours has one lock for both, and a hook has to be answered.
   */
  async #hold(): Promise<void> {
    const deadline = performance.now() + HOLD_MS;
    while (performance.now() < deadline && !this.#held && !this.#closed && this.#files.length > 0) {
      this.#held = this.#files.every((file) => file.tryLockSync(true));
      if (!this.#held) await new Promise((next) => setTimeout(next, AGAIN_MS));
    }
  }

  /** Lets go as soon as there is mail that nobody has offered. */
  async #look(node: Node): Promise<void> {
    while (this.#idle && !this.#closed) {
      const change = await node.changed(LOOK_MS);
      if (await node.hasUnread()) {
        change.stop();
        // Who is woken reads the store: it has to know there what was shown already.
        await node.marksWritten();
        if (await this.#rung()) continue;
        for (const file of this.#files) file.unlockSync();
        this.#held = false;
        await this.#woken(node);
        await this.#hold();
      } else await change.happened;
    }
  }

  /** Waits for the turn that follows; without one, what the waiter took is due again. */
  async #woken(node: Node): Promise<void> {
    if (!await this.#begun(WOKEN_MS)) await node.takeBack();
  }

  /** Whether a turn has begun, at the latest after `ms`. */
  async #begun(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    const turns = this.#turns;
    const still = (): boolean => this.#idle && this.#turns === turns && !this.#closed;
    while (still() && performance.now() < deadline) {
      await new Promise((next) => setTimeout(next, AGAIN_MS));
    }
    return !still();
  }

  /** Rings the client's channel, once while it is idle; true if that has begun a turn. */
  async #rung(): Promise<boolean> {
    if (this.#rungAt === this.#turns) return false;
    if (!await (this.#channel ??= clientTakesChannel([Deno.ppid]))) return false;
    this.#rungAt = this.#turns;
    try {
      await this.#notify(channelRing());
    } catch {
      // The client is gone: the waiter learns it from the kernel.
      return false;
    }
    return await this.#begun(CHANNEL_MS);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The home is gone, or the file never was.
  }
}
