// Gemini CLI, the real client, offline: one run of `gemini -p` against a scripted generateContent.
// It names a server's tool `mcp_<server>_<tool>` and filters the environment of its servers.

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

/** Starts a scripted Gemini API. */
export function geminiApi(): ScriptedApi {
  return new ScriptedApi(WIRE);
}

export interface GeminiOptions {
  readonly place: Place;
  readonly api: ScriptedApi;
  readonly servers?: Readonly<Record<string, ServerEntry>>;
  /** Settings as they were printed, in place of servers. */
  readonly printed?: string;
  readonly args?: readonly string[];
  readonly limitMs?: number;
}

/** One `gemini -p`; `lines` are its events. */
export async function runGemini(
  prompt: string,
  options: GeminiOptions,
): Promise<Ended & { readonly lines: readonly Json[] }> {
  const command = await clientCommand("gemini");
  if (command === null) throw new Error("there is no gemini");
  const { place, api } = options;
  const home = place.fresh("home");
  const servers = options.servers ?? { skein: place.server };
  const trusted = Object.entries(servers).map(([name, entry]) => [name, { ...entry, trust: true }]);
  const settings = {
    mcpServers: Object.fromEntries(trusted),
    ...JSON.parse(options.printed ?? "{}") as Json,
    security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
  };
  Deno.mkdirSync(join(home, ".gemini"));
  Deno.writeTextFileSync(join(home, ".gemini", "settings.json"), JSON.stringify(settings));
  const flags = ["-m", "gemini-2.5-pro", "--yolo", "-o", "stream-json"];
  const run = start(command, [...flags, ...options.args ?? [], "-p", prompt], {
    cwd: place.project,
    env: {
      PATH: searchPath(),
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      HOME: home,
      GOOGLE_GEMINI_BASE_URL: api.url,
      GEMINI_API_KEY: "dummy",
      // It would start itself anew with more memory, out of reach of the time limit.
      GEMINI_CLI_NO_RELAUNCH: "true",
    },
    ...(options.limitMs === undefined ? {} : { limitMs: options.limitMs }),
  });
  const ended = await run.ended;
  return { ...ended, lines: jsonLines(ended.stdout) as Json[] };
}

const WIRE: Wire = {
  read(path, body) {
    if (path.endsWith(":countTokens")) return Response.json({ totalTokens: 100 });
    if (!/:(streamG|g)enerateContent$/.test(path)) return null;
    const contents: Json[] = body.contents;
    const last = contents.findLastIndex((one) => one.role === "model");
    return {
      session: null,
      shown: contents.slice(last + 1).map((one) => one.parts.map(textOf).join("\n")).join("\n"),
      tools: (body.tools ?? []).flatMap((tool: Json) =>
        (tool.functionDeclarations ?? []).map((one: Json) => one.name)
      ),
    };
  },

  write({ path }, blocks) {
    const answer = {
      candidates: [{
        index: 0,
        content: { role: "model", parts: blocks.map(part) },
        finishReason: "STOP",
      }],
      usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 10, totalTokenCount: 110 },
    };
    return path.endsWith(":streamGenerateContent") ? events([answer]) : Response.json(answer);
  },
};

function part(block: Block): Json {
  if ("text" in block) return block;
  const id = block.id === undefined ? {} : { id: block.id };
  return { functionCall: { ...id, name: block.tool, args: block.input ?? {} } };
}

function textOf(one: Json): string {
  if (one.text !== undefined) return one.text;
  const response = one.functionResponse?.response;
  return response?.output ?? (response === undefined ? "" : JSON.stringify(response));
}
