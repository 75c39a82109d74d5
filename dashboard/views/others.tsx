// Every view but the first, as one part of the page that is loaded when one of them is wanted.

import type { VNode } from "preact";
import { FlockView } from "./flock.tsx";
import { JournalView } from "./journal.tsx";
import { LocksView } from "./locks.tsx";
import { MemoryView } from "./memory.tsx";
import { MessagesView } from "./messages.tsx";
import { PeerView } from "./peer.tsx";
import { PeersView } from "./peers.tsx";
import { RunView } from "./run.tsx";
import { RunsView } from "./runs.tsx";
import { TaskView } from "./task.tsx";
import { TasksView } from "./tasks.tsx";

export { Help } from "./help.tsx";
export { Search } from "./search.tsx";

/** The view at a path; null if there is none. */
export function other(path: readonly string[]): VNode | null {
  const [view, id] = path;
  switch (view) {
    case "peers":
      return id === undefined ? <PeersView /> : <PeerView key={id} name={id} />;
    case "tasks":
      return id === undefined ? <TasksView /> : <TaskView key={id} id={id} />;
    case "messages":
      return <MessagesView chosen={id} />;
    case "locks":
      return <LocksView />;
    case "memory":
      return <MemoryView chosen={path.slice(1).join("/")} />;
    case "runs":
      return id === undefined ? <RunsView /> : <RunView key={id} id={id} />;
    case "journal":
      return <JournalView />;
    case "flock":
      return <FlockView />;
    default:
      return null;
  }
}
