// What skein costs a real session, in figures and without a verdict: how long a message takes to the
// recipient's model, what the hooks add to an edit, and how many tokens its tools are. They hold for
// the machine they are measured on. Run with: deno task test:clients

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { Node, operationNamed, readEnvironment } from "../../mod.ts";
import { hooksFile, SERVER } from "../../src/claude/plugin.ts";
import { listTools } from "../../src/door/tools.ts";
import { eventually } from "../support/eventually.ts";
import { type ClaudeOptions, freshUser, runPrint, startTui, type Tui } from "./claude.ts";
import { installedUser, installEnv, TOOLS } from "./installed.ts";
import { messagesApi } from "./messages_api.ts";
import { noClaude, noTmux } from "./stage.ts";
import { denoEnv, type Place, withPlace } from "./program.ts";
import type { ApiRequest, Block, ScriptedApi } from "./script.ts";

const IDLE = fromFileUrl(new URL("idle_server.ts", import.meta.url));
const TIMES = 5;
const EDITS = 60;
/** Edits of a session's first second: programs start and warm up. */
const FIRST = 20;
const THINKING_MS = 500;

/** A peer in this very process: no start of a program is counted. Its store stays open. */
async function sender(place: Place): Promise<(content: string) => Promise<void>> {
  const said = { SKEIN_HOME: place.home, SKEIN_NAME: "bob", SKEIN_RATE: "1000" };
  const node = new Node({ ...readEnvironment(said, place.project), session: null });
  const send = operationNamed("send");
  if (send === undefined) throw new Error("there is an operation send");
  await node.enter();
  return async (content) => {
    await node.call(send, { to: ["weaver"], content }, { peek: true });
  };
}

async function installed(place: Place, api: ScriptedApi): Promise<ClaudeOptions> {
  const user = await installedUser(place);
  const env = { ...installEnv(place, user), SKEIN_NAME: "weaver" };
  const allowedTools = [`${TOOLS}*`, "Bash", "Read", "Edit"];
  return { place, api, user, env, servers: null, allowedTools };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[sorted.length - 1 - middle], sorted[middle]];
  return (low + high) / 2;
}

function report(what: string, values: readonly number[], unit: string): void {
  const all = values.map((value) => value.toFixed(1)).join(" ");
  print(`${what}: median ${median(values).toFixed(1)} ${unit} of ${values.length} (${all})`);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const bash = (command: string): Block => ({ tool: "Bash", input: { command } });

Deno.test({
  name: "measure: from send to the model of a busy session, by its next request",
  ignore: noClaude,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const options = await installed(place, api);
      const send = await sender(place);
      const sentMs: number[] = [];
      // Sent while the model thinks: its next request follows as soon as the tool has run.
      const sendThen = (i: number) => async () => {
        sentMs.push(performance.now());
        await send(`news ${i} is here`);
        return [bash("true")];
      };
      api.script([
        { match: /begin/, blocks: [{ tool: `${TOOLS}join` }] },
        ...Array.from({ length: TIMES }, (_, i) => ({ blocks: sendThen(i) })),
        { blocks: [{ text: "finished" }] },
      ]);
      const end = await runPrint("begin", options);
      assertEquals(end.result?.result, "finished", api.transcript());
      report("busy session, send to model", tookMs(api, sentMs), "ms");
    }),
});

/** For each message the time from its sending to the first request that shows it. */
function tookMs(api: ScriptedApi, sentMs: readonly number[]): number[] {
  return sentMs.map((atMs, i) => {
    const shows = api.requests.filter(({ shown }) => shown.includes(`news ${i} is here`));
    assertEquals(shows.length, 1, `message ${i}: ${api.transcript()}`);
    return (shows[0]?.atMs ?? NaN) - atMs;
  });
}

Deno.test({
  name: "measure: from send to the model of an idle session, by its waiter",
  ignore: noTmux,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const options = await installed(place, api);
      const send = await sender(place);
      api.script([
        { match: /begin/, blocks: [{ tool: `${TOOLS}join` }] },
        { match: /"name":"weaver"/, blocks: [{ text: "resting" }] },
        // A turn takes its time, as those of real models do.
        ...Array.from({ length: TIMES }, (_, i) => ({
          match: new RegExp(`news ${i} is here`),
          blocks: [{ text: `heard it, ${i}` }],
          delayMs: THINKING_MS,
        })),
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      const sentMs: number[] = [];
      for (let i = 0; i < TIMES; i++) {
        await waited(tui, place);
        sentMs.push(performance.now());
        await send(`news ${i} is here`);
        await tui.waitForScreen(new RegExp(`heard it, ${i}`));
      }
      report("idle session, send to model", tookMs(api, sentMs), "ms");
      await tui.exit();
    }),
});

