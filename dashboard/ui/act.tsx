// A row of the journal as a sentence: who did what to what.

import type { VNode } from "preact";
import type { JournalRow } from "../data/types.ts";
import { projectName } from "../data/projects.ts";
import { isHere } from "../data/session.ts";
import { titleOf } from "../data/tasks.ts";
import { href, hrefOf } from "../router.ts";
import { Ago } from "./time.tsx";

/** The operator and skein itself have no page of their own. */
export function isPeer(name: string): boolean {
  return name !== "" && name !== "skein" && name !== "operator";
}

/** What an operation did, to be read before its subject. */
const VERBS: Readonly<Record<string, string>> = {
  join: "joined",
  leave: "left",
  reap: "ended",
  lead: "is led by",
  seat: "appointed architect:",
  stalled: "does not react",
  recovered: "reacts again",
  git: "changed files",
  refuse: "was refused",
  create_task: "created",
  claim_task: "claimed",
  complete_task: "completed",
  update_task: "changed",
  review_task: "reviewed",
  unblocked: "unblocked",
  reassign: "freed",
  fail_task: "gave up",
  give_back: "gave back",
  send: "wrote",
  lock_file: "locked",
  unlock_file: "released",
  edit: "edits",
  expire: "expired",
  take_over: "took over",
  touched: "changed",
  set_memory: "remembered",
  start_run: "started",
  resume_run: "resumed",
  update_run: "changed",
  end_run: "ended",
  spawn_worker: "started",
  log_conversation: "logged",
  report_usage: "reported use",
  end_turn: "ended a turn",
  report_waiting: "asks permission for",
  conduct_run: "set how to drive",
  accept_plan: "accepted the plan of",
  begin_attempt: "began an attempt at",
  end_attempt: "ended an attempt at",
  note_attempt: "works on",
  stop_attempt: "stops the attempt at",
  older_copy: "found an older copy of",
  head_lost: "found the head file gone of",
  policy: "set the policy of",
  issue_token: "took a token",
  acknowledge_audit: "acknowledged",
  sign_in: "signed in",
  issue_link: "asked for a link",
};

const ACTIONS: Readonly<Record<string, string>> = {
  release: "released",
  fail: "failed",
  cancel: "cancelled",
  retry: "retries",
  request_review: "asks for review of",
  assign: "assigned",
  accept: "accepted",
  pause: "paused",
  resume: "resumed",
  kill: "ended",
  ping: "pinged",
  budget: "set the budget of",
};

export function verbOf(row: Pick<JournalRow, "op" | "detail">): string {
  const { op, detail } = row;
  if (op === "report_waiting" && detail?.["tool"] === null) return "goes on";
  if (op === "control" || op === "update_task") {
    const action = ACTIONS[String(detail?.["action"] ?? "")];
    if (action !== undefined) return action;
    if (detail?.["progress"] !== undefined) return "made progress on";
    if (detail?.["priority"] !== undefined) return "reprioritised";
    if (detail?.["note"] !== undefined) return "noted on";
  }
  if (op === "review_task") {
    return detail?.["verdict"] === "approve" ? "approved" : "wants changes in";
  }
  return VERBS[op] ?? op.replaceAll("_", " ");
}

/** The same where the subject is clear and does not follow. */
export function verbAlone(row: Pick<JournalRow, "op" | "detail">): string {
  return verbOf(row).replace(/( on| of| in| for|:)$/, "");
}

/** What the act was about, without what the sentence has said already. */
function aboutSelf(row: JournalRow): boolean {
  return row.subject === `peer/${row.actor}` || row.op === "sign_in" ||
    row.subject.startsWith("conversation/");
}

function more(row: JournalRow): string {
  const { detail } = row;
  if (detail === null) return "";
  if (row.op === "send") {
    const to = detail["to"];
    const names = Array.isArray(to) ? to.map(String) : [];
    return `to ${names.slice(0, 3).join(", ")}${
      names.length > 3 ? ` and ${names.length - 3}` : ""
    }`;
  }
  if (typeof detail["progress"] === "string") return detail["progress"];
  if (row.op === "refuse") return String(detail["code"] ?? "");
  if (row.op === "report_waiting") return String(detail["tool"] ?? "");
  if (row.op === "git") return String(detail["branch"] ?? "");
  return "";
}

export function subjectText(subject: string): string {
  const slash = subject.indexOf("/");
  const kind = subject.slice(0, slash);
  const ref = subject.slice(slash + 1);
  if (kind === "task") {
    const title = titleOf(ref);
    return title === undefined ? ref : `${ref} ${title}`;
  }
  return ref;
}

/** The sentence. */
export function ActText({ row }: { row: JournalRow }): VNode {
  const link = hrefOf(row.subject);
  const text = subjectText(row.subject);
  const rest = more(row);
  return (
    <span class="act">
      {isPeer(row.actor)
        ? <a class="who" href={href(["peers", row.actor])}>{row.actor}</a>
        : <span class="who system">{row.actor === "" ? "skein" : row.actor}</span>}{" "}
      <span class="verb">{verbOf(row)}</span>
      {!aboutSelf(row) && (
        <>
          {" "}
          {link === null ? <span>{text}</span> : <a class="what" href={link}>{text}</a>}
        </>
      )}
      {rest !== "" && <span class="more">{rest}</span>}
      {!isHere(row) && <span class="tag elsewhere">in {projectName(row.project ?? "")}</span>}
    </span>
  );
}

/** Newest first. */
export function Feed({ rows, most }: { rows: readonly JournalRow[]; most: number }): VNode {
  return (
    <ol class="feed">
      {rows.slice(-most).reverse().map((row) => (
        <li key={row.seq}>
          <ActText row={row} />
          <Ago at={row.at} bare />
        </li>
      ))}
    </ol>
  );
}

/** Rows that say little to people: left out where the page tells what happens. */
const QUIET = new Set([
  "git",
  "report_usage",
  "log_conversation",
  "end_turn",
  "issue_token",
  "issue_link",
  "note_attempt",
  "edit",
]);

export function tells(row: JournalRow): boolean {
  return !QUIET.has(row.op);
}
