// What holds a lock at the moment of writing: before an edit, before and after a shell command, and
// at the end of a turn. The client's hooks call these; no model does. An edit that nobody stands in
// the way of takes an automatic lock, so that the next editor is told.

import * as z from "zod";
import { type GitState, readGit } from "../core/git.ts";
import { Refusal } from "../core/errors.ts";
import { flag, list, optionalText, path } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE, WORKING } from "../core/policy.ts";
import { repositoryOf } from "../core/repository.ts";
import { notify } from "../message/notice.ts";
import { stillAlive, wakeWaiters } from "../peer/life.ts";
import { allLivePeers, livePeers, peerById } from "../peer/table.ts";
import { rowsOf } from "../store/journal.ts";
import { blockers, type Blocking, heldBy } from "./contention.ts";
import type { LockPath } from "./paths.ts";
import { inTheWay, isGlob } from "./rules.ts";
import { readShell } from "./shell.ts";
import * as table from "./table.ts";

/** The keys of what is edited; nothing for what lies outside of the project. */
async function editedPaths(
  typed: readonly string[],
  folder: string,
  wide = false,
): Promise<LockPath[]> {
  const { lockPaths } = await import("./paths.ts");
  return typed.flatMap((one) => {
    try {
      return lockPaths(one, folder, "paths", wide);
    } catch (thrown) {
      // Not a path that can be reserved, so nobody holds it.
      if (thrown instanceof Refusal) return [];
      throw thrown;
    }
  });
}

export const guardEdit = operation({
  name: "guard_edit",
  summary: "Before an edit: refused where another peer holds the path; else an automatic lock.",
  roles: WORKING,
  effect: "write",
  hints: { idempotent: true },
  risk: "low",
  unlisted: true,
  positionals: ["paths"],
  input: z.strictObject({
    paths: list(path(), LIMITS.pathsPerLock, 1),
    /** Only look whether somebody holds them; take nothing. */
    look_only: flag().optional(),
  }),
  readsOnly: (input) => input.look_only === true,
  output: z.lazy(() => z.object({ taken: z.array(z.string()) })),
  prepare: (input, folder) => editedPaths(input.paths, folder),
  async handle(ctx, input, wanted) {
    const blocking = input.look_only === true
      ? await blockersSeen(ctx, wanted)
      : await blockers(ctx, wanted, "exclusive");
    if (blocking.length > 0) throw await heldBy(ctx, "edit", blocking);
    if (input.look_only === true) return { taken: [] };
    const mine = await table.locksOf(ctx.tx, ctx.actor.id);
    const taken: string[] = [];
    for (const one of wanted) {
      const own = mine.find((lock) => lock.space === one.space && lock.path === one.path);
      const { space, path: name, tree, shown } = one;
      // A lock that was asked for stays what it is; who edits under it is known all the same.
      if (own !== undefined && own.tree === null) {
        if (await lastEditor(ctx, name, tree) !== ctx.actor.name) {
          ctx.record({ op: "edit", subject: `lock/${name}`, detail: { space, tree } });
        }
        continue;
      }
      await table.putLock(ctx.tx, {
        space,
        path: name,
        shown,
        mode: "exclusive",
        peer: ctx.actor.id,
        incarnation: ctx.actor.incarnation,
        task: null,
        since: ctx.at,
        expires_s: ctx.upS + LIMITS.automaticLockS,
        tree,
      });
      taken.push(shown);
      if (own === undefined) {
        ctx.record({ op: "edit", subject: `lock/${name}`, detail: { space, tree } });
      }
    }
    return { taken };
  },
});

export const endTurn = operation({
  name: "end_turn",
  summary: "At the end of a turn: automatic locks are released.",
  roles: EVERYONE,
  effect: "write",
  hints: { idempotent: true },
  risk: "low",
  unlisted: true,
  input: z.strictObject({}),
  output: z.lazy(() => z.object({ released: z.array(z.string()) })),
  async handle(ctx) {
    const locks = await table.automaticLocksOf(ctx.tx, ctx.actor.id);
    for (const lock of locks) await table.deleteLock(ctx.tx, lock.id);
    await wakeWaiters(ctx, new Set(locks.map((lock) => lock.space)));
    return { released: locks.map((lock) => lock.shown) };
  },
});

/** A path that others hold, to be looked at before and after a command. */
const watchedShape = z.lazy(() =>
  z.object({
    /** Absolute; a folder or glob keeps its wildcards. */
    path: z.string(),
    pattern: z.boolean(),
    holder: z.string(),
  })
);

export const guardShell = operation({
  name: "guard_shell",
  summary: "Before a shell command: refused where it writes what others hold or sweeps their tree.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  positionals: ["command"],
  input: z.strictObject({
    command: optionalText(LIMITS.valueChars),
    cwd: path().optional(),
  }),
  output: z.lazy(() => z.object({ watch: z.array(watchedShape) })),
  prepare: async (input, folder) => {
    const cwd = input.cwd ?? folder;
    const { writes, wholeTree, wholeTreeIn } = readShell(input.command, cwd);
    const paths: LockPath[] = [];
    for (const { path: typed, base } of writes.slice(0, LIMITS.pathsPerLock)) {
      const whole = typed.startsWith("/") ? typed : `${base}/${typed}`;
      paths.push(...await editedPaths([whole], folder, true));
    }
    const swept = wholeTreeIn === null ? null : repositoryOf(wholeTreeIn);
    // Files one by one: a new folder tells nobody's name.
    const git = swept === null ? null : await readGit(swept.tree, "all");
    const dirty = swept === null || git === null ? [] : await keysOf(git.dirty, swept.tree);
    return { paths, wholeTree, git, dirty, swept, repository: repositoryOf(cwd) };
  },
  async handle(ctx, _input, { paths, wholeTree, git, dirty, swept, repository }) {
    const blocking = await blockersSeen(ctx, paths);
    if (blocking.length > 0) throw await heldBy(ctx, "shell", blocking);
    if (wholeTree !== null && swept !== null && git !== null) {
      await refuseSweep(ctx, wholeTree, swept, git, dirty);
    }
    const watch: z.input<typeof watchedShape>[] = [];
    const space = repository?.commonDir ?? "/";
    const root = repository === null ? "/" : `${repository.tree}/`;
    for (const lock of await table.locksIn(ctx.tx, space)) {
      if (lock.peer === ctx.actor.id || lock.mode !== "exclusive") continue;
      if (lock.tree !== null && lock.tree !== (repository?.tree ?? "")) continue;
      const holder = await peerById(ctx.tx, lock.peer);
      if (holder === undefined || holder.state !== "live") continue;
      watch.push({ path: root + lock.path, pattern: isGlob(lock.path), holder: holder.name });
    }
    return { watch };
  },
});

