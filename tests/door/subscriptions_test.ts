// Subscriptions: however many are asked for at once, one listener tells of them; and one that could not
// begin is tried again.

import { assertEquals, assertRejects } from "@std/assert";
import { Subscriptions } from "../../src/door/subscriptions.ts";
import type { Node } from "../../src/node/node.ts";

type Listener = (subjects: readonly string[]) => void;

/** A node that only listens; it fails as often as it is told to. */
function listening(failures = 0): { node: Node; listeners: Set<Listener> } {
  const listeners = new Set<Listener>();
  let left = failures;
  const node = {
    listen: async (listener: Listener) => {
      await Promise.resolve();
      if (left-- > 0) throw new Error("not now");
      listeners.add(listener);
      return () => Promise.resolve(void listeners.delete(listener));
    },
  };
  return { node: node as unknown as Node, listeners };
}

Deno.test("Subscriptions: two at the same time are announced once each, and end with the last", async () => {
  const told: string[] = [];
  const { node, listeners } = listening();
  const subscriptions = new Subscriptions((uri) => Promise.resolve(void told.push(uri)), () => {});
  await Promise.all(
    ["skein://tasks", "skein://peers"].map((uri) => subscriptions.add(uri, uri, node)),
  );
  for (const listener of listeners) listener(["task/t1"]);
  assertEquals(told, ["skein://tasks"]);
  await subscriptions.remove("skein://tasks");
  assertEquals(listeners.size, 1);
  await subscriptions.remove("skein://peers");
  assertEquals(listeners.size, 0, "somebody listens although nobody is subscribed");
});

Deno.test("Subscriptions: what could not begin is refused, and begins the next time", async () => {
  const { node, listeners } = listening(1);
  const subscriptions = new Subscriptions(() => Promise.resolve(), () => {});
  await assertRejects(() => subscriptions.add("skein://tasks", "skein://tasks", node));
  await subscriptions.add("skein://tasks", "skein://tasks", node);
  assertEquals(listeners.size, 1);
});
