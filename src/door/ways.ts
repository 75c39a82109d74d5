// The ways in of those who coordinate by files and plain commands: `skein leader`, `skein worker`,
// `skein mirror`, `skein import`, `skein export`. Each acts through the same operations as every
// other door; the files are brought up afterwards and are never what counts.

import type { Args } from "../aliases.ts";
import { operationNamed } from "../catalogue.ts";
import {
  FROM_FILE,
  readSeed,
  SEED_COMMANDS,
  seedCommand,
  seedHelp,
} from "../coordination/commands.ts";
import type { SeedCommand, SeedTyped } from "../coordination/commands.ts";
import { mirror, type Mirrored, mirrorPath } from "../coordination/mirror.ts";
import { type Call, overviewOf, tasksOf } from "../coordination/source.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { counted } from "../core/text.ts";
import { summaryOf } from "../mirror/rules.ts";
import { Visitor } from "../node/visitor.ts";
import type { Environment } from "../node/settings.ts";
import type { Answer } from "../perform.ts";
import { translate } from "../translate.ts";
import { readText } from "./commands.ts";
import { remark } from "./output.ts";
import { seedText } from "./seedtext.ts";

/** What the command line gives. */
export interface Surroundings {
  readonly print: (text: string) => void;
  readonly environmentOf: (
    flags: { home?: string | undefined; dir?: string | undefined; as?: string | undefined },
  ) => Environment;
}

/** Flags that every one of these commands takes. */
export const COMMON = {
  json: "boolean",
  help: "boolean",
  "no-mirror": "boolean",
  as: "string",
  key: "string",
  home: "string",
  dir: "string",
} as const;

/**
 * Runs one of the commands and returns its exit code.
 * @throws Refusal whatever stands in the way
 */
export async function runWay(args: readonly string[], around: Surroundings): Promise<number> {
  const [first = "", second] = args;
  if (first === "mirror" || first === "import" || first === "export") {
    const { runFiles } = await import("./files.ts");
    return await runFiles(first, args.slice(1), around);
  }
  const command = seedCommand(first, second);
  if (command === undefined) return unknown(first, second, around);
  const { typed, globals } = readSeed(command, args.slice(2), COMMON);
  if (globals["help"] === true) {
    around.print(seedHelp(command));
    return 0;
  }
  return await runSeed(command, { typed: readFiles(typed), globals }, around);
}

function unknown(first: string, second: string | undefined, around: Surroundings): number {
  const commands = SEED_COMMANDS.filter(({ words }) => words[0] === first);
  if (second === undefined || second === "--help" || second === "-h" || second === "help") {
    around.print(commands.map(seedHelp).join("\n\n"));
    return second === undefined ? 2 : 0;
  }
  throw new Refusal("INVALID_INPUT", `there is no command ${first} ${second}`, {
    hint: `Known: ${commands.map(({ words }) => words.join(" ")).join(", ")}.`,
  });
}

/** Takes in what stands in files. */
function readFiles(typed: Args): Args {
  const read: Args = { ...typed };
  for (const [field, maxBytes] of Object.entries(FROM_FILE)) {
    const value = read[field];
    if (typeof value !== "string") continue;
    try {
      read[field] = readText(value, maxBytes);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
      throw new Refusal("INVALID_INPUT", `${field}: there is no file ${value.slice(1)}`, { field });
    }
    // Whatever way it came.
    const bytes = new TextEncoder().encode(String(read[field])).length;
    if (bytes <= maxBytes) continue;
    throw new Refusal("TOO_LARGE", `${field} has ${bytes} bytes, at most ${maxBytes}`, {
      field,
      hint: "Name files for the worker to read instead of their contents.",
    });
  }
  return read;
}

/** Calls operations as one visitor; what was printed is marked as shown at the end. */
export class Caller {
  readonly #visitor: Visitor;
  readonly #shown: (() => Promise<void>)[] = [];

  constructor(environment: Environment) {
    this.#visitor = new Visitor(environment);
  }