/** What is in the way, for a look that may change nothing: the dead are only left out. */
async function blockersSeen(ctx: Context, paths: readonly LockPath[]): Promise<Blocking[]> {
  if (paths.length === 0) return [];
  const live = new Set((await allLivePeers(ctx.tx)).map((peer) => peer.id));
  const found: Blocking[] = [];
  for (const space of new Set(paths.map((one) => one.space))) {
    for (const lock of await table.locksIn(ctx.tx, space)) {
      if (lock.peer === ctx.actor.id || !live.has(lock.peer) || lock.expires_s <= ctx.upS) continue;
      const wanted = paths.find((one) => inTheWay({ ...one, mode: "exclusive" }, lock));
      if (wanted !== undefined) found.push({ lock, wanted });
    }
  }
  return found;
}

/** What would throw away others' work waits until it is committed, or they are gone. */
async function refuseSweep(
  ctx: Context,
  command: string,
  repository: { readonly tree: string; readonly commonDir: string },
  git: GitState,
  dirty: readonly Dirty[],
): Promise<void> {
  if (git.dirtyCount === 0) return;
  const others = (await livePeers(ctx.tx, ctx.actor.project)).filter((peer) =>
    peer.id !== ctx.actor.id && peer.tree === repository.tree && peer.role !== "observer"
  );
  const here = [];
  for (const peer of others) {
    if (peer.kind === "leased" || await ctx.held(peer.incarnation ?? "") !== "free") {
      here.push(peer);
    }
  }
  if (here.length === 0) return;
  const foreign: string[] = [];
  for (const { file, key } of dirty) {
    if (await lastEditor(ctx, key, repository.tree) !== ctx.actor.name) foreign.push(file);
  }
  if (foreign.length === 0 && git.dirty.length === git.dirtyCount) return;
  const names = here.map((peer) => peer.name).join(", ");
  throw new Refusal(
    "TREE_SHARED",
    `shell: ${command} would change uncommitted files that are not yours: ` +
      `${foreign.slice(0, 10).join(", ")}; ${names} works in this tree, too`,
    { peers: here.map((peer) => peer.name), files: foreign.slice(0, 50) },
  );
}

/** A file that git calls changed: in its spelling, and as locks know it. */
interface Dirty {
  readonly file: string;
  readonly key: string;
}

async function keysOf(files: readonly string[], tree: string): Promise<Dirty[]> {
  const keys: Dirty[] = [];
  for (const file of files) {
    const [known] = await editedPaths([`${tree}/${file}`], tree);
    keys.push({ file, key: known?.path ?? file });
  }
  return keys;
}

/** Who was the last to edit a file in a tree, by what was noted before each edit. */
async function lastEditor(ctx: Context, file: string, tree: string): Promise<string | null> {
  const rows = await rowsOf(ctx.tx, `lock/${file}`, 500);
  const edits = rows.filter((row) =>
    row.op === "edit" && row.detail.includes(JSON.stringify(tree))
  );
  return edits.at(-1)?.actor ?? null;
}

export const reportTouched = operation({
  name: "report_touched",
  summary: "After a shell command: what it changed although others hold it; they are told.",
  roles: EVERYONE,
  effect: "write",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({ paths: list(path(), LIMITS.pathsPerLock, 1) }),
  output: z.lazy(() =>
    z.object({
      touched: z.array(z.object({ path: z.string(), holder: z.string(), since: z.string() })),
    })
  ),
  prepare: (input, folder) => editedPaths(input.paths, folder),
  async handle(ctx, _input, changed) {
    const touched: { path: string; holder: string; since: string }[] = [];
    const told = new Map<string, string[]>();
    const seen = [];
    for (const one of changed) seen.push(...await blockersSeen(ctx, [one]));
    for (const { lock, wanted } of seen) {
      if (!await stillAlive(ctx, lock.peer)) continue;
      const holder = await peerById(ctx.tx, lock.peer);
      touched.push({ path: wanted.shown, holder: holder?.name ?? lock.peer, since: lock.since });
      // Under the name the holder knows it by; inside of a folder, the file itself.
      const name = lock.path === wanted.path ? lock.shown : wanted.shown;
      told.set(lock.peer, [...told.get(lock.peer) ?? [], name]);
      ctx.record({
        op: "touched",
        subject: `lock/${lock.path}`,
        detail: { space: lock.space, holder: holder?.name },
      });
    }
    for (const [peer, paths] of told) {
      await notify(ctx, [peer], {
        project: ctx.actor.project,
        category: "alert",
        content: `While a shell command of ${ctx.actor.name} ran, files that you hold changed: ` +
          `${[...new Set(paths)].join(", ")}. Look at them before you go on.`,
      });
    }
    return { touched };
  },
});
