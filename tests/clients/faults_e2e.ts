// What breaks around the real client, and that it goes on: waiters and servers that die, settings
// that are torn, skein taken out again, a client killed outright. Run with: deno task test:clients

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { TestHome } from "../support/home.ts";
import { type ClaudeOptions, freshUser, runPrint, startTui, type Tui } from "./claude.ts";
import { commandOf, setUp, shell } from "./installed.ts";
import { endProcess, type Place, withPlace } from "./program.ts";
import {
  call,
  JOINED,
  NAMED,
  noClaude,
  noTmux as noTerminal,
  onStage as onBareStage,
  type Stage,
} from "./stage.ts";

const noTmux = noTerminal || Deno.build.os !== "linux";
const GONE_MS = 5_000;

/** The stage with a model that rests after it has joined. */
const onStage = (body: (stage: Stage) => Promise<void>): Promise<void> =>
  onBareStage(async (stage) => {
    stage.api.script([NAMED, { match: JOINED, blocks: [{ text: "resting" }] }]);
    await body(stage);
  }, { tools: ["Bash", "Write"] });

/** The background hooks that wait for a client: whatever it started to that end itself. */
function waiters(place: Place, { pid: client }: Tui): number[] {
  return place.servers().filter((pid) =>
    /hook (wait|woken)/.test(commandLine(pid)) && parentOf(pid) === client
  );
}

/** The one there is, as soon as there is one. */
async function onlyWaiter(place: Place, tui: Tui): Promise<number> {
  const found = await eventually(() => {
    const all = waiters(place, tui);
    return all.length === 1 ? all : null;
  }, { what: "one waiter" });
  return found?.[0] ?? 0;
}

function parentOf(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

/** The sessions' servers. */
function servers(place: Place): number[] {
  return place.servers().filter((pid) => commandLine(pid).endsWith("main.js mcp"));
}

function commandLine(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").join(" ").trim();
  } catch {
    // It has ended meanwhile.
    return "";
  }
}

/** A session that has joined and whose turn is over. */
async function resting(options: ClaudeOptions): Promise<Tui> {
  const tui = await startTui(options);
  await tui.say("begin");
  await tui.waitForScreen(/resting/);
  await idle(tui);
  return tui;
}

/** Waits until the client says of itself that its turn is over. */
async function idle(tui: Tui): Promise<void> {
  const path = join(tui.user.config, "sessions", `${tui.pid}.json`);
  await eventually(() => JSON.parse(Deno.readTextFileSync(path)).status === "idle", {
    what: "an idle session",
  });
}

Deno.test({
  name: "waiter killed: nothing is lost, and the next turn's end has another",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      api.script([
        { match: /a word/, blocks: [{ text: "a word back" }] },
        { match: /awake now/, blocks: [{ text: "yes, awake" }] },
      ]);
      await using tui = await resting(options);
      const first = await onlyWaiter(place, tui);
      endProcess(first);
      await tui.say("a word");
      await tui.waitForScreen(/a word back/);
      await idle(tui);
      const second = await onlyWaiter(place, tui);
      assert(second !== first);
      await shell(place, "send", "weaver", "awake now", "--category", "question")();
      await tui.waitForScreen(/yes, awake/);
      await tui.exit();
      await place.serversGone(GONE_MS);
    }),
});

Deno.test({
  name: "waiters: each turn's end starts one; one stays, and mail wakes the session once",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      api.script([
        { match: /a word/, blocks: [{ text: "a word back" }] },
        { match: /two words/, blocks: [{ text: "two words back" }] },
        { match: /only once/, blocks: [{ text: "heard it" }], repeat: true },
      ]);
      await using tui = await resting(options);
      for (const said of ["a word", "two words"]) {
        await tui.say(said);
        await tui.waitForScreen(new RegExp(`${said} back`));
        await idle(tui);
      }
      await onlyWaiter(place, tui);
      await shell(place, "send", "weaver", "only once", "--category", "question")();
      await tui.waitForScreen(/heard it/);
      await idle(tui);
      await onlyWaiter(place, tui);
      assertEquals(api.requests.filter(({ shown }) => shown.includes("only once")).length, 1);
      const [row] = new TestHome(place.home).sql((db) =>
        db.prepare("SELECT state FROM delivery").all()
      );
      assert(Number(row?.["state"]) > 0, "it was offered");
      await tui.exit();
    }),
});

Deno.test({
  name: "waking: after turns shorter than a blink the next message still wakes the session at once",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      await using tui = await resting(options);
      for (let i = 0; i < 5; i++) {
        await onlyWaiter(place, tui);
        await shell(place, "send", "weaver", `news ${i} is here`)();
        await api.waitFor(new RegExp(`news ${i} is here`), 8_000);
        await idle(tui);
      }
      await tui.exit();
    }),
});

