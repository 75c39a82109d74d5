// `skein spawn`: starts a worker's process. Only what spawn_worker has decided comes in here.

import { agentOf, onPath } from "../agent/command.ts";
import { Refusal } from "../core/errors.ts";
import { type Order, start, type Started, startOf, WAYS } from "./spawn.ts";

/**
 * Starts the worker that an order describes.
 * @throws Refusal `INVALID_INPUT`, `NOT_AVAILABLE`
 */
export function spawnWorker(text: string): Started {
  const order = orderOf(text);
  return start(order, startOf(order, agentOf(), Deno.build.os, onPath));
}

function orderOf(text: string): Order {
  let raw: Partial<Record<keyof Order, unknown>>;
  try {
    raw = JSON.parse(text) as typeof raw;
  } catch {
    throw new Refusal("INVALID_INPUT", "spawn: the order is no JSON", { field: "order" });
  }
  const { name, folder, home, task = null, model = null } = raw;
  const how = WAYS.find((way) => way === raw.how);
  const texts = [name, folder, home].every((value) => typeof value === "string" && value !== "");
  const optional = [task, model].every((value) => value === null || typeof value === "string");
  if (!texts || !optional || how === undefined) {
    throw new Refusal("INVALID_INPUT", "spawn: the order lacks name, folder, home or how", {
      field: "order",
      hint: "Use spawn_worker: it makes the order.",
    });
  }
  return { name, folder, home, how, task, model } as Order;
}
