// Installing: the bundle, the command, and the plugin that tells Claude Code about both. What was put
// in is written down, so that uninstalling takes out exactly that. Run again it changes nothing. The
// settings come last and at once: Claude Code writes them, too.

import { dirname, isAbsolute, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { shellWord } from "../core/shellword.ts";
import { VERSION } from "../core/version.ts";
import { alone, apply, type Change, changeShared, readText, refuseUnwritable } from "./files.ts";
import { missingFolders } from "./folders.ts";
import {
  COMMAND_FLAGS,
  launcherText,
  MARK,
  RUN_FLAGS,
  runnerPath,
  serverFlags,
  V8_FLAGS,
} from "./launcher.ts";
import { type Installed, installedAt, noteFile } from "./note.ts";
import { commandPath, type Places } from "./places.ts";
import { marketplaceFiles, type ServerCommand, type SlashCommand } from "./plugin.ts";
import { programFolder, removePrograms } from "./programs.ts";
import { linesOf, type Registered, registered, type Wanted } from "./registration.ts";
import { keepDeno, stayingDeno } from "./runtime.ts";
import { WAKE_FOLDER } from "./wakefiles.ts";

export const SCOPES = ["user", "project", "local"] as const;
export type Scope = typeof SCOPES[number];

export interface InstallOptions {
  readonly scope: Scope;
  /** Whether the plugin's tools are allowed without being asked for. */
  readonly trustTools: boolean;
  readonly dryRun: boolean;
}

/** The program's own files, as they are to be installed. */
export interface Bundle {
  /** File name to content. */
  readonly files: ReadonlyMap<string, string>;
  /** Changes with the content. */
  readonly id: string;
}

/** Installs, or says what it would change. `deno` is the program that the command is to run. */
export async function install(
  places: Places,
  options: InstallOptions,
  bundle: Bundle,
  commands: readonly SlashCommand[],
  deno: string,
): Promise<readonly Change[]> {
  refuseUnfit(places);
  refuseOthersCommand(commandPath(places));
  const staying = stayingDeno(places.data, deno, Deno.version.deno);
  const all = wantedOf(places, options);
  const before = installedAt(places);
  for (const wanted of all) refuseSettings(wanted, before);
  const program = (): Change[] => programChanges(places, bundle, commands, staying);
  if (options.dryRun) {
    let note = noteBase(places, staying, before, []);
    const settings = all.map((wanted) => {
      const one = registered(wanted, readText(wanted.path), note);
      note = noted(note, wanted, one);
      return one.change;
    });
    return [...program(), noteChange(places, note), ...settings];
  }
  return await alone(places.data, (made) => {
    const folders = all.map(({ path }) => dirname(path));
    const missing = [...made, ...missingFolders([places.bin, ...folders])];
    const changes = program();
    keepDeno(deno, staying);
    apply(changes);
    for (const path of [commandPath(places), runnerPath(places)]) Deno.chmodSync(path, 0o755);
    const settings = register(places, all, noteBase(places, staying, installedAt(places), missing));
    removePrograms(places.data, programFolder(places.data, bundle.id));
    return Promise.resolve([...changes, ...settings]);
  });
}

/** What the settings are to say, file by file. */
function wantedOf(places: Places, { scope, trustTools }: InstallOptions): Wanted[] {
  const market = marketOf(places);
  const user = join(places.claude, "settings.json");
  const own = (name: string): string => join(places.project, ".claude", name);
  if (scope === "user") return [{ path: user, market, enable: true, trustTools }];
  // A project's settings are everybody's who works on it, and where the plugin is, is each one's own.
  // Nor does the client take that from a project that its human was not asked about.
  const name = scope === "project" ? "settings.json" : "settings.local.json";
  return [
    { path: user, market, enable: false, trustTools: false },
    { path: own(name), market: null, enable: true, trustTools },
  ];
}

function marketOf(places: Places): string {
  return join(places.data, "marketplace");
}

/** Settings that are not understood, or cannot be written, are refused before anything is written. */
function refuseSettings(wanted: Wanted, note: Installed | null): void {
  const { change } = registered(wanted, readText(wanted.path), note);
  if (change.before === change.after) return;
  refuseUnwritable(
    wanted.path,
    `Add this to it yourself, then run skein install again: ${
      linesOf(wanted)
    } Nothing was changed.`,
  );
}

/** Puts what is wanted into the settings, each written down before. */
function register(places: Places, all: readonly Wanted[], base: Installed): Change[] {
  let note = base;
  const changes: Change[] = [];
  const before = readText(noteFile(places));
  for (const wanted of all) {
    const known = note;
    const { change } = changeShared(
      wanted.path,
      (text) => registered(wanted, text, known),
      (one) => {
        // Whoever is killed in between can still take out what is in.
        note = noted(known, wanted, one);
        apply([noteChange(places, note)]);
      },
    );
    changes.push(change);
  }
  return [{ path: noteFile(places), before, after: noteText(note) }, ...changes];
}

function noteText(note: Installed): string {
  return `${JSON.stringify(note, null, 2)}\n`;
}

function noteChange(places: Places, note: Installed): Change {
  const path = noteFile(places);
  return { path, before: readText(path), after: noteText(note) };
}

/** The note without what is new in the settings. */
function noteBase(
  places: Places,
  deno: string,
  before: Installed | null,
  folders: readonly string[],
): Installed {
  return {
    version: VERSION,
    home: places.home,
    launcher: commandPath(places),
    deno,
    settings: before?.settings ?? [],
    markets: before?.markets ?? [],
    rule: before?.rule ?? [],
    made: sorted([...before?.made ?? [], ...folders]),
    undo: before?.undo ?? {},
  };
}

/** The note with one more settings file. */
function noted(note: Installed, { path, enable }: Wanted, one: Registered): Installed {
  const { settings, markets = [], rule, made, undo = {} } = note;
  const known = [...settings, ...markets].includes(path);
  const { [path]: _, ...others } = undo;
  return {
    ...note,
    settings: sorted([...settings, ...(enable ? [path] : [])]),
    markets: sorted([...markets, path]).filter((one) =>
      one !== path || (!enable && !settings.includes(path))
    ),
    rule: sorted([...rule, ...(one.rule ? [path] : [])]),
    // What a first installation made is still ours after the second.
    made: sorted([...made, ...(known ? [] : one.made)]),
    undo: one.undo === null ? others : { ...others, [path]: one.undo },
  };
}

function sorted(list: readonly string[]): string[] {
  return [...new Set(list)].sort();
}

/** The program, the command and the plugin: all that is ours alone. */
function programChanges(
  places: Places,
  bundle: Bundle,
  commands: readonly SlashCommand[],
  deno: string,
): Change[] {
  const app = programFolder(places.data, bundle.id);
  const entry = join(app, "main.js");
  const launcher = commandPath(places);
  const server: ServerCommand = {
    command: runnerPath(places),
    args: ["run", ...RUN_FLAGS, V8_FLAGS, ...serverFlags(places), entry, "mcp"],
    env: { SKEIN_INSTALLED_HOME: places.home, SKEIN_COMMAND: launcher },
  };
  const market = marketOf(places);
  const changes: Change[] = [];
  const put = (path: string, after: string | null): void => {
    changes.push({ path, before: readText(path), after });
  };
  for (const [name, content] of bundle.files) put(join(app, name), content);
  put(runnerPath(places), launcherText(deno, []));
  put(launcher, launcherText(deno, ["run", ...RUN_FLAGS, ...COMMAND_FLAGS, entry]));
  const before = installedAt(places)?.launcher ?? launcher;
  // Of one that was put elsewhere nobody would know.
  if (before !== launcher && readText(before)?.includes(MARK) === true) put(before, null);
  const wake = shellWord(join(places.home, WAKE_FOLDER));
  for (const [name, text] of marketplaceFiles(server, shellWord(launcher), wake, commands)) {
    put(join(market, name), text);
  }
  for (const path of filesBelow(market)) {
    if (!changes.some((change) => change.path === path)) put(path, null);
  }
  return changes;
}

/** Paths in flags of permission are separated by commas, which nothing escapes, and read in any folder. */
function refuseUnfit(places: Places): void {
  const command = commandPath(places);
  for (const [field, path] of [["SKEIN_HOME", places.home], ["SKEIN_BIN", command]] as const) {
    if (isAbsolute(path) && !path.includes(",")) continue;
    const why = path.includes(",") ? "has a comma" : "is not absolute";
    throw new Refusal("INVALID_INPUT", `${path} ${why}: the server's permissions cannot name it`, {
      field,
      hint: `Set ${field} to an absolute path without a comma. Nothing was changed.`,
    });
  }
}

/** Every file below a folder that is ours alone. */
function filesBelow(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
      isDirectory ? filesBelow(join(folder, name)) : [join(folder, name)]
    );
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return [];
    throw thrown;
  }
}

/** A command of this name that somebody else put there stays. */
function refuseOthersCommand(launcher: string): void {
  const text = readText(launcher);
  if (text === null || text.includes(MARK)) return;
  throw new Refusal("INVALID_INPUT", `${launcher} is there already, and not skein's`, {
    field: "bin",
    hint: "Move it away, or set SKEIN_BIN to another folder.",
  });
}

/** The folder a bundle runs from, when this very program is one. */
export function ownBundle(entry: string): Bundle | null {
  if (!entry.endsWith("/main.js")) return null;
  const folder = dirname(entry);
  const files = new Map<string, string>();
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (isFile) files.set(name, Deno.readTextFileSync(join(folder, name)));
  }
  return { files, id: folder.split("app-").at(-1) ?? "own" };
}
