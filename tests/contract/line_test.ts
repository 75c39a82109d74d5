// The line before the write lock: one looks at a time, in order of coming; who dies there makes room, and
// who is stopped there holds nobody up.

import { assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/core/folders.ts";
import { TIMES } from "../../src/core/limits.ts";
import { Line, lookAgainMs, Turn } from "../../src/store/line.ts";
import { eventually } from "../support/eventually.ts";
import { startHolder } from "../support/holder.ts";
import { act, refusal, seqOf, withHome } from "../support/home.ts";
import { withTempFolder } from "../support/temp.ts";

/** Longer than any test takes: only for what has to come by itself. */
const LONG_MS = 60_000;

/** How many the kernel lets wait for a file. */
function waiting(path: string): number {
  const { ino } = Deno.statSync(path);
  const locks = Deno.readTextFileSync("/proc/locks").split("\n");
  return locks.filter((lock) => lock.includes("-> FLOCK") && lock.includes(`:${ino} `)).length;
}

async function withLines(
  count: number,
  body: (lines: Line[], path: string) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const path = join(folder, "line.lock");
    const lines = Array.from({ length: count }, () => new Line(path));
    try {
      await body(lines, path);
    } finally {
      for (const line of lines) line.close();
    }
  });
}

Deno.test("line: one is first at a time, in the order in which they came", async () => {
  await withLines(3, async ([a, b, c], path) => {
    if (!a || !b || !c) throw new Error("three lines were asked for");
    const came: string[] = [];
    const stand = async (name: string, line: Line): Promise<void> => {
      assertEquals(await line.stand(LONG_MS), true);
      came.push(name);
    };
    await stand("a", a);
    const second = stand("b", b);
    // Who asks while nobody has the place may get it before the one who is being woken for it.
    await eventually(() => waiting(path) === 1);
    const third = stand("c", c);
    await eventually(() => waiting(path) === 2);
    assertEquals(came, ["a"]);
    a.leave();
    await second;
    assertEquals(came, ["a", "b"]);
    b.leave();
    await third;
    assertEquals(came, ["a", "b", "c"]);
  });
});

Deno.test("line: who is killed there makes room", async () => {
  await withLines(1, async ([line], path) => {
    Deno.writeTextFileSync(path, "");
    const holder = await startHolder("hold", path);
    try {
      const given = line?.stand(LONG_MS);
      holder.child.kill("SIGKILL");
      assertEquals(await given, true);
    } finally {
      await holder.end();
    }
  });
});

Deno.test("line: behind somebody who is stopped nobody waits for long, nor keeps the place later", async () => {
  await withLines(2, async ([line, other], path) => {
    Deno.writeTextFileSync(path, "");
    const holder = await startHolder("hold", path);
    try {
      holder.child.kill("SIGSTOP");
      assertEquals(await line?.stand(20), false);
      line?.leave();
      const beganMs = performance.now();
      assertEquals(await line?.stand(LONG_MS), false, "it is asked for once, and waited for once");
      assertLess(performance.now() - beganMs, LONG_MS / 2);
      line?.leave();
    } finally {
      await holder.end();
    }
    assertEquals(await other?.stand(LONG_MS), true);
    other?.leave();
    // The place that it was too late for comes when its thread is woken, and is given away at once.
    await eventually(() => line?.stand(LONG_MS), { what: "it can stand there again" });
  });
});

Deno.test("line: who has no time left does not stand there", async () => {
  await withLines(2, async ([late, other]) => {
    assertEquals(await late?.stand(-1), false);
    assertEquals(await other?.stand(LONG_MS), true);
  });
});

Deno.test("line: who has waited long looks oftener, wherever it stands", () => {
  for (const first of [true, false]) {
    assertLess(lookAgainMs(first, 2_000), lookAgainMs(true, 0));
    assertLess(lookAgainMs(true, 0), lookAgainMs(false, 0));
  }
});

Deno.test("line: without a folder for it nobody is first", async () => {
  await withTempFolder(async (folder) => {
    const line = new Line(join(folder, "gone", "line.lock"));
    assertEquals(await line.stand(LONG_MS), false);
    line.leave();
    line.close();
  });
});

Deno.test("line: writes go on while the first in line is stopped", async () => {
  await withHome(async (home) => {
    const [a, b] = [await home.open(), await home.open()];
    const path = join(home.folder, "line.lock");
    Deno.writeTextFileSync(path, "");
    const first = await startHolder("hold", path);
    const writer = await startHolder("write", home.database);
    try {
      first.child.kill("SIGSTOP");
      const acts = [act(a), act(b)];
      await eventually(() => waiting(path) === 2);
      await writer.end();
      await Promise.all(acts);
    } finally {
      await first.end();
      await writer.end();
    }
    assertEquals(await seqOf(a), 2);
  });
});

Deno.test("line: what stands there when its store is closed is refused", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    const writer = await startHolder("write", home.database);
    try {
      const refused = refusal("NOT_JOINED", () => act(store));
      await eventually(() => exists(join(home.folder, "line.lock")));
      store.engine.close();
      await refused;
    } finally {
      await writer.end();
    }
  });
});

Deno.test("line: whether somebody else stands there can be asked without standing there", async () => {
  await withLines(2, async ([line, other]) => {
    assertEquals(line?.held(), false);
    assertEquals(await other?.stand(LONG_MS), true);
    assertEquals([line?.held(), other?.held()], [true, false]);
    other?.leave();
    assertEquals(line?.held(), false);
    assertEquals(await other?.stand(LONG_MS), true, "asking took no place");
  });
});

Deno.test("turn: is over after long writing without a pause, and begins anew with one", () => {
  const turn = new Turn();
  let nowMs = 1_000;
  const write = (pauseMs: number): boolean => {
    nowMs += pauseMs;
    const over = turn.isOver(nowMs);
    nowMs += 0.05;
    turn.wrote(nowMs);
    return over;
  };
  const writes = (count: number, pauseMs: number): number =>
    Array.from({ length: count }, () => write(pauseMs)).filter((over) => over).length;
  const gapMs = TIMES.turnGapUs / 2_000;
  const inTurn = Math.floor(TIMES.turnMs / (gapMs + 0.05));
  assertEquals(writes(inTurn - 1, gapMs), 0);
  assertEquals(writes(4, gapMs), 1, "once");
  assertEquals(writes(inTurn - 8, gapMs), 0, "the next turn has begun");
  assertEquals(writes(10 * inTurn, 4 * gapMs), 0, "who pauses has no turn that ends");
});
