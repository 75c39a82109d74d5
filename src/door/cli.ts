// The command line door. An agent without MCP, a script and a human come in here; the operations
// and their rules are the same as through any other door.

import { operationNamed } from "../catalogue.ts";
import { hookExit } from "../claude/hookexit.ts";
import { asRefusal, ERRORS, Refusal } from "../core/errors.ts";
import { VERSION } from "../core/version.ts";
import { type Environment, readEnvironment, typedHome } from "../node/settings.ts";
import type { Answer } from "../perform.ts";
import { translate } from "../translate.ts";
import { OutputClosed, print, remark, styleOf, UNREAD } from "./output.ts";

/** Exit codes of the command. */
export const EXIT = { done: 0, failed: 1, usage: 2, timedOut: 3, refused: 4 } as const;

/** Runs the command line and returns its exit code. `mcp` and `up` return only at their end. */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    return await answered(await inOrder(args));
  } catch (thrown) {
    if (thrown instanceof OutputClosed) return UNREAD;
    throw thrown;
  }
}

/** Flags that were typed before the command belong behind it. */
async function inOrder(args: readonly string[]): Promise<readonly string[]> {
  if (args[0]?.startsWith("--") !== true) return args;
  const { commandFirst } = await import("./commands.ts");
  return commandFirst(args);
}

async function answered(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  try {
    return await dispatch(args);
  } catch (thrown) {
    if (thrown instanceof OutputClosed) throw thrown;
    const refusal = asRefusal(thrown);
    if (json) print(JSON.stringify(refusal.toJSON()));
    else await explain(refusal, args);
    return ERRORS[refusal.code].exit;
  }
}

/** Commands about this machine: door/setup.ts. */
const SETUP = ["install", "uninstall", "doctor", "prompt", "git-hook"] as const;

/** Commands of those who coordinate by files: door/ways.ts. `worker spawn` is an operation. */
const WAYS = ["leader", "worker", "mirror", "import", "export"];

async function dispatch(args: readonly string[]): Promise<number> {
  const [first, second] = args;
  if (first === "mcp") return await serve(args.slice(1));
  if (first === "spawn") return await spawn(second ?? "");
  if (first === "hook") return await hook(second ?? "");
  const setup = SETUP.find((one) => one === first);
  if (setup !== undefined) {
    const { setUp } = await import("./setup.ts");
    return await setUp(setup, args.slice(1), Deno.mainModule, print);
  }
  if (first === "host") {
    if (second === undefined || second.startsWith("-")) return await help(["host"]);
    const { host: serveRun } = await import("../conductor/host.ts");
    const { serving } = await import("./lead.ts");
    const environment = environmentOf({});
    // A wait for a lock is a thread that only the end of the process ends.
    Deno.exit(await serveRun(second ?? "", environment, serving(environment.port)));
  }
  const conducted = await conductor(args);
  if (conducted !== null) return conducted;
  if (WAYS.includes(first ?? "") && (first !== "worker" || second !== "spawn")) {
    const { runWay } = await import("./ways.ts");
    return await runWay(args, { print, environmentOf });
  }
  if (first === "backup" || first === "restore") {
    const { runBackup } = await import("./backup.ts");
    return await runBackup(first, args.slice(1), { print, environmentOf });
  }
  if (first === "up") {
    const { runUp } = await import("./up.ts");
    return await runUp(args.slice(1), environmentOf);
  }
  if (first === "dashboard") return await dashboard(args.slice(1));
  if (first === "page") return await page();
  if (first === "version" || first === "--version" || first === "-V") {
    print(VERSION);
    return EXIT.done;
  }
  if (first === "completions") {
    const { completionsCommand } = await import("./completions.ts");
    print(completionsCommand(args.slice(1)));
    return EXIT.done;
  }
  if (first === undefined || first === "help" || first === "--help" || first === "-h") {
    return await help(args.slice(1));
  }
  return await perform(args);
}

