// A worker that the flock starts for itself, with the real client: it comes up under the name that it
// was given, is told its task, and may use skein's tools without anybody to ask. Run with: deno task
// test:clients

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { environment, program, seed } from "./claude.ts";
import { commandOf } from "./installed.ts";
import type { ApiRequest } from "./script.ts";
import { call, noClaude, noTmux, onStage, rows, type Stage } from "./stage.ts";

const WORK = [
  { match: /You are anna, a worker.*Claim t1/, blocks: [call("join", { summary: "spins" })] },
  { match: /"name":"anna"/, blocks: [call("claim_task", { id: "t1" })] },
  { match: /Spin the yarn/, blocks: [call("complete_task", { id: "t1", summary: "spun" })] },
  { match: /unblocked/, blocks: [{ text: "finished" }] },
];

/** A session's own requests, and not those for its title. */
const working = (request: ApiRequest): boolean => request.tools.length > 0;

/** The human's shell, with the client to be started from it. */
async function shell(
  { place, user, options }: Stage,
  more: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<void> {
  // The mode in which an interactive session would ask.
  const agent = [await program(), "--permission-mode", "default"];
  const { code, stderr } = await new Deno.Command(commandOf(user), {
    args,
    cwd: place.project,
    env: {
      ...environment(options, user, "xterm-256color"),
      SKEIN_AGENT: JSON.stringify(agent),
      ...more,
    },
    clearEnv: true,
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
}

/** The task is done, by anna, who was a worker. */
async function done({ place, api }: Stage): Promise<void> {
  await eventually(() => {
    const [task] = rows(place, "SELECT status FROM task");
    assert(task?.["status"] === "completed", api.transcript());
    return true;
  }, { withinMs: 20_000, what: "the task is done" });
  const [anna] = rows(place, "SELECT role FROM peer WHERE name = 'anna'");
  assertEquals(anna?.["role"], "worker");
}

Deno.test({
  name: "worker: headless, it does its task without anybody to ask, and ends",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      await shell(stage, {}, "task", "create", "Spin the yarn");
      stage.api.script(WORK, working);
      await shell(stage, {}, "worker", "spawn", "anna", "--how", "headless", "--task", "t1");
      await done(stage);
      await stage.place.serversGone(10_000);
    }),
});

Deno.test({
  name: "worker: in tmux, it is an interactive session of that name",
  ignore: noTmux,
  fn: () =>
    onStage(async (stage) => {
      const { place, user } = stage;
      const tmux = { TMUX_TMPDIR: place.fresh("tmux") };
      seed(user, place.project);
      await shell(stage, {}, "task", "create", "Spin the yarn");
      stage.api.script(WORK, working);
      try {
        await shell(stage, tmux, "worker", "spawn", "anna", "--how", "tmux", "--task", "t1");
        await done(stage);
      } finally {
        const env = { ...environment(stage.options, user, "xterm"), ...tmux };
        await new Deno.Command("tmux", { args: ["kill-server"], env, clearEnv: true }).output();
      }
    }),
});
