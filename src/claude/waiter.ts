// The re-waking waiter: a background hook of an idle session. It waits for a lock that the session's
// server holds; woken, it says what has come and ends with the code that begins a turn. One for each
// session; in `-p` none, since the client would wait for it.

import { join } from "@std/path";
import { systemClock } from "../core/clock.ts";
import { folderIn } from "../core/folders.ts";
import type { Answer } from "../perform.ts";
import { LIMITS } from "../core/limits.ts";
import { shownMessage } from "../message/operations.ts";
import { countUnread, markOffered, unread } from "../message/deliveries.ts";
import { peerByIncarnation, peerBySession, type PeerRow } from "../peer/table.ts";
import type { Environment } from "../node/settings.ts";
import { openStore } from "../store/open.ts";
import { commit, type Store } from "../store/unit.ts";
import { mailText } from "./hook.ts";
import { WAKE_FOLDER, wakeName, wakePath } from "./wakefiles.ts";

/** The server joins a second after it has started. */
const JOINING_MS = 30_000;
const LOOK_MS = 250;
const SHOWN_MESSAGES = 10;

const NOTHING_SHOWN = { has: () => false, unmarked: 0 };

/** What became of a look after the server let go: told, nothing yet, or the session is over. */
export type Woken = "told" | "nothing" | "over";

/** The store to look into: its folder, and its secret where the environment gives it. */
type Whose = Pick<Environment, "home" | "secret">;

/** One look for a session whose server has let go, by whatever waited for that. */
export async function lookForMail(
  { home, secret }: Whose,
  clientPid: number,
  say: (text: string) => void,
): Promise<Woken> {
  const store = await openStore(home, systemClock, secret);
  const incarnation = serverOf(store, clientPid);
  // Not there yet: its server joins a second after it has started.
  if (incarnation === null) return "nothing";
  const row = await store.engine.read((tx) => peerByIncarnation(tx, incarnation));
  if (row === undefined || store.engine.held(incarnation) !== "held") return "over";
  return await tell(store, row, incarnation, say) ? "told" : "nothing";
}

/** The life behind a client's process; its session may have been cleared since. */
function serverOf(store: Store, clientPid: number): string | null {
  try {
    return Deno.readTextFileSync(wakePath(store.folder, wakeName(clientPid))) || null;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

/** Waits for mail of a session; true once it has said what came, false if nothing will. */
export async function waitForMail(
  { home, secret }: Whose,
  session: string,
  say: (text: string) => void,
): Promise<boolean> {
  const store = await openStore(home, systemClock, secret);
  const peer = await appeared(store, session);
  if (peer === null) return false;
  const alone = join(folderIn(store.folder, WAKE_FOLDER), `${peer.id}.waiter`);
  const single = Deno.openSync(alone, { read: true, write: true, create: true, mode: 0o600 });
  // Each end of a turn starts another one: the first stays.
  if (!single.tryLockSync(true)) return false;
  for (;;) {
    const now = await store.engine.read((tx) => peerBySession(tx, session));
    if (now === undefined || now.incarnation === null || now.state === "gone") return false;
    if (!await freed(wakePath(store.folder, now.incarnation))) {
      await pause();
      continue;
    }
    if (store.engine.held(now.incarnation) !== "held") return false;
    if (await tell(store, now, now.incarnation, say)) return true;
    await pause();
  }
}

async function appeared(store: Store, session: string): Promise<PeerRow | null> {
  const deadline = performance.now() + JOINING_MS;
  while (performance.now() < deadline) {
    const row = await store.engine.read((tx) => peerBySession(tx, session));
    if (row !== undefined && row.state === "live" && row.kind === "resident") return row;
    await pause();
  }
  return null;
}

/** Waits until the server lets go, or is no more. */
async function freed(path: string): Promise<boolean> {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
  try {
    await file.lock(false);
    return true;
  } finally {
    file.close();
  }
}

/**
 * Says what has come, then marks it: who dies in between has said nothing that counts, since only
 * the exit code makes the client read it.
 */
async function tell(
  store: Store,
  { id }: PeerRow,
  incarnation: string,
  say: (text: string) => void,
): Promise<boolean> {
  const { mail, ids } = await store.engine.read(async (tx) => {
    const rows = await unread(tx, id, incarnation, SHOWN_MESSAGES, NOTHING_SHOWN);
    const total = await countUnread(tx, id, incarnation, 1_000, NOTHING_SHOWN);
    // Whole, or it would wake again and again: the first in any case, others while there is room.
    let characters = 0;
    const shown = rows.filter(({ content }, i) => {
      characters += content.length;
      return i === 0 || characters <= LIMITS.checkChars;
    });
    const messages = shown.map(shownMessage);
    return { mail: { unread: total, messages } as Answer, ids: shown.map((row) => row.id) };
  });
  if ((mail["messages"] as unknown[]).length === 0) return false;
  say(mailText(mail));
  await commit(store, ({ tx, at }) => markOffered(tx, id, ids, incarnation, at));
  return true;
}

function pause(): Promise<void> {
  return new Promise((next) => setTimeout(next, LOOK_MS));
}
