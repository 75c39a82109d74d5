// What `skein doctor` finds of the installation: whether it is of this version and for this home, and
// whether what it put in is still there.

import { dirname, join } from "@std/path";
import { onPath } from "../agent/command.ts";
import { shellWord } from "../core/shellword.ts";
import { VERSION } from "../core/version.ts";
import { readText } from "./files.ts";
import { runnerPath } from "./launcher.ts";
import { type Installed, installedAt } from "./note.ts";
import { commandPath, type Places } from "./places.ts";
import { namesMarket, PLUGIN, settingsIn } from "./registration.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  readonly state: "ok" | "note" | "fault";
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}

const AGAIN = "Run: skein install";

/** The findings about the installation for Claude Code. */
export function installation(places: Places, home: string): Finding[] {
  const note = installedAt(places);
  if (note === null) {
    const text = "skein is not installed for Claude Code";
    return [{ what: "installation", state: "note", text, remedy: AGAIN }];
  }
  const found: Finding[] = [];
  if (note.version !== VERSION) {
    const text = `version ${note.version} is installed, this is ${VERSION}`;
    found.push({ what: "installation", state: "fault", text, remedy: AGAIN });
  }
  if (note.home !== home) {
    const text = `it is installed for the home ${note.home}, but this one is ${home}`;
    const remedy = `Run: SKEIN_HOME=${shellWord(home)} skein install`;
    found.push({ what: "installation", state: "fault", text, remedy });
  }
  found.push(...note.settings.map(registration), ...marketplace(note));
  return [...found, server(places, note), command(places, note)];
}

/** Whether a settings file still names the plugin. */
function registration(path: string): Finding {
  const what = "registration";
  let enabled: unknown;
  try {
    const settings = settingsIn(path);
    enabled = (settings["enabledPlugins"] as Record<string, unknown> | undefined)?.[PLUGIN];
  } catch {
    const text = `${path} is no JSON: Claude Code reads nothing of it`;
    return { what, state: "fault", text, remedy: `Mend it by hand. ${AGAIN}` };
  }
  if (enabled === true) return { what, state: "ok", text: `${path} names the plugin` };
  if (enabled === false) {
    const text = `${path} has the plugin switched off`;
    return { what, state: "note", text, remedy: `${AGAIN}, or: claude plugin enable ${PLUGIN}` };
  }
  return { what, state: "fault", text: `${path} does not name the plugin any more`, remedy: AGAIN };
}

/** A fault where no settings say any more where the plugin is; those that name it may be another file. */
function marketplace({ settings, markets = [] }: Installed): Finding[] {
  const files = [...settings, ...markets];
  const named = files.some((path) => {
    try {
      return namesMarket(settingsIn(path));
    } catch {
      // That it is no JSON is a finding of its own, if it names the plugin.
      return false;
    }
  });
  if (named) return [];
  const text = `nothing says where the plugin is any more: ${files.join(", ")}`;
  return [{ what: "marketplace", state: "fault", text, remedy: AGAIN }];
}

/** Whether what the client starts is there. */
function server(places: Places, { deno }: Installed): Finding {
  const path = join(places.data, "marketplace", "plugins", "skein", ".mcp.json");
  const wanted: string[] = [];
  try {
    const entry = JSON.parse(readText(path) ?? "").mcpServers.skein;
    wanted.push(entry.command, entry.args.find((arg: string) => arg.endsWith("/main.js")));
  } catch {
    return { what: "server", state: "fault", text: `${path} is gone or torn`, remedy: AGAIN };
  }
  const gone = wanted.find((one) => one === undefined || !exists(one));
  if (gone !== undefined) {
    const text = `a program of the server is gone: ${gone}`;
    return { what: "server", state: "fault", text, remedy: AGAIN };
  }
  if (deno === undefined || !wanted.includes(runnerPath(places)) || exists(deno)) {
    const runs = [deno ?? wanted[0], wanted[1]].join(" ");
    return { what: "server", state: "ok", text: `runs ${runs}` };
  }
  const text = `the Deno that it was installed with is gone: ${deno}`;
  return onPath("deno")
    ? { what: "server", state: "note", text: `${text}; it runs the one on the PATH`, remedy: AGAIN }
    : {
      what: "server",
      state: "fault",
      text: `${text}, and there is no other on the PATH`,
      remedy: `Install Deno (https://deno.com). ${AGAIN}`,
    };
}

/** Whether the installed command can be run: hooks at a session's start and waiters are it, too. */
function command(places: Places, note: Installed): Finding {
  const path = note.launcher ?? commandPath(places);
  const mode = exists(path) ? Deno.statSync(path).mode ?? 0o755 : 0;
  if ((mode & 0o100) !== 0) {
    if (onPath("skein")) return { what: "command", state: "ok", text: path };
    const remedy = `To call it yourself: export PATH=${shellWord(dirname(path))}:"$PATH"`;
    return { what: "command", state: "note", text: `${path}, which is not on the PATH`, remedy };
  }
  const text = `${path} is gone or cannot be run`;
  return { what: "command", state: "fault", text, remedy: AGAIN };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
