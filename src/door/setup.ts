// `skein install`, `uninstall`, `doctor`, `prompt` and `git-hook`: what makes clients know skein, as
// commands of their own, since they are about this machine and not about a flock.

import { parseArgs } from "node:util";
import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { shellWord } from "../core/shellword.ts";
import { bundleOf } from "../claude/bundle.ts";
import { agentPrompt, CLIENTS, configurationOf } from "../claude/clients.ts";
import { type Change, diffOf } from "../claude/files.ts";
import { hookPlan, unhookPlan } from "../claude/githook.ts";
import { install, type Scope, SCOPES } from "../claude/install.ts";
import { installedAt, installedCommand } from "../claude/note.ts";
import { type Places, placesOf } from "../claude/places.ts";
import { isOfProgram } from "../claude/programs.ts";
import { lastingDeno } from "../claude/runtime.ts";
import { uninstall } from "../claude/uninstall.ts";
import type { SlashCommand } from "../claude/plugin.ts";
import { nameFault } from "../peer/rules.ts";
import { remark, styleOf } from "./output.ts";
import { listPrompts, promptText } from "./prompts.ts";
import { flagFault } from "./spelling.ts";
import { hanging, paint, type Style } from "./text.ts";
import type { Finding } from "../claude/installation.ts";

/** A look at the flock; a tool does it, so it is no prompt of the server. */
const STATUS: SlashCommand = {
  name: "status",
  description: "What needs attention in the flock, who is here, how the tasks stand",
  hint: "",
  text:
    "Call the skein tool status. Tell me in a few lines what needs attention first, then who is " +
    "here and how the tasks stand. Name tasks by id and peers by name. Change nothing.",
};

/** The prompts as slash commands; what the user types behind the command is their argument. */
export function slashCommands(): SlashCommand[] {
  const prompts = listPrompts().map(({ name, description, arguments: args }) => {
    const required = args.filter((arg) => arg.required).map((arg) => [arg.name, "$ARGUMENTS"]);
    const text = promptText(name, Object.fromEntries(required));
    // What may be left out stands at the end: nothing there says nothing.
    const rest = args.some((arg) => !arg.required)
      ? "\n\nWhat was asked for besides, if anything: $ARGUMENTS"
      : "";
    const hint = args.map((arg) => arg.required ? `<${arg.name}>` : `[${arg.name}]`).join(" ");
    return { name, description, hint, text: text + rest };
  });
  return [...prompts, STATUS];
}

export type SetupCommand = "install" | "uninstall" | "doctor" | "prompt" | "git-hook";

/** Runs one of the commands; `say` prints a line. Returns the exit code. */
export async function setUp(
  command: SetupCommand,
  args: readonly string[],
  main: string,
  say: (line: string) => void,
): Promise<number> {
  const { values, positionals } = readFlags(command, args);
  if (values["help"] === true) {
    say(USAGE[command]);
    return 0;
  }
  if (command === "doctor") return await doctor(values["json"] === true, say);
  if (command === "prompt") return prompt(positionals, say);
  if (command === "git-hook") return gitHook(positionals, values["dry-run"] === true, say);
  if (command === "install" && values["client"] !== undefined) {
    return otherClient(String(values["client"]), say);
  }
  const places = placesOf(Deno.env.toObject(), Deno.cwd());
  const dryRun = values["dry-run"] === true;
  const changes = command === "install"
    ? await install(
      places,
      { scope: scopeOf(values["scope"]), trustTools: values["trust-tools"] === true, dryRun },
      await bundleOf(main),
      slashCommands(),
      lastingDeno(Deno.execPath(), Deno.env.get("PATH") ?? ""),
    )
    : await uninstall(places, dryRun);
  report(command, changes, { json: values["json"] === true, dryRun, places }, say);
  return 0;
}

const USAGE = {
  install: `skein install: the command, the server, hooks and slash commands for Claude Code

Usage: skein install [--scope user|project|local] [--trust-tools] [--dry-run] [--json]
       skein install --client codex|gemini|json

  --scope         whose settings name the plugin (default: user)
  --trust-tools   let agents use skein's tools without asking you each time
  --dry-run       show what would be changed, change nothing
  --client        print the configuration for another client`,
  uninstall: `skein uninstall: takes out exactly what skein install has put in; the store stays

Usage: skein uninstall [--dry-run] [--json]`,
  doctor: `skein doctor: how things stand on this machine, and what to do about it

Usage: skein doctor [--json]      exit code 1 if anything is at fault`,
  prompt: `skein prompt: a prompt to paste into an agent that has no slash commands

Usage: skein prompt leader|worker NAME`,
  "git-hook": `skein git-hook: refuse commits of files that another peer holds, in this repository

Usage: skein git-hook install|uninstall [--dry-run]
A pre-commit hook that is there already is kept and runs first.`,
} as const;

function readFlags(
  command: SetupCommand,
  args: readonly string[],
): { values: Record<string, unknown>; positionals: string[] } {
  const flag = { type: "boolean" } as const;
  const text = { type: "string" } as const;
  const more = command === "install" ? { scope: text, client: text, "trust-tools": flag } : {};
  const options = { "dry-run": flag, json: flag, help: flag, ...more };
  const allowPositionals = command === "prompt" || command === "git-hook";
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals });
  } catch (thrown) {
    const why = flagFault(thrown, Object.keys(options));
    throw new Refusal("INVALID_INPUT", `skein ${command}: ${why}`, {
      hint: `skein ${command} --help shows its flags.`,
    });
  }
}

async function doctor(json: boolean, say: (line: string) => void): Promise<number> {
  const { examine } = await import("../claude/doctor.ts");
  const env = Deno.env.toObject();
  const found = await examine(env, Deno.cwd());
  const ok = found.every(({ state }) => state !== "fault");
  if (json) say(JSON.stringify({ ok, findings: found }));
  else {
    for (const line of findingLines(found, styleOf())) say(line);
  }
  return ok ? 0 : 1;
}

