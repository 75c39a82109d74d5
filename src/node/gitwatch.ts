// Keeps a peer's git state in the roster fresh, at a pace of its own, and warns two peers that have changed one file.

import { TIMES } from "../core/limits.ts";
import type { Unit } from "../core/transaction.ts";
import { neutralise } from "../filter/filter.ts";
import { dirtyFiles } from "../flock/attention.ts";
import { notify } from "../message/notice.ts";
import { dirtyOverlap } from "../peer/rules.ts";
import type { GitState } from "../core/git.ts";
import { livePeers, peerById, type PeerRow, setGit } from "../peer/table.ts";
import { commit, type Store } from "../store/unit.ts";
import { readGit } from "../core/git.ts";

/** Decides when to read again: not more often than every few seconds, less on slow trees. */
export class GitPace {
  #nextMs = 0;

  due(nowMs: number): boolean {
    return nowMs >= this.#nextMs;
  }

  /** Notes how long a read took. A tree that takes long is read less often. */
  took(startMs: number, endMs: number): void {
    this.#nextMs = endMs + Math.max(TIMES.gitMs, 20 * (endMs - startMs));
  }
}

/** Files that one warning names. */
const NAMED = 10;

export class GitWatch {
  readonly #store: Store;
  readonly #peer: string;
  readonly #tree: string;
  readonly #pace = new GitPace();
  #reading = false;
  #last = "";

  constructor(store: Store, peer: string, tree: string) {
    this.#store = store;
    this.#peer = peer;
    this.#tree = tree;
  }

  /** Reads the state in the background if it is due. A peer's own act calls it. */
  refresh(): void {
    if (this.#reading || !this.#pace.due(performance.now())) return;
    this.#reading = true;
    // Starting a process takes a millisecond or two: the answer that the act waits for goes first.
    setTimeout(() => {
      void this.#read().catch(() => {
        // Ornament, not substance: the next act tries again.
      }).finally(() => {
        this.#reading = false;
      });
    }, 0);
  }

  async #read(): Promise<void> {
    const startMs = performance.now();
    const state = harmless(await readGit(this.#tree));
    this.#pace.took(startMs, performance.now());
    const text = JSON.stringify(state);
    if (state === null || text === this.#last) return;
    await commit(this.#store, (unit) => publish(unit, this.#peer, state));
    this.#last = text;
  }
}

/** Names of branches and files are texts of peers, too. */
function harmless(state: GitState | null): GitState | null {
  if (state === null) return null;
  const clean = (text: string): string => neutralise(text).text.replaceAll("\n", " ");
  return { ...state, branch: clean(state.branch), dirty: state.dirty.map(clean) };
}

/** Stores the state and warns whoever has changed the same file. */
export async function publish(unit: Unit, peerId: string, state: GitState): Promise<void> {
  const peer = await peerById(unit.tx, peerId);
  if (peer === undefined || peer.state === "gone") return;
  await setGit(unit.tx, peerId, state, unit.at);
  unit.record({
    actor: peer.name,
    op: "git",
    subject: `peer/${peer.name}`,
    detail: { branch: state.branch, commit: state.commit, dirty: state.dirtyCount },
  });
  const before = dirtyFiles(peer);
  for (const other of await livePeers(unit.tx, peer.project)) {
    if (other.id !== peerId) await warn(unit, peer, before, state.dirty, other);
  }
}

/**
 * Two working trees: every new common file is a merge conflict in the making. One working tree:
 * everybody sees the same changes, so the first common file says it all.
 */
async function warn(
  unit: Unit,
  peer: PeerRow,
  before: readonly string[],
  now: readonly string[],
  other: PeerRow,
): Promise<void> {
  const theirs = dirtyFiles(other);
  const known = new Set(dirtyOverlap(before, theirs));
  const fresh = dirtyOverlap(now, theirs).filter((file) => !known.has(file));
  const oneTree = peer.tree === other.tree;
  if (fresh.length === 0 || (oneTree && known.size > 0)) return;
  const files = fresh.slice(0, NAMED).join(", ") + (fresh.length > NAMED ? ", ..." : "");
  const where = oneTree ? "in the working tree you share" : "in two working trees";
  await notify(unit, [peer.id, other.id], {
    project: peer.project,
    category: "alert",
    content:
      `${peer.name} and ${other.name} both have uncommitted changes in ${files}, ${where}. ` +
      "Agree on who goes on, or reserve it with lock_file.",
  });
}