Deno.test({
  name: "server killed while idle: the client goes on without it, and the next session works",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      const path = join(place.project, "free.txt");
      api.script([
        {
          match: /write it/,
          blocks: [{ tool: "Write", input: { file_path: path, content: "x" } }],
        },
        { match: /created successfully/, blocks: [{ tool: "Bash", input: { command: "echo y" } }] },
        { match: /^y/, blocks: [{ text: "written" }] },
      ]);
      await using tui = await resting(options);
      const [server] = servers(place);
      endProcess(server ?? 0);
      await tui.say("write it");
      await tui.waitForScreen(/written/);
      assertEquals(Deno.readTextFileSync(path), "x");
      await tui.exit();
      await place.serversGone(GONE_MS);
      api.script([
        { match: /once more/, blocks: [call("join", { name: "weaver" })] },
        { match: /"name":"weaver"/, blocks: [{ text: "as before" }] },
      ]);
      const end = await runPrint("once more", options);
      assertEquals([end.code, end.result?.result], [0, "as before"], api.transcript());
    }),
});

Deno.test({
  name: "client killed: server and waiter are gone within 5 s, and the peer with them",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ place, options }) => {
      await using tui = await resting(options);
      await eventually(() => waiters(place, tui).length === 1 && servers(place).length === 1);
      tui.kill("SIGKILL");
      await place.serversGone(GONE_MS);
      const listed = await shell(place, "peer", "list", "--json")();
      assertEquals(JSON.parse(listed).peers, []);
    }),
});

Deno.test({
  name: "settings torn: install says so, changes nothing at all, and works once they are mended",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      const user = freshUser(place);
      const settings = join(user.config, "settings.json");
      const torn = '{"model": "opus", "permissions": {"allow": [';
      Deno.writeTextFileSync(settings, torn);
      const refused = await setUp(place, user, "install");
      assert(refused.code !== 0);
      assertStringIncludes(refused.stderr, `${settings} cannot be changed`);
      assertMatch(refused.stderr, /Mend the file by hand.*Nothing was changed/);
      assertEquals(Deno.readTextFileSync(settings), torn);
      assertEquals([...Deno.readDirSync(user.config)].map(({ name }) => name), ["settings.json"]);
      assert(!installedFiles(user.home).some((name) => /main\.js$|bin\/skein$|hooks/.test(name)));
      Deno.writeTextFileSync(settings, '{"model": "opus", "permissions": {"allow": []}}');
      const { code, stderr } = await setUp(place, user, "install");
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(Deno.readTextFileSync(settings)).model, "opus");
    }),
});

function installedFiles(folder: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...installedFiles(path));
    else found.push(path);
  }
  return found;
}

Deno.test({
  name: "uninstall: the next session knows nothing of skein, and the store is still there",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ place, api, options }) => {
      const { user } = options;
      if (user === undefined) throw new Error("the stage has a user");
      assertEquals((await runPrint("begin", options)).result?.result, "resting");
      const { code, stderr } = await setUp(place, user, "uninstall");
      assertEquals(code, 0, stderr);
      const local = [...Deno.readDirSync(user.home)].filter(({ name }) => name === ".local");
      const files = local.flatMap(() => installedFiles(join(user.home, ".local")));
      assertEquals(files.filter((path) => path.includes("skein")), []);
      const settings = [...Deno.readDirSync(user.config)].map(({ name }) => name);
      // It was made for skein alone, or the client has written it anew.
      if (settings.includes("settings.json")) {
        const text = Deno.readTextFileSync(join(user.config, "settings.json"));
        assert(!text.includes("skein"), text);
      }
      const path = join(place.project, "free.txt");
      const before = api.requests.length;
      api.script([
        {
          match: /without it/,
          blocks: [{ tool: "Write", input: { file_path: path, content: "x" } }],
        },
        { match: /created successfully/, blocks: [{ text: "all the same" }] },
      ]);
      const end = await runPrint("without it", options);
      assertEquals([end.code, end.result?.result], [0, "all the same"], end.stderr);
      assertEquals(end.init.mcp_servers, []);
      const plugins = end.init.plugins.map((one: { name: string }) => one.name);
      const names: string[] = [...plugins, ...end.init.tools, ...end.init.slash_commands];
      assertEquals(names.filter((name) => name.includes("skein")), []);
      for (const { body } of api.requests.slice(before)) {
        assert(!JSON.stringify(body.messages).includes("skein:"), "a hook has spoken");
      }
      assert(Deno.statSync(join(place.home, "skein.db")).isFile);
      assertEquals(installedFiles(user.home).includes(commandOf(user)), false);
    }),
});
