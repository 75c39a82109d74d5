// Which view the address asks for.

import type { VNode } from "preact";
import { usePlace } from "../router.ts";
import { Empty, View } from "../ui/parts.tsx";
import { AttentionView } from "./attention.tsx";
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

export function Current(): VNode {
  const { path } = usePlace();
  const [view, id] = path;
  switch (view) {
    case "attention":
      return <AttentionView />;
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
      return (
        <View title="Not here">
          <Empty title="There is no such view.">
            <a href="#/attention">Back to what needs attention</a>
          </Empty>
        </View>
      );
  }
}
