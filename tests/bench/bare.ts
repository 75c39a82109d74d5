// What a send and a claim must do at least, in a bare loop: the statements that nothing can do without,
// in one transaction, with a signed journal row, in a store of skein's own schema. No parsing, no
// policy, no filter, no mail. What is reached of it says more of the code than of the machine.

import { join } from "@std/path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { hmacSha256, sha256 } from "../../src/core/digest.ts";
import { CONTENT } from "./content.ts";
import type { Job } from "./crew.ts";

/** Turns before it counts. */
const WARM_UP = 1_500;

/** The statements of every write. */
class Bare {
  readonly db: DatabaseSync;
  readonly at = new Date().toISOString();
  readonly #secret: Uint8Array;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #head: StatementSync;
  readonly #journal: StatementSync;

  constructor(home: string) {
    this.db = new DatabaseSync(join(home, "skein.db"), { timeout: 5_000 });
    this.db.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
    this.#secret = Deno.readFileSync(join(home, "secret"));
    this.#begin = this.db.prepare("BEGIN IMMEDIATE");
    this.#commit = this.db.prepare("COMMIT");
    this.#head = this.db.prepare("SELECT seq, mac FROM journal ORDER BY seq DESC LIMIT 1");
    this.#journal = this.db.prepare(
      "INSERT INTO journal (seq, at, actor, op, subject, detail, mac) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
  }

  /** One write; `body` says what it did, or null if there was nothing to do. */
  write(actor: string, op: string, body: () => string | null): string | null {
    this.#begin.run();
    const subject = body();
    if (subject !== null) {
      const { seq, mac } = this.#head.get() as { seq: number; mac: string };
      const detail = '{"bare":true}';
      const text = [mac, seq + 1, this.at, actor, op, subject, sha256(detail)].join("\u001f");
      const signed = hmacSha256(this.#secret, text);
      this.#journal.run(seq + 1, this.at, actor, op, subject, detail, signed);
    }
    this.#commit.run();
    return subject;
  }

  idOf(name: string): string {
    const row = this.db.prepare("SELECT id FROM peer WHERE name = ?").get(name);
    return (row as { id: string }).id;
  }
}

/** Sends for a time; the answer is how many. */
export function bareSender(job: Job): () => Promise<number> {
  const bare = new Bare(job.home);
  const actor = bare.db.prepare("SELECT name, role, project, incarnation FROM peer WHERE id = ?");
  const recipient = bare.db.prepare("SELECT id, bell FROM peer WHERE name = ?");
  const message = bare.db.prepare(
    `INSERT INTO message (sender, sender_name, sender_role, project, category, content, recipients,
       at, up_s) VALUES (?, ?, ?, ?, 'status_update', ?, ?, ?, 0)`,
  );
  const delivery = bare.db.prepare("INSERT INTO delivery (peer, message) VALUES (?, ?)");
  const to = String(job["to"]);
  const me = bare.idOf(to);
  const send = (): void => {
    bare.write(job.name, "send", () => {
      const { name, role, project } = actor.get(me) as Record<string, string>;
      const { id } = recipient.get(to) as { id: string };
      const { lastInsertRowid } = message.run(
        me,
        name ?? "",
        role ?? "",
        project ?? "",
        CONTENT,
        JSON.stringify([id]),
        bare.at,
      );
      delivery.run(id, lastInsertRowid);
      return `message/m${lastInsertRowid}`;
    });
  };
  for (let i = 0; i < WARM_UP; i++) send();
  return () => {
    const endMs = performance.now() + Number(job["ms"]);
    let done = 0;
    for (; performance.now() < endMs; done++) send();
    return Promise.resolve(done);
  };
}

/** Claims until nothing is ready; the answer is how many and from when until when. */
export function bareClaimer(
  job: Job,
  nowMs: () => number,
): () => Promise<{ ids: string[]; fromMs: number; untilMs: number }> {
  const bare = new Bare(job.home);
  const actor = bare.db.prepare("SELECT name, role, project, incarnation FROM peer WHERE id = ?");
  const ready = bare.db.prepare(
    `SELECT id FROM task WHERE project = ? AND assigned_to = '' AND status = 'pending'
       AND open_deps = 0 AND not_before_s <= ? ORDER BY priority, n LIMIT 1`,
  );
  const claim = bare.db.prepare(
    `UPDATE task SET status = 'in_progress', claimed_by = ?, claim_incarnation = ?,
       claim_epoch = claim_epoch + 1, claimed_at = ?, attempts = attempts + 1, updated_at = ?
     WHERE id = ? RETURNING id, title, description, claim_epoch`,
  );
  const me = bare.idOf(String(job["as"]));
  return () => {
    const fromMs = nowMs();
    const ids: string[] = [];
    for (;;) {
      const subject = bare.write(job.name, "claim_task", () => {
        const { project } = actor.get(me) as { project: string };
        const row = ready.get(project, Deno.osUptime()) as { id: string } | undefined;
        if (row === undefined) return null;
        claim.get(me, job.name, bare.at, bare.at, row.id);
        return row.id;
      });
      if (subject === null) return Promise.resolve({ ids, fromMs, untilMs: nowMs() });
      ids.push(subject);
    }
  };
}
