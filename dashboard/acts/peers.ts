// What the operator does with peers.

import { act } from "../data/api.ts";
import type { Peer } from "../data/types.ts";
import { ask } from "../ui/form.tsx";
import { say, sayRefused } from "../ui/toast.tsx";
import { confirmed, given, perform } from "./do.ts";

export function pause(peer: string): void {
  const all = peer === "*";
  ask({
    title: all ? "Pause everybody" : `Pause ${peer}`,
    intro: all
      ? "All agents of this project may read but change nothing until you resume them."
      : "It may read but change nothing until you resume it. It keeps its task.",
    fields: [{ name: "value", label: "Why", placeholder: "Told to whoever is paused" }],
    submit: all ? "Pause all" : "Pause",
    async run(values) {
      await act("control", { action: "pause", peer, ...given(values) });
      say(all ? "Everybody is paused" : `${peer} is paused`);
    },
  });
}

export function resume(peer: string): void {
  const done = peer === "*" ? "Everybody may go on" : `${peer} may go on`;
  void perform("control", { action: "resume", peer }, done);
}

export function kill(peer: string): void {
  confirmed(
    {
      title: `End ${peer}?`,
      intro: "Its life in the flock ends: its locks are freed, its task goes back to the others, " +
        "and it is refused until you resume it. Its files stay as they are.",
      submit: "Kill",
    },
    "control",
    { action: "kill", peer },
    `${peer} was ended`,
  );
}

/** Asks the kernel whether it lives. */
export async function ping(peer: string): Promise<void> {
  try {
    const { peers } = await act<{ peers: Peer[] }>("control", { action: "ping", peer });
    if (peer === "*") {
      const live = peers.filter(({ state }) => state === "live" || state === "leased").length;
      say(`${live} of ${peers.length} answer`);
    } else for (const { name, state } of peers) say(`${name} is ${state}`);
  } catch (thrown) {
    sayRefused(thrown);
  }
}

export function budget(peer: string, now: Peer["budget"]): void {
  const text = (value: number | undefined): string => value === undefined ? "" : String(value);
  ask({
    title: `Budget of ${peer}`,
    intro: "A peer whose budget is spent finishes what it has and claims no more. " +
      "Leave all empty for no limit.",
    fields: [
      { name: "tokens", label: "Tokens", kind: "number", value: text(now?.tokens) },
      { name: "tool_calls", label: "Tool calls", kind: "number", value: text(now?.tool_calls) },
      { name: "cost_usd", label: "Cost in USD", value: text(now?.cost_usd) },
    ],
    submit: "Set budget",
    async run(values) {
      const parts = Object.entries(given(values)).map(([kind, limit]) => `${kind}=${limit}`);
      const value = parts.length === 0 ? "none" : parts.join(",");
      await act("control", { action: "budget", peer, value });
      say(value === "none" ? `${peer} has no limit` : `Budget of ${peer}: ${value}`);
    },
  });
}

export function spawnWorker(task = ""): void {
  ask({
    title: "Start a worker",
    intro: "Another agent session in this project. It joins by itself and takes a task.",
    fields: [
      { name: "name", label: "Name", placeholder: "Made up if empty" },
      { name: "task", label: "Task", value: task, placeholder: "t12; else the best ready one" },
      {
        name: "how",
        label: "How",
        kind: "select",
        options: [["headless", "In the background"], ["tmux", "In tmux"], [
          "terminal",
          "In a terminal",
        ]],
      },
      { name: "model", label: "Model", placeholder: "The agent's own if empty" },
    ],
    submit: "Start",
    async run(values) {
      const { name } = await act<{ name: string }>("spawn_worker", given(values));
      say(`${name} is starting`);
    },
  });
}
