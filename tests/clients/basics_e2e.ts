// The real clients with this repository's server, offline: they connect, list, call, are answered
// and leave nothing behind. Run with: deno test -A tests/clients/basics_e2e.ts

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { freshUser, runPrint, startClaude, startPrint, startTui } from "./claude.ts";
import { responsesApi, runCodex } from "./codex.ts";
import { geminiApi, runGemini } from "./gemini.ts";
import { clientCommand } from "./install.ts";
import { messagesApi } from "./messages_api.ts";
import { type Place, withPlace } from "./program.ts";
import type { Step } from "./script.ts";
import { noClaude, noTmux, rows } from "./stage.ts";

const noCodex = await clientCommand("codex") === null;
const noGemini = await clientCommand("gemini") === null;

const TITLE = "Spin the yarn";
/** What the model is shown when the task is made. */
const CREATED = /"id":"t1"/;
const ALLOWED = ["mcp__skein__*"];
const GONE_MS = 5_000;

function createTask(tool = "mcp__skein__create_task"): Step {
  return { match: /begin/, blocks: [{ tool, input: { title: TITLE } }] };
}

/** Titles of the tasks in the store. */
function tasks(place: Place): string[] {
  return column(place, "SELECT title FROM task");
}

function livePeers(place: Place): string[] {
  return column(place, "SELECT name FROM peer WHERE state = 'live' AND kind = 'resident'");
}

/** Nothing where nobody has needed the store yet. */
function column(place: Place, query: string): string[] {
  if (!Array.from(Deno.readDirSync(place.folder)).some(({ name }) => name === "skein")) return [];
  return rows(place, query).map((row) => String(Object.values(row)[0]));
}

Deno.test({
  name: "claude -p: connects, calls tools, and the model sees their answers",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const session = crypto.randomUUID();
      api.script([
        { match: /begin/, blocks: [{ tool: "mcp__skein__join", input: { name: "weaver" } }] },
        { match: /weaver/, blocks: [{ tool: "mcp__skein__create_task", input: { title: TITLE } }] },
        { match: CREATED, blocks: [{ text: "finished" }] },
      ], session);
      const end = await runPrint("begin", { place, api, session, allowedTools: ALLOWED });
      assertEquals([end.code, end.late], [0, false], end.stderr);
      assertEquals(end.init.mcp_servers, [
        { name: "skein", status: "connected", source: "dynamic" },
      ]);
      for (const tool of ["mcp__skein__join", "mcp__skein__create_task"]) {
        assert(end.init.tools.includes(tool), tool);
      }
      assertEquals(end.result.result, "finished");
      assertEquals(end.result.permission_denials, []);
      assertEquals(api.pending(), []);
      assertEquals(api.strays, []);
      assertEquals(new Set(api.requests.map((one) => one.session)), new Set([session]));
      assertEquals(tasks(place), [TITLE]);
      await place.serversGone(GONE_MS);
    }),
});

Deno.test({
  name: "claude -p: a tool without permission is refused and nothing happens",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      api.script([createTask()]);
      const end = await runPrint("begin", { place, api });
      assertEquals(end.result.permission_denials.length, 1);
      await api.waitFor(/haven't granted/);
      assertEquals(tasks(place), []);
    }),
});

Deno.test({
  name: "claude TUI: starts, calls a tool, leaves",
  ignore: noTmux,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      api.script([
        createTask(),
        { match: CREATED, blocks: [{ text: "yarn is spun" }] },
      ]);
      await using tui = await startTui({ place, api, allowedTools: ALLOWED });
      await tui.say("begin");
      await tui.waitForScreen(/yarn is spun/);
      assertEquals(tasks(place), [TITLE]);
      assertEquals(place.servers().length, Deno.build.os === "linux" ? 1 : 0);
      await tui.exit();
      await place.serversGone(GONE_MS);
    }),
});

Deno.test({
  name: "claude mcp list: is quick and leaves no peer",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const user = freshUser(place);
      const { command, args, env } = place.server;
      const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
      const scope = ["--scope", "user"];
      const add = ["mcp", "add", "flock", ...scope, ...variables, "--", command, ...args];
      const added = await (await startClaude(add, { place, api, user })).ended;
      assertEquals(added.code, 0, added.stderr);
      const list = await (await startClaude(["mcp", "list"], { place, api, user })).ended;
      assertStringIncludes(list.stdout, "Connected");
      assert(list.ms < 5_000, `${list.ms} ms`);
      await place.serversGone(GONE_MS);
      assertEquals(livePeers(place), []);
    }),
});

Deno.test({
  name: "claude -p: killed, it leaves no server",
  ignore: noClaude || Deno.build.os !== "linux",
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      api.script([
        createTask(),
        { match: CREATED, blocks: [{ text: "too late" }], delayMs: 60_000 },
      ]);
      const run = await startPrint("begin", { place, api, allowedTools: ALLOWED });
      await api.waitFor(CREATED);
      assertEquals(place.servers().length, 1);
      run.kill("SIGKILL");
      assertEquals((await run.ended).signal, "SIGKILL");
      await place.serversGone(GONE_MS);
      await eventually(() => livePeers(place).length === 0, { what: "no live peer" });
    }),
});

Deno.test({
  name: "claude TUI: killed, or its terminal closed, it leaves no server",
  ignore: noTmux || Deno.build.os !== "linux",
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      await using killed = await startTui({ place, api });
      await using closed = await startTui({ place, api });
      await eventually(() => place.servers().length === 2, { what: "two servers" });
      killed.kill("SIGKILL");
      await closed.end();
      await place.serversGone(GONE_MS);
    }),
});

Deno.test({
  name: "claude -p: two sessions on one API, each with its own script, see one store",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await using api = messagesApi();
      const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
      api.script([createTask(), { match: CREATED, blocks: [{ text: "made" }] }], first);
      api.script([
        {
          match: /begin/,
          blocks: async () => {
            await api.waitFor(CREATED);
            return [{ tool: "mcp__skein__list_tasks" }];
          },
        },
        { match: new RegExp(TITLE), blocks: [{ text: "seen" }] },
      ], second);
      const ends = await Promise.all(
        [first, second].map((session) =>
          runPrint("begin", { place, api, session, allowedTools: ALLOWED })
        ),
      );
      assertEquals(ends.map(({ result }) => result.result), ["made", "seen"]);
    }),
});

Deno.test({
  name: "codex: calls a tool, and the model sees its answer",
  ignore: noCodex,
  fn: () =>
    withPlace(async (place) => {
      await using api = responsesApi();
      api.script([createTask(), { match: CREATED, blocks: [{ text: "finished" }] }]);
      const end = await runCodex("begin", { place, api });
      assertEquals([end.code, end.late], [0, false], end.stderr);
      assertEquals(api.pending(), [], api.transcript());
      assertStringIncludes(end.stdout, "finished");
      assertEquals(tasks(place), [TITLE]);
      await place.serversGone(GONE_MS);
    }),
});

Deno.test({
  name: "gemini: calls a tool, and the model sees its answer",
  ignore: noGemini,
  fn: () =>
    withPlace(async (place) => {
      await using api = geminiApi();
      api.script([
        createTask("mcp_skein_create_task"),
        { match: CREATED, blocks: [{ text: "finished" }] },
      ]);
      const end = await runGemini("begin", { place, api });
      assertEquals([end.code, end.late], [0, false], end.stderr);
      assertEquals(api.pending(), [], api.transcript());
      assertStringIncludes(end.stdout, "finished");
      assertEquals(tasks(place), [TITLE]);
      await place.serversGone(GONE_MS);
    }),
});
