// What the operator does with tasks and runs.

import { act } from "../data/api.ts";
import type { TaskCard } from "../data/types.ts";
import { go } from "../router.ts";
import { ask } from "../ui/form.tsx";
import { say } from "../ui/toast.tsx";
import { confirmed, given, knownNames, lines, perform } from "./do.ts";

const PRIORITIES: readonly (readonly [string, string])[] = [
  ["1", "Critical (1)"],
  ["3", "High (3)"],
  ["5", "Normal (5)"],
  ["8", "Low (8)"],
];

export function createTask(more: { run?: string | null } = {}): void {
  ask({
    title: "New task",
    fields: [
      { name: "title", label: "Title", required: true, placeholder: "What shall be done" },
      { name: "description", label: "Description", kind: "area" },
      { name: "accept", label: "Accepted when", placeholder: "How to tell that it is done" },
      { name: "priority", label: "Priority", kind: "select", options: PRIORITIES, value: "5" },
      { name: "blocked_by", label: "Waits for", placeholder: "t3, t4", hint: "Ids of tasks" },
      { name: "assign_to", label: "For", suggest: knownNames(), placeholder: "Anybody" },
      { name: "run", label: "Run", value: more.run ?? "", placeholder: "r1" },
    ],
    submit: "Create task",
    async run(values) {
      const { blocked_by, priority, ...rest } = given(values);
      const { id } = await act<{ id: string }>("create_task", {
        ...rest,
        priority: Number(priority ?? 5),
        ...(blocked_by === undefined ? {} : { blocked_by: lines(blocked_by) }),
      });
      say(`${id} was created`);
      go(["tasks", id]);
    },
  });
}

export function accept(id: string): void {
  void perform("update_task", { id, action: "accept" }, `${id} is accepted`);
}

export function acceptPlan(run: string, tasks: number): void {
  confirmed(
    {
      title: `Accept the plan of ${run}?`,
      intro: `Its ${tasks} proposed tasks can be worked on from then on.`,
      submit: "Accept the plan",
      danger: false,
    },
    "accept_plan",
    { run },
    `The plan of ${run} is accepted`,
  );
}

export function retry(id: string): void {
  void perform("update_task", { id, action: "retry" }, `${id} is tried again`);
}

export function cancel(id: string): void {
  confirmed(
    {
      title: `Cancel ${id}?`,
      intro: "Whoever works on it is told to stop. Tasks that wait for it will not start by " +
        "themselves. You can retry it later.",
      submit: "Cancel the task",
    },
    "update_task",
    { id, action: "cancel" },
    `${id} is cancelled`,
  );
}

export function release(id: string, holder: string): void {
  confirmed(
    {
      title: `Take ${id} from ${holder}?`,
      intro: `${holder} is told to stop; the task is free for anybody.`,
      submit: "Release",
    },
    "update_task",
    { id, action: "release" },
    `${id} is free`,
  );
}

export function approve(id: string): void {
  void perform("review_task", { id, verdict: "approve" }, `${id} is approved`);
}

export function requestChanges(id: string): void {
  ask({
    title: `Request changes to ${id}`,
    fields: [{ name: "findings", label: "What has to change", kind: "area", required: true }],
    submit: "Request changes",
    async run({ findings }) {
      await act("review_task", { id, verdict: "request_changes", findings });
      say(`${id} goes back with your findings`);
    },
  });
}

export function setPriority(id: string, priority: number): void {
  void perform("update_task", { id, priority }, `Priority of ${id} is ${priority}`);
}

/** To somebody else, whoever has it now; an empty name: to anybody. */
export function assign(task: Pick<TaskCard, "id" | "status" | "claimed_by" | "assigned_to">): void {
  const held = task.status === "in_progress" || task.status === "in_review";
  ask({
    title: `Assign ${task.id}`,
    ...(held ? { intro: `${task.claimed_by} has it now and is told to stop.` } : {}),
    fields: [{
      name: "assign_to",
      label: "To",
      suggest: knownNames(),
      value: task.assigned_to ?? "",
      placeholder: "Anybody",
    }],
    submit: "Assign",
    danger: held,
    async run({ assign_to = "" }) {
      await act("update_task", { id: task.id, action: "assign", assign_to: assign_to.trim() });
      say(assign_to === "" ? `${task.id} is for anybody` : `${task.id} is for ${assign_to}`);
    },
  });
}

export function note(id: string): void {
  ask({
    title: `Note on ${id}`,
    fields: [{ name: "note", label: "Note", kind: "area", required: true }],
    submit: "Add note",
    async run({ note: text }) {
      await act("update_task", { id, note: text });
      say("Noted");
    },
  });
}

export function startRun(): void {
  ask({
    title: "Start a run",
    intro: "A goal with its plan, tasks and history. It outlives every session.",
    fields: [
      { name: "goal", label: "Goal", required: true, placeholder: "What shall be reached" },
      { name: "plan", label: "Plan", kind: "area", placeholder: "How, as far as it is known" },
    ],
    submit: "Start run",
    async run(values) {
      const answer = await act<{ run: { id: string } }>("run", {
        action: "start",
        ...given(values),
      });
      say(`${answer.run.id} is started`);
      go(["runs", answer.run.id]);
    },
  });
}

export function updateRun(run: { id: string; goal: string; plan: string }): void {
  ask({
    title: `Change ${run.id}`,
    fields: [
      { name: "goal", label: "Goal", value: run.goal, required: true },
      { name: "plan", label: "Plan", kind: "area", value: run.plan },
    ],
    submit: "Save",
    async run(values) {
      await act("run", { action: "update", id: run.id, ...values });
      say(`${run.id} is changed`);
    },
  });
}

export function endRun(id: string): void {
  ask({
    title: `End ${id}?`,
    intro: "It cannot be resumed after that. Its history stays.",
    fields: [{ name: "plan", label: "Outcome", kind: "area" }],
    submit: "End the run",
    danger: true,
    async run(values) {
      await act("run", { action: "end", id, ...given(values) });
      say(`${id} has ended`);
    },
  });
}
