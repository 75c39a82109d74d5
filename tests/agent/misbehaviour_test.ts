// Agents as they should not be, as real processes: whatever they do, they end, nothing of them stays,
// and what is said of them is true.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LIMITS } from "../../src/core/limits.ts";
import type { AgentExit } from "../../src/agent/process.ts";
import type { Protocol } from "../../src/agent/event.ts";
import { readLog } from "../../src/agent/log.ts";
import { judge, type Verdict } from "../../src/agent/verdict.ts";
import { eventually } from "../support/eventually.ts";
import { always, lives, told, withGround } from "./ground.ts";

function verdictOf(exit: AgentExit, protocol: Protocol = "claude"): Verdict {
  return judge({ protocol, exit, completed: false, demand: null, nowMs: Date.now() });
}

Deno.test("agent: an error result, a non-zero exit, no verdict, a usage limit: none is done", async () => {
  await withGround(async ({ start }) => {
    const end = async (...steps: Parameters<typeof always>): Promise<Verdict> =>
      verdictOf(await start(steps).agent.ended);
    const error = await end({
      do: "result",
      fields: { is_error: true, result: "API Error: 400 broken" },
    });
    assertEquals([error.verdict, error.reason], ["failed", "API Error: 400 broken"]);
    const exits = await end({ do: "complain", text: "segfault" }, { do: "exit", code: 3 });
    assertEquals(exits.verdict, "failed");
    assertStringIncludes(exits.reason, "code 3: segfault");
    assertEquals((await end({ do: "exit", code: 0 })).cause, "no_verdict");
    const limit = await end({ do: "limit", resetsAtS: 1_900_000_000 });
    assertEquals([limit.verdict, limit.resetsAtMs], ["limited", 1_900_000_000_000]);
  });
});

Deno.test("agent: junk and a huge line between its lines do no harm; the log has what came", async () => {
  await withGround(async ({ start }) => {
    const { agent, events } = start([
      { do: "junk", text: 'Warning: \u0000\u001b[31m not json\n{"type":\n\n' },
      { do: "huge", bytes: LIMITS.agentLineBytes + 10 },
      { do: "say", text: "after all" },
      { do: "junk", text: '{"type":"assistant","mess' },
      { do: "exit", code: 0 },
    ]);
    const exit = await agent.ended;
    // Torn by its end, without a result: that is no verdict.
    assertEquals(verdictOf(exit).cause, "no_verdict");
    assertEquals([exit.counts.cut, exit.counts.noise], [1, 4]);
    assert(events.some((one) => one.kind === "text" && one.text === "after all"));
    const lines = readLog(agent.log);
    assert(lines.some((one) => one.from === "out" && one.line.includes("not json")));
    assertEquals(lines.at(-1)?.last, true);
  });
});

Deno.test("agent: one that says nothing, hangs and ignores SIGTERM is ended", async () => {
  await withGround(async ({ folder, start }) => {
    const ready = join(folder, "ready");
    const { agent, events } = start({
      silent: true,
      rules: [always({ do: "deaf" }, { do: "run", argv: ["touch", ready] }, { do: "hang" })],
    });
    await eventually(() => Deno.statSync(ready));
    const began = performance.now();
    const exit = await agent.end({ graceMs: 50, why: "first_output_timeout" });
    assert(performance.now() - began < 2_000);
    assertEquals([exit.signal, exit.endedFor], ["SIGKILL", "first_output_timeout"]);
    assertEquals(events.filter(({ kind }) => kind === "init"), []);
    assertEquals(verdictOf(exit).cause, "ended");
  });
});

Deno.test("agent: two who end it at once get the same end, and one after its end that, too", async () => {
  await withGround(async ({ start }) => {
    const { agent } = start([{ do: "hang" }]);
    const [a, b] = await Promise.all([agent.end({ why: "first" }), agent.end({ why: "second" })]);
    assertEquals([a.endedFor, b.endedFor], ["first", "first"]);
    assertEquals(await agent.end({ why: "third" }), a);
  });
});

Deno.test("agent: a stopped one is ended, too", async () => {
  await withGround(async ({ start }) => {
    const { agent, events } = start([{ do: "say", text: "ready" }, { do: "hang" }]);
    await eventually(() => events.some(({ kind }) => kind === "text"));
    Deno.kill(agent.record.pid, "SIGSTOP");
    const exit = await agent.end({ graceMs: 1_000 });
    assert(exit.signal !== null);
    assert(!lives(agent.record.pid));
  });
});

Deno.test("agent: one that stays after the end of its input is ended, and its result counts", async () => {
  await withGround(async ({ start }) => {
    const stays = { stays: true, rules: [always({ do: "say", text: "done" })] };
    const exit = await start(stays, { leaveMs: 50 }).agent.ended;
    assertEquals([exit.endedFor, verdictOf(exit).verdict], [
      "did not leave after its result",
      "done",
    ]);
  });
});

