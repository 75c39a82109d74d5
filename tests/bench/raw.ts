// The yardstick: what SQLite does on this machine in this run, with nothing of skein around it.

import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { Crew } from "./crew.ts";
import type { Place } from "./place.ts";
import type { Row } from "./row.ts";

/** Transactions a second of so many processes, each with one insert of 200 bytes. */
export async function rawRate(place: Place, processes: number, ms: number): Promise<number> {
  const file = join(place.folder, `raw-${processes}-${crypto.randomUUID()}.db`);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)");
  db.close();
  const jobs = Array.from({ length: processes }, (_, i) => ({
    task: "raw",
    home: file,
    folder: place.folder,
    name: `raw${i}`,
    ms,
  }));
  const crew = await Crew.start(place, jobs);
  const counts = await crew.go<number>();
  await crew.end();
  return counts.reduce((sum, count) => sum + count, 0) / (ms / 1_000);
}

/** Eight processes and one; the eight are what rates are compared with. */
export async function measureRaw(place: Place): Promise<Row[]> {
  const ms = place.pick(400, 1_500);
  const eight = await rawRate(place, 8, ms);
  const one = await rawRate(place, 1, ms);
  place.rawPerS = eight;
  return [
    { name: "raw SQLite, 8 processes", value: eight, unit: "tx/s", budget: null },
    { name: "raw SQLite, 1 process", value: one, unit: "tx/s", budget: null },
  ];
}
