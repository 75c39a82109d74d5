// What the operator says, remembers and lets go: messages, memory, locks.

import { act } from "../data/api.ts";
import type { Lock, MemoryEntry } from "../data/types.ts";
import { go } from "../router.ts";
import { ask } from "../ui/form.tsx";
import { say } from "../ui/toast.tsx";
import { confirmed, given, knownNames, lines } from "./do.ts";

export const CATEGORIES: readonly (readonly [string, string])[] = [
  ["status_update", "Status"],
  ["question", "Question"],
  ["finding", "Finding"],
  ["alert", "Alert"],
  ["blocker", "Blocker"],
  ["error", "Error"],
  ["review_request", "Review request"],
];

export function categoryName(category: string): string {
  return CATEGORIES.find(([key]) => key === category)?.[1] ?? category;
}

export function sendMessage(to = "", task = ""): void {
  ask({
    title: to === "*" ? "Tell everybody" : "New message",
    fields: [
      {
        name: "to",
        label: "To",
        value: to,
        required: true,
        suggest: ["*", "architect", "worker", ...knownNames()],
        hint: "A name, several with commas, a role, or * for the whole project",
      },
      { name: "content", label: "Message", kind: "area", required: true },
      { name: "category", label: "Kind", kind: "select", options: CATEGORIES },
      { name: "task", label: "About task", value: task, placeholder: "t12" },
    ],
    submit: "Send",
    async run(values) {
      const { to: names, ...rest } = given(values);
      const { id } = await act<{ id: string }>("send", { ...rest, to: lines(names) });
      say(`${id} is on its way`);
    },
  });
}

const TYPES: readonly (readonly [string, string])[] = [
  ["decision", "Decision"],
  ["fact", "Fact"],
  ["constraint", "Constraint"],
  ["artifact", "Artifact"],
  ["discovery", "Discovery"],
];

export function setMemory(entry?: MemoryEntry): void {
  ask({
    title: entry === undefined ? "Remember something" : `New version of ${entry.key}`,
    intro: "Decisions and constraints bind everybody and stand in every briefing.",
    fields: [
      {
        name: "key",
        label: "Key",
        value: entry?.key ?? "",
        required: true,
        placeholder: "api-format",
      },
      { name: "value", label: "Value", kind: "area", value: entry?.value ?? "", required: true },
      {
        name: "type",
        label: "Type",
        kind: "select",
        options: TYPES,
        value: entry?.type ?? "decision",
      },
      {
        name: "confidence",
        label: "Confidence",
        kind: "select",
        options: [["high", "High"], ["medium", "Medium"], ["low", "Low"]],
        value: entry?.confidence ?? "high",
      },
      { name: "supersedes", label: "Replaces the key", placeholder: "Another key that this ends" },
    ],
    submit: "Remember",
    async run(values) {
      const { key, version } = await act<{ key: string; version: number }>(
        "set_memory",
        given(values),
      );
      say(`${key} is at version ${version}`);
      go(["memory", key]);
    },
  });
}

export function releaseLock(lock: Pick<Lock, "path" | "holder">): void {
  confirmed(
    {
      title: `Free ${lock.path}?`,
      intro: `${lock.holder} holds it and may be in the middle of an edit. It is told.`,
      submit: "Release the lock",
    },
    "unlock_file",
    { paths: [lock.path], holder: lock.holder },
    `${lock.path} is free`,
  );
}