Deno.test("agent: processes that left its group with its mark end; those that hold its output, too", async () => {
  await withGround(async ({ folder, start }) => {
    const tell = join(folder, "pids");
    const { agent } = start([
      { do: "fork", count: 2, deaf: true, ownGroup: true, holdOutput: true, tell },
      { do: "fork", count: 1, deaf: true, cleanEnv: true, holdOutput: true, tell },
      { do: "pause", ms: 50 },
      { do: "wait", file: tell },
    ]);
    await eventually(() => told(tell).length === 3);
    const exit = await agent.ended;
    assertEquals([exit.code, exit.left], [0, []]);
    assertEquals(told(tell).filter(lives), []);
  });
});

Deno.test("agent: messages while it is busy are answered before it hears the end", async () => {
  await withGround(async ({ start }) => {
    let heard: boolean | null = null;
    const { agent, events } = start({
      rules: [
        { match: "^begin", steps: [{ do: "say", text: "ready" }, { do: "queue", count: 2 }] },
        { match: "^also (?<what>\\w+)", steps: [{ do: "say", text: "did $<what>" }] },
      ],
    }, {
      // Between two results it can still hear.
      onEvent: ({ kind }) => {
        if (kind === "result") heard ??= agent.say("also three");
      },
    });
    await eventually(() => events.some(({ kind }) => kind === "text"));
    assert(agent.say("also one"));
    assert(agent.say("also two"));
    await agent.ended;
    const texts = events.filter((one) => one.kind === "text").map((one) => one.text);
    assertEquals([heard, texts], [true, ["ready", "did one", "did two", "did three"]]);
    assertEquals(events.filter(({ kind }) => kind === "result").length, 4);
  });
});

Deno.test("agent: one that reads nothing holds nobody up, and is told only what may wait", async () => {
  await withGround(async ({ folder, start }) => {
    const { agent } = start([], {
      prompt: "x".repeat(LIMITS.agentUnreadBytes),
      command: sleeper(folder),
    });
    assertEquals(agent.say("one more"), false);
    const exit = await agent.end();
    assertEquals(exit.signal, "SIGTERM");
  });
});

/** A program that reads nothing and does nothing. */
function sleeper(folder: string): string {
  Deno.mkdirSync(join(folder, "asleep"));
  const path = join(folder, "asleep", "claude");
  Deno.writeTextFileSync(path, "#!/bin/sh\nexec sleep 1000\n", { mode: 0o755 });
  return path;
}

Deno.test("agent: who cannot take its events is told so, and the agent is ended", async () => {
  await withGround(async ({ start }) => {
    const { agent } = start([{ do: "say", text: "hello" }, { do: "hang" }], {
      onEvent: () => {
        throw new Error("the store is gone");
      },
    });
    await assertRejects(() => agent.ended, Error, "the store is gone");
    assert(!lives(agent.record.pid));
  });
});

Deno.test("agent: other agents speak text; their prompt is an argument or their input", async () => {
  await withGround(async ({ folder, start }) => {
    const made = join(folder, "made by $<what>");
    const scenario = {
      rules: [{ match: "begin (?<what>\\w+)", steps: [{ do: "write", path: made, text: "x" }] }],
    } as const;
    for (const [what, args] of [["argument", ["run", "{prompt}"]], ["input", ["run"]]] as const) {
      const { agent, events } = start(scenario, {
        program: "other-agent",
        args,
        prompt: `begin ${what}`,
      });
      const exit = await agent.ended;
      assertEquals(verdictOf(exit, "text").verdict, "done");
      assert(events.every(({ kind }) => kind === "text"));
      assertEquals(Deno.readTextFileSync(join(folder, `made by ${what}`)), "x");
    }
    const fails = start([{ do: "say", text: "tests fail" }, { do: "exit", code: 2 }], {
      program: "other-agent",
    });
    const verdict = verdictOf(await fails.agent.ended, "text");
    assertEquals(verdict.verdict, "failed");
    assertStringIncludes(verdict.reason, "tests fail");
  });
});

Deno.test("agent: its log is for its owner alone, and holds what was said both ways", async () => {
  await withGround(async ({ start }) => {
    const { agent } = start([{ do: "complain", text: "careful" }], { prompt: "please begin" });
    await agent.ended;
    assertEquals((Deno.statSync(agent.log).mode ?? 0) & 0o777, 0o600);
    const lines = readLog(agent.log);
    const from = (source: string): string[] =>
      lines.filter((one) => one.from === source).map(({ line }) => line);
    assertStringIncludes(from("in").join(), "please begin");
    assertEquals(from("err"), ["careful"]);
    assertStringIncludes(from("skein").at(-1) ?? "", "left with code 0");
    // No mark, no environment.
    assert(!lines.some(({ line }) => line.includes(agent.record.mark)));
  });
});