const MARKS = { ok: "ok   ", note: "note ", fault: "FAULT" } as const;
const COLOURS = { ok: "green", note: "yellow", fault: "red" } as const;

/** Each finding in a line, what to do about it under it; what is wider than the line goes on below. */
function findingLines(found: readonly Finding[], style: Style): string[] {
  const width = Math.max(...found.map(({ what }) => what.length));
  return found.flatMap(({ what, state, text, remedy }) => {
    const [first = "", ...more] = hanging(
      `${MARKS[state]}  ${what.padEnd(width)}  `,
      text,
      style.width,
    );
    return [
      first.replace(MARKS[state], (mark) => paint(style, COLOURS[state], mark)),
      ...more,
      ...(remedy === undefined ? [] : hanging(" ".repeat(width + 9), remedy, style.width)),
    ];
  });
}

function prompt(positionals: readonly string[], say: (line: string) => void): number {
  const [role, name] = positionals;
  const hint = "skein prompt worker anna";
  if ((role !== "leader" && role !== "worker") || name === undefined) {
    const why = "skein prompt takes leader or worker, and a name";
    throw new Refusal("INVALID_INPUT", why, { field: "name", hint });
  }
  const fault = nameFault(name);
  if (fault !== null) {
    throw new Refusal("INVALID_INPUT", `skein prompt: ${fault}`, { field: "name", hint });
  }
  say(agentPrompt(role, name));
  return 0;
}

function otherClient(wanted: string, say: (line: string) => void): number {
  const client = CLIENTS.find((one) => one === wanted);
  if (client === undefined) {
    throw new Refusal("INVALID_INPUT", `--client ${wanted} is not one of ${CLIENTS.join(", ")}`, {
      field: "client",
      hint: "--client json prints what most others take: a command, its argument and a variable.",
    });
  }
  const places = placesOf(Deno.env.toObject(), Deno.cwd());
  const command = installedCommand(places);
  const { where, text } = configurationOf(client, command, places.home);
  say(text);
  remark(`goes into ${where}`);
  if (!isThere(command)) {
    remark(`${command} is not there yet: deno task install in the checkout makes it`);
  }
  return 0;
}

function isThere(path: string, what: "isFile" | "isDirectory" = "isFile"): boolean {
  try {
    return Deno.statSync(path)[what];
  } catch {
    return false;
  }
}

function gitHook(
  positionals: readonly string[],
  dryRun: boolean,
  say: (line: string) => void,
): number {
  const [action] = positionals;
  if (action !== "install" && action !== "uninstall") {
    throw new Refusal("INVALID_INPUT", "skein git-hook: install or uninstall", {
      field: "action",
      hint: "skein git-hook --help",
    });
  }
  const command = installedCommand(placesOf(Deno.env.toObject(), Deno.cwd()));
  const plan = action === "install" ? hookPlan(Deno.cwd(), command) : unhookPlan(Deno.cwd());
  for (const line of plan.says) say(line);
  if (plan.says.length === 0) {
    say(`nothing to ${action}: everything is as it should be`);
    return 0;
  }
  if (!dryRun) plan.run();
  say(
    dryRun
      ? "nothing was changed (--dry-run)"
      : action === "install"
      ? "installed: a commit of files that another peer holds is refused (git commit --no-verify forces it)"
      : "uninstalled",
  );
  return 0;
}

function scopeOf(value: unknown): Scope {
  const scope = SCOPES.find((one) => one === (value ?? "user"));
  if (scope !== undefined) return scope;
  throw new Refusal("INVALID_INPUT", `--scope ${value} is not one of ${SCOPES.join(", ")}`, {
    field: "scope",
    hint: "user: all your projects; project: all who work on this one; local: you, in this one.",
  });
}

function report(
  command: string,
  changes: readonly Change[],
  how: { readonly json: boolean; readonly dryRun: boolean; readonly places: Places },
  say: (line: string) => void,
): void {
  const real = changes.filter((change) => change.before !== change.after);
  if (how.json) {
    say(JSON.stringify({ changed: real.map(({ path }) => path), dry_run: how.dryRun }));
    return;
  }
  const app = real.filter(({ path }) => isOfProgram(how.places.data, path));
  if (app.length > 0) say(`+ ${app.length} files of the program`);
  for (const change of real.filter((one) => !app.includes(one))) {
    for (const line of diffOf(change)) say(line);
  }
  const { data } = how.places;
  if (command === "uninstall" && real.length > 0) say(`- ${data} (the program and the plugin)`);
  if (real.length === 0) say(`nothing to ${command}: everything is as it should be`);
  else if (how.dryRun) say("nothing was changed (--dry-run)");
  else if (command === "install") {
    const { bin } = how.places;
    const deno = installedAt(how.places)?.deno ?? "";
    if (deno.startsWith(`${data}/`)) {
      say(`${deno} is the Deno it runs: the one in ${Deno.execPath()} may be cleared away`);
    }
    say("installed: new Claude Code sessions are part of the flock; skein doctor looks after it");
    const path = (Deno.env.get("PATH") ?? "").split(":");
    if (!path.includes(bin)) {
      say(`put ${bin} on your PATH to call skein yourself: export PATH=${shellWord(bin)}:"$PATH"`);
    }
  } else {
    const { home } = how.places;
    if (isThere(data, "isDirectory")) {
      say(`${data} is still run by a session: remove it when that has ended`);
    }
    const kept = `; ${home} with all tasks and messages was kept: remove it to forget them`;
    say(`uninstalled${isThere(join(home, "skein.db")) ? kept : ""}`);
  }
}
