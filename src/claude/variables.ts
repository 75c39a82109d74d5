// Variables that keep a session's server from starting: those of this process, and those that the
// client's settings put into every session. Without its server a session has hooks that let everything
// through and no mail, and nothing in it says why.

import { join } from "@std/path";
import { faultsOf, type Reading } from "../node/settings.ts";
import type { Finding } from "./installation.ts";
import type { Places } from "./places.ts";
import { settingsIn } from "./registration.ts";

type Env = Readonly<Record<string, string | undefined>>;

const STOPPED = "no server starts with it, and the hooks let everything through";

/** What stands in the way of a server. `reading` is that of this process's environment. */
export function variables(
  reading: Reading,
  env: Env,
  cwd: string,
  places: Places | null,
): Finding[] {
  const found = reading.faults.map(({ message, hint }): Finding => ({
    what: "variables",
    state: "fault",
    text: `${message}: ${STOPPED}`,
    remedy: hint,
  }));
  for (const path of places === null ? [] : settingsFiles(places)) {
    const given = variablesIn(path);
    for (const { message, hint, details } of faultsOf({ ...env, ...given }, cwd).faults) {
      if (given[String(details["field"])] === undefined) continue;
      const text = `${message} (env in ${path}): ${STOPPED}`;
      found.push({ what: "variables", state: "fault", text, remedy: hint });
    }
  }
  return found;
}

/** The settings that the client reads here. */
function settingsFiles(places: Places): string[] {
  const own = join(places.project, ".claude");
  return [
    join(places.claude, "settings.json"),
    join(own, "settings.json"),
    join(own, "settings.local.json"),
  ];
}

/** The variables that a settings file gives to sessions; none where it is not understood. */
function variablesIn(path: string): Record<string, string> {
  try {
    const { env } = settingsIn(path);
    if (typeof env !== "object" || env === null) return {};
    return Object.fromEntries(
      Object.entries(env).filter((one): one is [string, string] => typeof one[1] === "string"),
    );
  } catch {
    // What is wrong with the file itself is another finding.
    return {};
  }
}
