// What a claimer is told besides the task itself: what it builds on, what binds it, and what
// happened to it before. Short: it goes into a model's context. Text of peers is quoted and
// attributed.

import { LIMITS } from "../core/limits.ts";
import { excerpt, head } from "../core/text.ts";
import type { Tx } from "../core/transaction.ts";
import { bindingMemory } from "../memory/table.ts";
import type { TaskRow } from "./table.ts";
import type { Around } from "./view.ts";

const DECISIONS = 10;
const NOTES = 5;
const EXCERPT_CHARS = 600;

export async function briefing(
  tx: Tx,
  row: Pick<TaskRow, "project">,
  { dependencies, notes }: Pick<Around, "dependencies" | "notes">,
): Promise<string> {
  const parts: string[] = [];
  if (dependencies.length > 0) {
    parts.push("Builds on:");
    for (const task of dependencies) {
      const artifacts = JSON.parse(task.artifacts ?? "{}") as { files?: string[]; risks?: string };
      const files = artifacts.files ?? [];
      parts.push(
        `- ${task.id} ${task.title}: ${quote(task.summary ?? task.status)}` +
          (files.length > 0 ? ` Files: ${files.slice(0, 20).join(", ")}.` : "") +
          (artifacts.risks ? ` Risks: ${quote(artifacts.risks)}` : ""),
      );
    }
  }
  const binding = await bindingMemory(tx, row.project, DECISIONS);
  if (binding.length > 0) {
    parts.push("Decided:");
    for (const entry of binding) {
      parts.push(`- ${entry.type} ${entry.key} (${entry.author}): ${quote(entry.value)}`);
    }
  }
  if (notes.length > 0) {
    parts.push("Before you:");
    for (const note of notes.slice(-NOTES)) {
      parts.push(`- ${note.kind} by ${note.author}: ${quote(note.text)}`);
    }
  }
  const whole = parts.join("\n");
  if (whole.length <= LIMITS.briefingChars) return whole;
  return `${head(whole, LIMITS.briefingChars)}\n... (get_task and get_memory have the rest)`;
}

function quote(text: string): string {
  return JSON.stringify(excerpt(text, EXCERPT_CHARS));
}
