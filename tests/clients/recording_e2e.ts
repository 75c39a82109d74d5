// What the real client's hooks say, held against what was recorded of it for the fast tests: once it
// says something else, they test a client that is no more. With SKEIN_RECORD=1 it is recorded anew.
// Run with: deno task test:clients

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { hooksFile, SERVER } from "../../src/claude/plugin.ts";
import { freshUser, runPrint } from "./claude.ts";
import { messagesApi } from "./messages_api.ts";
import { denoEnv, withPlace } from "./program.ts";
import type { ApiRequest, Json } from "./script.ts";
import { noClaude } from "./stage.ts";

const IDLE = fromFileUrl(new URL("idle_server.ts", import.meta.url));
const RECORDED = new URL("../claude/recorded.json", import.meta.url);
const MAIN_CALLS = "the main agent's";

/** Nothing of it is the same in every run. */
function settled(text: string, replaced: readonly (readonly [string, string])[]): string {
  let found = text;
  for (const [one, other] of replaced) found = found.replaceAll(one, other);
  return found.replaceAll(/toolu_\w+/g, "toolu_1").replaceAll(
    /"agent_id":"(?!\$)[^"]+"/g,
    '"agent_id":"a1"',
  );
}

/** The lines of a recording, each once, in an order of their own: hooks may run side by side. */
function lines(path: string, replaced: readonly (readonly [string, string])[]): Json[] {
  const all = Deno.readTextFileSync(path).trim().split("\n").map((one) => settled(one, replaced));
  return [...new Set(all)].sort().map((line) => JSON.parse(line) as Json);
}

Deno.test({
  name: "recorded: what the hooks of this client say is what the fast tests replay",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const [record, started] = [join(place.folder, "record"), join(place.folder, "started")];
      const hooks = hooksFile("true", "/nowhere") as { hooks: Json };
      const command = `cat >> ${started}; echo >> ${started}`;
      hooks.hooks.SessionStart = [{ hooks: [{ type: "command", command }] }];
      const idle = {
        command: Deno.execPath(),
        args: ["run", "--no-check", `--allow-write=${place.folder}`, IDLE, record],
        env: denoEnv(),
      };
      const path = join(place.project, "a.txt");
      const session = crypto.randomUUID();
      const helper = (request: ApiRequest): boolean =>
        !JSON.stringify(request.body.messages).includes(MAIN_CALLS);
      const input = {
        description: "looks",
        prompt: "look around",
        subagent_type: "general-purpose",
      };
      api.script([
        { match: /look around/, blocks: [{ tool: "Bash", input: { command: "true" } }] },
        { blocks: [{ text: "looked" }] },
      ], helper);
      api.script([
        {
          match: /main agent's/,
          blocks: [{ tool: "Write", input: { file_path: path, content: "x\n" } }],
        },
        {
          blocks: [{ tool: "Edit", input: { file_path: path, old_string: "x", new_string: "y" } }],
        },
        { blocks: [{ tool: "Bash", input: { command: "true", description: "nothing" } }] },
        { blocks: [{ tool: "Bash", input: { command: "false", description: "fails" } }] },
        { blocks: [{ tool: "Agent", input }] },
        { match: /looked/, blocks: [{ text: "finished" }] },
      ], (request) => !helper(request));
      const end = await runPrint(MAIN_CALLS, {
        place,
        api,
        user: freshUser(place),
        session,
        servers: { idle },
        settings: JSON.parse(JSON.stringify(hooks).replaceAll(SERVER, "idle")),
        allowedTools: ["Write", "Edit", "Bash", "Agent"],
      });
      assertEquals(end.result?.result, "finished", api.transcript());
      const replaced = [[place.folder, "/t"], [session, "s-1"]] as const;
      const [start] = lines(started, replaced);
      // Where the client keeps its notes of a session is its own business.
      delete start.transcript_path;
      const found = { tools: lines(record, replaced), start };
      const text = `${JSON.stringify(found, null, 2)}\n`;
      if (Deno.env.get("SKEIN_RECORD") === "1") Deno.writeTextFileSync(RECORDED, text);
      assertEquals(found, JSON.parse(Deno.readTextFileSync(RECORDED)));
    }),
});
