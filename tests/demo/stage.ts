// Where the demo plays: a temporary home, a temporary git repository, and the peers, each a process
// of its own. Nothing of it is left at the end, and nothing of the user's is touched.

import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { git, makeRepository, write } from "../support/git.ts";
import { type Peer, startPeer } from "../support/peer.ts";

/** One session of the flock: the process may die, the session comes back. */
export interface Member {
  readonly name: string;
  readonly role: "architect" | "worker";
  peer: Peer;
  alive: boolean;
}

/** Somebody who was killed. */
export interface Killed {
  readonly name: string;
  readonly role: string;
  readonly pid: number;
}

export class Stage {
  readonly folder: string;
  readonly home: string;
  readonly repository: string;
  readonly members: Member[] = [];
  readonly killed: Killed[] = [];
  #store: DatabaseSync | null = null;

  constructor() {
    this.folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "skein-demo-" }));
    this.home = join(this.folder, "home");
    this.repository = join(this.folder, "notes-app");
  }

  async makeRepository(): Promise<void> {
    await makeRepository(this.repository);
    write(join(this.repository, "README.md"), "# notes-app\n");
    await git(this.repository, "add", ".");
    await git(this.repository, "commit", "-q", "-m", "An empty app");
  }

  /** Starts the process of a session and shakes hands; it joins at its first call. */
  async #start(name: string, role: string): Promise<Peer> {
    return await startPeer({
      home: this.home,
      folder: this.repository,
      name,
      role,
      session: `demo-${name}`,
      clientName: "claude-code",
    });
  }

  async enter(name: string, role: Member["role"]): Promise<Member> {
    const member = { name, role, peer: await this.#start(name, role), alive: true };
    this.members.push(member);
    return member;
  }

  /** The same session, in a new process. */
  async comeBack(member: Member): Promise<void> {
    member.peer = await this.#start(member.name, member.role);
    member.alive = true;
  }

  /** Ends a member's process with SIGKILL: it gets no chance to say anything. */
  kill(member: Member): void {
    member.peer.signal("SIGKILL");
    member.alive = false;
    this.killed.push({ name: member.name, role: member.role, pid: member.peer.pid });
  }

  member(name: string): Member {
    const found = this.members.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no member ${name}`);
    return found;
  }

  get living(): Member[] {
    return this.members.filter((member) => member.alive);
  }

  get workers(): Member[] {
    return this.living.filter((member) => member.role === "worker");
  }

  /** The store as anybody can read it: an outsider who takes no part. */
  get store(): DatabaseSync {
    return this.#store ??= new DatabaseSync(join(this.home, "skein.db"), { readOnly: true });
  }

  /** Kills whatever runs; safe to call at any time. */
  killAll(): void {
    for (const { peer } of this.members) {
      try {
        peer.signal("SIGKILL");
      } catch {
        // It has ended.
      }
    }
  }

  /** Lets everybody leave, ends who does not, and removes the folder. */
  async close(): Promise<void> {
    this.#store?.close();
    const ended = Promise.all(this.members.map(({ peer }) => peer.close().catch(() => {})));
    await Promise.race([ended, new Promise((late) => setTimeout(late, 2_000))]);
    this.killAll();
    await Promise.all(this.members.map(({ peer }) => peer.kill().catch(() => {})));
    this.remove();
  }

  remove(): void {
    try {
      Deno.removeSync(this.folder, { recursive: true });
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
}
