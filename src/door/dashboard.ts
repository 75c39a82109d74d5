// `skein dashboard`: signs a browser in to the page of whoever leads. Where nobody leads it joins as an
// observer, leads, and serves the page itself until it is interrupted. A leader that does not answer
// is waited for: it goes on, or another one takes its place.

import { parseArgs } from "node:util";
import { join } from "@std/path";
import { asRefusal, Refusal } from "../core/errors.ts";
import { folderIn } from "../core/folders.ts";
import { TIMES } from "../core/limits.ts";
import { issueLink } from "../peer/trust.ts";
import type { AnyOperation } from "../core/operation.ts";
import { systemClock } from "../core/clock.ts";
import { Node } from "../node/node.ts";
import { ANSWER_MS } from "../node/reach.ts";
import type { Environment } from "../node/settings.ts";
import { Visitor } from "../node/visitor.ts";
import { leaderRow } from "../peer/leader.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/unit.ts";
import { EXIT } from "./cli.ts";
import { serving } from "./lead.ts";
import { provenAt } from "./http_proof.ts";
import { complain } from "./output.ts";
import { interrupted } from "./up.ts";

const USAGE = `skein dashboard: the page of the flock, in a browser, signed in as you

Usage: skein dashboard [--print] [--json] [--home DIR] [--dir DIR]

  --print   only print the link, open nothing
  --json    print url, link and project as one JSON object

The link works once, within two minutes. If nobody leads, this command serves the page
itself until Ctrl-C; else it opens the page of whoever leads and ends.`;

/** How often a leader that does not answer is asked again. */
const ASK_MS = 250;
/** A leader that has begun just now, or is followed by one that waits, has answered by then. */
const HELP_MS = 2_000;

interface Flags {
  readonly print: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly home?: string | undefined;
  readonly dir?: string | undefined;
}

/** Where the page is, and how to get in. */
interface Way {
  readonly url: string;
  readonly link: string;
  readonly project: string;
}

/**
 * Runs the command and gives its exit code.
 * @throws Refusal `NOT_ALLOWED` in an agent's shell, `NOT_AVAILABLE` when no leader serves a page
 */
export async function openDashboard(
  args: readonly string[],
  environmentOf: (flags: { home?: string | undefined; dir?: string | undefined }) => Environment,
  say: (line: string) => void,
): Promise<number> {
  const flags = readFlags(args);
  if (flags.help) {
    say(USAGE);
    return EXIT.done;
  }
  const environment = environmentOf(flags);
  // Who may not sign in is refused before anything is begun for it.
  let signed = await sign(environment);
  const store = await openStore(environment.home, systemClock, environment.secret);
  let node = await leads(store) ? null : await serve(environment);
  try {
    // Where nobody else is there to follow a leader that does not answer, this process is.
    const help = async (): Promise<void> => void (node ??= await serve(environment));
    const { url, epoch } = await answering(store, signed.code, help);
    // A link is for one leader: whoever takes that one's port after its death can do nothing with it.
    if (epoch !== signed.epoch) signed = await sign(environment);
    const { code, project } = signed;
    const way = { url, link: `${url}/#code=${code}`, project };
    // A node whose flock was led by somebody else after all has nothing to stay for.
    const staying = node !== null && node.epoch !== null;
    await show(way, flags, staying, store.folder, say);
    if (staying) await interrupted();
  } finally {
    await node?.leave();
  }
  return EXIT.done;
}

function readFlags(args: readonly string[]): Flags {
  const flag = { type: "boolean" } as const;
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { print: flag, json: flag, help: flag, home: text, dir: text },
      strict: true,
    });
    const { print, json, help, home, dir } = values;
    return { print: print === true, json: json === true, help: help === true, home, dir };
  } catch (thrown) {
    throw new Refusal("INVALID_INPUT", `skein dashboard: ${asRefusal(thrown).message}`, {
      hint: "skein dashboard --help shows its flags.",
    });
  }
}

/** A sign-in code for one leader, for whoever may have one. */
interface Code {
  readonly code: string;
  readonly epoch: number;
  readonly project: string;
}

