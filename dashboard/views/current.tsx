// Which view the address asks for. The first one is there at once; the others come together when one
// of them is first asked for.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { VIEWS } from "../keys.ts";
import { needed } from "../needed.ts";
import { usePlace } from "../router.ts";
import { Empty, Loading, Unloaded, View } from "../ui/parts.tsx";
import { AttentionView } from "./attention.tsx";

const others = needed("others", () => import("./others.tsx"));

export function Current(): VNode {
  const { path } = usePlace();
  const view = VIEWS.find(([name]) => name === path[0]);
  if (view === undefined) return <NotHere />;
  return view[0] === "attention" ? <AttentionView /> : <Other title={view[1]} path={path} />;
}

/** Whether what comes later is there. */
export function othersThere(): boolean {
  return others.now !== undefined;
}

/** What comes later, once it is there. */
export function useOthers(failed: () => void): typeof others.now {
  const [part, setPart] = useState(others.now);
  useEffect(() => {
    if (part === undefined) others.load().then(setPart, failed);
  }, [part]);
  return part;
}

function Other({ title, path }: { title: string; path: readonly string[] }): VNode {
  const [failed, setFailed] = useState(false);
  const part = useOthers(() => setFailed(true));
  if (part !== undefined) return part.other(path) ?? <NotHere />;
  return (
    <View title={title}>
      {failed ? <Unloaded what="This view" /> : <Loading rows={8} />}
    </View>
  );
}

function NotHere(): VNode {
  return (
    <View title="Not here">
      <Empty title="There is no such view.">
        <a href="#/attention">Back to what needs attention</a>
      </Empty>
    </View>
  );
}
