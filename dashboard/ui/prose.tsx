// Text of peers: always as text, never as markup. Ids of tasks in it lead there.

import type { VNode } from "preact";
import { href } from "../router.ts";

const TASK_ID = /\b(t\d{1,9})\b/;

export function Prose({ text, clamp }: { text: string; clamp?: boolean }): VNode {
  return (
    <p class={clamp === true ? "prose clamp" : "prose"} dir="auto">
      {text.split(TASK_ID).map((part, i) =>
        i % 2 === 1 ? <a key={i} href={href(["tasks", part])}>{part}</a> : part
      )}
    </p>
  );
}
