// Agents as real processes: told things, heard, ended, with all that they have started. The fake agent
// misbehaves in every way that was seen in the field.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Refusal } from "../../src/core/errors.ts";
import { AgentProcess } from "../../src/agent/process.ts";
import { eventually } from "../support/eventually.ts";
import { lives, told, withGround } from "./ground.ts";

Deno.test("agent: acts, gives its result, hears the end of its input and leaves", async () => {
  await withGround(async ({ folder, start }) => {
    const { agent, events } = start([
      { do: "say", text: "hello", tokens: 7 },
      { do: "write", path: join(folder, "made"), text: "by the agent" },
    ]);
    const exit = await agent.ended;
    assertEquals([exit.code, exit.signal, exit.endedFor, exit.left], [0, null, null, []]);
    assertEquals(exit.result?.ok, true);
    assertEquals(exit.result?.tokens, 7);
    const kinds = events.map(({ kind }) => kind);
    assertEquals(kinds.at(0), "init");
    assertEquals(kinds.at(-1), "result");
    assert(kinds.includes("text") && kinds.includes("tool") && kinds.includes("tool_result"));
    assertEquals(Deno.readTextFileSync(join(folder, "made")), "by the agent");
    assert(agent.record.startTime !== "" && agent.record.pgid === agent.record.pid);
  });
});

Deno.test("agent: a message while it works is heard; after the end it is refused", async () => {
  await withGround(async ({ start }) => {
    const { agent, events } = start([{ do: "say", text: "ready" }, { do: "hear" }]);
    await eventually(() => events.some((one) => one.kind === "text" && one.text === "ready"));
    assertEquals(agent.say("turn left"), true);
    await agent.ended;
    assert(events.some((one) => one.kind === "text" && one.text === "heard: turn left"));
    assertEquals(agent.say("too late"), false);
  });
});

Deno.test("agent: grandchildren that ignore SIGTERM end with it, whatever way it ends", async () => {
  await withGround(async ({ folder, start }) => {
    for (const end of ["leaves", "ended"]) {
      const tell = join(folder, `pids-${end}`);
      const { agent } = start([
        { do: "fork", count: 3, deaf: true, holdOutput: true, tell },
        { do: "wait", file: tell },
        ...(end === "ended" ? [{ do: "deaf" }, { do: "hang" }] as const : []),
      ]);
      await eventually(() => told(tell).length === 3);
      const pids = told(tell);
      if (end === "ended") await agent.end({ graceMs: 100, why: "a test" });
      const exit = await agent.ended;
      assertEquals([exit.endedFor, exit.left], [end === "ended" ? "a test" : null, []]);
      assertEquals(pids.filter(lives), []);
    }
  });
});

Deno.test("agent: a program that is not there is refused, with what to do", async () => {
  await withGround(async ({ folder }) => {
    const refused = assertThrows(() =>
      AgentProcess.start({
        argv: [join(folder, "no-such-agent")],
        env: {},
        cwd: folder,
        protocol: "claude",
        log: join(folder, "log"),
        prompt: "begin",
        onEvent: () => {},
      }), Refusal);
    assertEquals(refused.code, "NOT_AVAILABLE");
    assertStringIncludes(refused.hint, "SKEIN_AGENT");
  });
});