/** Runs that are driven; null for every other command. */
async function conductor(args: readonly string[]): Promise<number | null> {
  const [first = "", second = ""] = args;
  // The name of the program that skein succeeds.
  if (first === "orchestrate") {
    return await dispatch(["run", ...args.slice(second === "run" ? 2 : 1)]);
  }
  const { isRunCommand } = await import("./runflags.ts");
  if (first === "run" && isRunCommand(args.slice(1))) {
    const { runCommand } = await import("./run.ts");
    return await runCommand(args.slice(1), print);
  }
  if (!["log", "wait", "stop", "retry", "tell"].includes(first)) return null;
  const { besideCommand } = await import("./beside.ts");
  return await besideCommand(first as "log", args.slice(1), print);
}

/** Commands whose own `--help` tells more than a line. */
const TELLING: readonly string[] = [
  ...SETUP,
  ...WAYS,
  ...["run", "log", "wait", "stop", "retry", "tell", "up", "dashboard", "completions"],
  ...["backup", "restore"],
];

async function help(args: readonly string[]): Promise<number> {
  const { commandHelp, generalHelp, groupHelp, lineOf } = await import("./help.ts");
  const style = styleOf();
  const { findCommand } = await import("./commands.ts");
  const [first = "", second] = args;
  if (args.length === 1 && TELLING.includes(first)) return await dispatch([first, "--help"]);
  const found = findCommand(args);
  const text = args.length === 0 || (first === "all" && second === undefined)
    ? generalHelp(style, first === "all")
    : found !== null
    ? commandHelp(found.command, style)
    : second === undefined
    ? lineOf(first) ?? groupHelp(first, style)
    : null;
  if (text === null) {
    const { unknownCommand } = await import("./nearest.ts");
    throw unknownCommand(args);
  }
  print(text);
  return EXIT.done;
}

/** `skein task`, `skein task --help`: the commands that begin so; null if none does. */
async function group(args: readonly string[]): Promise<number | null> {
  const [first = "", second] = args;
  if (second !== undefined && !["help", "--help", "-h"].includes(second)) return null;
  const { groupHelp } = await import("./help.ts");
  const text = groupHelp(first, styleOf());
  if (text === null) return null;
  print(text);
  return second === undefined ? EXIT.usage : EXIT.done;
}

async function perform(args: readonly string[]): Promise<number> {
  const { findCommand, readArguments } = await import("./commands.ts");
  const found = findCommand(args);
  if (found === null) {
    const listed = await group(args);
    if (listed !== null) return listed;
    const { unknownCommand } = await import("./nearest.ts");
    throw unknownCommand(args);
  }
  const { input, flags } = readArguments(found.command, found.rest);
  if (flags.help) return await help(found.command.words);
  const environment = environmentOf(flags);
  const { Visitor } = await import("../node/visitor.ts");
  const visitor = new Visitor(environment);
  const translated = translate(found.command.operation.name, input);
  const operation = operationNamed(translated.operation) ?? found.command.operation;
  const call = (input: unknown): ReturnType<typeof visitor.call> =>
    visitor.call(operation, input, { key: flags.key, claims: translated.claims });
  if (operation.lines !== undefined) {
    return await printLines(operation.lines, translated.input, call);
  }
  const { answer, shown } = await call(translated.input);
  if (flags.json) print(JSON.stringify(answer));
  else await show(answer);
  // What was printed is answered; what cannot be marked as shown now is shown once more later.
  await shown().catch((thrown) =>
    remark(`skein: not marked as shown: ${asRefusal(thrown).message}`)
  );
  const { action } = translated.input as { readonly action?: unknown };
  if (operation.name === "run" && action === "end") {
    const { afterEnd } = await import("./runend.ts");
    await afterEnd(visitor, environment.home);
  }
  // A check whose verdict is no is no failure of the call, but of what it looked at.
  if (answer["ok"] === false) return EXIT.failed;
  return timedOut(input, answer) ? EXIT.timedOut : EXIT.done;
}

