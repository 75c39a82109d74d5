// `skein install`, `skein uninstall`, `skein doctor`: what makes a client know skein, as commands of
// their own, since they are about this machine and not about a flock.

import { parseArgs } from "node:util";
import { asRefusal, Refusal } from "../core/errors.ts";
import { bundleOf } from "../claude/bundle.ts";
import { type Change, diffOf } from "../claude/files.ts";
import { install, placesOf, type Scope, SCOPES, uninstall } from "../claude/install.ts";
import type { SlashCommand } from "../claude/plugin.ts";
import { listPrompts, promptText } from "./prompts.ts";

/** The prompts as slash commands; what the user types behind the command is their argument. */
export function slashCommands(): SlashCommand[] {
  return listPrompts().map(({ name, description, arguments: args }) => ({
    name,
    description,
    hint: args.map((arg) => arg.required ? `<${arg.name}>` : `[${arg.name}]`).join(" "),
    text: promptText(name, Object.fromEntries(args.map((arg) => [arg.name, "$ARGUMENTS"]))),
  }));
}

/** Runs one of the commands; `say` prints a line. Returns the exit code. */
export async function setUp(
  command: "install" | "uninstall",
  args: readonly string[],
  main: string,
  say: (line: string) => void,
): Promise<number> {
  const { values } = readFlags(command, args);
  if (values["help"] === true) {
    say(USAGE[command]);
    return 0;
  }
  const places = placesOf(Deno.env.toObject(), Deno.cwd());
  const dryRun = values["dry-run"] === true;
  const changes = command === "install"
    ? await install(
      places,
      { scope: scopeOf(values["scope"]), trustTools: values["trust-tools"] === true, dryRun },
      await bundleOf(main),
      slashCommands(),
      Deno.execPath(),
    )
    : await uninstall(places, dryRun);
  report(command, changes, { json: values["json"] === true, dryRun, bin: places.bin }, say);
  return 0;
}

const USAGE = {
  install: `skein install: the command, the server, hooks and slash commands for Claude Code

Usage: skein install [--scope user|project|local] [--trust-tools] [--dry-run] [--json]

  --scope         whose settings name the plugin (default: user)
  --trust-tools   let agents use skein's tools without asking you each time
  --dry-run       show what would be changed, change nothing`,
  uninstall: `skein uninstall: takes out exactly what skein install has put in; the store stays

Usage: skein uninstall [--dry-run] [--json]`,
} as const;

function readFlags(
  command: "install" | "uninstall",
  args: readonly string[],
): { values: Record<string, unknown> } {
  const flag = { type: "boolean" } as const;
  const options = {
    "dry-run": flag,
    json: flag,
    help: flag,
    ...(command === "install" ? { scope: { type: "string" } as const, "trust-tools": flag } : {}),
  };
  try {
    return parseArgs({ args: [...args], options, strict: true });
  } catch (thrown) {
    throw new Refusal("INVALID_INPUT", `skein ${command}: ${asRefusal(thrown).message}`, {
      hint: `skein ${command} --help shows its flags.`,
    });
  }
}

function scopeOf(value: unknown): Scope {
  const scope = SCOPES.find((one) => one === (value ?? "user"));
  if (scope !== undefined) return scope;
  throw new Refusal("INVALID_INPUT", `--scope ${value} is not one of ${SCOPES.join(", ")}`, {
    field: "scope",
  });
}

function report(
  command: string,
  changes: readonly Change[],
  how: { readonly json: boolean; readonly dryRun: boolean; readonly bin: string },
  say: (line: string) => void,
): void {
  const real = changes.filter((change) => change.before !== change.after);
  if (how.json) {
    say(JSON.stringify({ changed: real.map(({ path }) => path), dry_run: how.dryRun }));
    return;
  }
  for (const change of real) for (const line of diffOf(change)) say(line);
  if (real.length === 0) say(`nothing to ${command}: everything is as it should be`);
  else if (how.dryRun) say("nothing was changed (--dry-run)");
  else if (command === "install") {
    say("installed: new Claude Code sessions are part of the flock; skein doctor looks after it");
    const path = (Deno.env.get("PATH") ?? "").split(":");
    if (!path.includes(how.bin)) say(`put ${how.bin} on your PATH to call skein yourself`);
  } else say("uninstalled: the store in the home was kept");
}
