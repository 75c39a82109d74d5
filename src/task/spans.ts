// Spans of work, read off the acts on tasks: somebody claims, and then completes, fails, gives back,
// hands in, or is lost. Pure.

/** An act on a task, as the journal has it. */
export interface TaskAct {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly op: string;
  /** `task/t12` */
  readonly subject: string;
  readonly detail: string;
}

export type Outcome = "completed" | "released" | "failed" | "review" | "lost" | "working";

/** Somebody worked on a task. */
export interface Span {
  readonly peer: string;
  readonly task: string;
  readonly from: string;
  /** Null while it goes on. */
  readonly to: string | null;
  readonly outcome: Outcome;
}

/** The spans in acts that are oldest first, by their beginning. */
export function spansOf(acts: readonly TaskAct[]): Span[] {
  const open = new Map<string, Span>();
  const spans: Span[] = [];
  const end = (task: string, at: string, outcome: Outcome): void => {
    const span = open.get(task);
    if (span === undefined) return;
    open.delete(task);
    spans.push({ ...span, to: at, outcome });
  };
  const begin = (task: string, peer: string, from: string): void => {
    end(task, from, "lost");
    open.set(task, { peer, task, from, to: null, outcome: "working" });
  };
  const last = new Map<string, string>();
  for (const act of acts) {
    const task = act.subject.slice("task/".length);
    const detail = detailOf(act);
    if (act.op === "claim_task" || act.op === "begin_attempt") {
      begin(task, act.actor, act.at);
      last.set(task, act.actor);
    } else if (act.op === "give_back" || detail["verdict"] === "request_changes") {
      const peer = last.get(task);
      if (peer !== undefined) begin(task, peer, act.at);
    } else {
      const outcome = outcomeOf(act.op, detail);
      if (outcome !== null) end(task, act.at, outcome);
    }
  }
  return [...spans, ...open.values()].sort((a, b) => a.from < b.from ? -1 : 1);
}

/** What became of an attempt of a worker process, where it was not what completed the task. */
const ATTEMPTS: Readonly<Record<string, Outcome>> = {
  done: "completed",
  failed: "failed",
  conflict: "failed",
  review: "review",
  lost: "lost",
};

function outcomeOf(op: string, detail: Readonly<Record<string, unknown>>): Outcome | null {
  // Handed in by its agent: it is completed when it is merged.
  if (op === "complete_task" && detail["handed_in"] === true) return null;
  if (op === "end_attempt") return ATTEMPTS[String(detail["outcome"])] ?? "released";
  if (op === "complete_task" || detail["verdict"] === "approve") return "completed";
  if (op === "reassign") return "lost";
  if (op === "fail_task") return "failed";
  if (op !== "update_task") return null;
  switch (detail["action"]) {
    case "release":
    case "cancel":
    case "assign":
    case "retry":
      return "released";
    case "fail":
      return "failed";
    case "request_review":
      return "review";
    default:
      return null;
  }
}

/** What retention has blanked says nothing more. */
function detailOf(act: TaskAct): Readonly<Record<string, unknown>> {
  if (!act.detail.startsWith("{")) return {};
  return JSON.parse(act.detail) as Record<string, unknown>;
}
