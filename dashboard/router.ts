// Where the user is: the hash of the address, so that the leader sees nothing of it and links work.

import { Cell, useCell } from "./data/cell.ts";

export interface Place {
  /** The parts of the path, decoded: `#/tasks/t4` is ["tasks", "t4"]. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter((part) => part !== "").map(decode);
  return {
    path: parts.length === 0 ? ["attention"] : parts,
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const place: Cell<Place> = new Cell<Place>({ path: ["attention"], query: {} });

/** Follows the address from now on. */
export function startRouter(): void {
  place.set(read());
  addEventListener("hashchange", follow);
}

function follow(): void {
  const before = place.value.path.join("/");
  place.set(read());
  if (place.value.path.join("/") !== before) arrive();
}

/** A new view begins at its top, and the keyboard is in it. */
function arrive(): void {
  requestAnimationFrame(() => {
    document.getElementById("main")?.focus({ preventScroll: true });
    document.getElementById("main")?.scrollTo(0, 0);
  });
}

export function usePlace(): Place {
  return useCell(place);
}

/** The address of a place. */
export function href(
  path: readonly string[],
  query: Record<string, string | undefined> = {},
): string {
  const kept = Object.entries(query).filter((pair): pair is [string, string] => !!pair[1]);
  const tail = kept.length === 0 ? "" : `?${new URLSearchParams(kept)}`;
  return `#/${path.map(encodeURIComponent).join("/")}${tail}`;
}

export function go(path: readonly string[], query: Record<string, string | undefined> = {}): void {
  location.hash = href(path, query);
  // The event comes later; the next key is for the new view already.
  follow();
}

/** Changes only the query of this place, without another step in the history. */
export function refine(change: Record<string, string | undefined>): void {
  const { path, query } = place.value;
  history.replaceState(null, "", href(path, { ...query, ...change }));
  place.set(read());
}

/** Where a subject of the journal is shown; null if nowhere. */
export function hrefOf(subject: string): string | null {
  const slash = subject.indexOf("/");
  const kind = subject.slice(0, slash);
  const ref = subject.slice(slash + 1);
  switch (kind) {
    case "task":
      return href(["tasks", ref]);
    case "peer":
      return href(["peers", ref]);
    case "message":
      return href(["messages", ref]);
    case "memory":
      return href(["memory", ref]);
    case "run":
      return href(["runs", ref]);
    case "lock":
      return href(["locks"], { q: ref });
    default:
      return null;
  }
}
