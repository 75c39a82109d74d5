// Installing: the bundle, the command, and the plugin that tells Claude Code about both. What was put
// in is written down, so that uninstalling takes out exactly that. Run again it changes nothing.

import { dirname, isAbsolute, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { shellWord } from "../core/shellword.ts";
import { VERSION } from "../core/version.ts";
import { alone, apply, type Change, changedJson, inside, type Json, readText } from "./files.ts";
import { missingFolders } from "./folders.ts";
import { programFolder, removePrograms } from "./programs.ts";
import { keepDeno, stayingDeno } from "./runtime.ts";
import { WAKE_FOLDER } from "./wakefiles.ts";
import { marketplaceFiles, NAME, type ServerCommand, type SlashCommand } from "./plugin.ts";

export const SCOPES = ["user", "project", "local"] as const;
export type Scope = typeof SCOPES[number];
/** How settings name a plugin of a marketplace. */
export const PLUGIN = `${NAME}@${NAME}`;
/** Tools of the plugin, as a rule of permissions. */
export const TOOLS_RULE = `mcp__plugin_${NAME}_${NAME}`;

/** Where everything goes. */
export interface Places {
  /** Bundle, marketplace and the note of what was installed. */
  readonly data: string;
  /** The folder of commands, on the user's PATH. */
  readonly bin: string;
  /** Claude Code's own folder. */
  readonly claude: string;
  /** The store's home, to which alone the server may write. */
  readonly home: string;
  /** The project, for scopes other than the user's. */
  readonly project: string;
}

export interface InstallOptions {
  readonly scope: Scope;
  /** Whether the plugin's tools are allowed without being asked for. */
  readonly trustTools: boolean;
  readonly dryRun: boolean;
}

/** What is written down of an installation. */
export interface Installed {
  readonly version: string;
  readonly home: string;
  /** Settings files that name the plugin. */
  readonly settings: readonly string[];
  /** Whether the rule of permissions was ours. */
  readonly rule: readonly string[];
  /** What was not there before, as `path#part`; a path alone is the file itself, `path/` a folder. */
  readonly made: readonly string[];
}

/**
 * The places that the environment names.
 * @throws Refusal `INVALID_INPUT` naming the variable
 */
export function placesOf(env: Readonly<Record<string, string | undefined>>, cwd: string): Places {
  refuseRelative(env);
  const user = env["HOME"] ?? env["USERPROFILE"];
  if (user === undefined || user === "") {
    throw new Refusal("INVALID_INPUT", "HOME is not set", {
      field: "HOME",
      hint: "Set HOME to your home folder, then call again.",
    });
  }
  const share = env["XDG_DATA_HOME"] || join(user, ".local", "share");
  return {
    data: join(share, NAME),
    bin: env["SKEIN_BIN"] || join(user, ".local", "bin"),
    claude: env["CLAUDE_CONFIG_DIR"] || join(user, ".claude"),
    home: env["SKEIN_HOME"] || join(user, ".skein"),
    project: cwd,
  };
}

/** A relative path would be another one in every folder, and stand in what is installed. */
function refuseRelative(env: Readonly<Record<string, string | undefined>>): void {
  const names = ["HOME", "XDG_DATA_HOME", "SKEIN_BIN", "CLAUDE_CONFIG_DIR", "SKEIN_HOME"] as const;
  for (const field of names) {
    const path = env[field];
    if (path === undefined || path === "" || isAbsolute(path)) continue;
    throw new Refusal("INVALID_INPUT", `${field}=${path} is not absolute`, {
      field,
      hint: `Set ${field} to an absolute path. Nothing was changed.`,
    });
  }
}

/** The installed command. */
export function commandPath(places: Places): string {
  return join(places.bin, NAME);
}

/** What the server may do: read, write to its home, loopback, and run git and skein. */
export function serverFlags(places: Places): string[] {
  return [
    "--allow-read",
    `--allow-write=${places.home}`,
    "--allow-env",
    "--allow-net=127.0.0.1",
    "--allow-sys=hostname,osUptime,uid,gid,osRelease,systemMemoryInfo,statfs",
    `--allow-run=git,ps,${join(places.bin, NAME)}`,
  ];
}

/** What the command may do: it installs, spawns and mirrors, too. */
export const COMMAND_FLAGS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-net=127.0.0.1",
  "--allow-sys",
  "--allow-run",
];
const RUN_FLAGS = [
  "--no-check",
  "--quiet",
  "--no-config",
  "--no-lock",
  "--no-prompt",
  // A request is aborted when its caller goes, and not by being answered.
  "--unstable-no-legacy-abort",
];
/** A session's young generation is small: memory is what every session pays. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

/** The program's own files, as they are to be installed. */
export interface Bundle {
  /** File name to content. */
  readonly files: ReadonlyMap<string, string>;
  /** Changes with the content. */
  readonly id: string;
}

interface Plan {
  readonly changes: readonly Change[];
  readonly note: Installed;
}