/** Everything there is, one JSON object a line, however many pages that takes. */
async function printLines(
  { items, cursor }: { readonly items: string; readonly cursor: string },
  input: unknown,
  call: (input: unknown) => Promise<{ answer: Answer; shown: () => Promise<void> }>,
): Promise<number> {
  for (let next: unknown = undefined; next !== null;) {
    const from = next === undefined ? {} : { [cursor]: next };
    const { answer, shown } = await call({ ...input as Record<string, unknown>, ...from });
    for (const item of answer[items] as readonly unknown[]) print(JSON.stringify(item));
    await shown();
    next = answer["next"] ?? null;
  }
  return EXIT.done;
}

/** A check that waited and found nothing. */
function timedOut(input: Readonly<Record<string, unknown>>, answer: Answer): boolean {
  const { messages } = answer as { messages?: readonly unknown[] };
  return input["wait_ms"] !== undefined && messages?.length === 0;
}

async function show(answer: Answer): Promise<void> {
  const { render } = await import("./text.ts");
  print(render(answer, styleOf()));
}

async function explain(refusal: Refusal, args: readonly string[]): Promise<void> {
  const { paint, safe } = await import("./text.ts");
  const { spoken, spokenMessage } = await import("./nearest.ts");
  const style = { ...styleOf(), colour: Deno.stderr.isTerminal() && !Deno.noColor };
  const lines = [
    `${paint(style, "red", refusal.code)} ${safe(spokenMessage(refusal))}`,
    `${paint(style, "dim", "next:")} ${safe(spoken(refusal, args))}`,
  ];
  remark(lines.join("\n"));
}

async function serve(args: readonly string[]): Promise<number> {
  if (args.length > 0) return await help(["mcp"]);
  const { serveMcp } = await import("./mcp.ts");
  await serveMcp(readEnvironment(Deno.env.toObject(), Deno.cwd()));
  return await new Promise(() => {});
}

/** Starts a worker's process: what the operation spawn_worker has decided, as JSON. */
async function spawn(text: string): Promise<number> {
  const { spawnWorker } = await import("../fleet/command.ts");
  print(JSON.stringify(spawnWorker(text)));
  return EXIT.done;
}

/** A hook that the client runs as a process. */
async function hook(event: string): Promise<number> {
  if (event === "" || event.startsWith("-")) return await help(["hook"]);
  const code = await hookExit(event, remark, async () => {
    const { runHook } = await import("../claude/command.ts");
    const { readText } = await import("./commands.ts");
    const stdin = event === "woken" || Deno.stdin.isTerminal() ? "" : readText("-");
    return await runHook(
      event,
      stdin,
      readEnvironment(Deno.env.toObject(), Deno.cwd()),
      Deno.env.get("CLAUDE_CODE_ENTRYPOINT") ?? null,
      Number(Deno.env.get("CLAUDE_PID")) || null,
      { out: print, err: remark },
    );
  });
  // A wait for a lock is a thread that only the end of the process ends.
  Deno.exit(code);
}

/** Signs a browser in to the page of whoever leads; leads itself if nobody does. */
async function dashboard(args: readonly string[]): Promise<number> {
  const { openDashboard } = await import("./dashboard.ts");
  return await openDashboard(args, environmentOf, print);
}

/** Builds the page of this checkout: what the leader asks for when somebody looks at it. */
async function page(): Promise<number> {
  const { buildPage } = await import("./page.ts");
  const { home } = environmentOf({});
  print(JSON.stringify({ folder: await buildPage(home) }));
  return EXIT.done;
}

/** The environment, with what the flags say instead. */
function environmentOf(
  flags: { home?: string | undefined; dir?: string | undefined; as?: string | undefined },
): Environment {
  return readEnvironment({
    ...Deno.env.toObject(),
    ...typedHome(flags.home),
    ...(flags.dir === undefined ? {} : { SKEIN_DIR: flags.dir }),
    ...(flags.as === undefined ? {} : { SKEIN_NAME: flags.as }),
  }, Deno.cwd());
}