/** The turn is over and the next waiter is up: as a session is that has been idle for a while. */
async function waited(tui: Tui, place: Place): Promise<void> {
  const path = join(tui.user.config, "sessions", `${tui.pid}.json`);
  const settled = (): boolean => {
    const lines = place.servers().map((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`));
    const waits = lines.filter((line) => /^flock|main\.js\0hook\0wait/.test(line));
    const looks = lines.filter((line) => /main\.js\0hook\0woken/.test(line));
    return waits.length === 1 && looks.length === 0 &&
      JSON.parse(Deno.readTextFileSync(path)).status === "idle";
  };
  await eventually(settled, { withinMs: 10_000, what: "an idle session with its waiter" });
}

/** The time of each of many edits of one file, from the model's answer to its next request. */
async function editMs(options: ClaudeOptions, api: ScriptedApi): Promise<number[]> {
  const path = join(options.place.project, "measured.txt");
  Deno.writeTextFileSync(path, "line 0\n");
  const before = api.requests.length;
  const answeredMs: number[] = [];
  const edit = (i: number) => () => {
    const input = { file_path: path, old_string: `line ${i}`, new_string: `line ${i + 1}` };
    answeredMs.push(performance.now());
    return Promise.resolve([{ tool: "Edit", input }]);
  };
  api.script([
    { match: /measure/, blocks: [{ tool: "Read", input: { file_path: path } }] },
    ...Array.from({ length: EDITS }, (_, i) => ({ blocks: edit(i) })),
    { blocks: [{ text: "finished" }] },
  ]);
  const end = await runPrint("measure", options);
  assertEquals(end.result?.result, "finished", api.transcript());
  assertEquals(Deno.readTextFileSync(path), `line ${EDITS}\n`);
  const after = api.requests.slice(before + 2);
  return answeredMs.map((atMs, i) => (after[i]?.atMs ?? NaN) - atMs);
}

/** A client with the very same hooks, but for those that call a server that does nothing. */
function idle(place: Place, api: ScriptedApi): ClaudeOptions {
  const same = JSON.stringify(hooksFile("true", "/nowhere")).replaceAll(SERVER, "idle");
  const server = { command: Deno.execPath(), args: ["run", "--no-check", IDLE], env: denoEnv() };
  const allowedTools = ["Edit"];
  return {
    place,
    api,
    user: freshUser(place),
    servers: { idle: server },
    settings: JSON.parse(same),
    allowedTools,
  };
}

Deno.test({
  name: "measure: what the hooks add to an edit, beside hooks that do nothing",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const bare = { place, api, user: freshUser(place), servers: null, allowedTools: ["Edit"] };
      const ways = [bare, idle(place, api), await installed(place, api)];
      const took: number[][] = ways.map(() => []);
      // In turns, so that what the machine does meanwhile meets all of them.
      for (let round = 0; round < 3; round++) {
        for (const [i, way] of ways.entries()) took[i]?.push(...await editMs(way, api));
      }
      const parts: [string, (ms: number[]) => number[]][] = [
        ["edits of a session's first second", (ms) => ms.filter((_, i) => i % EDITS < FIRST)],
        ["edits after it", (ms) => ms.filter((_, i) => i % EDITS >= FIRST)],
      ];
      for (const [what, part] of parts) {
        const [without = NaN, nothing = NaN, hooked = NaN] = took.map((ms) => median(part(ms)));
        const rest = [nothing - without, hooked - nothing].map((ms) => ms.toFixed(1));
        print(
          `${what}, medians: without hooks ${without.toFixed(1)} ms, with hooks that do nothing ` +
            `${nothing.toFixed(1)}, with skein's ${hooked.toFixed(1)}`,
        );
        print(
          `  added ${(hooked - without).toFixed(1)} ms: ${rest[0]} by the client for calling any ` +
            `two hooks, ${rest[1]} by skein`,
        );
      }
    }),
});

/** Tokens of what a first request is made of: system prompt, messages, tools. */
function tokensOf({ body }: ApiRequest): Record<string, number> {
  const { system, messages, tools } = body;
  return Object.fromEntries(
    Object.entries({ system, messages, tools }).map((
      [part, value],
    ) => [part, encode(JSON.stringify(value)).length]),
  );
}

Deno.test({
  name: "measure: tokens of the tool list, and of a session's first request for it",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      for (const profile of ["all", "core"]) {
        const tools = listTools(profile).map(({ name, description, inputSchema }) => ({
          name,
          description,
          inputSchema,
        }));
        const tokens = encode(JSON.stringify(tools)).length;
        print(`tool list, ${profile}: ${tokens} tokens for ${tools.length} tools`);
      }
      const total = async (options: ClaudeOptions): Promise<Record<string, number>> => {
        const { api } = options;
        const before = api.requests.length;
        assertEquals((await runPrint("hello", options)).code, 0);
        const first = api.requests[before];
        assert(first !== undefined);
        return tokensOf(first);
      };
      await using api = messagesApi();
      const without = await total({ place, api, user: freshUser(place), servers: null });
      const hooked = await installed(place, api);
      const deferred = await total(hooked);
      const { env = {} } = hooked;
      const loaded = await total({ ...hooked, env: { ...env, ENABLE_TOOL_SEARCH: "false" } });
      const plain = { place, api, user: freshUser(place), servers: null };
      const bare = await total({ ...plain, env: { ENABLE_TOOL_SEARCH: "false" } });
      print(`first request, tools deferred (the default): ${difference(deferred, without)}`);
      print(`first request, tools loaded up front: ${difference(loaded, bare)}`);
    }),
});

function difference(one: Record<string, number>, other: Record<string, number>): string {
  const parts = Object.keys(one).map((part) => [part, (one[part] ?? 0) - (other[part] ?? 0)]);
  const sum = parts.reduce((all, [, tokens]) => all + Number(tokens), 0);
  const words = parts.map(([part, tokens]) => `${part} ${tokens}`).join(", ");
  return `${sum} tokens more than without skein (${words})`;
}
