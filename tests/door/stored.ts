// What is stored, as seen from outside: every row of every table. Two looks that are equal mean
// that nothing of what happened in between was kept. What may be kept of a refusal (who, which
// operation, code, field, size) is looked at apart: `refusals`.

import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";

/** Tables whose rows follow others after a while, count time, or count refusals. */
const FOLLOWS = /^(search_|sqlite_|meta$|refusal$)/;
/** Rows of the journal that tell of refusals. */
const REFUSALS = "SELECT * FROM journal WHERE op = 'refuse' ORDER BY seq";

export class Stored {
  readonly #db: DatabaseSync;
  readonly #tables: string[];

  constructor(home: string) {
    this.#db = new DatabaseSync(join(home, "skein.db"), { readOnly: true, timeout: 2_000 });
    const rows = this.#db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    this.#tables = rows.map((row) => String(row["name"])).filter((name) => !FOLLOWS.test(name));
  }

  get tables(): readonly string[] {
    return this.#tables;
  }

  /** All rows of all tables. */
  look(): string {
    const parts = this.#tables.map((table) => {
      const some = table === "journal" ? " WHERE op <> 'refuse'" : "";
      const rows = this.#db.prepare(`SELECT * FROM "${table}"${some}`).all();
      for (const row of rows) for (const name of ["strikes", "strikes_at_s"]) delete row[name];
      return `${table} ${rows.length}\n${rows.map((row) => JSON.stringify(row)).join("\n")}`;
    });
    return parts.join("\n");
  }

  /** What was kept of refusals, as JSON. */
  refusals(): string {
    return JSON.stringify(this.#db.prepare(REFUSALS).all());
  }

  /** How many rows there are in each table. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const table of this.#tables) {
      const row = this.#db.prepare(`SELECT count(*) AS total FROM "${table}"`).get();
      counts[table] = Number(row?.["total"]);
    }
    return counts;
  }

  close(): void {
    this.#db.close();
  }
}
