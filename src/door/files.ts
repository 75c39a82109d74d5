// `skein mirror`, `skein import` and `skein export`: a project as files, kept up, taken over, or
// written once.

import { basename, dirname, resolve } from "@std/path";
import { parseArgs } from "node:util";
import { follow, writtenText } from "../coordination/follow.ts";
import { Folder } from "../coordination/folder.ts";
import { mirror, mirrorPath } from "../coordination/mirror.ts";
import { readFolder } from "../coordination/reading.ts";
import { jsonLines, reportOf } from "../coordination/report.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import { counted } from "../core/text.ts";
import { Caller, COMMON, type Surroundings, textOf, warn } from "./ways.ts";

const FORMATS = ["coordination", "jsonl", "report"] as const;

const USAGE = {
  mirror: `skein mirror: keeps the project's .coordination/ up to date, until interrupted

Usage: skein mirror [--once] [--json]

Additions to context/discoveries.md are taken in. What else is changed by hand is kept as *.yours.`,
  import: `skein import: takes a .coordination/ over into the store, all of it or nothing

Usage: skein import [FOLDER] [--dry-run] [--json]      (default: the project's .coordination)

Claims of those who are not here become free. Doing it again changes nothing.`,
  export: `skein export: writes the project once

Usage: skein export [FOLDER]                            a .coordination/ (default: the project's)
       skein export --format jsonl [--output FILE]      everything, one JSON object a line
       skein export --format report [--run ID] [--output FILE]   a Markdown report of a run`,
} as const;

type FilesCommand = keyof typeof USAGE;

interface Typed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly path: string | undefined;
}

/**
 * Runs one of the commands and returns its exit code.
 * @throws Refusal whatever stands in the way
 */
export async function runFiles(
  command: FilesCommand,
  args: readonly string[],
  around: Surroundings,
): Promise<number> {
  const { values, path } = read(command, args);
  if (values["help"] === true) {
    around.print(USAGE[command]);
    return 0;
  }
  const environment = around.environmentOf({
    home: textOf(values["home"]),
    dir: textOf(values["dir"]),
    as: textOf(values["as"]),
  });
  const own = mirrorPath(environment.folder);
  const target = path === undefined ? own : resolve(environment.folder, path);
  if (command === "mirror") {
    return await follow(() => new Caller(environment), own, {
      once: values["once"] === true,
      json: values["json"] === true,
      say: around.print,
      warn: (warnings) => warn({ warnings }),
    });
  }
  const caller = new Caller(environment);
  if (command === "import") return await importFolder(caller, target, own, values, around);
  const format = values["format"] ?? "coordination";
  if (!FORMATS.some((one) => one === format)) {
    throw new Refusal("INVALID_INPUT", `--format ${format} is not one of ${FORMATS.join(", ")}`, {
      field: "format",
    });
  }
  return format === "coordination"
    ? await exportFolder(caller, target, values, around)
    : await exportText(caller, format === "jsonl", values, environment.folder, around);
}

function read(command: FilesCommand, args: readonly string[]): Typed {
  const flag = { type: "boolean" } as const;
  const text = { type: "string" } as const;
  const more = {
    mirror: { once: flag },
    import: { "dry-run": flag },
    export: { format: text, run: text, output: text },
  }[command];
  const common = Object.entries(COMMON).map(([name, type]) => [name, { type }] as const);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(common), ...more },
      strict: true,
      allowPositionals: command !== "mirror",
    });
    if (positionals.length > 1) throw new Error(`unexpected argument ${positionals[1]}`);
    return { values, path: positionals[0] };
  } catch (thrown) {
    throw new Refusal("INVALID_INPUT", `skein ${command}: ${asRefusal(thrown).message}`, {
      hint: `skein ${command} --help shows how to call it.`,
    });
  }
}

