// What the operator does with runs that worker processes drive.

import { act } from "../data/api.ts";
import { ask } from "../ui/form.tsx";
import { say } from "../ui/toast.tsx";
import { given, perform } from "./do.ts";

export function stopDriving(id: string): void {
  ask({
    title: `Stop ${id}?`,
    intro: "Its workers end what they do and begin nothing more. Their work is kept.",
    fields: [{ name: "why", label: "Why" }],
    submit: "Stop the run",
    danger: true,
    async run(values) {
      await act("conduct_run", { id, action: "stop", ...given(values) });
      say(`${id} is stopped`);
    },
  });
}

export function driveOn(id: string): void {
  void perform("conduct_run", { id, action: "resume" }, `${id} goes on`);
}

export function stopAttempt(task: string): void {
  ask({
    title: `Stop ${task}?`,
    intro:
      "Its agent is ended; what it has changed is kept. The task fails, and waits until it is retried.",
    fields: [{ name: "why", label: "Why" }],
    submit: "Stop the task",
    danger: true,
    async run(values) {
      await act("stop_attempt", { task, ...given(values) });
      say(`${task} is stopped`);
    },
  });
}
