// skein as a user has it: installed as a plugin, two real sessions of Claude Code, and a scripted
// model that never asks for its mail. What arrives, what is refused and what wakes whom is read off
// the requests that reach the model. Run with: deno task test:clients

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { runPrint, startTui } from "./claude.ts";
import { shell } from "./installed.ts";
import {
  call,
  NAMED,
  noClaude,
  noTmux,
  onStage as onBareStage,
  rows,
  type Stage,
} from "./stage.ts";

const EDITING = ["Write", "Edit", "Bash", "Read"];
const onStage = (body: (stage: Stage) => Promise<void>): Promise<void> =>
  onBareStage(body, { tools: EDITING });

Deno.test({
  name: "installed: the plugin is loaded, its server connects, its hooks and commands are there",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ api, options }) => {
      api.script([
        NAMED,
        { match: /weaver/, blocks: [{ text: "finished" }] },
      ]);
      const end = await runPrint("begin", options);
      assertEquals([end.code, end.late], [0, false], end.stderr);
      const server = end.init.mcp_servers.find((one: { name: string }) =>
        one.name.includes("skein")
      );
      assertEquals(server?.status, "connected", JSON.stringify(end.init.mcp_servers));
      assert(end.init.slash_commands.includes("skein:lead"), end.init.slash_commands.join(" "));
      assertEquals(end.result.result, "finished", api.transcript());
    }),
});

Deno.test({
  name: "mail: arrives at an agent that never asks, after a batch of tools, once",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      const session = crypto.randomUUID();
      const sender = shell(place, "send", "weaver", "the port is 8080", "--category", "finding");
      api.script([
        NAMED,
        {
          match: /weaver/,
          blocks: async () => {
            await sender();
            return [{ tool: "Bash", input: { command: "true", description: "nothing" } }];
          },
        },
        { match: /the port is 8080/, blocks: [{ tool: "Bash", input: { command: "true" } }] },
        { match: /./, blocks: [{ text: "finished" }] },
      ], session);
      const end = await runPrint("begin", { ...options, session });
      assertEquals(end.result.result, "finished", api.transcript());
      const shown = api.requests.map((request) => request.shown).filter((text) =>
        text.includes("the port is 8080")
      );
      assertEquals(shown.length, 1, "it was shown once");
      assertStringIncludes(shown[0] ?? "", "from operator");
      const [delivery] = rows(place, "SELECT state FROM delivery");
      assertEquals(delivery?.["state"], 2, "it was seen");
    }),
});

Deno.test({
  name: "locks: an edit of what another holds is refused, by Write and by shell; the file is whole",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ place, api, options, at }) => {
      const session = crypto.randomUUID();
      const path = at("held.txt");
      Deno.writeTextFileSync(path, "whole\n");
      await shell(place, "join", "--as", "bob")();
      await shell(place, "file", "lock", "held.txt", "--as", "bob")();
      api.script([
        NAMED,
        { match: /weaver/, blocks: [{ tool: "Read", input: { file_path: path } }] },
        {
          match: /whole/,
          blocks: [{ tool: "Write", input: { file_path: path, content: "broken\n" } }],
        },
        {
          match: /another agent holds it/,
          blocks: [{ tool: "Bash", input: { command: "echo broken > held.txt" } }],
        },
        { match: /another agent holds it/, blocks: [{ text: "finished" }] },
      ], session);
      const end = await runPrint("begin", { ...options, session });
      assertEquals(end.result.result, "finished", api.transcript());
      assertEquals(Deno.readTextFileSync(path), "whole\n");
      const refusals = api.requests.filter((request) =>
        request.shown.includes("bob has reserved it")
      );
      assertEquals(refusals.length, 2, "both named the holder");
    }),
});

Deno.test({
  name: "waking: an idle session begins a turn when mail comes, and the model sees it",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      api.script([
        NAMED,
        { match: /weaver/, blocks: [{ text: "resting" }] },
        { match: /wake up please/, blocks: [{ text: "awake" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      await eventually(() => Deno.statSync(join(place.home, "wake")).isDirectory);
      const beforeMs = performance.now();
      await shell(place, "send", "weaver", "wake up please", "--category", "question")();
      await api.waitFor(/wake up please/);
      const tookMs = performance.now() - beforeMs;
      Deno.stdout.writeSync(
        new TextEncoder().encode(`idle session: ${tookMs.toFixed(0)} ms from send to the model\n`),
      );
      await tui.waitForScreen(/awake/);
      await tui.exit();
    }),
});

Deno.test({
  name: "channels: a client that drops them without a word is woken by its waiter, once",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: [{ text: "resting" }] },
        { match: /wake up please/, blocks: [{ text: "awake" }] },
      ]);
      const args = ["--channels", "plugin:skein@skein"];
      await using tui = await startTui({ ...options, args });
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      await shell(place, "send", "weaver", "wake up please")();
      await tui.waitForScreen(/awake/);
      assertMatch(await tui.screen(), /hannels/);
      assertEquals(api.requests.filter(({ shown }) => shown.includes("wake up please")).length, 1);
      await tui.exit();
    }),
});

Deno.test({
  name: "two sessions: one asks, the idle one is woken and answers, and the first reads the answer",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      const [idle, asking] = [crypto.randomUUID(), crypto.randomUUID()];
      api.script([
        NAMED,
        { match: /"name":"weaver"/, blocks: [{ text: "resting" }] },
        {
          match: /Which port/,
          blocks: [call("send", { to: "asker", content: "Port 8080", reply_to: "m1" })],
        },
        { match: /"to":\{"asker"/, blocks: [{ text: "answered" }] },
      ], idle);
      api.script([
        { match: /begin/, blocks: [call("join", { name: "asker" })] },
        {
          match: /"name":"asker"/,
          blocks: [call("send", { to: "weaver", content: "Which port?", category: "question" })],
        },
        { match: /"to":\{"weaver"/, blocks: [call("check", { wait_ms: 20_000 })] },
        { match: /Port 8080/, blocks: [{ text: "finished" }] },
      ], asking);
      await using tui = await startTui({ ...options, session: idle });
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      const end = await runPrint("begin", { ...options, session: asking });
      assertEquals(end.result?.result, "finished", api.transcript());
      await tui.waitForScreen(/answered/);
      const names = rows(place, "SELECT name FROM peer WHERE kind = 'resident' ORDER BY name");
      assertEquals(names.map(({ name }) => name), ["asker", "weaver"]);
      await tui.exit();
    }),
});