  /** Calls an operation by any of its names. */
  readonly call = async (name: string, input: unknown, key?: string): Promise<Answer> => {
    const { operation: known, input: own, claims } = translate(name, input);
    const operation = operationNamed(known);
    if (operation === undefined) throw new Refusal("UNKNOWN_TOOL", `${name} is no operation`);
    const { answer, shown } = await this.#visitor.call(operation, own, { key, claims });
    this.#shown.push(shown);
    return answer;
  };

  changed(ms: number): Promise<void> {
    return this.#visitor.changed(ms);
  }

  /** What was answered was printed. */
  async done(): Promise<void> {
    for (const shown of this.#shown.splice(0).slice(-1)) await shown();
  }
}

async function runSeed(
  command: SeedCommand,
  { typed, globals }: SeedTyped,
  around: Surroundings,
): Promise<number> {
  const terminal = command.terminal === true ? textOf(typed["terminal_id"]) : undefined;
  const as = textOf(globals["as"]);
  if (terminal !== undefined && as !== undefined && as !== terminal) {
    throw new Refusal("NOT_YOU", `--as ${as} is not ${terminal}`, { field: "as" });
  }
  const { home, dir } = { home: textOf(globals["home"]), dir: textOf(globals["dir"]) };
  const environment = around.environmentOf({ home, dir, as: terminal ?? as });
  const caller = new Caller(environment);
  const { call } = caller;
  const path = mirrorPath(environment.folder);
  const words = command.words.join(" ");
  if (words === "leader aggregate") return await aggregate(caller, path, globals, around);
  const given = Object.entries(command.input(typed)).filter(([, value]) => value !== undefined);
  const input = { ...Object.fromEntries(given), ...await runIn(command, call) };
  const before = words === "leader init" ? await overviewOf(call) : null;
  const same = before?.run?.status === "active" && before.run.goal === typed["goal"] &&
    typed["approach"] === undefined;
  const answer = same
    ? await call("run", { action: "resume", id: before.run?.id })
    : await call(command.operation, input, textOf(globals["key"]));
  const quiet = command.reads === true || globals["no-mirror"] === true;
  const mirrored = quiet ? null : await mirror(call, path);
  if (globals["json"] === true) {
    around.print(JSON.stringify({ ...answer, ...(mirrored === null ? {} : { mirror: mirrored }) }));
  } else around.print(await seedText(words, answer, { call, before, typed }));
  if (typeof answer["notice"] === "string") remark(`note: ${answer["notice"]}`);
  warn(mirrored);
  await caller.done();
  return 0;
}

/** A task that is added belongs to the run that goes on, whoever adds it. */
async function runIn(command: SeedCommand, call: Call): Promise<Args> {
  if (command.operation !== "create_task") return {};
  const { mine, run } = await overviewOf(call);
  const id = mine ?? (run?.status === "active" ? run.id : null);
  return id === null ? {} : { run: id };
}

async function aggregate(
  caller: Caller,
  path: string,
  globals: SeedTyped["globals"],
  around: Surroundings,
): Promise<number> {
  const { tasks } = await tasksOf(caller.call, LIMITS.mirrorTasks);
  const results = tasks.filter((task) => task.status === "completed" || task.status === "failed");
  const text = summaryOf(tasks, new Date().toISOString());
  const mirrored = await mirror(caller.call, path, { full: true, extra: { "summary.md": text } });
  const done = mirrored.written.includes("summary.md");
  const summary = done ? `${path}/summary.md` : null;
  if (globals["json"] === true) {
    around.print(JSON.stringify({ results: results.length, summary, mirror: mirrored }));
  } else if (done) around.print(`${counted(results.length, "result")}: ${summary}`);
  // Where no file could be written, the summary is not lost.
  else around.print(text);
  warn(mirrored);
  await caller.done();
  return done ? 0 : 1;
}

/** What the user should know of the files goes beside the answer. */
export function warn(mirrored: Pick<Mirrored, "warnings"> | null): void {
  for (const warning of mirrored?.warnings ?? []) {
    remark(`warning: ${warning}`);
  }
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
