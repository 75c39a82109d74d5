// What a session waits for at its own terminal: its human's permission, or an answer. Only its client
// knows; its hooks tell (waiting.ts). It belongs to one life of the peer, so that nothing has to be
// cleared when that life ends without a word.

import type { PeerRow } from "./table.ts";

/** What stands in the peer's row, as JSON. */
export interface StoredWait {
  readonly incarnation: string;
  readonly since: string;
  readonly tool: string;
  readonly where: string | null;
  readonly unsure: boolean;
}

/** A wait, as it is shown. */
export interface Waits {
  readonly since: string;
  /** For what, where to answer, and whether that is certain. */
  readonly text: string;
}

/** Tools of Claude Code that ask for something else than to be used. */
const ASKS: Readonly<Record<string, string>> = {
  AskUserQuestion: "for an answer to its question",
  ExitPlanMode: "for a yes to its plan",
};

/** What a live peer waits for; null if nothing is known of it. */
export function waitsOf(
  peer: Pick<PeerRow, "waits" | "incarnation" | "folder">,
): Waits | null {
  if (peer.waits === null) return null;
  const { incarnation, since, tool, where, unsure } = JSON.parse(peer.waits) as StoredWait;
  if (incarnation !== peer.incarnation) return null;
  const what = ASKS[tool] ?? `for permission to use ${tool}`;
  const place = where === null ? "" : `, ${where}`;
  const doubt = unsure ? "; it may have got it since" : "";
  return { since, text: `waits ${what}, at its terminal (${peer.folder}${place})${doubt}` };
}
