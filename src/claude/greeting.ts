// What a session is told as it starts, is resumed or was compacted: who it is in the flock, what it
// holds, what has come. Short: it is in the context for good.

import type { Tx } from "../core/transaction.ts";
import { excerpt } from "../core/text.ts";
import { locksOf } from "../lock/table.ts";
import { countUnread } from "../message/deliveries.ts";
import { lostOf } from "../peer/lost.ts";
import { livePeers, type PeerRow } from "../peer/table.ts";
import { countTasks } from "../task/list.ts";
import { claimsOf } from "../task/table.ts";

const NAMED = 8;
const SUMMARY_CHARS = 80;

/** The greeting; null where there is nothing to say. */
export async function greeting(
  tx: Tx,
  project: string,
  self: PeerRow | null,
): Promise<string | null> {
  const others = (await livePeers(tx, project)).filter((peer) => peer.id !== self?.id);
  const { ready, in_progress: working } = await countTasks(tx, project);
  const lines: string[] = [];
  if (self !== null) lines.push(...await standing(tx, self));
  if (others.length > 0) {
    const names = others.slice(0, NAMED).map(({ name, role, summary }) =>
      `${name} (${role}${summary === "" ? "" : `, says: ${quoted(summary)}`})`
    );
    const more = others.length > NAMED ? ` and ${others.length - NAMED} more` : "";
    lines.push(`Also at work in this project: ${names.join(", ")}${more}.`);
  }
  if (ready + working > 0) {
    lines.push(`Tasks: ${ready} ready to claim, ${working} in progress.`);
  }
  if (lines.length === 0) return null;
  return `skein, the flock of agents on this machine:\n${
    lines.map((line) => `- ${line}`).join("\n")
  }`;
}

async function standing(tx: Tx, self: PeerRow): Promise<string[]> {
  const lines = [`You are ${self.name}, ${self.role}.`];
  const { incarnation } = self;
  if (incarnation !== null) {
    const claims = (await claimsOf(tx, self.id, incarnation)).filter((task) =>
      task.status === "in_progress"
    );
    if (claims.length > 0) {
      const tasks = claims.slice(0, NAMED).map((task) => `${task.id} ${quoted(task.title)}`);
      lines.push(`You have claimed ${tasks.join(", ")}: complete or release it.`);
    }
  }
  // Its life has just ended, and its next one begins: what nobody takes meanwhile comes back.
  const waiting = (await lostOf(tx, self.id)).filter((row) => row.kind === "task").map((row) =>
    row.ref
  );
  if (waiting.length > 0) {
    lines.push(`Yours again, unless somebody took it: ${waiting.slice(0, NAMED).join(", ")}.`);
  }
  const held = (await locksOf(tx, self.id)).filter((lock) => lock.tree === null);
  const coming = (await lostOf(tx, self.id)).filter((row) => row.kind === "lock")
    .map((row) => (JSON.parse(row.detail) as { shown: string }).shown);
  const reserved = [...held.map((lock) => lock.shown), ...coming];
  if (reserved.length > 0) {
    lines.push(`You have reserved ${reserved.slice(0, NAMED).join(", ")}.`);
  }
  const none = { has: () => false, unmarked: 0 };
  const unread = await countUnread(tx, self.id, incarnation ?? "", 1_000, none);
  if (unread > 0) lines.push(`${unread} unread: it comes with your next step, or call check.`);
  return lines;
}

function quoted(text: string): string {
  return JSON.stringify(excerpt(text, SUMMARY_CHARS));
}
