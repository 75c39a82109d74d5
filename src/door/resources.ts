// MCP resources: the state of the flock as documents, with subscriptions. Each is an operation
// seen from another side; nothing here reads the store.

import type { AnyOperation } from "../core/operation.ts";
import { Refusal } from "../core/errors.ts";
import { head } from "../core/text.ts";
import { operationNamed } from "../catalogue.ts";

/** How a URI is read. */
export interface Reading {
  readonly operation: AnyOperation;
  readonly input: Readonly<Record<string, unknown>>;
}

export const RESOURCES = [
  { uri: "skein://peers", name: "peers", description: "Who is here" },
  { uri: "skein://tasks", name: "tasks", description: "Open tasks" },
  { uri: "skein://inbox", name: "inbox", description: "New messages" },
  { uri: "skein://locks", name: "locks", description: "Reserved paths" },
].map((resource) => ({ ...resource, mimeType: "application/json" }));

export const TEMPLATES = [
  { uriTemplate: "skein://task/{id}", name: "task", description: "A task whole" },
  { uriTemplate: "skein://memory/{key}", name: "memory", description: "A memory entry" },
  { uriTemplate: "skein://run/{id}", name: "run", description: "A run whole" },
].map((template) => ({ ...template, mimeType: "application/json" }));

/**
 * The operation behind a URI.
 * @throws Refusal `UNKNOWN_RESOURCE`
 */
export function readingOf(uri: string): Reading {
  const match = /^skein:\/\/([a-z]+)(?:\/(.+))?$/.exec(uri);
  const [, kind, encoded] = match ?? [];
  const id = encoded === undefined ? undefined : decode(encoded);
  const found = id === undefined ? plain(kind) : single(kind, id);
  if (found !== null) return found;
  throw new Refusal("UNKNOWN_RESOURCE", `there is no resource ${head(uri, 200)}`, { field: "uri" });
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function plain(kind: string | undefined): Reading | null {
  if (kind === "peers") return reading("list_peers", {});
  if (kind === "tasks") return reading("list_tasks", {});
  if (kind === "inbox") return reading("check", {});
  if (kind === "locks") return reading("list_locks", {});
  return null;
}

function single(kind: string | undefined, id: string): Reading | null {
  if (kind === "task") return reading("get_task", { id });
  if (kind === "memory") return reading("get_memory", { key: id });
  if (kind === "run") return reading("run", { action: "status", id });
  return null;
}

function reading(name: string, input: Readonly<Record<string, unknown>>): Reading {
  const operation = operationNamed(name);
  if (operation === undefined) throw new Error(`invariant broken: no operation ${name}`);
  return { operation, input };
}

/**
 * The one spelling of a URI, as changes are announced.
 * @throws Refusal `UNKNOWN_RESOURCE`
 */
export function canonicalUri(uri: string): string {
  readingOf(uri);
  const match = /^skein:\/\/([a-z]+)(?:\/(.+))?$/.exec(uri);
  const [, kind, encoded] = match ?? [];
  const id = encoded === undefined ? undefined : decode(encoded);
  return id === undefined ? `skein://${kind}` : `skein://${kind}/${encodeURIComponent(id)}`;
}

/** The resources that change with a subject of the journal. */
export function urisOf(subject: string): string[] {
  const slash = subject.indexOf("/");
  const kind = subject.slice(0, slash);
  const id = encodeURIComponent(subject.slice(slash + 1));
  if (kind === "peer") return ["skein://peers"];
  if (kind === "task") return ["skein://tasks", `skein://task/${id}`];
  if (kind === "message") return ["skein://inbox"];
  if (kind === "lock") return ["skein://locks"];
  if (kind === "memory" || kind === "run") return [`skein://${kind}/${id}`];
  return [];
}
