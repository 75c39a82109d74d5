// The waiter of an idle session, as real processes beside a real server: the line that the plugin has
// for it, and what stands in for it where there is no flock(1). It wakes within a second, says what
// has come, loses nothing when it is killed, and never begins turns without end.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { type CommandHook, type Ground, groundTest, procStat, type Session } from "./client.ts";

const WAKE = 2;

/** How a waiter is started: by the plugin's line, or without flock(1). */
interface Way {
  readonly name: string;
  start(ground: Ground, session: string, entrypoint?: string): CommandHook;
}

const WAYS: readonly Way[] = [
  {
    name: "in a shell",
    start: (ground, session, entrypoint = "cli") =>
      ground.waiter(session, { CLAUDE_CODE_ENTRYPOINT: entrypoint }),
  },
  {
    name: "as a program",
    start: (ground, session, entrypoint = "cli") =>
      ground.commandHook("wait", { session_id: session, hook_event_name: "Stop" }, {
        CLAUDE_CODE_ENTRYPOINT: entrypoint,
      }),
  },
];
const [SHELL] = WAYS as [Way, ...Way[]];

function waiterTests(
  name: string,
  body: (ground: Ground, way: Way) => Promise<void>,
): void {
  for (const way of WAYS) groundTest(`waiter ${way.name}: ${name}`, (ground) => body(ground, way));
}

/** Another peer, and a session whose turn is over. */
async function idle(ground: Ground): Promise<{ bob: Peer; ann: Session }> {
  const bob = await ground.peer("bob");
  const ann = await ground.session("s-1", "ann");
  await ann.hook("UserPromptSubmit");
  assertEquals(await ann.stop(), null);
  return { bob, ann };
}

