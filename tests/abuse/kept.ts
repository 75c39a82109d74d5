// What a flock has kept of a text, looked up behind skein's back; and whole answers, with what rides
// on them.

import { assert } from "@std/assert";
import { join } from "@std/path";
import { operationNamed } from "../../mod.ts";
import { Stored } from "../door/stored.ts";
import type { Json, Member } from "../operations/flock.ts";

/** The database and its log, byte for byte as characters. */
export function bytesOf(home: string): string {
  const names = ["skein.db", "skein.db-wal"];
  return names.map((name) => new TextDecoder("latin1").decode(Deno.readFileSync(join(home, name))))
    .join();
}

/** All rows, also those about refusals. */
export function storedIn(home: string): string {
  const look = new Stored(home);
  try {
    return `${look.look()}\n${look.refusals()}`;
  } finally {
    look.close();
  }
}

/** The longest text in any column of that name. */
export function longestIn(home: string, column: string): number {
  const texts = storedIn(home).split("\n").filter((row) => row.startsWith("{"))
    .map((row) => String((JSON.parse(row) as Record<string, Json>)[column] ?? ""));
  return Math.max(...texts.map((text) => text.length));
}

/** The whole answer, with what rides on it. */
export async function answerOf(member: Member, name: string, args: Json): Promise<Json> {
  const operation = operationNamed(name);
  assert(operation !== undefined);
  member.node.received();
  const { answer, offer } = await member.node.call(operation, args);
  offer.flushed();
  return answer;
}
