// The fake agent as a worker of a real skein: through its MCP server it acts as who its environment
// says it is, and its server ends with it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { agentEnvironment } from "../../src/agent/environment.ts";
import { agentCommand } from "../../src/agent/command.ts";
import type { AgentEvent } from "../../src/agent/event.ts";
import { AgentProcess } from "../../src/agent/process.ts";
import { withShell } from "../door/shell.ts";
import { SOURCE_COMMAND } from "../support/peer.ts";
import { endMarked, fakeProgram, writeScenario } from "./ground.ts";

Deno.test("agent: claims and completes its task as the worker that it is, through `skein mcp`", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "to do");
    const [command = "", ...args] = SOURCE_COMMAND;
    const line = agentCommand({ command: fakeProgram(shell.folder), args: [] }, {
      prompt: "begin with t1",
      model: null,
      folder: shell.folder,
      servers: { skein: { command, args: [...args, "mcp"] } },
    });
    const scenario = writeScenario(shell.folder, {
      rules: [{
        match: "begin with (?<task>t\\d+)",
        steps: [
          { do: "mcp", name: "claim_task", input: { id: "$<task>" } },
          { do: "mcp", name: "no_such_tool" },
          { do: "mcp", name: "complete_task", input: { id: "$<task>", summary: "did it" } },
        ],
      }],
    });
    const events: AgentEvent[] = [];
    const agent = AgentProcess.start({
      ...line,
      cwd: shell.folder,
      env: agentEnvironment(Deno.env.toObject(), {
        home: shell.home,
        name: "w-1",
        role: "worker",
        folder: shell.folder,
      }, { FAKE_AGENT: scenario }),
      log: join(shell.folder, "agent.ndjson"),
      onEvent: (event) => events.push(event),
    });
    try {
      const exit = await agent.ended;
      const answers = events.filter((one) => one.kind === "tool_result");
      assertEquals(answers.map(({ isError }) => isError), [false, true, false], exit.lastWords);
      const { json } = await shell.run(["task", "get", "t1", "--json"]);
      const task = (json as { task: { status: string } }).task;
      assertEquals(task.status, "completed");
      assert(JSON.stringify(json).includes("w-1"));
      assertEquals(exit.left, []);
    } finally {
      endMarked([agent.record.mark]);
    }
  });
});
