// What the real client's hooks said when it was recorded (tests/clients/recording_e2e.ts does), read
// and replayed to a real server.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readHook } from "../../src/claude/hook.ts";
import { groundTest } from "./client.ts";

type Said = Readonly<Record<string, string>>;
const RECORDED = JSON.parse(
  Deno.readTextFileSync(new URL("recorded.json", import.meta.url)),
) as { readonly tools: readonly Said[]; readonly start: Said };

Deno.test("recorded: every hook is read for what it is", () => {
  for (const said of RECORDED.tools) {
    const call = readHook(said);
    const what = JSON.stringify(said);
    assertEquals([call.event, call.session, call.cwd], [
      said["hook_event_name"],
      "s-1",
      "/t/project",
    ]);
    const helper = said["agent_id"] === "a1";
    assertEquals([call.agentId, call.agentType], helper ? ["a1", "general-purpose"] : [null, null]);
    const tool = /ToolUse/.test(call.event);
    assertEquals(call.toolUseId, tool ? "toolu_1" : null, what);
    assertEquals(call.command !== null, call.tool === "Bash", what);
    const writes = call.tool === "Edit" || call.tool === "Write";
    assertEquals(call.files, writes ? ["/t/project/a.txt"] : [], what);
    assertEquals(call.stopActive, false);
  }
  const { event, session, source } = readHook(RECORDED.start);
  assertEquals([event, session, source], ["SessionStart", "s-1", "startup"]);
  const events = new Set(RECORDED.tools.map((said) => said["hook_event_name"]));
  assertEquals([...events].sort(), [
    "PostToolBatch",
    "PostToolUse",
    "PostToolUseFailure",
    "PreToolUse",
    "Stop",
    "UserPromptSubmit",
  ]);
});

groundTest(
  "recorded: replayed, nothing is said; once bob holds the file, edits are denied",
  async (ground) => {
    const ann = await ground.session("s-1", "ann");
    const bob = await ground.peer("bob");
    const replay = async (): Promise<string[]> => {
      const denied: string[] = [];
      for (const said of RECORDED.tools) {
        const here = JSON.parse(JSON.stringify(said).replaceAll("/t/project", ground.folder));
        const text = await ann.raw(here);
        if (text === "{}") continue;
        assertStringIncludes(text, '"permissionDecision":"deny"');
        denied.push(said["tool_name"] ?? "");
      }
      return denied;
    };
    assertEquals(await replay(), []);
    await bob.ok("lock_file", { paths: ["a.txt"] });
    assertEquals(await replay(), ["Edit", "Write"]);
    // A subagent's steps carry and acknowledge nothing of its parent's.
    await bob.ok("send", { to: "ann", content: "for ann alone" });
    for (const said of RECORDED.tools.filter((one) => one["agent_id"] === "a1")) {
      assert(!(await ann.raw(said)).includes("for ann alone"), JSON.stringify(said));
    }
    assertStringIncludes(await ann.context("PostToolBatch"), "for ann alone");
  },
);
