// The note of what was put in, so that uninstalling takes out exactly that.

import { join } from "@std/path";
import { sha256 } from "../core/digest.ts";
import { readText } from "./files.ts";
import { type Edit, undone } from "./jsontext.ts";
import { commandPath, type Places } from "./places.ts";

/** How a settings file comes back to what it was, for as long as nobody else has written it. */
export interface Undo {
  /** Digest of the text as we left it. */
  readonly left: string;
  readonly edits: readonly Edit[];
}

/** What is written down of an installation. */
export interface Installed {
  readonly version: string;
  readonly home: string;
  /** Where the command is; older notes do not say. */
  readonly launcher?: string;
  /** The Deno that it runs; older notes do not say. */
  readonly deno?: string;
  /** Settings files that name the plugin. */
  readonly settings: readonly string[];
  /** Settings files that say no more than where the plugin is. */
  readonly markets?: readonly string[];
  /** Whether the rule of permissions was ours. */
  readonly rule: readonly string[];
  /** What was not there before, as `path#part`; a path alone is the file itself, `path/` a folder. */
  readonly made: readonly string[];
  /** By settings file. */
  readonly undo?: Readonly<Record<string, Undo>>;
}

export const NOTE = "installed.json";

export function noteFile(places: Places): string {
  return join(places.data, NOTE);
}

/** What is installed, if anything. */
export function installedAt(places: Places): Installed | null {
  const text = readText(noteFile(places));
  if (text === null) return null;
  try {
    return JSON.parse(text) as Installed;
  } catch {
    // Torn by something that is not us: installing again writes it anew.
    return null;
  }
}

/** The installed command: where it was put, else where it would be. */
export function installedCommand(places: Places): string {
  return installedAt(places)?.launcher ?? commandPath(places);
}

/** The text as it was before us; null where somebody else has written since. */
export function asBefore(text: string, undo: Undo | undefined): string | null {
  return undo !== undefined && undo.left === sha256(text) ? undone(text, undo.edits) : null;
}

/** The undo of a text after more edits; null where what was before them is not known any more. */
export function furtherUndo(
  before: { readonly text: string; readonly undo: Undo | undefined; readonly untouched: boolean },
  after: { readonly text: string; readonly edits: readonly Edit[] },
): Undo | null {
  const left = sha256(after.text);
  if (before.undo !== undefined && before.undo.left === sha256(before.text)) {
    return { left, edits: [...after.edits, ...before.undo.edits] };
  }
  return before.untouched ? { left, edits: after.edits } : null;
}
