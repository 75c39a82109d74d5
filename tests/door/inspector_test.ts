// The MCP Inspector's command line: a client that nobody here wrote, pinned. Where npm cannot bring
// it, the test says so and is skipped; where it runs, it has to work.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import type { Json } from "./wire.ts";

const INSPECTOR = ["-y", "@modelcontextprotocol/inspector@0.15.0", "--cli"];

async function npx(
  args: readonly string[],
): Promise<{ success: boolean; out: string; err: string }> {
  const decoder = new TextDecoder();
  try {
    const { success, stdout, stderr } = await new Deno.Command("npx", {
      args: [...INSPECTOR, ...args],
      env: testEnv({}),
      clearEnv: true,
      stdin: "null",
    }).output();
    return { success, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  } catch (thrown) {
    return { success: false, out: "", err: String(thrown) };
  }
}

/** Why the package cannot be fetched; null if it is there. */
async function missing(): Promise<string | null> {
  const { success, err } = await npx(["--help"]);
  if (success) return null;
  const fetching = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|network|E404|NotFound/i;
  return fetching.test(err) ? err.trim().split("\n")[0] ?? "no reason given" : null;
}

const why = await missing();

/** Runs one method against a server of its own and gives its result. */
async function inspect(home: string, folder: string, ...method: string[]): Promise<Json> {
  const dir = Deno.env.get("DENO_DIR");
  const ran = await npx([
    ...["-e", `SKEIN_HOME=${home}`, "-e", `SKEIN_DIR=${folder}`, "-e", "SKEIN_NAME=inspector"],
    ...(dir === undefined ? [] : ["-e", `DENO_DIR=${dir}`]),
    "--",
    ...SOURCE_COMMAND,
    "mcp",
    "--method",
    ...method,
  ]);
  assert(ran.success, `${method.join(" ")}: ${ran.err}${ran.out}`);
  return JSON.parse(ran.out);
}

Deno.test({
  name: "inspector: lists tools, calls them and reads resources" +
    (why === null ? "" : ` (skipped, npm cannot fetch it: ${why})`),
  ignore: why !== null,
  fn: () =>
    withTempFolder(async (temp) => {
      const home = join(temp, "home");
      const { tools } = await inspect(home, temp, "tools/list");
      assertEquals(tools.length, 23);
      assertEquals(tools[0].name, "join");
      const call = async (tool: string, ...args: string[]): Promise<Json> => {
        const given = args.length === 0 ? [] : ["--tool-arg", ...args];
        const result = await inspect(home, temp, "tools/call", "--tool-name", tool, ...given);
        assertEquals(JSON.parse(result.content[0].text), result.structuredContent);
        return result.structuredContent;
      };
      const { you } = await call("join", "summary=looking around");
      assertEquals([you.name, you.role], ["inspector", "architect"]);
      const args = ["title=hello world", "priority=3", 'files=["a.ts","b.ts"]'];
      assertEquals(await call("create_task", ...args), { id: "t1", status: "pending" });
      const { contents } = await inspect(home, temp, "resources/read", "--uri", "skein://task/t1");
      const { task } = JSON.parse(contents[0].text);
      assertEquals([task.title, task.priority, task.files], ["hello world", 3, ["a.ts", "b.ts"]]);
      const { prompts } = await inspect(home, temp, "prompts/list");
      assertEquals(prompts.length, 4);
    }),
});
