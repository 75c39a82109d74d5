// Other clients, with nothing but what skein prints for them: their configuration word for word, and
// the prompts that make a leader and a worker of them. Run with: deno task test:clients

import { assertEquals, assertStringIncludes } from "@std/assert";
import { responsesApi, runCodex } from "./codex.ts";
import { geminiApi, runGemini } from "./gemini.ts";
import { clientCommand } from "./install.ts";
import { commandOf, installEnv } from "./installed.ts";
import { onStage, rows, type Stage } from "./stage.ts";

const noCodex = await clientCommand("codex") === null;
const noGemini = await clientCommand("gemini") === null;
const GONE_MS = 5_000;

/** What the installed command prints. */
async function printed({ place, user }: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(commandOf(user), {
    args,
    cwd: place.project,
    env: installEnv(place, user),
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

Deno.test({
  name: "codex: works as a worker with the printed configuration and prompt",
  ignore: noCodex,
  fn: () =>
    onStage(async (stage) => {
      const { place } = stage;
      const configuration = await printed(stage, "install", "--client", "codex");
      await printed(stage, "task", "create", "Spin the yarn");
      await using api = responsesApi();
      const tool = (name: string): string => `mcp__skein__${name}`;
      api.script([
        {
          match: /You are anna[^]*role worker[^]*claim_task without an id/,
          blocks: [{ tool: tool("join"), input: { name: "anna", role: "worker" } }],
        },
        { match: /"name":"anna"/, blocks: [{ tool: tool("claim_task") }] },
        {
          match: /Spin the yarn/,
          blocks: [{ tool: tool("complete_task"), input: { id: "t1", summary: "spun" } }],
        },
        { match: /unblocked/, blocks: [{ text: "finished" }] },
      ]);
      const prompt = await printed(stage, "prompt", "worker", "anna");
      const end = await runCodex(prompt, { place, api, printed: configuration });
      assertEquals([end.code, end.late], [0, false], end.stderr);
      assertStringIncludes(end.stdout, "finished", api.transcript());
      assertEquals(rows(place, "SELECT status FROM task"), [{ status: "completed" }]);
      await place.serversGone(GONE_MS);
    }),
});

Deno.test({
  name: "gemini: leads with the printed configuration and prompt",
  ignore: noGemini,
  fn: () =>
    onStage(async (stage) => {
      const { place } = stage;
      const configuration = await printed(stage, "install", "--client", "gemini");
      await using api = geminiApi();
      const tool = (name: string): string => `mcp_skein_${name}`;
      api.script([
        {
          match: /You are greta[^]*role architect[^]*create_task/,
          blocks: [{ tool: tool("join"), input: { name: "greta", role: "architect" } }],
        },
        {
          match: /"name":"greta"/,
          blocks: [{
            tool: tool("create_task"),
            input: {
              tasks: [{ key: "a", title: "Card" }, { key: "b", title: "Spin", blocked_by: ["a"] }],
            },
          }],
        },
        { match: /"t2"/, blocks: [{ text: "finished" }] },
      ]);
      const prompt = await printed(stage, "prompt", "leader", "greta");
      const end = await runGemini(prompt, { place, api, printed: configuration });
      assertEquals([end.code, end.late], [0, false], end.stderr);
      assertStringIncludes(end.stdout, "finished", api.transcript());
      const [greta] = rows(place, "SELECT role FROM peer WHERE name = 'greta'");
      assertEquals(greta?.["role"], "architect");
      assertEquals(rows(place, "SELECT title FROM task ORDER BY id").length, 2);
      await place.serversGone(GONE_MS);
    }),
});