async function importFolder(
  caller: Caller,
  path: string,
  own: string,
  values: Typed["values"],
  around: Surroundings,
): Promise<number> {
  const folder = new Folder(path);
  if (!folder.exists()) {
    throw new Refusal("INVALID_INPUT", `${path} does not exist`, {
      field: "path",
      hint: "Name the .coordination folder that is to be taken over.",
    });
  }
  const found = readFolder(folder);
  if (values["dry-run"] === true) {
    const { tasks, discoveries, goal } = found.input;
    const dry = { goal, tasks: tasks.length, discoveries: discoveries.length, dry_run: true };
    around.print(
      values["json"] === true
        ? JSON.stringify(dry)
        : `would take over ${
          taken(tasks.length, discoveries.length)
        }; nothing was changed (--dry-run)`,
    );
    warn(found);
    return 0;
  }
  const answer = await caller.call("import_project", found.input).catch((thrown) => {
    throw found.placed(asRefusal(thrown));
  });
  const mirrored = values["no-mirror"] === true
    ? null
    : await mirror(caller.call, own, { full: true, adopt: sameFolder(path, own) });
  if (values["json"] === true) around.print(JSON.stringify({ ...answer, mirror: mirrored }));
  else around.print(importText(path, answer));
  warn(found);
  warn(mirrored);
  await caller.done();
  return 0;
}

function taken(tasks: number, discoveries: number): string {
  return `${counted(tasks, "task")} and ${counted(discoveries, "discovery", "discoveries")}`;
}

function importText(path: string, answer: Readonly<Record<string, unknown>>): string {
  const known = Number(answer["known"]);
  const released = answer["released"] as readonly string[];
  const renamed = Object.entries(answer["renamed"] as Readonly<Record<string, string>>);
  return [
    `${path}: ${taken(Number(answer["tasks"]), Number(answer["discoveries"]))} taken over` +
    (known === 0 ? "" : `; ${counted(known, "task")} of it were here already`),
    ...(answer["run"] === null ? [] : [`run: ${answer["run"]}`]),
    ...(released.length === 0 ? [] : [`free again, whoever had them is not here: ${released}`]),
    ...renamed.map(([from, to]) => `${from} is ${to} here: another task has that id`),
  ].join("\n");
}

function sameFolder(a: string, b: string): boolean {
  try {
    return Deno.realPathSync(a) === Deno.realPathSync(b);
  } catch {
    // The project has no mirror yet.
    return false;
  }
}

async function exportFolder(
  caller: Caller,
  path: string,
  values: Typed["values"],
  around: Surroundings,
): Promise<number> {
  const parent = dirname(path);
  if (!isFolder(parent)) {
    throw new Refusal("INVALID_INPUT", `${parent} does not exist`, { field: "path" });
  }
  const mirrored = await mirror(caller.call, path, { full: true });
  if (values["json"] === true) around.print(JSON.stringify(mirrored));
  else if (mirrored.ok) around.print(writtenText(mirrored));
  warn(mirrored);
  await caller.done();
  return mirrored.ok ? 0 : 1;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Text goes to standard output, or into a file that was not there. */
async function exportText(
  caller: Caller,
  lines: boolean,
  values: Typed["values"],
  folder: string,
  around: Surroundings,
): Promise<number> {
  const output = textOf(values["output"]);
  const parts: string[] = [];
  const say = output === undefined ? around.print : (text: string) => void parts.push(`${text}\n`);
  if (lines) await jsonLines(caller.call, say);
  else say((await reportOf(caller.call, textOf(values["run"]))).trimEnd());
  if (output !== undefined) {
    const path = resolve(folder, output);
    try {
      Deno.writeTextFileSync(path, parts.join(""), { createNew: true });
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
      throw new Refusal("INVALID_INPUT", `${path} is there already`, {
        field: "output",
        hint: "Name a file that is not there: nothing is overwritten.",
      });
    }
    around.print(values["json"] === true ? JSON.stringify({ output: path }) : basename(path));
  }
  await caller.done();
  return 0;
}