/** Seconds of CPU that a process and those it has waited for have used. */
function cpuS(pid: number): number {
  return procStat(pid).slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

/** Resolves once the waiter waits: one of its processes is blocked by a lock. */
async function waits(waiter: CommandHook): Promise<void> {
  await eventually(() => {
    assertEquals(waiter.code, null, "it has ended");
    const pids = waiter.family().map(String);
    const locks = Deno.readTextFileSync("/proc/locks").split("\n");
    return locks.some((line) => line.includes("->") && pids.includes(line.split(/\s+/)[5] ?? ""));
  }, { what: "the waiter waits for the lock" });
}

async function waiting(ground: Ground, way: Way, session = "s-1"): Promise<CommandHook> {
  const waiter = way.start(ground, session);
  await waits(waiter);
  return waiter;
}

/** Lets real time pass: what is waited for is that nothing happens. */
async function passes(ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  await eventually(() => performance.now() > untilMs, { withinMs: ms + 1_000 });
}

function send(from: Peer, content: string): Promise<{ id: string }> {
  return from.ok("send", { to: "ann", content });
}

waiterTests("mail wakes an idle session within a second", async (ground, way) => {
  const { bob, ann } = await idle(ground);
  const waiter = await waiting(ground, way);
  const startMs = performance.now();
  const { id } = await send(bob, "wake up");
  const { code, stdout, stderr } = await waiter.ended;
  const tookMs = performance.now() - startMs;
  assertEquals([code, stdout], [WAKE, ""], stderr);
  assert(tookMs < 1_000, `${tookMs.toFixed(0)} ms`);
  for (const part of [id, "from bob", '"wake up"']) assertStringIncludes(stderr, part);
  // The turn that follows: what was said is not said again, and then it is seen.
  assertEquals(await ann.before("Bash", { command: "ls" }), null);
  assertEquals(await ann.context("PostToolBatch"), "");
  await ann.before("Bash", { command: "ls" });
  assertEquals(await ann.context("PostToolBatch"), "");
  await ann.before("Bash", { command: "ls" });
  await eventually(async () => (await bob.ok("check", { id })).deliveries[0].state === "seen");
});

waiterTests("it waits without using the processor", async (ground, way) => {
  await idle(ground);
  const waiter = await waiting(ground, way);
  const used = (): number => waiter.family().reduce((sum, pid) => sum + cpuS(pid), 0);
  const before = used();
  await passes(2_000);
  assert(used() - before <= 0.02, `${used() - before} s in two seconds`);
});

waiterTests("a second one for the same session ends at once", async (ground, way) => {
  await idle(ground);
  const first = await waiting(ground, way);
  assertEquals((await way.start(ground, "s-1").ended).code, 0);
  assertEquals(first.code, null);
});

waiterTests("it ends when the server dies", async (ground, way) => {
  const { ann } = await idle(ground);
  const waiter = await waiting(ground, way);
  await ann.peer.kill();
  assertEquals((await waiter.ended).code, 0);
});

waiterTests("it ends when the session leaves", async (ground, way) => {
  const { ann } = await idle(ground);
  const waiter = await waiting(ground, way);
  await ann.peer.close();
  const { code, stderr } = await waiter.ended;
  assertEquals([code, stderr], [0, ""]);
});

waiterTests("only a terminal's session has one", async (ground, way) => {
  await idle(ground);
  for (const entrypoint of ["sdk-cli", ""]) {
    assertEquals((await way.start(ground, "s-1", entrypoint).ended).code, 0);
  }
});

waiterTests("a busy session is not woken; it is once its turn is over", async (ground, way) => {
  const { bob, ann } = await idle(ground);
  const waiter = await waiting(ground, way);
  await passes(1_500);
  await ann.hook("UserPromptSubmit");
  await send(bob, "while it works");
  await ann.before("Bash", { command: "ls" });
  await passes(1_000);
  assertEquals(waiter.code, null);
  assertStringIncludes(await ann.context("PostToolBatch"), "while it works");
  assertEquals(await ann.stop(), null);
  await send(bob, "now");
  const { code, stderr } = await waiter.ended;
  assertEquals(code, WAKE);
  assertStringIncludes(stderr, "now");
  assert(!stderr.includes("while it works"), "it was told before");
});

groundTest("waiter: a prompt in the first second of a session keeps it busy", async (ground) => {
  const bob = await ground.peer("bob");
  const ann = await ground.session("s-1", "ann");
  await ann.hook("UserPromptSubmit");
  const waiter = ground.waiter("s-1");
  await passes(1_500);
  await send(bob, "while it works");
  await passes(1_000);
  assertEquals(waiter.code, null);
  assertStringIncludes(await ann.context("PostToolBatch"), "while it works");
});

waiterTests("killed before it could say anything, it loses nothing", async (ground, way) => {
  const { bob, ann } = await idle(ground);
  const waiter = await waiting(ground, way);
  for (const pid of waiter.family()) Deno.kill(pid, "SIGSTOP");
  const { id } = await send(bob, "do not lose me");
  await waiter.kill();
  assertEquals((await bob.ok("check", { id })).deliveries[0].state, "queued");
  assertStringIncludes(await ann.context("UserPromptSubmit"), "do not lose me");
});

waiterTests("killed, it makes room for the next one", async (ground, way) => {
  const { bob, ann } = await idle(ground);
  const waiter = await waiting(ground, way);
  const pids = waiter.family();
  waiter.signal("SIGKILL");
  try {
    await ann.hook("UserPromptSubmit");
    assertEquals(await ann.stop(), null);
    const next = await waiting(ground, way);
    await send(bob, "anyone there");
    assertEquals((await next.ended).code, WAKE);
  } finally {
    await waiter.kill(pids);
  }
});

groundTest("waiter: what led to no turn is due again", async (ground) => {
  const { bob, ann } = await idle(ground);
  const first = await waiting(ground, SHELL);
  const { id } = await send(bob, "nobody listened");
  assertEquals((await first.ended).code, WAKE);
  assertEquals((await bob.ok("check", { id })).deliveries[0].state, "offered");
  await eventually(async () => (await bob.ok("check", { id })).deliveries[0].state === "queued", {
    withinMs: 20_000,
    what: "the message is due again",
  });
  const second = await SHELL.start(ground, "s-1").ended;
  assertEquals(second.code, WAKE);
  assertStringIncludes(second.stderr, "nobody listened");
  assertEquals(await ann.stop(), null);
});

groundTest("waiter: wakes again right after a turn without tools", async (ground) => {
  const { bob, ann } = await idle(ground);
  const first = await waiting(ground, SHELL);
  await send(bob, "one");
  assertEquals((await first.ended).code, WAKE);
  // The model answers with words alone: no tool, no prompt, only the end of the turn.
  assertEquals(await ann.stop(), null);
  const second = await waiting(ground, SHELL);
  const startMs = performance.now();
  await send(bob, "two");
  const { code, stderr } = await second.ended;
  const tookMs = performance.now() - startMs;
  assertEquals(code, WAKE);
  assertStringIncludes(stderr, "two");
  assert(tookMs < 1_500, `${tookMs.toFixed(0)} ms`);
});

groundTest(
  "waiter: a long message that nobody fetches wakes once, not for ever",
  async (ground) => {
    const { bob, ann } = await idle(ground);
    const first = await waiting(ground, SHELL);
    await passes(1_500);
    await send(bob, `begin ${"long ".repeat(400)}`);
    const { code, stderr } = await first.ended;
    assertEquals(code, WAKE);
    // Whole: in part it would be unread still, and wake again.
    assertStringIncludes(stderr, "long ".repeat(399));
    for (let turn = 0; turn < 2; turn++) {
      await ann.before("Bash", { command: "ls" });
      await passes(500);
      await ann.hook("PostToolBatch");
      if (await ann.stop() !== null) await ann.stop(true);
    }
    const second = SHELL.start(ground, "s-1");
    await passes(2_000);
    assertEquals(second.code, null, "woken again by what it was told");
    assertEquals((await ann.peer.ok("check")).messages, []);
  },
);

waiterTests("after /clear the session is still woken", async (ground, way) => {
  const { bob, ann } = await idle(ground);
  await waiting(ground, way);
  ann.id = "s-2";
  await ann.hook("UserPromptSubmit");
  assertEquals(await ann.stop(), null);
  // As each end of a turn does; whichever of the two is left has to wake.
  const second = way.start(ground, "s-2");
  await eventually(() => Deno.readTextFileSync("/proc/locks").includes("->"));
  const startMs = performance.now();
  const { id } = await send(bob, "after the clear");
  await eventually(
    async () => (await bob.ok("check", { id })).deliveries[0].state === "offered",
    { withinMs: 4_000, what: "the session was woken" },
  );
  assert(performance.now() - startMs < 2_000);
  assert(second.code === null || second.code === WAKE || second.code === 0);
});

waiterTests("a session resumed under another id is woken as who it is", async (ground, way) => {
  const bob = await ground.peer("bob");
  const old = await ground.session("s-old", "ann");
  await old.peer.close();
  const now = await ground.session("s-throw-away");
  now.id = "s-old";
  await now.hook("UserPromptSubmit");
  assertEquals(await now.stop(), null);
  const waiter = await waiting(ground, way, "s-old");
  const startMs = performance.now();
  await send(bob, "are you back");
  const { code, stderr } = await waiter.ended;
  assertEquals(code, WAKE);
  assertStringIncludes(stderr, "are you back");
  assert(performance.now() - startMs < 1_500);
});

groundTest("session-start: says who is here and who one is, and makes no peer", async (ground) => {
  const { ann } = await idle(ground);
  await ann.peer.ok("create_task", { title: "a task" });
  const run = async (session: string): Promise<string> => {
    const input = { session_id: session, source: "startup", cwd: ground.folder };
    const { code, stdout, stderr } = await ground.commandHook("session-start", input).ended;
    assertEquals([code, stderr], [0, ""]);
    return JSON.parse(stdout).hookSpecificOutput.additionalContext;
  };
  assertStringIncludes(await run("s-1"), "You are ann");
  assertStringIncludes(await run("s-new"), "ann (");
  assertEquals((await ann.peer.ok("list_peers")).peers.length, 2);
});

groundTest("hook: nonsense on standard input is in nobody's way", async (ground) => {
  Deno.mkdirSync(join(ground.folder, "empty"));
  for (const event of ["wait", "session-start", "woken", "no-such-event"]) {
    const { code } = await ground.commandHook(event, { session_id: 7 }).ended;
    assert(code !== WAKE, event);
  }
});
