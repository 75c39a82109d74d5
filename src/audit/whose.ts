// Which project a row of the journal is of. A row does not say so itself: it stands with what the row is
// about, else with who acted. What is about no project, and what is gone, is of the whole home.

import { messageNumber } from "../message/rules.ts";
import type { Tx } from "../core/transaction.ts";
import type { JournalRow } from "../store/journal.ts";
import { detailOf } from "./chain.ts";

type Row = Pick<JournalRow, "actor" | "op" | "subject" | "detail">;

/** The project of each row, in their order; null for what is of the whole home. */
export async function projectsOf(tx: Tx, rows: readonly Row[]): Promise<(string | null)[]> {
  // Rows that come together are about few things.
  const known = new Map<string, string | null>();
  const found: (string | null)[] = [];
  for (const row of rows) {
    const said = saidBy(row);
    if (said !== null) {
      found.push(said);
      continue;
    }
    const key = `${row.op}\n${row.subject}\n${row.actor}`;
    let project = known.get(key);
    if (project === undefined) known.set(key, project = await lookUp(tx, row));
    found.push(project);
  }
  return found;
}

/** Some acts name their project: what two projects may call the same, like a key of memory. */
function saidBy({ detail, op }: Row): string | null {
  // Blanked or edited details name nothing.
  if (op === "sign_in" || !String(detail).includes('"project"')) return null;
  const project = detailOf({ detail })?.["project"];
  return typeof project === "string" && project !== "" ? project : null;
}

async function lookUp(tx: Tx, { subject, actor, op }: Row): Promise<string | null> {
  // Who leads, leads all projects.
  if (op === "lead") return null;
  const slash = subject.indexOf("/");
  const ref = subject.slice(slash + 1);
  const one = async (sql: string, key: string | number): Promise<string | null> =>
    (await tx.get<{ project: string }>(sql, key))?.project || null;
  const byName = (name: string): Promise<string | null> =>
    one("SELECT project FROM peer WHERE name = ?", name);
  switch (subject.slice(0, slash)) {
    case "task":
      return await one("SELECT project FROM task WHERE id = ?", ref);
    case "run":
      return await one("SELECT project FROM run WHERE id = ?", ref);
    case "message": {
      const number = messageNumber(ref);
      return number === null ? null : await one("SELECT project FROM message WHERE id = ?", number);
    }
    case "peer":
      return await byName(ref);
    case "home":
      return null;
    default:
      return await byName(actor);
  }
}