async function sign(environment: Environment): Promise<Code> {
  const visitor = new Visitor({ ...environment, name: null });
  const { answer } = await visitor.call(issueLink as unknown as AnyOperation, {});
  const [code, project] = [String(answer["code"]), String(answer["project"])];
  return { code, epoch: Number(answer["epoch"]), project };
}

async function leads(store: Store): Promise<boolean> {
  const row = await store.engine.read(leaderRow);
  return row.incarnation !== null && store.engine.held(row.incarnation) !== "free";
}

/** Joins and leads: an observer, so that no agent waits for it to do anything. */
async function serve(environment: Environment): Promise<Node> {
  const node = new Node({
    ...environment,
    name: "dashboard",
    role: "observer",
    session: null,
    onLead: serving(environment.port),
    onTrouble: (what, thrown) => complain(`${what}: ${asRefusal(thrown).message}`),
  });
  await node.enter();
  return node;
}

/** A leader that answers, and proves that it is one; a stopped one is followed by another within 15 s. */
async function answering(
  store: Store,
  code: string,
  help: () => Promise<void>,
): Promise<{ url: string; epoch: number }> {
  const startMs = performance.now();
  let url: string | null = null;
  let helped = false;
  for (;;) {
    const row = await store.engine.read(leaderRow);
    url = row.url;
    if (url !== null && await proves(url, code)) return { url, epoch: row.epoch };
    const waitedMs = performance.now() - startMs;
    if (waitedMs >= TIMES.leaderMs) break;
    if (waitedMs >= HELP_MS && !helped) {
      helped = true;
      await help();
    }
    await new Promise((wake) => setTimeout(wake, ASK_MS));
  }
  throw new Refusal(
    "NOT_AVAILABLE",
    url === null
      ? "whoever leads serves no page: it may be an older skein, or have no free port"
      : `the leader at ${url} does not answer`,
    { hint: "skein doctor says more; skein peer list shows who is here." },
  );
}

async function proves(url: string, code: string): Promise<boolean> {
  try {
    return await provenAt(url, code, AbortSignal.timeout(ANSWER_MS));
  } catch {
    // Stopped, or gone: the store says who is next.
    return false;
  }
}

async function show(
  way: Way,
  flags: Flags,
  staying: boolean,
  home: string,
  say: (line: string) => void,
): Promise<void> {
  if (flags.json) {
    say(JSON.stringify({ ...way, serving: staying }));
    return;
  }
  const opened = !flags.print && await open(way.link, home);
  if (opened) say(`opened ${way.url} in your browser; where that shows nothing,`);
  say(`open this link within two minutes; it works once:\n\n  ${way.link}\n`);
  if (staying) say("nobody led: this command serves the page now; Ctrl-C ends it");
}

/** Opens a browser where there is a desktop; false where there is none. */
async function open(link: string, home: string): Promise<boolean> {
  const { os } = Deno.build;
  const desktop = os === "darwin" || Deno.env.get("DISPLAY") || Deno.env.get("WAYLAND_DISPLAY");
  if (!desktop || !Deno.stdout.isTerminal()) return false;
  try {
    const { success } = await new Deno.Command(os === "darwin" ? "open" : "xdg-open", {
      args: [leadingTo(link, home)],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    // There is no such command: the link is printed instead.
    return false;
  }
}

/**
 * A file that leads to a link: the arguments of a process are there for every user of the machine to see, a
 * file in the home is not.
 */
export function leadingTo(link: string, home: string): string {
  const folder = folderIn(home, "cache");
  for (const { name } of Deno.readDirSync(folder)) {
    // Earlier links are used or too old by now, or about to be.
    if (/^open-.*\.html$/.test(name)) Deno.removeSync(join(folder, name));
  }
  const path = join(folder, `open-${crypto.randomUUID()}.html`);
  const html = `<!doctype html><meta charset="utf-8"><title>skein</title>
<meta http-equiv="refresh" content="0;url=${link}"><a href="${link}">The page of the flock</a>
`;
  Deno.writeTextFileSync(path, html, { mode: 0o600, createNew: true });
  return path;
}
