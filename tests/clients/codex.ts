// Codex, the real client, offline: one run of `codex exec` against a scripted Responses API. It
// clears the environment of its servers and shows MCP tools to the model in a namespace.

import { join } from "@std/path";
import { clientCommand } from "./install.ts";
import {
  type Ended,
  jsonLines,
  type Place,
  searchPath,
  type ServerEntry,
  start,
} from "./program.ts";
import { type Block, events, type Json, ScriptedApi, type Wire } from "./script.ts";

/** Starts a scripted Responses API. Tools are called as `mcp__skein__create_task` here too. */
export function responsesApi(): ScriptedApi {
  return new ScriptedApi(WIRE);
}

export interface CodexOptions {
  readonly place: Place;
  readonly api: ScriptedApi;
  readonly servers?: Readonly<Record<string, ServerEntry>>;
  /** What is to stand in its configuration, word for word, in place of servers. */
  readonly printed?: string;
  readonly args?: readonly string[];
  readonly limitMs?: number;
}

/** One `codex exec`; `lines` are its events. */
export async function runCodex(
  prompt: string,
  options: CodexOptions,
): Promise<Ended & { readonly lines: readonly Json[] }> {
  const command = await clientCommand("codex");
  if (command === null) throw new Error("there is no codex");
  const { place, api } = options;
  const home = place.fresh("home");
  const config = place.fresh("codex");
  const printed = options.printed ?? "";
  const servers = options.servers ?? (printed === "" ? { skein: place.server } : {});
  const text = `${configuration(api.url, servers)}${printed}`;
  Deno.writeTextFileSync(join(config, "config.toml"), text);
  const flags = ["--json", "--skip-git-repo-check", "-s", "read-only"];
  const run = start(command, ["exec", ...flags, ...options.args ?? [], prompt], {
    cwd: place.project,
    env: {
      PATH: searchPath(),
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      HOME: home,
      CODEX_HOME: config,
      SCRIPTED_API_KEY: "dummy",
    },
    ...(options.limitMs === undefined ? {} : { limitMs: options.limitMs }),
  });
  const ended = await run.ended;
  return { ...ended, lines: jsonLines(ended.stdout) as Json[] };
}

/** Strings and arrays of JSON are TOML too. */
function configuration(url: string, servers: Readonly<Record<string, ServerEntry>>): string {
  const quote = (value: unknown): string => JSON.stringify(value);
  const lines = [
    `model = "scripted"`,
    `model_provider = "scripted"`,
    `approval_policy = "never"`,
    `check_for_update_on_startup = false`,
    `[analytics]`,
    `enabled = false`,
    // It would look for a list of plugins on the network; `--enable plugins` turns them on.
    `[features]`,
    `plugins = false`,
    `remote_plugin = false`,
    `apps = false`,
    `[model_providers.scripted]`,
    `name = "scripted"`,
    `base_url = ${quote(url)}`,
    `wire_api = "responses"`,
    `env_key = "SCRIPTED_API_KEY"`,
  ];
  for (const [name, { command, args, env }] of Object.entries(servers)) {
    lines.push(
      `[mcp_servers.${name}]`,
      `command = ${quote(command)}`,
      `args = ${quote(args)}`,
      `default_tools_approval_mode = "approve"`,
      `[mcp_servers.${name}.env]`,
      ...Object.entries(env).map(([key, value]) => `${key} = ${quote(value)}`),
    );
  }
  return `${lines.join("\n")}\n`;
}

const WIRE: Wire = {
  read(path, body, headers) {
    if (path !== "/responses") return null;
    const input: Json[] = body.input;
    const last = input.findLastIndex((one) =>
      one.type === "function_call" || one.role === "assistant"
    );
    return {
      session: headers.get("session_id") ?? headers.get("session-id"),
      shown: input.slice(last + 1).map(textOf).join("\n"),
      tools: (body.tools ?? []).flatMap((tool: Json) =>
        tool.type === "namespace"
          ? tool.tools.map((one: Json) => `${tool.name}__${one.name}`)
          : [tool.name ?? tool.type]
      ),
    };
  },

  write(_request, blocks, turn) {
    const response = { id: `resp_${turn}` };
    const usage = {
      input_tokens: 100,
      input_tokens_details: null,
      output_tokens: 10,
      output_tokens_details: null,
      total_tokens: 110,
    };
    return events([
      { type: "response.created", response },
      ...blocks.map((block, i) => ({
        type: "response.output_item.done",
        item: item(block, `${turn}_${i}`),
      })),
      { type: "response.completed", response: { ...response, usage } },
    ]);
  },
};

function item(block: Block, id: string): Json {
  if ("text" in block) {
    const content = [{ type: "output_text", text: block.text }];
    return { type: "message", role: "assistant", id: `msg_${id}`, content };
  }
  const [, namespace, name] = /^(mcp__.+?)__(.+)$/.exec(block.tool) ?? [];
  return {
    type: "function_call",
    call_id: block.id ?? `call_${id}`,
    ...(name === undefined ? { name: block.tool } : { namespace, name }),
    arguments: JSON.stringify(block.input ?? {}),
  };
}

/** What an item of the conversation says, however deep. */
function textOf(one: Json): string {
  if (typeof one === "string") return one;
  if (Array.isArray(one)) return one.map(textOf).join("\n");
  return one === undefined || one === null ? "" : textOf(one.content ?? one.output ?? one.text);
}
