// Whose project a row of the journal is: told with each row, in the stream and in the listing; and of a
// listing only what belongs to the project that is looked at, however busy another one is.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Flock } from "../cluster/flock.ts";
import { Follower, type Json, type Session, withSite } from "./site.ts";

/** A peer of another project, in the same home. */
async function neighbour(flock: Flock): Promise<Awaited<ReturnType<Flock["join"]>>> {
  const folder = join(flock.folder, "..", "neighbour");
  Deno.mkdirSync(folder);
  return await flock.join({ name: "nora", folder: Deno.realPathSync(folder) });
}

/** What a listing shows, oldest first: operation, subject, project. */
async function listed(session: Session, input: Json): Promise<(string | null)[][]> {
  const { rows } = await session.ok("list_audit", { limit: 200, ...input });
  return rows.reverse().map((row: Json) => [row.op, row.subject, row.project]);
}

Deno.test("events, list_audit: each row says of which project it is", async () => {
  await withSite(async (flock, session, [anna]) => {
    const nora = await neighbour(flock);
    const follower = await Follower.open(session, null);
    await follower.until((events) => events.length > 0, "hello");
    const here = flock.folder;
    const there = (await session.ok("list_projects")).projects
      .find((one: Json) => one.name === "neighbour").id as string;
    assert(there !== here);
    const expected: string[][] = [];
    for (const [peer, project] of [[anna, here], [nora, there]] as const) {
      const { id } = await peer?.ok("create_task", { title: "a" }) ?? {};
      const run = await peer?.ok("run", { action: "start", goal: "g" });
      const message = await peer?.ok("send", { to: "operator", content: "hi" });
      await peer?.ok("set_memory", { key: "same-key", value: "v" });
      await peer?.ok("lock_file", { paths: ["a.ts"] });
      expected.push(
        ["create_task", `task/${id}`, project],
        ["start_run", `run/${run?.run.id}`, project],
        ["send", `message/${message?.id}`, project],
        ["set_memory", "memory/same-key", project],
        ["lock_file", `lock/${project}/a.ts`, project],
      );
    }
    const last = flock.count("SELECT max(seq) FROM journal");
    await follower.until(() => follower.last >= last, "everything");
    const ours = (rows: (string | null)[][]): (string | null)[][] =>
      rows.filter(([op]) => expected.some(([wanted]) => wanted === op));
    const told = follower.of("journal").map(({ data }) => [data.op, data.subject, data.project]);
    assertEquals(ours(told), expected);
    assertEquals(ours(await listed(session, {})), expected);
    const inProject = await listed(session, { scope: "project" });
    assertEquals(ours(inProject), expected.slice(0, 5));
    assert(inProject.every(([, , project]) => project === here || project === null));
    // Who leads concerns everybody.
    assert(inProject.some(([op, , project]) => op === "lead" && project === null));
    await follower.close();
  });
});

Deno.test("list_audit: a busy neighbour does not push the own project's rows out", async () => {
  await withSite(async (flock, session, [anna]) => {
    const nora = await neighbour(flock);
    await anna?.ok("create_task", { title: "mine" });
    const tasks = Array.from({ length: 600 }, (_, i) => ({ key: `k${i}`, title: `task ${i}` }));
    await nora.ok("create_task", { tasks });
    const { rows } = await session.ok("list_audit", { op: "create_task", scope: "project" });
    assertEquals(rows.length, 1);
    // Pages of it lose nothing.
    const seqs: number[] = [];
    for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null;) {
      const page: Json = await session.ok("list_audit", { scope: "project", limit: 1, before });
      seqs.push(...page.rows.map((row: Json) => row.seq));
      before = page.next;
    }
    const whole = (await session.ok("list_audit", { scope: "project", limit: 200 })).rows;
    assertEquals(seqs, whole.map((row: Json) => row.seq));
  });
});
