// A host with one agent, to be killed: starts the program with the fake agent's stream, writes the
// record of its group to a file, and lives as long as the agent.
//   fake_host.ts PROGRAM FOLDER RECORD

import { AgentProcess } from "../../src/agent/process.ts";
import { agentCommand } from "../../src/agent/command.ts";

if (import.meta.main) {
  const [command = "", folder = "", file = ""] = Deno.args;
  const order = { prompt: "begin", model: null, folder };
  const agent = AgentProcess.start({
    ...agentCommand({ command, args: [] }, order),
    cwd: folder,
    env: Deno.env.toObject(),
    log: `${folder}/host.ndjson`,
    onEvent: () => {},
  });
  Deno.writeTextFileSync(`${file}.part`, JSON.stringify(agent.record));
  Deno.renameSync(`${file}.part`, file);
  await agent.ended;
}