/** Everything that installing writes. */
function planOf(
  places: Places,
  options: InstallOptions,
  bundle: Bundle,
  commands: readonly SlashCommand[],
  { deno, folders }: { readonly deno: string; readonly folders: readonly string[] },
): Plan {
  refuseUnfit(places);
  const app = programFolder(places.data, bundle.id);
  const entry = join(app, "main.js");
  const run = [deno, "run", ...RUN_FLAGS];
  const server: ServerCommand = {
    command: deno,
    args: ["run", ...RUN_FLAGS, V8_FLAGS, ...serverFlags(places), entry, "mcp"],
    env: { SKEIN_INSTALLED_HOME: places.home, SKEIN_COMMAND: join(places.bin, NAME) },
  };
  const launcher = commandPath(places);
  refuseOthersCommand(launcher);
  const market = join(places.data, "marketplace");
  const changes: Change[] = [];
  const put = (path: string, after: string): void => {
    changes.push({ path, before: readText(path), after });
  };
  for (const [name, content] of bundle.files) put(join(app, name), content);
  put(launcher, launcherText([...run, ...COMMAND_FLAGS, entry]));
  for (
    const [name, content] of marketplaceFiles(
      server,
      shellWord(launcher),
      shellWord(join(places.home, WAKE_FOLDER)),
      commands,
    )
  ) {
    put(join(market, name), content);
  }
  for (const path of filesBelow(market)) {
    if (!changes.some((change) => change.path === path)) {
      changes.push({ path, before: readText(path), after: null });
    }
  }
  const before = installedAt(places);
  const settings = settingsFile(places, options.scope);
  let rule = false;
  const made = readText(settings) === null ? [settings] : [];
  changes.push(changedJson(settings, (json) => {
    const parts = ["extraKnownMarketplaces", "enabledPlugins", "permissions"];
    made.push(
      ...parts.filter((part) => json[part] === undefined).map((part) => `${settings}#${part}`),
    );
    const allow = (json["permissions"] as Json | undefined)?.["allow"];
    if (allow === undefined) made.push(`${settings}#allow`);
    inside(json, "extraKnownMarketplaces")[NAME] = {
      source: { source: "directory", path: market },
    };
    inside(json, "enabledPlugins")[PLUGIN] = true;
    if (options.trustTools) rule = addRule(json);
  }));
  const note: Installed = {
    version: VERSION,
    home: places.home,
    settings: [...new Set([...before?.settings ?? [], settings])].sort(),
    rule: [...new Set([...before?.rule ?? [], ...(rule ? [settings] : [])])].sort(),
    // What a first installation made is still ours after the second.
    made: [
      ...new Set([
        ...before?.made ?? [],
        ...(before?.settings.includes(settings) === true ? [] : made),
        ...folders,
      ]),
    ].sort(),
  };
  // Before the settings that it is about: who is killed in between can still take out what is in.
  const last = changes.splice(-1);
  put(noteFile(places), `${JSON.stringify(note, null, 2)}\n`);
  return { changes: [...changes, ...last], note };
}

/** Paths in flags of permission are separated by commas, which nothing escapes. */
function refuseUnfit(places: Places): void {
  const command = commandPath(places);
  for (const [field, path] of [["SKEIN_HOME", places.home], ["SKEIN_BIN", command]] as const) {
    if (!path.includes(",")) continue;
    throw new Refusal(
      "INVALID_INPUT",
      `${path} has a comma: the server's permissions cannot name it`,
      {
        field,
        hint: `Set ${field} to a path without a comma. Nothing was changed.`,
      },
    );
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

export const MARK = "# made by skein install";

/** A command of this name that somebody else put there stays. */
function refuseOthersCommand(launcher: string): void {
  const text = readText(launcher);
  if (text === null || text.includes(MARK)) return;
  throw new Refusal("INVALID_INPUT", `${launcher} is there already, and not skein's`, {
    field: "bin",
    hint: "Move it away, or set SKEIN_BIN to another folder.",
  });
}

function addRule(json: Json): boolean {
  const permissions = inside(json, "permissions");
  const allow = permissions["allow"] ?? [];
  if (!Array.isArray(allow)) {
    throw new Refusal("INVALID_INPUT", "the settings' permissions.allow is no list", {
      field: "settings",
      hint: "Mend the file by hand, then run this again. Nothing was changed.",
    });
  }
  if (allow.includes(TOOLS_RULE)) return false;
  permissions["allow"] = [...allow, TOOLS_RULE];
  return true;
}

function settingsFile(places: Places, scope: Scope): string {
  if (scope === "user") return join(places.claude, "settings.json");
  const name = scope === "project" ? "settings.json" : "settings.local.json";
  return join(places.project, ".claude", name);
}

function noteFile(places: Places): string {
  return join(places.data, "installed.json");
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

function launcherText(command: readonly string[]): string {
  return `#!/bin/sh\n${MARK}\nexec ${command.map(shellWord).join(" ")} "$@"\n`;
}

/** Installs, or says what it would change. `deno` is the program that the command is to run. */
export async function install(
  places: Places,
  options: InstallOptions,
  bundle: Bundle,
  commands: readonly SlashCommand[],
  deno: string,
): Promise<readonly Change[]> {
  const staying = stayingDeno(places.data, deno, Deno.version.deno);
  const settings = settingsFile(places, options.scope);
  const plan = (folders: readonly string[]): Plan =>
    planOf(places, options, bundle, commands, { deno: staying, folders });
  if (options.dryRun) return plan([]).changes;
  return await alone(places.data, (made) => {
    const { changes } = plan([...made, ...missingFolders([places.bin, dirname(settings)])]);
    keepDeno(deno, staying);
    apply(changes);
    Deno.chmodSync(join(places.bin, NAME), 0o755);
    removePrograms(places.data, programFolder(places.data, bundle.id));
    return Promise.resolve(changes);
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
