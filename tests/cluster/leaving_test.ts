// No zombies. A server goes when its client goes, by whatever sign: the end of stdin, a signal, or
// a parent that was killed while somebody else still holds the pipe. It says goodbye on the way
// out, so nothing has to be reaped; and it is gone soon enough to be no trouble to its client.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { type Peer, peerEnv, SOURCE_COMMAND } from "../support/peer.ts";
import { type Flock, report, withFlock } from "./flock.ts";

/** The promise is 100 ms; the end of a process on a noisy machine takes some more. */
const WITHIN_MS = 2_000;

/** How a peer that is gone has ended, and what is left of it. */
function endOf(flock: Flock, name: string): { state: string; reason: string | null } {
  const [row] = flock.rows<{ state: string; end_reason: string | null }>(
    "SELECT state, end_reason FROM peer WHERE name = ?",
    name,
  );
  return { state: row?.state ?? "", reason: row?.end_reason ?? null };
}

async function exitOf(peer: Peer): Promise<{ tookMs: number; code: number }> {
  const startMs = performance.now();
  const { code } = await peer.ended;
  return { tookMs: performance.now() - startMs, code };
}

/** How to tell a server to go. */
const SIGNS: readonly [string, (peer: Peer) => void][] = [
  ["the end of stdin", (peer) => void peer.close()],
  ["SIGTERM", (peer) => peer.signal("SIGTERM")],
  ["SIGINT", (peer) => peer.signal("SIGINT")],
  ["SIGHUP", (peer) => peer.signal("SIGHUP")],
];

Deno.test("node: leaves on the end of stdin, SIGTERM, SIGINT and SIGHUP, and says goodbye", async () => {
  await withFlock(async (flock) => {
    const watcher = await flock.join({ name: "watcher" });
    const took: number[] = [];
    for (const [i, [what, sign]] of SIGNS.entries()) {
      const name = `leaver-${i}`;
      const peer = await flock.join({ name });
      const { id } = await peer.ok("create_task", { title: what });
      await peer.ok("claim_task", { id });
      await peer.ok("lock_file", { paths: ["a.ts"] });
      const file = flock.presenceFile(name);
      // Also while a call is waiting, as a client that is closed leaves them.
      peer.call("check", { wait_ms: 30_000 }).catch(() => {});
      const leaving = exitOf(peer);
      sign(peer);
      const { tookMs, code } = await leaving;
      took.push(tookMs);
      assertEquals(code, 0, what);
      assert(tookMs < WITHIN_MS, `${what}: it took ${tookMs} ms`);
      // It has gone by itself: nothing is left for the leader to find out.
      assertEquals(endOf(flock, name), { state: "gone", reason: "left" }, what);
      assertEquals(await Deno.stat(file).then(() => "there", () => "gone"), "gone");
      assertEquals((await watcher.ok("claim_task", { id })).task.id, id);
      assertEquals((await watcher.ok("list_locks")).locks, []);
    }
    report("gone after stdin, SIGTERM, SIGINT, SIGHUP", ...took);
    assertEquals(flock.count("SELECT count(*) FROM journal WHERE op = 'reap'"), 0);
  });
});

Deno.test("node: leaves also before it has joined, and leaves no trace then", async () => {
  await withFlock(async (flock) => {
    const peer = await flock.start({ name: "ann" });
    await peer.client.listTools();
    await peer.close();
    assertEquals(await Deno.stat(flock.database).then(() => "made", () => "none"), "none");
    const watcher = await flock.join({ name: "watcher" });
    const other = await flock.start({ name: "ben" });
    await other.client.listTools();
    await other.close();
    assertEquals((await watcher.ok("list_peers")).peers.length, 1);
    assertEquals(flock.count("SELECT count(*) FROM peer"), 1);
  });
});

/** The first lines of a client, up to its joining. */
const HANDSHAKE = [
  {
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "skein-test", version: "1" },
    },
  },
  { method: "notifications/initialized" },
  { id: 2, method: "tools/call", params: { name: "join", arguments: {} } },
].map((message) => JSON.stringify({ jsonrpc: "2.0", ...message })).join("\n");

// The parent of the server, which dies; the write end of the server's stdin is held by somebody
// else, which lives on.
const PARENT = `
sh -c 'echo $$ > holder.pid; cat handshake; exec sleep 600' | "$@" mcp > answers &
echo $! > server.pid
wait
`;

async function pidIn(file: string): Promise<number> {
  return await eventually(() => Number(Deno.readTextFileSync(file)) || null, { what: file }) ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody waits for is no process any more.
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

async function withOrphanMaker(
  flock: Flock,
  body: (parent: Deno.ChildProcess, server: number) => Promise<void>,
): Promise<void> {
  Deno.writeTextFileSync(join(flock.folder, "handshake"), `${HANDSHAKE}\n`);
  const parent = new Deno.Command("sh", {
    args: ["-c", PARENT, "sh", ...SOURCE_COMMAND],
    cwd: flock.folder,
    clearEnv: true,
    env: peerEnv({ home: flock.home, folder: flock.folder, name: "orphan" }),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const pids: number[] = [];
  try {
    for (const file of ["holder.pid", "server.pid"]) {
      pids.push(await pidIn(join(flock.folder, file)));
    }
    await body(parent, pids[1] ?? 0);
    assert(isAlive(pids[0] ?? 0), "whoever holds the pipe was to live on");
  } finally {
    for (const pid of [parent.pid, ...pids].filter(isAlive)) Deno.kill(pid, "SIGKILL");
    await parent.status;
  }
}

Deno.test("node: a server whose parent was killed goes within 5 s though its stdin stays open", async () => {
  await withFlock(async (flock) => {
    const watcher = await flock.join({ name: "watcher" });
    await withOrphanMaker(flock, async (parent, server) => {
      await eventually(async () => (await watcher.ok("list_peers")).peers.length === 2, {
        what: "the orphan-to-be joins",
      });
      assert(isAlive(server));
      const startMs = performance.now();
      parent.kill("SIGKILL");
      await eventually(() => !isAlive(server), { withinMs: 5_000, what: "the orphan is gone" });
      report("gone after the parent was killed", performance.now() - startMs);
      assertEquals(endOf(flock, "orphan"), { state: "gone", reason: "left" });
    });
  });
});
