// What killed sessions and waiters leave in the folder of wakes is cleared away by whoever becomes
// idle next; what belongs to the living stays, however old it is.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { SOURCE_COMMAND } from "../support/peer.ts";
import { groundTest } from "./client.ts";

const SOURCE = ["client", ...SOURCE_COMMAND];
const LONG_AGO = new Date(Date.now() - 2 * 3_600_000);

groundTest("wake files: those of the dead go, those of the living stay", async (ground) => {
  const folder = join(ground.home, "wake");
  const names = (): string[] => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const idle = async (id: string, name: string) => {
    // Each under a client of its own.
    const session = await ground.session(id, name, ["sh", "-c", '"$@"; exit', ...SOURCE]);
    await session.hook("UserPromptSubmit");
    assertEquals(await session.stop(), null);
    return session;
  };
  const ann = await idle("s-1", "ann");
  const waiter = ground.waiter("s-1", { CLAUDE_PID: `${ann.peer.pid}` });
  const killed = await idle("s-2", "bob");
  const before = new Set(names());
  await killed.peer.kill();
  for (const name of ["client-1", "client-1.waiter", "p9.waiter", "no-life"]) {
    Deno.writeTextFileSync(join(folder, name), "no-life");
  }
  Deno.writeTextFileSync(join(folder, "client-2"), "no-life");
  for (const name of names()) {
    if (name !== "client-2") Deno.utimeSync(join(folder, name), LONG_AGO, LONG_AGO);
  }
  await idle("s-3", "eve");
  const left = new Set(names());
  for (const name of ["client-1", "client-1.waiter", "p9.waiter", "no-life"]) {
    assert(!left.has(name), name);
  }
  assert(left.has("client-2"), "young");
  assert([...before].filter((name) => left.has(name)).length < before.size, "the killed one's");
  // Ann is woken as ever.
  await ground.peer("dan").then((dan) => dan.ok("send", { to: "ann", content: "still there?" }));
  assertEquals((await waiter.ended).code, 2);
});

groundTest("wake files: two servers of one client hold no hook up for long", async (ground) => {
  for (const [id, name] of [["s-1", "ann"], ["s-2", "bob"]] as const) {
    const session = await ground.session(id, name);
    await session.hook("UserPromptSubmit");
    const startMs = performance.now();
    assertEquals(await session.stop(), null);
    assert(performance.now() - startMs < 4_000, name);
  }
});
