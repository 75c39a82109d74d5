// Where fake agents run: a fresh folder with a program `claude` that is the fake one, another of any
// other name, and a scenario; whatever they leave behind is ended by process id.

import { join } from "@std/path";
import { agentCommand, type AgentOrder } from "../../src/agent/command.ts";
import type { AgentEvent } from "../../src/agent/event.ts";
import { AgentProcess } from "../../src/agent/process.ts";
import { systemTable } from "../../src/agent/processes.ts";
import { MARK } from "../../src/agent/group.ts";
import { withTempFolder } from "../support/temp.ts";
import type { Rule, Scenario, Step } from "./scenario.ts";

const FAKE = new URL("./fake_agent.ts", import.meta.url).pathname;

/** Writes a program that is the fake agent, called `name`; gives its path. */
export function fakeProgram(folder: string, name = "claude"): string {
  const path = join(folder, name);
  const line = `exec '${Deno.execPath()}' run -A --no-check --quiet '${FAKE}' "$@"`;
  Deno.writeTextFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return path;
}

/** Writes a scenario; gives its path, which goes into FAKE_AGENT. */
export function writeScenario(folder: string, scenario: Scenario | readonly Step[]): string {
  const path = join(folder, `scenario-${crypto.randomUUID().slice(0, 8)}.json`);
  const whole: Scenario = isSteps(scenario) ? { rules: [{ steps: scenario }] } : scenario;
  Deno.writeTextFileSync(path, JSON.stringify(whole));
  return path;
}

function isSteps(scenario: Scenario | readonly Step[]): scenario is readonly Step[] {
  return Array.isArray(scenario);
}

/** A fake agent that runs, with what it told so far. */
export interface FakeRun {
  readonly agent: AgentProcess;
  readonly events: AgentEvent[];
}

export interface Ground {
  readonly folder: string;
  /** Starts a fake agent by a scenario. */
  start(scenario: Scenario | readonly Step[], options?: StartOptions): FakeRun;
}

export interface StartOptions {
  readonly prompt?: string;
  /** Name of the program: anything but `claude` speaks text. */
  readonly program?: string;
  readonly args?: readonly string[];
  /** Another program than the fake agent. */
  readonly command?: string;
  readonly order?: Partial<AgentOrder>;
  readonly env?: Readonly<Record<string, string>>;
  readonly leaveMs?: number;
  readonly onEvent?: (event: AgentEvent) => void;
}

/** Runs `body`; ends what its agents left. */
export async function withGround(body: (ground: Ground) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const marks: string[] = [];
    const start = (scenario: Scenario | readonly Step[], options: StartOptions = {}): FakeRun => {
      const events: AgentEvent[] = [];
      const command = options.command ?? fakeProgram(folder, options.program);
      const prompt = options.prompt ?? "begin";
      const line = agentCommand({ command, args: options.args ?? [] }, {
        prompt,
        model: null,
        folder,
        ...options.order,
      });
      const agent = AgentProcess.start({
        ...line,
        cwd: folder,
        env: {
          ...Deno.env.toObject(),
          FAKE_AGENT: writeScenario(folder, scenario),
          ...options.env,
        },
        ...(options.leaveMs === undefined ? {} : { leaveMs: options.leaveMs }),
        log: join(folder, "logs", `${crypto.randomUUID()}.ndjson`),
        onEvent: (event) => {
          events.push(event);
          options.onEvent?.(event);
        },
      });
      marks.push(agent.record.mark);
      return { agent, events };
    };
    try {
      await body({ folder, start });
    } finally {
      endMarked(marks);
    }
  });
}

/** Ends whatever still carries one of these marks. */
export function endMarked(marks: readonly string[]): void {
  const table = systemTable();
  for (const mark of marks) {
    for (const { pid } of table.marked(MARK, mark, table.all())) kill(pid);
  }
}

/** Ends a process of ours, if it is still there. */
export function kill(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Whether a process lives. */
export function lives(pid: number): boolean {
  return systemTable().process(pid) !== null;
}

/** Process ids that fake agents wrote to a file; empty while there is none. */
export function told(path: string): number[] {
  try {
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").map(Number);
  } catch {
    return [];
  }
}

/** One rule without a pattern. */
export function always(...steps: Step[]): Rule {
  return { steps };
}
