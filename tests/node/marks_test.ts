// The marks of delivery when an answer is dropped after all: what comes later is written all the same,
// and a reader with an older snapshot does not take for shown what is due again.

import { assertEquals } from "@std/assert";
import type { Tx } from "../../src/core/transaction.ts";
import { Mail } from "../../src/node/mail.ts";
import { type Batch, Marks } from "../../src/node/marks.ts";
import { eventually } from "../support/eventually.ts";
import { withHome } from "../support/home.ts";

Deno.test("Marks: what is taken back before it was written holds up nothing that comes later", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    home.addPeer("ann");
    const written: Batch[] = [];
    const marks = new Marks(store, "id-ann", "life-of-ann", (batch) => void written.push(batch));
    marks.due.offered.add(1);
    marks.soon();
    marks.due.offered.delete(1);
    // The moment for that write passes.
    const startMs = performance.now();
    await eventually(() => performance.now() - startMs > 50);
    assertEquals(written.length, 0);
    marks.due.offered.add(2);
    marks.soon();
    await eventually(() => written.length === 1, { withinMs: 2_000, what: "the later mark" });
    assertEquals([...written[0]?.offered ?? []], [2]);
    await marks.close();
  });
});

Deno.test("Mail: a reader whose snapshot is older than a recall leaves the message due", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    home.addPeer("ann");
    const mail = new Mail(store, "id-ann", "life-of-ann");
    const offer = mail.begin();
    offer.add(7);
    offer.flushed();
    await mail.write();
    offer.recall();
    await mail.write();
    assertEquals(mail.has(7), false, "it is due again");
    // As this reader sees it, the message is offered still, and not by this process.
    const older = {
      all: (sql: string) => Promise.resolve(sql.includes("state = 1") ? [{ message: 7 }] : []),
    } as unknown as Tx;
    assertEquals(await mail.ride(older, mail.begin()), null);
    assertEquals(mail.has(7), false, "it was taken for shown and would never come");
    await mail.close();
  });
});
