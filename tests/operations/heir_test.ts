// Taking over the name of a peer that is gone: its mail comes along, each message once, with the
// state that is furthest on; and a home in which that went wrong before is mended as it is opened.

import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { flockTest, type Json } from "./flock.ts";

interface Row {
  readonly state: number;
  readonly message: number;
}

/** Every delivery there is, and the recipients of each message, read from outside. */
function stored(home: string): { deliveries: Row[]; recipients: string[][] } {
  const db = new DatabaseSync(join(home, "skein.db"), { readOnly: true, timeout: 2_000 });
  try {
    const sql = "SELECT state, message FROM delivery ORDER BY message, state";
    const deliveries = db.prepare(sql).all().map(({ state, message }) => ({
      state: Number(state),
      message: Number(message),
    }));
    const rows = db.prepare("SELECT recipients FROM message ORDER BY id").all();
    return { deliveries, recipients: rows.map((row) => JSON.parse(String(row["recipients"]))) };
  } finally {
    db.close();
  }
}

flockTest(
  "join: the heir of a name has each message once, as far as it had come",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    await lead.call("send", { to: "*", content: "seen by the heir" });
    assertEquals((await anna.inbox()).length, 1);
    await anna.inbox();
    await anna.node.marksWritten();
    await lead.call("send", { to: "*", content: "read by the holder" });
    assertEquals((await bob.inbox()).length, 2);
    await bob.inbox();
    await lead.call("send", { to: "*", content: "read by nobody" });
    await lead.call("send", { to: "bob", content: "for the holder alone" });
    await bob.leave();
    const { mail } = await anna.call("join", { name: "bob" });
    assertEquals(mail.messages.map((message: Json) => message.content), [
      "read by nobody",
      "for the holder alone",
    ]);
    // The marks of these go along with the next acts, which they must not stop.
    for (let n = 0; n < 3; n++) await anna.call("create_task", { title: `t${n}` });
    await anna.node.marksWritten();
    const { deliveries, recipients } = stored(flock.home);
    assertEquals(deliveries.map(({ message, state }) => [message, state]), [
      [1, 2],
      [2, 2],
      [3, 2],
      [4, 2],
    ]);
    assertEquals(recipients.map((ids) => ids.length), [1, 1, 1, 1]);
  },
);

flockTest("marks: one that the store refuses stops no act", async (flock) => {
  const { lead, anna } = await flock.crew();
  await lead.call("send", { to: "anna", content: "hello" });
  const db = new DatabaseSync(join(flock.home, "skein.db"), { timeout: 2_000 });
  db.exec("CREATE TRIGGER no_marks BEFORE UPDATE ON delivery BEGIN SELECT RAISE(ABORT, 'no'); END");
  await anna.inbox();
  assertEquals((await anna.call("create_task", { title: "all the same" })).id, "t1");
  db.exec("DROP TRIGGER no_marks");
  db.close();
  await anna.call("create_task", { title: "and now the mark" });
  await anna.node.marksWritten();
  assertEquals(stored(flock.home).deliveries.map(({ state }) => state), [2]);
});

Deno.test("store: a migration leaves one delivery of a message to a peer", () => {
  const db = new DatabaseSync(":memory:");
  try {
    for (const { version, sql } of MIGRATIONS) if (version < 6) db.exec(sql);
    const post = db.prepare(
      `INSERT INTO message (id, sender, sender_name, sender_role, project, category, content,
         recipients, at, up_s) VALUES (?, 'a', 'a', 'architect', 'p', 'status_update', 'x', ?, '', 0)`,
    );
    post.run(1, '["b","c","b"]');
    post.run(2, '["b","c"]');
    const deliver = db.prepare("INSERT INTO delivery (peer, state, message) VALUES (?, ?, ?)");
    for (const [peer, state, message] of [["b", 0, 1], ["b", 2, 1], ["b", 1, 2], ["b", 0, 2]]) {
      deliver.run(peer ?? "", state ?? 0, message ?? 0);
    }
    deliver.run("c", 0, 1);
    for (const { version, sql } of MIGRATIONS) if (version === 6) db.exec(sql);
    assertEquals(
      db.prepare("SELECT peer, state, message FROM delivery ORDER BY peer, message").all()
        .map((row) => Object.values(row)),
      [["b", 2, 1], ["b", 1, 2], ["c", 0, 1]],
    );
    assertEquals(
      db.prepare("SELECT recipients FROM message ORDER BY id").all().map((row) =>
        row["recipients"]
      ),
      ['["b","c"]', '["b","c"]'],
    );
  } finally {
    db.close();
  }
});
