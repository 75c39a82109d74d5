// export_project: everything that the caller may read, page by page to the end.

import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { makeRepository } from "../support/git.ts";
import { flockTest, type Json, type Member } from "./flock.ts";
import { join } from "@std/path";

/** All items of a part, in pages of `limit`. */
async function everything(member: Member, part: string, limit?: number): Promise<Json[]> {
  const items: Json[] = [];
  let after: string | null = null;
  do {
    const page: Json = await member.call("export_project", {
      part,
      ...(after === null ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
    });
    items.push(...page.items);
    after = page.next;
  } while (after !== null);
  return items;
}

flockTest("export_project: a worker's mail is what it sent and what it got", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await makeRepository(join(flock.folder, "elsewhere"));
  const eve = await flock.member("eve", { folder: "elsewhere" });
  await lead.call("send", { to: "anna", content: "to anna" });
  await anna.call("send", { to: "lead", content: "from anna" });
  await lead.call("send", { to: "bob", content: "to bob" });
  await lead.call("send", { to: "*", content: "to all" });
  await eve.call("send", { to: "anna", content: "from elsewhere" });
  await eve.call("send", { to: "bob", content: "from elsewhere to bob" });
  // Read or not, offered or not.
  await anna.inbox();
  const said = async (member: Member): Promise<string[]> =>
    (await everything(member, "messages", 2)).map(({ content }) => content);
  assertEquals(await said(anna), ["to anna", "from anna", "to all", "from elsewhere"]);
  assertEquals(await said(bob), ["to bob", "to all", "from elsewhere to bob"]);
  const within = ["to anna", "from anna", "to bob", "to all"];
  assertEquals(await said(lead), [...within, "from elsewhere", "from elsewhere to bob"]);
  assertEquals(await said(eve), ["from elsewhere", "from elsewhere to bob"]);
});

flockTest("export_project: goes on past what others wrote, however much", async (flock) => {
  const { lead, anna } = await flock.crew();
  await lead.call("send", { to: "anna", content: "first" });
  const db = new DatabaseSync(join(flock.home, "skein.db"), { timeout: 1_000 });
  db.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
     INSERT INTO message (id, sender, sender_name, sender_role, project, category, content,
       recipients, at, up_s) SELECT 100 + i, 'x', 'x', 'worker', '/other', 'finding', 'x', '[]', '', 0
     FROM n`,
  ).run();
  db.close();
  await lead.call("send", { to: "anna", content: "last" });
  for (const member of [lead, anna]) {
    const said = (await everything(member, "messages")).map(({ content }) => content);
    assertEquals(said, ["first", "last"]);
  }
});

flockTest("export_project: a page may end on the longest key there is", async (flock) => {
  const lead = await flock.member("lead");
  const keys = ["a", "b", "c"].map((char) => char.repeat(LIMITS.keyChars));
  for (const key of keys) await lead.call("set_memory", { key, value: "v" });
  const found = await everything(lead, "memory", 1);
  assertEquals(found.map(({ key }) => key), keys);
  const refused = await lead.refused("INVALID_INPUT", "export_project", {
    part: "memory",
    after: "x:y",
  });
  assertEquals(refused.field, "after");
});
