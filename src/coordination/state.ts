// What skein wrote last into a mirror: `.skein.json` there. It is written before the files (with
// the hashes they had and those they will have) and after (with those they have), so a kill in
// between makes nobody's text a stranger's.

import { LIMITS } from "../core/limits.ts";
import type { Folder } from "./folder.ts";

export const STATE = ".skein.json";

export interface State {
  /** Which store it mirrors, and which project of it. */
  readonly store: string;
  readonly project: string;
  /** The journal row up to which the files tell everything; -1 if a pass was broken off. */
  readonly seq: number;
  /** Hashes that a file of skein's may have. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** The findings as skein wrote them last, or may have. */
  readonly findings: readonly string[];
  /** Up to where the logs are written. */
  readonly logged: number;
}

/** Reads it; null if there is none, or none that skein wrote. */
export function readState(folder: Folder): State | null {
  const text = folder.has(STATE) ? folder.read(STATE, LIMITS.importBytes) : null;
  if (text === null) return null;
  try {
    const state = JSON.parse(text) as Partial<State>;
    const { store, project, seq, files, findings, logged } = state;
    const whole = typeof store === "string" && typeof project === "string" &&
      typeof seq === "number" && typeof logged === "number" && Array.isArray(findings) &&
      typeof files === "object" && files !== null && Object.values(files).every(Array.isArray);
    return whole ? state as State : null;
  } catch {
    // Somebody edited it: then nothing is known to be skein's, and everything is kept.
    return null;
  }
}

export function writeState(folder: Folder, state: State): void {
  const note = "What skein wrote last. Not for editing: without it nothing here is skein's.";
  const text = `${JSON.stringify({ note, ...state })}\n`;
  folder.exchange(STATE, text);
}
