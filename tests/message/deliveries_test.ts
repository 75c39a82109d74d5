// What a mark makes of a message that stands there twice, whoever put it there.

import { assertEquals } from "@std/assert";
import { markOffered } from "../../src/message/deliveries.ts";
import { withHome } from "../support/home.ts";

Deno.test("deliveries: a message that stands there queued and offered is one once it was seen", async () => {
  await withHome(async (home) => {
    const { engine } = await home.open();
    home.sql((db) =>
      db.exec(`INSERT INTO delivery (peer, state, message, offered_to)
        VALUES ('p', 0, 1, NULL), ('p', 1, 1, 'earlier'), ('p', 0, 2, NULL), ('p', 1, 2, 'earlier')`)
    );
    await engine.write((tx) => markOffered(tx, "p", [1], "now", "", true));
    await engine.write((tx) => markOffered(tx, "p", [2], "now", ""));
    const rows = home.sql((db) =>
      db.prepare("SELECT message, state, offered_to FROM delivery ORDER BY message, state").all()
    );
    assertEquals(rows.map((row) => ({ ...row })), [
      { message: 1, state: 2, offered_to: "now" },
      { message: 2, state: 1, offered_to: "now" },
    ]);
  });
});
