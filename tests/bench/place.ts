// Where a benchmark runs: a temporary folder with homes, a repository to stand in, the bundle, and
// every process that was started, so that all of it is gone at the end, whatever the end is.

import { fromFileUrl, join } from "@std/path";
import { git, makeRepository, write } from "../support/git.ts";
import { type Peer, type PeerOptions, SOURCE_COMMAND, startPeer } from "../support/peer.ts";

/** How much is measured. */
export type Scale = "quick" | "default" | "full";

/** Messages are not what the benchmarks want to be limited by. */
export const UNLIMITED = { SKEIN_RATE: "100000000" } as const;

/** What is bundled: the command alone, without what only the library exports. */
const COMMAND = "src/door/main.ts";

/** Keeps the young generation small: what a session should run with. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

export class Place {
  readonly folder: string;
  readonly scale: Scale;
  /** A git repository: every peer works in it. */
  readonly repository: string;
  /** The command line of the bundle; of the source until it is made. */
  command: readonly string[] = SOURCE_COMMAND;
  /** Raw transactions a second of this run, once measured. */
  rawPerS = NaN;
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #peers = new Set<Peer>();
  #homes = 0;

  constructor(scale: Scale) {
    this.scale = scale;
    this.folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "skein-bench-" }));
    this.repository = join(this.folder, "work");
  }

  /** A repository with one commit, and the bundle. */
  async prepare(): Promise<void> {
    await makeRepository(this.repository);
    write(join(this.repository, "README.md"), "a repository to measure in\n");
    await git(this.repository, "add", ".");
    await git(this.repository, "commit", "-q", "-m", "first");
    const folder = join(this.folder, "bundle");
    const options = ["--quiet", "--platform", "deno", "--minify", "--code-splitting"];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", ...options, "--outdir", folder, COMMAND],
      cwd: fromFileUrl(new URL("../../", import.meta.url)),
      stdin: "null",
    }).output();
    if (!success) throw new Error(`bundling failed: ${new TextDecoder().decode(stderr)}`);
    const entry = join(folder, "main.js");
    this.command = [Deno.execPath(), "run", "-A", "--no-check", "--quiet", V8_FLAGS, entry];
  }

  /** A number by scale. */
  pick(quick: number, normal: number, full: number = normal): number {
    return this.scale === "quick" ? quick : this.scale === "full" ? full : normal;
  }

  /** A path for a home that nobody has used. */
  newHome(): string {
    this.#homes += 1;
    return join(this.folder, `home-${this.#homes}`);
  }

  async peer(options: Omit<PeerOptions, "folder">): Promise<Peer> {
    const peer = await startPeer({
      command: this.command,
      ...options,
      folder: this.repository,
      env: { ...UNLIMITED, ...options.env },
    });
    this.#peers.add(peer);
    return peer;
  }

  /** Starts `count` peers, a few at a time, each in the flock. */
  async peers(count: number, home: string, prefix = "p"): Promise<Peer[]> {
    const peers: Peer[] = [];
    while (peers.length < count) {
      const names = Array.from(
        { length: Math.min(4, count - peers.length) },
        (_, i) => `${prefix}${peers.length + i}`,
      );
      peers.push(
        ...await Promise.all(names.map(async (name) => {
          const peer = await this.peer({ home, name });
          await peer.ok("join");
          return peer;
        })),
      );
    }
    return peers;
  }

  /** Keeps an eye on a process that somebody else started. */
  adopt(child: Deno.ChildProcess): void {
    this.#children.add(child);
    void child.status.then(() => this.#children.delete(child));
  }

  /** Ends peers one by one as their clients would. */
  async dismiss(peers: readonly Peer[]): Promise<void> {
    for (const peer of peers) this.#peers.delete(peer);
    await Promise.all(peers.map((peer) => peer.close()));
  }

  /** Ends whatever still runs, at once. */
  killAll(): void {
    for (const child of this.#children) quietly(() => child.kill("SIGKILL"));
    for (const peer of this.#peers) quietly(() => peer.signal("SIGKILL"));
  }

  /** Ends everything and removes the folder. */
  async close(): Promise<void> {
    this.killAll();
    await Promise.all([...this.#peers].map((peer) => peer.kill()));
    await Promise.all([...this.#children].map((child) => child.status));
    this.remove();
  }

  remove(): void {
    quietly(() => Deno.removeSync(this.folder, { recursive: true }));
  }
}

/** At the end nothing is left to be done about what fails. */
function quietly(body: () => void): void {
  try {
    body();
  } catch {
    // It has ended, or is removed, already.
  }
}
