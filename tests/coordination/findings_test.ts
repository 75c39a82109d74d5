// Findings that people write while skein does: each is taken in once, whatever happens at that very
// moment, and none replaces another.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { type Ground, withGround } from "./ground.ts";

const FINDINGS = "context/discoveries.md";

async function values(ground: Ground): Promise<string[]> {
  const lines = (await ground.text("export", "--format", "jsonl")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line))
    .filter(({ record, type }) => record === "memory" && type === "discovery")
    .map(({ value }) => value);
}

function append(ground: Ground, text: string): void {
  Deno.writeTextFileSync(join(ground.mirror, FINDINGS), text, { append: true });
}

Deno.test("promise 8: findings: written while two mirrors and commands write, each is taken once", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    const mirrors = [ground.start("mirror"), ground.start("mirror")];
    const count = 25;
    const commands = (async () => {
      for (let n = 0; n < 8; n++) await ground.ok("leader", "add-task", `t${n}`);
    })();
    for (let n = 0; n < count; n++) {
      append(ground, `\n## finding number ${n}.\n`);
      // Until somebody has begun to take it in, or a moment has passed.
      const seen = (): boolean => ground.read(FINDINGS).includes(`number ${n}.\n\n`);
      await eventually(() => n % 3 === 0 || seen(), { withinMs: 150 }).catch(() => {});
    }
    await commands;
    await eventually(async () => (await values(ground)).length >= count, { withinMs: 20_000 });
    for (const child of mirrors) {
      child.kill("SIGTERM");
      await child.status;
    }
    const words = (await values(ground)).join("\n");
    for (let n = 0; n < count; n++) {
      assertEquals(words.split(`finding number ${n}.`).length, 2, `finding ${n}`);
    }
    assertEquals(ground.files().filter((name) => name.includes(".yours")), []);
  });
});

Deno.test("findings: a heading of ours by hand names no author, and replaces nothing", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    await ground.text("memory", "set", "k", "as it was", "--type", "decision");
    append(ground, "\n## operator, 2026-01-01T00:00:00Z (k)\n\nsomething else\n");
    append(ground, "\n## operator, 2026-01-01T00:00:00Z (new/key)\n\nunder a new key\n");
    await ground.text("leader", "add-task", "t");
    const [decision] = (await ground.ok("memory", "get", "k")).entries;
    assertEquals([decision.value, decision.type, decision.version], ["as it was", "decision", 1]);
    const { entries } = await ground.ok("memory", "get", "--type", "discovery");
    assertEquals(
      entries.map((entry: { value: string }) => entry.value).sort(),
      ["something else", "under a new key"],
    );
    for (const entry of entries) assertEquals(entry.by, "discoveries.md");
    assertEquals((await ground.ok("memory", "get", "new/key")).entries.length, 1);
  });
});

Deno.test("findings: who may not set a discovery loses no words", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    await ground.text("leader", "add-task", "t");
    await ground.text("policy", "lite");
    append(ground, "\nby a worker\n");
    const { code, stderr } = await ground.run(["worker", "claim", "w1"]);
    assertEquals(code, 0);
    assertMatch(stderr, /were not taken/);
    assert(ground.read(`${FINDINGS}.yours`).includes("by a worker"));
    // It stays where it is, and whoever may takes it in.
    assert(ground.read(FINDINGS).includes("by a worker"));
    await ground.text("policy", "strict");
    await ground.text("worker", "complete", "w1", "t1", "x");
    assertEquals(await values(ground), ["by a worker"]);
  });
});

Deno.test("findings: more than a value may hold is kept beside the file", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    append(ground, `\n## long\n${"x".repeat(50_001)}\n\n## short\nfine\n`);
    const { stderr } = await ground.run(["leader", "add-task", "t"]);
    assertMatch(stderr, /kept as context\/discoveries\.md\.yours/);
    assert(ground.read(`${FINDINGS}.yours`).includes("x".repeat(50_001)));
    assertEquals(await values(ground), ["## short\nfine"]);
  });
});
