// The page outlives its leader: after kill -9 it answers on the same port within a second; after
// SIGSTOP on the next free one within 15 s, and on the preferred one when that is free again. Whoever
// followed events goes on from its last row, with the same session, and misses nothing.

import { assert, assertEquals } from "@std/assert";
import { type Flock, report, withFlock } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { freePorts } from "./ports.ts";
import { exchange, Follower, linkOf, request, type Session, signIn, urlOf } from "./site.ts";

/** Peers that would all serve on this port. */
async function joinAll(flock: Flock, port: number, ...names: string[]): Promise<Map<string, Peer>> {
  const peers = new Map<string, Peer>();
  for (const name of names) {
    peers.set(name, await flock.join({ name, env: { SKEIN_PORT: String(port) } }));
  }
  return peers;
}

async function answers(url: string): Promise<boolean> {
  try {
    const { status } = await request(`${url}/healthz`, { signal: AbortSignal.timeout(500) });
    return status === 200;
  } catch {
    return false;
  }
}

/** Follows from where it was, as a page does that lost its leader. */
async function resume(session: Session, after: number): Promise<Follower> {
  return await eventually(() => Follower.open(session, after), { withinMs: 20_000 });
}

Deno.test("promise 5: the leader killed time after time, the page answers within 1 s on its port", async () => {
  const [port = 0] = freePorts(1);
  await withFlock(async (flock) => {
    const names = ["ann", "ben", "cyd", "dan"];
    const peers = await joinAll(flock, port, ...names);
    assertEquals(await urlOf(flock), `http://127.0.0.1:${port}`);
    const session = await signIn(flock);
    const first = flock.count("SELECT max(seq) FROM journal");
    let follower = await Follower.open(session, first);
    const rows: number[] = [];
    const took: number[] = [];
    const links: string[] = [];
    for (let n = 0; n < 3; n++) {
      const old = flock.leader();
      const link = String((await linkOf(flock)).link).split("#code=")[1] ?? "";
      const victim = peers.get(old.name ?? "");
      peers.delete(old.name ?? "");
      assert(victim !== undefined);
      // Acts before, during and after.
      const acting = (async () => {
        for (const peer of peers.values()) await peer.ok("create_task", { title: `round ${n}` });
      })();
      const startMs = performance.now();
      Deno.kill(victim.pid, "SIGKILL");
      await eventually(async () => flock.leader().epoch > old.epoch && await answers(session.url), {
        withinMs: 5_000,
        what: "the page answers",
      });
      took.push(performance.now() - startMs);
      await acting;
      await eventually(() => follower.ended, { what: "the stream broke" });
      rows.push(...follower.of("journal").map(({ id }) => id ?? 0));
      const before = rows.at(-1) ?? first;
      follower = await resume(session, before);
      await follower.until((events) => events[0]?.event === "hello", "hello");
      assertEquals(follower.events[0]?.data.leader.name, flock.leader().name);
      assertEquals(follower.of("reset").length, 0);
      // A link is for the leader of its time: somebody else may have had the port after that one's death.
      links.push(link);
      for (const old of links) assertEquals((await exchange(session.url, old)).status, 401);
      // The same session, no new sign-in.
      await session.ok("create_task", { title: `by the page, round ${n}` });
      assertEquals((await session.ok("status")).leader.url, session.url);
    }
    const last = flock.count("SELECT max(seq) FROM journal");
    await follower.until(() => follower.last >= last, "everything");
    rows.push(...follower.of("journal").map(({ id }) => id ?? 0));
    const upTo = rows.filter((seq) => seq <= last);
    assertEquals(upTo, Array.from({ length: last - first }, (_, i) => first + 1 + i), "missed");
    report("the page answers after kill -9 of the leader", ...took);
    assert(Math.min(...took) < 1_000, `it took ${took.map(Math.round)} ms`);
    const { takeovers } = await session.ok("flock_state");
    assertEquals(takeovers.map((one: { epoch: number }) => one.epoch), [4, 3, 2, 1]);
    await follower.close();
  });
});

Deno.test("promise 5: a stopped leader keeps its port: the page moves to the next, and back", async () => {
  const [port = 0] = freePorts(2);
  await withFlock(async (flock) => {
    const peers = await joinAll(flock, port, "ann", "ben");
    const session = await signIn(flock);
    assertEquals(session.url, `http://127.0.0.1:${port}`);
    const next = `http://127.0.0.1:${port + 1}`;
    const startMs = performance.now();
    peers.get("ann")?.signal("SIGSTOP");
    // Meanwhile a link is asked for: it leads to the next leader.
    const [moved] = await Promise.all([
      signIn(flock),
      eventually(() => answers(next), { withinMs: 20_000, what: "the page on the next port" }),
    ]);
    const tookMs = performance.now() - startMs;
    report("the page answers after SIGSTOP of the leader", tookMs);
    assert(tookMs < 17_000, `it took ${tookMs} ms`);
    assertEquals(moved.url, next);
    const there = session.at(next);
    await there.ok("create_task", { title: "with the old session" });
    const follower = await Follower.open(there, 0);
    peers.get("ann")?.signal("SIGCONT");
    await follower.until(
      () => follower.of("leader").some(({ data }) => data.url === session.url),
      "told that it moved back",
    );
    assertEquals(await urlOf(flock), session.url);
    assertEquals((await session.ok("status")).leader.name, "ben");
    // The other port is served on for those who are there.
    await there.ok("create_task", { title: "not yet gone" });
    const last = flock.count("SELECT max(seq) FROM journal");
    await follower.until(() => follower.last >= last, "everything");
    // The page takes itself along, without a new link from the command line.
    const { code } = await there.ok("issue_link");
    assertEquals((await exchange(session.url, code)).status, 200);
    await follower.close();
    await eventually(async () => !await answers(next), { withinMs: 15_000, what: "it is closed" });
    assertEquals(await answers(session.url), true);
  });
});

Deno.test("promise 5: a leader that leaves is followed at once by one that serves", async () => {
  const [port = 0] = freePorts(1);
  await withFlock(async (flock) => {
    const peers = await joinAll(flock, port, "ann", "ben");
    const session = await signIn(flock);
    const follower = await Follower.open(session, null);
    await follower.until((events) => events.length > 0, "hello");
    const startMs = performance.now();
    await peers.get("ann")?.close();
    await eventually(() => follower.ended);
    const again = await resume(session, follower.last);
    await again.until((events) => events[0]?.data.leader?.name === "ben", "the next leader");
    report("followed again after the leader left", performance.now() - startMs);
    await again.close();
  });
});

Deno.test("promise 5: a leader that is ended by control serves no more, and lives on", async () => {
  const [port = 0] = freePorts(2);
  await withFlock(async (flock) => {
    const peers = await joinAll(flock, port, "ann", "ben");
    const session = await signIn(flock);
    const follower = await Follower.open(session, null);
    const before = flock.leader();
    await session.ok("control", { action: "kill", peer: "ann" });
    assertEquals((await flock.nextLeader(before, 5_000)).name, "ben");
    await eventually(() => follower.ended);
    const again = await resume(session, follower.last);
    await again.until((events) => events[0]?.data.leader?.name === "ben", "the next leader");
    assertEquals((await peers.get("ann")?.call("status"))?.json.error.code, "KILLED");
    assertEquals(peers.get("ann")?.stderr(), "");
    await again.close();
  });
});
