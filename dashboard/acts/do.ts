// How the page acts: an act is said when it is done, and refused with what to do.

import { act } from "../data/api.ts";
import { recentHere } from "../data/events.ts";
import { ask } from "../ui/form.tsx";
import { say, sayRefused } from "../ui/toast.tsx";

/** Does it at once; what is refused is said. */
export async function perform(operation: string, input: unknown, done: string): Promise<boolean> {
  try {
    await act(operation, input);
    say(done);
    return true;
  } catch (thrown) {
    sayRefused(thrown);
    return false;
  }
}

/** Asks once, then does it. What it asks is marked as grave unless it says otherwise. */
export function confirmed(
  question: { title: string; intro: string; submit: string; danger?: boolean },
  operation: string,
  input: unknown,
  done: string,
): void {
  ask({
    danger: true,
    ...question,
    async run() {
      await act(operation, input);
      say(done);
    },
  });
}

/** Names that were seen lately, to offer while typing. */
export function knownNames(): string[] {
  const names = new Set<string>();
  for (const row of recentHere.value) {
    if (row.actor !== "" && row.actor !== "skein" && row.actor !== "operator") names.add(row.actor);
    if (row.subject.startsWith("peer/")) names.add(row.subject.slice(5));
  }
  return [...names].sort();
}

/** Empty fields are left out: an operation tells "nothing" from "empty". */
export function given(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ""));
}

/** A text of several lines as a list. */
export function lines(text: string | undefined): string[] {
  return (text ?? "").split(/[\n,]/).map((one) => one.trim()).filter((one) => one !== "");
}
