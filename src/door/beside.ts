// What people do beside a run: look at an agent's log, wait for a task or a run, stop, retry, tell.

import { type Calls, callsOf } from "../conductor/calls.ts";
import { mergePlace } from "../conductor/merge.ts";
import { sweep } from "../conductor/sweep.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import type { Conduct } from "../fleet/rules.ts";
import { visitorOf } from "./run.ts";
import { log } from "./runlog.ts";
import { flagHelp, type Print, readFlags, textOf, type TypedRun } from "./runflags.ts";
import { isRun, say, wait } from "./wait.ts";

/** Commands of this file, with what their help says. */
export const BESIDE = {
  log: "log ID [-f]: what the agent of a task, an attempt or a run said and did",
  wait:
    "wait ID [-t S]: until a task is merged, or a run's result is on your branch; exit code 0 done, " +
    "1 failed, stopped or left to you, 3 timed out",
  stop:
    "stop ID [--why TEXT]: end the agents of a task or a run and begin no more; their work is kept. " +
    "A task waits, failed, for skein retry, a run for skein run --resume",
  retry: "retry ID: put a stopped, failed or cancelled task back to be done",
  tell: "tell ID TEXT: a message to whoever works on a task, or to a peer",
} as const;

const FLAGS = {
  follow: { type: "boolean", short: "f", help: "go on while the agent works" },
  timeout: { type: "string", short: "t", value: "S", help: "wait at most so many seconds" },
  why: { type: "string", value: "TEXT", help: "the reason, for the journal" },
  raw: { type: "boolean", help: "the log's lines as they are" },
  json: { type: "boolean", help: "print the answer as JSON" },
  home: { type: "string", value: "DIR", help: "folder of the store" },
  dir: { type: "string", value: "DIR", help: "folder to act in" },
  as: { type: "string", value: "PEER", help: "act as this peer" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const;

/** The flags that only some of them take. */
const OWN: Readonly<Record<string, readonly (keyof typeof BESIDE)[]>> = {
  follow: ["log"],
  timeout: ["wait"],
  why: ["stop"],
  raw: ["log"],
};

function flagsOf(name: keyof typeof BESIDE): Partial<typeof FLAGS> {
  return Object.fromEntries(
    Object.entries(FLAGS).filter(([flag]) => OWN[flag]?.includes(name) ?? true),
  );
}

/** Runs one of them. */
export async function besideCommand(
  name: keyof typeof BESIDE,
  args: readonly string[],
  print: Print,
): Promise<number> {
  const flags = flagsOf(name);
  const typed = readFlags(name, flags, args);
  const [id, ...rest] = typed.rest;
  if (typed.values["help"] === true || id === undefined) {
    print([`skein ${BESIDE[name]}`, "", ...flagHelp(flags)].join("\n"));
    return typed.values["help"] === true ? 0 : 2;
  }
  const folder = Deno.realPathSync(textOf(typed, "dir") ?? Deno.env.get("SKEIN_DIR") ?? ".");
  const { visitor, home } = visitorOf(typed, folder);
  const calls = callsOf(visitor);
  switch (name) {
    case "log":
      return await log({ calls, home }, id, typed, print);
    case "wait":
      return await wait(calls, id, typed, print, (ms) => visitor.changed(ms));
    case "stop":
      return await stop({ calls, home }, id, typed, print);
    case "retry": {
      const answer = await calls.call("update_task", { id, action: "retry" });
      const { run } = answer["task"] as { run?: string };
      const driven = run === undefined
        ? ""
        : `; if nobody drives ${run}: skein run --resume ${run}`;
      say(typed, print, answer, `${id} is to be done again${driven}`);
      return 0;
    }
    case "tell":
      return await tell(calls, id, rest.join(" "), typed, print);
  }
}

async function stop(
  { calls, home }: { calls: Calls; home: string },
  id: string,
  typed: TypedRun,
  print: Print,
): Promise<number> {
  const why = textOf(typed, "why");
  const because = why === undefined ? {} : { why };
  if (isRun(id)) {
    const conduct = await calls.conduct(id, { action: "stop", ...because });
    await endOrphans(calls, id, home, conduct);
    say(typed, print, { id, stopped: true }, `${id} stops; skein run --resume ${id} goes on`);
    return 0;
  }
  const answer = await calls.call("stop_attempt", { task: id, ...because });
  const { run } = await calls.task(id);
  if (run !== undefined) await endOrphans(calls, run, home, await calls.conduct(run, {}));
  const text = answer["status"] === "failed"
    ? `${id} is stopped; skein retry ${id} puts it back`
    : `the agent at ${id} ends; what it has handed in stands`;
  say(typed, print, answer, text);
  return 0;
}

/** Agents whose worker has died hear of no stop; there may be nobody else who cleans up after it. */
async function endOrphans(
  calls: Calls,
  run: string,
  home: string,
  conduct: Conduct,
): Promise<void> {
  const { attempts } = await calls.attempts({ run, open: true });
  await sweep(calls, mergePlace(conduct, { run, home }), attempts);
}

/** To a peer by name, or to whoever works on a task. */
async function tell(
  calls: Calls,
  id: string,
  text: string,
  typed: TypedRun,
  print: Print,
): Promise<number> {
  if (text.trim() === "") {
    throw new Refusal("INVALID_INPUT", "skein tell: the text is missing", { field: "text" });
  }
  const isTask = await isKnownTask(calls, id);
  const running = isTask
    ? (await calls.attempts({ task: id, open: true })).attempts
      .findLast(({ state, orphaned }) => state === "running" && orphaned !== true)
    : undefined;
  if (isTask && running === undefined) {
    throw new Refusal("TASK_STATE", `tell: nobody works on ${id} right now`, { field: "id" });
  }
  const to = running?.worker ?? id;
  const about = running === undefined ? {} : { task: id };
  const answer = await calls.call("send", { to, content: text, ...about });
  say(typed, print, answer, `told ${to}`);
  return 0;
}

/** Tasks that were imported have ids of their own kind; what is none is a peer's name. */
async function isKnownTask(calls: Calls, id: string): Promise<boolean> {
  try {
    await calls.task(id);
    return true;
  } catch (thrown) {
    if (asRefusal(thrown).code !== "UNKNOWN_TASK") throw thrown;
    return /^t\d+$/.test(id);
  }
}
