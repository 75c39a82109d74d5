// An agent's process around the real Claude Code, offline: its stream both ways, a message while it
// works, its result and the end of its input, errors, and an end in the middle of a command that
// leaves nothing. Run with: deno test -A tests/clients/agent_e2e.ts

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { agentCommand, type AgentOrder } from "../../src/agent/command.ts";
import type { AgentEvent } from "../../src/agent/event.ts";
import { endGroup, MARK } from "../../src/agent/group.ts";
import { readLog } from "../../src/agent/log.ts";
import { AgentProcess } from "../../src/agent/process.ts";
import { systemTable } from "../../src/agent/processes.ts";
import { judge, type Verdict } from "../../src/agent/verdict.ts";
import { eventually } from "../support/eventually.ts";
import { environment, freshUser } from "./claude.ts";
import { clientCommand } from "./install.ts";
import { messagesApi } from "./messages_api.ts";
import { endProcess, type Place, withPlace } from "./program.ts";
import type { ScriptedApi } from "./script.ts";

const command = await clientCommand("claude");
const ignore = command === null;

interface Run {
  readonly agent: AgentProcess;
  readonly events: AgentEvent[];
}

function start(
  place: Place,
  api: ScriptedApi,
  prompt: string,
  more: Partial<AgentOrder> = {},
): Run {
  const events: AgentEvent[] = [];
  const order = { prompt, model: null, folder: place.project, allowedTools: ["Bash"], ...more };
  const agent = AgentProcess.start({
    ...agentCommand({ command: command ?? "", args: [] }, order),
    cwd: place.project,
    env: environment({ api }, freshUser(place)),
    log: join(place.folder, "logs", "agent.ndjson"),
    onEvent: (event) => events.push(event),
  });
  return { agent, events };
}

async function verdictOf({ agent }: Run): Promise<Verdict> {
  const exit = await agent.ended;
  return judge({ protocol: "claude", exit, completed: false, demand: null, nowMs: Date.now() });
}

/** Processes that carry an agent's mark. */
function marked({ agent }: Run): number[] {
  const table = systemTable();
  return table.marked(MARK, agent.record.mark, table.all()).map(({ pid }) => pid);
}

Deno.test({
  name: "agent: claude works, is told more meanwhile, gives its result and leaves",
  ignore,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const session = crypto.randomUUID();
      const touch = "echo made > made.txt; echo finished-the-command";
      api.script([
        { match: /begin-the-work/, blocks: [{ tool: "Bash", input: { command: touch } }] },
        {
          match: /finished-the-command/,
          blocks: async () => {
            assert(run.agent.say("turn-to-the-left"));
            await eventually(() =>
              readLog(run.agent.log).some(({ from, line }) =>
                from === "in" && line.includes("turn-to-the-left")
              )
            );
            return [{ tool: "Bash", input: { command: "echo second-command" } }];
          },
        },
        { match: /turn-to-the-left/, blocks: [{ text: "I turned left" }] },
      ], session);
      const run = start(place, api, "begin-the-work", { session });
      assertEquals((await verdictOf(run)).verdict, "done");
      const exit = await run.agent.ended;
      assertEquals([exit.code, exit.endedFor, exit.left], [0, null, []]);
      assertEquals([exit.result?.text, exit.result?.session], ["I turned left", session]);
      assertEquals([exit.result?.turns, exit.result?.tokens], [3, 330]);
      const first = run.events[0];
      assert(first?.kind === "init" && first.session === session && first.tools.includes("Bash"));
      const kinds = new Set(run.events.map(({ kind }) => kind));
      for (const kind of ["tool", "tool_result", "text", "usage", "result"] as const) {
        assert(kinds.has(kind), kind);
      }
      assertEquals([exit.counts.noise, exit.counts.cut], [0, 0]);
      assertEquals(Deno.readTextFileSync(join(place.project, "made.txt")), "made\n");
      assertEquals(api.pending(), []);
      assertEquals(marked(run), []);
    }),
});

Deno.test({
  name: "agent: what claude is told just before the end of its input it still answers",
  ignore,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      api.script([
        {
          match: /begin-the-work/,
          // While the model still thinks: with its result the input ends.
          blocks: () => {
            assert(run.agent.say("one-more-thing"));
            return Promise.resolve([{ text: "first answer" }]);
          },
        },
        { match: /one-more-thing/, blocks: [{ text: "second answer" }] },
      ]);
      const run = start(place, api, "begin-the-work");
      const exit = await run.agent.ended;
      assertEquals(exit.code, 0);
      const said = run.events.flatMap((one) => one.kind === "text" ? [one.text] : []);
      assertEquals(said.at(-1), "second answer");
      assertEquals(exit.result?.text, "second answer");
    }),
});

Deno.test({
  name: "agent: an error of claude's API is a failure that names it",
  ignore,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      api.script([{ match: /begin-the-work/, blocks: [], status: 400, repeat: true }]);
      const verdict = await verdictOf(start(place, api, "begin-the-work"));
      assertEquals([verdict.verdict, verdict.cause], ["failed", "agent"]);
      assertStringIncludes(verdict.reason, "400");
    }),
});

for (const way of ["end", "endGroup"] as const) {
  Deno.test({
    name: `agent: claude in the middle of a command: ${way} leaves nothing`,
    ignore,
    fn: () =>
      withPlace(async (place) => {
        await using api = messagesApi();
        const tell = join(place.project, "pid");
        const deaf = `trap '' TERM INT HUP; echo $$ > ${tell}; while :; do sleep 1; done`;
        api.script([
          { match: /begin-the-work/, blocks: [{ tool: "Bash", input: { command: deaf } }] },
        ]);
        const run = start(place, api, "begin-the-work");
        const pid = await eventually(() => Number(Deno.readTextFileSync(tell)), {
          withinMs: 20_000,
          what: "the command runs",
        });
        try {
          if (way === "end") await run.agent.end({ graceMs: 300, why: "a test" });
          else assertEquals((await endGroup(run.agent.record, { graceMs: 300 })).outcome, "ended");
          const exit = await run.agent.ended;
          assertEquals([exit.left, marked(run)], [[], []]);
          assertEquals(systemTable().process(pid), null);
        } finally {
          endProcess(pid);
        }
      }),
  });
}
