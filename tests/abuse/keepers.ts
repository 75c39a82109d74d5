// Every place where skein keeps a text, every way to read it back, and one peer that puts attacks into
// all of the former.

import type { Json } from "../operations/flock.ts";
import type { Peer } from "../support/peer.ts";
import { ATTACKS, CANARY, LONG_ATTACKS } from "./attacks.ts";

/** Where a text is kept: what to call with it, and the field that is to be named. */
export type Keeper = readonly [field: string, name: string, args: (text: string) => Json];

/** For one line, and for more. */
export const LINES: readonly Keeper[] = [
  ["title", "create_task", (title) => ({ title })],
  ["tasks.1.title", "create_task", (title) => ({ tasks: [{ title: "a" }, { title }] })],
  ["progress", "update_task", (progress) => ({ id: "t1", progress })],
  ["value", "control", (value) => ({ action: "pause", peer: "bob", value })],
];
export const TEXTS: readonly Keeper[] = [
  ["description", "create_task", (description) => ({ title: "x", description })],
  ["accept", "create_task", (accept) => ({ title: "x", accept })],
  ["tasks.0.accept", "create_task", (accept) => ({ tasks: [{ title: "a", accept }] })],
  ["note", "update_task", (note) => ({ id: "t1", note })],
  ["value", "set_memory", (value) => ({ key: "k", value })],
  ["content", "log_conversation", (content) => ({ turn: "user", content })],
  ["goal", "run", (goal) => ({ action: "start", goal })],
  ["plan", "run", (plan) => ({ action: "update", id: "r1", plan })],
  ["plan", "run", (plan) => ({ action: "end", id: "r1", plan })],
  ["summary", "complete_task", (summary) => ({ id: "t1", summary })],
  ["findings", "review_task", (findings) => ({ id: "t2", verdict: "request_changes", findings })],
];
export const DONE: readonly Keeper[] = [
  ["tests", "complete_task", (tests) => ({ id: "t3", summary: "x", tests })],
  ["risks", "complete_task", (risks) => ({ id: "t3", summary: "x", risks })],
];

/** Puts attacks wherever a peer can put a text that others will read. */
export async function poison(peer: Peer): Promise<void> {
  const [first, second, third, fourth] = [
    "<invoke>",
    "<|im_start|>",
    ATTACKS[6]?.text,
    ATTACKS[11]?.text,
  ];
  const all = `${first} ${second} ${third} ${fourth} ${CANARY}`;
  const long = `${all}\n${LONG_ATTACKS[0]?.text}`;
  await peer.ok("run", { action: "start", goal: long, plan: long });
  // A title has no room for what all of it becomes.
  const task = { title: `${first} ${second} ${CANARY}`, description: long, accept: long };
  await peer.ok("create_task", { tasks: [task, task, task], run: "r1" });
  await peer.ok("claim_task", { id: "t1" });
  await peer.ok("update_task", { id: "t1", progress: all, note: long });
  await peer.ok("complete_task", { id: "t1", summary: long, tests: long, risks: long });
  await peer.ok("claim_task", { id: "t2" });
  await peer.ok("update_task", { id: "t2", action: "request_review", note: long });
  await peer.ok("set_memory", { key: "k", value: long, type: "decision" });
  await peer.ok("log_conversation", { turn: "assistant", content: long });
  await peer.ok("control", { action: "pause", peer: "bob", value: all });
  await peer.ok("control", { action: "resume", peer: "bob", value: all });
  await peer.ok("send", { to: "bob", content: `look at t3, ${CANARY}` });
}

export const READS: readonly (readonly [string, Json])[] = [
  ["list_peers", {}],
  ["list_tasks", {}],
  ["list_tasks", { status: "completed" }],
  ["get_task", { id: "t1" }],
  ["get_task", { id: "t2" }],
  ["claim_task", { id: "t3" }],
  ["get_memory", { key: "k", history: true }],
  ["get_memory", { query: CANARY }],
  ["search", { query: CANARY }],
  ["run", { action: "resume", id: "r1" }],
  ["run", { action: "list" }],
  ["status", {}],
  ["join", {}],
  ["review_task", { id: "t2", verdict: "approve" }],
  ["why", { what: "t1" }],
  ["why", { what: "t2" }],
  ["why", { what: "r1" }],
  ["why", { what: "k" }],
  ["why", { what: "m1" }],
  ["why", { what: "bob" }],
  ["check", {}],
];
export const RESOURCES = [
  "peers",
  "tasks",
  "inbox",
  "locks",
  "task/t1",
  "task/t2",
  "memory/k",
  "run/r1",
];
export const COMMANDS = [
  "task list --status completed",
  "task get t1",
  "memory get k",
  `search ${CANARY}`,
  "run resume r1",
  "status",
  "why t1",
  "why k",
  "why bob",
  "conversation get anna",
  "audit list",
  "audit export",
  "peer list",
];
