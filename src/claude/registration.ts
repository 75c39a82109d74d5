// What skein says in the settings of Claude Code, and how it is taken out again: where the plugin is,
// that it is switched on, and, where the user asked for it, that its tools need no permission.

import { Refusal } from "../core/errors.ts";
import { type Change, notOurs, readText } from "./files.ts";
import { type Json, JsonText, UnfitJson } from "./jsontext.ts";
import { asBefore, furtherUndo, type Installed, type Undo } from "./note.ts";
import { NAME } from "./plugin.ts";

/** How settings name a plugin of a marketplace. */
export const PLUGIN = `${NAME}@${NAME}`;
/** Tools of the plugin, as a rule of permissions. */
export const TOOLS_RULE = `mcp__plugin_${NAME}_${NAME}`;

const [MARKETS, PLUGINS, PERMISSIONS, ALLOW] = [
  "extraKnownMarketplaces",
  "enabledPlugins",
  "permissions",
  "allow",
];

/** What a settings file is to say. */
export interface Wanted {
  readonly path: string;
  /** The folder of the marketplace, which is one user's; null in a file that others share. */
  readonly market: string | null;
  readonly enable: boolean;
  readonly trustTools: boolean;
}

/** A settings file with what is wanted, and what is to be written down of it. */
export interface Registered {
  readonly change: Change;
  /** Whether the rule of permissions is ours. */
  readonly rule: boolean;
  /** Parts that were not there before. */
  readonly made: readonly string[];
  readonly undo: Undo | null;
}

/**
 * A settings file with what is wanted put in.
 * @throws Refusal `INVALID_INPUT` when it is not understood
 */
export function registered(
  wanted: Wanted,
  before: string | null,
  note: Installed | null,
): Registered {
  const { path } = wanted;
  return understood(path, () => {
    const text = new JsonText(before);
    const was = text.value();
    const missing = [MARKETS, PLUGINS, PERMISSIONS].filter((part) => was[part] === undefined);
    if ((was[PERMISSIONS] as Json | undefined)?.[ALLOW] === undefined) missing.push(ALLOW);
    const made = [
      ...(before === null ? [path] : []),
      ...missing.map((part) => `${path}#${part}`),
    ];
    if (wanted.market !== null) {
      text.put([MARKETS, NAME], { source: { source: "directory", path: wanted.market } });
    }
    if (wanted.enable) text.put([PLUGINS, PLUGIN], true);
    const rule = wanted.trustTools && !namesRule(was);
    if (rule) text.add([PERMISSIONS, ALLOW], TOOLS_RULE);
    const after = text.undo.length > 0 ? text.text : before;
    const undo = note?.undo?.[path];
    const known = [...note?.settings ?? [], ...note?.markets ?? []].includes(path);
    return {
      change: { path, before, after },
      rule,
      made,
      undo: after === before ? undo ?? null : furtherUndo(
        { text: before ?? "", undo, untouched: !known || !namesUs(was) },
        { text: text.text, edits: text.undo },
      ),
    };
  });
}

/**
 * A settings file without what is ours; none at all where it was made for that alone.
 * @throws Refusal `INVALID_INPUT` when it is not understood
 */
export function unregistered(path: string, before: string, note: Installed): Change {
  return understood(path, () => {
    const made = (part: string): boolean => note.made.includes(`${path}#${part}`);
    const whole = asBefore(before, note.undo?.[path]);
    const text = new JsonText(whole ?? before);
    if (whole === null) {
      for (const [part, entry] of [[MARKETS, NAME], [PLUGINS, PLUGIN]] as const) {
        text.drop([part, entry]);
        if (made(part) && isEmpty(text.value()[part])) text.drop([part]);
      }
      if (note.rule.includes(path)) {
        text.dropFrom([PERMISSIONS, ALLOW], TOOLS_RULE);
        const allow = (): unknown => (text.value()[PERMISSIONS] as Json | undefined)?.[ALLOW];
        if (made(ALLOW) && isEmpty(allow())) text.drop([PERMISSIONS, ALLOW]);
        if (made(PERMISSIONS) && isEmpty(text.value()[PERMISSIONS])) text.drop([PERMISSIONS]);
      }
    }
    const gone = note.made.includes(path) && isEmpty(text.value());
    return { path, before, after: gone ? null : whole ?? text.text };
  });
}

/** What is to be added by hand where a file cannot be written. */
export function linesOf({ market, enable, trustTools }: Wanted): string {
  return JSON.stringify({
    ...(market === null
      ? {}
      : { [MARKETS]: { [NAME]: { source: { source: "directory", path: market } } } }),
    ...(enable ? { [PLUGINS]: { [PLUGIN]: true } } : {}),
    ...(trustTools ? { [PERMISSIONS]: { [ALLOW]: [TOOLS_RULE] } } : {}),
  });
}

/** What is to be taken out by hand where a file cannot be written. */
export function entriesIn(path: string, note: Installed | null): string {
  const rule = note?.rule.includes(path) === true
    ? [`${TOOLS_RULE} in ${PERMISSIONS}.${ALLOW}`]
    : [];
  return [`${NAME} in ${MARKETS}`, `${PLUGIN} in ${PLUGINS}`, ...rule].join(", ");
}

/** What a settings file says; it throws where that is not understood. */
export function settingsIn(path: string): Json {
  return new JsonText(readText(path)).value();
}

/** Whether settings say where the plugin is. */
export function namesMarket(settings: Json): boolean {
  return (settings[MARKETS] as Json | undefined)?.[NAME] !== undefined;
}

function namesRule(settings: Json): boolean {
  const allow = (settings[PERMISSIONS] as Json | undefined)?.[ALLOW];
  return Array.isArray(allow) && allow.includes(TOOLS_RULE);
}

function namesUs(settings: Json): boolean {
  const has = (part: string, entry: string): boolean =>
    (settings[part] as Json | undefined)?.[entry] !== undefined;
  return namesMarket(settings) || has(PLUGINS, PLUGIN) || namesRule(settings);
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function understood<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (thrown) {
    if (thrown instanceof Refusal || !(thrown instanceof UnfitJson)) throw thrown;
    throw notOurs(path, thrown.message);
  }
}
