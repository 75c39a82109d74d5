// Installing for a user that is only a folder: settings as the test wants them, places of its own, a
// program of one file. As a script of its own it installs once, so that many can do so at a time.

import { join } from "@std/path";
import type { Change } from "../../src/claude/files.ts";
import { type Bundle, install, type InstallOptions } from "../../src/claude/install.ts";
import type { Places } from "../../src/claude/places.ts";
import { uninstall } from "../../src/claude/uninstall.ts";
import { withTempFolder } from "../support/temp.ts";

/** More than a text has. */
const LARGE_BYTES = 1_000_000;

const COMMANDS = [{
  name: "lead",
  description: "Lead",
  hint: "<goal>",
  text: "Lead to $ARGUMENTS",
}];

/** A program that changes with its version. */
export function program(id: string): Bundle {
  return { files: new Map([["main.js", `// ${id}\n`], ["chunk.js", "export {};\n"]]), id };
}

/** A user and what is installed for it. */
export class User {
  readonly folder: string;
  readonly places: Places;

  constructor(folder: string) {
    this.folder = folder;
    this.places = {
      data: join(folder, "share", "skein"),
      bin: join(folder, "bin"),
      claude: join(folder, "claude"),
      home: join(folder, "home"),
      project: join(folder, "project"),
    };
  }

  install(
    options: Partial<InstallOptions> & {
      id?: string;
      commands?: typeof COMMANDS;
      deno?: string;
      files?: ReadonlyMap<string, string>;
    } = {},
  ): Promise<readonly Change[]> {
    const { id = "one", commands = COMMANDS, deno = Deno.execPath(), files, ...more } = options;
    const bundle = files === undefined ? program(id) : { files, id };
    const all = { scope: "user" as const, trustTools: false, dryRun: false, ...more };
    return install(this.places, all, bundle, commands, deno);
  }

  /** The same user, with some places elsewhere. */
  at(places: Partial<Places>): User {
    return Object.assign(Object.create(this) as User, { places: { ...this.places, ...places } });
  }

  uninstall(dryRun = false): Promise<readonly Change[]> {
    return uninstall(this.places, dryRun);
  }

  /** Everything below the user's folder but the lock: path to content. */
  tree(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (folder: string): void => {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = join(folder, name);
        if (isDirectory) walk(path);
        else if (name !== "install.lock") {
          // Where npx runs the tests, a whole Deno is among them.
          const { size } = Deno.statSync(path);
          const content = size > LARGE_BYTES ? `${size} bytes` : Deno.readTextFileSync(path);
          found[path.slice(this.folder.length + 1)] = content;
        }
      }
    };
    walk(this.folder);
    return found;
  }

  settings(text: string, name = "claude/settings.json"): string {
    const path = join(this.folder, name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, text);
    return path;
  }
}

/** Runs `body` with a user of its own. */
export async function withUser(body: (user: User) => Promise<void>): Promise<void> {
  await withTempFolder((folder) => body(new User(folder)));
}

if (import.meta.main) {
  const [folder = "", id = "one"] = Deno.args;
  await new User(folder).install({ id, trustTools: true });
}
