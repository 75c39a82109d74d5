// The plugin as `skein install` really makes it, in a folder whose name has to be quoted: its files say
// only what there is, its server starts as they say, under the permissions that they give, and the
// command works under its own.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { dirname, join } from "@std/path";
import { VERSION } from "../../mod.ts";
import { EDITORS } from "../../src/claude/hook.ts";
import { install as installFor } from "../../src/claude/install.ts";
import type { Places } from "../../src/claude/places.ts";
import { SERVER } from "../../src/claude/plugin.ts";
import { makeRepository } from "../support/git.ts";
import { type Peer, SOURCE_COMMAND, startPeer, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { program } from "./installer.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user for whom skein is installed by its own command. */
class Installed {
  readonly folder: string;
  readonly places: Places;
  readonly #peers: Peer[] = [];

  /** What its servers complained about. */
  stderr(): string {
    return this.#peers.map((peer) => peer.stderr()).join("");
  }

  constructor(folder: string) {
    this.folder = folder;
    this.places = {
      data: join(folder, "share", "skein"),
      bin: join(folder, "bin"),
      claude: join(folder, "claude"),
      home: join(folder, "store"),
      project: join(folder, "project"),
    };
  }

  env(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { bin, claude, home } = this.places;
    // Deno's own cache stays where it is: the bundle is made from it.
    const cache = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache", "deno");
    return testEnv({
      HOME: this.folder,
      DENO_DIR: cache,
      CLAUDE_CONFIG_DIR: claude,
      XDG_DATA_HOME: join(this.folder, "share"),
      SKEIN_BIN: bin,
      SKEIN_HOME: home,
      ...more,
    });
  }

  async run(command: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const [path = "", ...args] = command;
    const { code, stdout, stderr } = await new Deno.Command(path, {
      args,
      cwd: this.places.project,
      env: this.env(more),
      clearEnv: true,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Runs the installed command. */
  skein(...args: string[]): Promise<Ran> {
    return this.run([join(this.places.bin, "skein"), ...args]);
  }

  // deno-lint-ignore no-explicit-any -- manifests of every shape
  json(path: string): any {
    return JSON.parse(Deno.readTextFileSync(this.path(path)));
  }

  /** A file of the marketplace. */
  path(path: string): string {
    return join(this.places.data, "marketplace", path);
  }

  /** Starts the server exactly as the plugin says. */
  async server(more: Readonly<Record<string, string>> = {}, session?: string): Promise<Peer> {
    const { command, args, env } = this.json("plugins/skein/.mcp.json").mcpServers.skein;
    assertEquals(args.at(-1), "mcp");
    const peer = await startPeer({
      home: this.places.home,
      folder: this.places.project,
      command: [command, ...args.slice(0, -1)],
      ...(session === undefined ? {} : { clientName: "claude-code", session }),
      env: { HOME: this.folder, ...env, ...more },
    });
    this.#peers.push(peer);
    return peer;
  }

  async end(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.kill()));
  }
}

function installedTest(name: string, body: (user: Installed) => Promise<void>): void {
  Deno.test(name, () =>
    withTempFolder(async (temp) => {
      const user = new Installed(join(temp, "it's a home"));
      await makeRepository(user.places.project);
      try {
        const { code, stderr } = await user.run([...SOURCE_COMMAND, "install"]);
        assertEquals([code, stderr], [0, ""]);
        await body(user);
      } catch (thrown) {
        throw new Error(`servers said: ${user.stderr()}`, { cause: thrown });
      } finally {
        await user.end();
      }
    }));
}

interface Declared {
  readonly type: string;
  readonly server?: string;
  readonly tool?: string;
  readonly command?: string;
}
interface Group {
  readonly matcher?: string;
  readonly hooks: readonly Declared[];
}

installedTest("plugin: its manifests name what is there", async (user) => {
  const { plugins, name } = user.json(".claude-plugin/marketplace.json");
  assertEquals([name, plugins.length, plugins[0].name, plugins[0].version], [
    "skein",
    1,
    "skein",
    VERSION,
  ]);
  assert(Deno.statSync(user.path(plugins[0].source)).isDirectory);
  assertEquals(user.json("plugins/skein/.claude-plugin/plugin.json").name, "skein");
  const settings = JSON.parse(Deno.readTextFileSync(join(user.places.claude, "settings.json")));
  assertEquals(settings.extraKnownMarketplaces.skein.source, {
    source: "directory",
    path: user.path("."),
  });
  for (const folder of ["commands", "skills/skein"]) {
    for (const file of Deno.readDirSync(user.path(`plugins/skein/${folder}`))) {
      const text = Deno.readTextFileSync(user.path(`plugins/skein/${folder}/${file.name}`));
      assertMatch(text, /^---\n([\w-]+: .+\n)+---\n\n\S/, file.name);
    }
  }
  await Promise.resolve();
});

installedTest("plugin: its hooks name only tools and commands that exist", async (user) => {
  const { hooks } = user.json("plugins/skein/hooks/hooks.json") as {
    hooks: Record<string, Group[]>;
  };
  const peer = await user.server({}, "s-1");
  const lines: string[] = [];
  for (const [event, groups] of Object.entries(hooks)) {
    for (const { matcher, hooks: all } of groups) {
      if (matcher !== undefined) new RegExp(`^(${matcher})$`);
      for (const { type, server, tool, command } of all) {
        if (type === "command") lines.push(command ?? "");
        else {
          assertEquals([type, server, tool], ["mcp_tool", SERVER, "hook"], event);
          const input = { hook_event_name: event };
          const result = await peer.client.callTool({ name: tool ?? "", arguments: input });
          assertEquals(result.isError, undefined);
        }
      }
    }
  }
  const before = new RegExp(`^(${hooks["PreToolUse"]?.[0]?.matcher})$`);
  for (const tool of [...EDITORS, "Bash", "mcp__plugin_skein_skein__send"]) {
    assertMatch(tool, before);
  }
  assert(!before.test("Read"));
  assert(lines.length >= 2);
  for (const line of new Set(lines)) {
    assertEquals((await user.run(["sh", "-n", "-c", line])).stderr, "", line);
    // Outside of a terminal's session the waiter has nothing to do.
    const { code, stderr } = await user.run(["sh", "-c", line], { CLAUDE_CODE_ENTRYPOINT: "sdk" });
    assertEquals([code, stderr], [0, ""], line);
  }
});

installedTest(
  "plugin: its server answers, sends and guards under its permissions",
  async (user) => {
    const ann = await user.server({ SKEIN_NAME: "ann" }, "s-1");
    const bob = await user.server({ SKEIN_NAME: "bob" });
    assert((await ann.client.listTools()).tools.length > 15);
    await ann.ok("join");
    await bob.ok("send", { to: "ann", content: "hello" });
    assertEquals((await ann.ok("check")).messages[0].content, "hello");
    await bob.ok("lock_file", { paths: ["held.ts"] });
    const result = await ann.client.callTool({
      name: "hook",
      arguments: {
        hook_event_name: "PreToolUse",
        session_id: "s-1",
        cwd: user.places.project,
        tool_name: "Bash",
        tool_input: '{"command":"git stash; echo x > held.ts"}',
        tool_use_id: "t-1",
      },
    });
    assertStringIncludes(JSON.stringify(result), "bob has reserved it");
    await ann.ok("list_peers");
    await ann.close();
    assertEquals([ann.stderr(), bob.stderr()], ["", ""], "nothing was forbidden");
  },
);

/** The line that a server of another home names as the way out. */
async function wayOut(user: Installed, home: string): Promise<string> {
  const thrown = await assertRejects(() => user.server({ SKEIN_HOME: home }));
  const text = thrown instanceof Error ? thrown.message : "";
  const line = /(SKEIN_HOME=.* skein install)/.exec(text)?.[1];
  assert(line !== undefined, text);
  return line;
}

function install(user: Installed, line: string): Promise<Ran> {
  return user.run(["sh", "-c", line], { PATH: `${user.places.bin}:${Deno.env.get("PATH")}` });
}

installedTest(
  "plugin: another home than the installed one is refused, with the way out",
  async (user) => {
    const home = join(dirname(user.folder), "other");
    const { code, stderr } = await install(user, await wayOut(user, home));
    assertEquals([code, stderr], [0, ""]);
    const peer = await user.server({ SKEIN_HOME: home });
    assertEquals((await peer.ok("join")).you.role, "architect");
  },
);

installedTest("plugin: the way out can be pasted, whatever the home is called", async (user) => {
  const line = await wayOut(user, join(user.folder, "other"));
  const { code, stderr } = await install(user, line);
  assertEquals([code, stderr], [0, ""], line);
});

installedTest("command: works under its flags, and installs itself again", async (user) => {
  assertEquals((await user.skein("version")).stdout.trim(), VERSION);
  for (const args of [["task", "create", "a task"], ["task", "list"], ["help"], ["doctor"]]) {
    const { code, stdout, stderr } = await user.skein(...args);
    assertEquals([code, stderr], [0, ""], `${args.join(" ")}: ${stdout}`);
  }
  const again = await user.skein("install", "--json");
  assertEquals([again.code, JSON.parse(again.stdout).changed], [0, []]);
  assert((await user.skein("install", "--scope", "everybody")).code !== 0);
  const { code, stdout } = await user.skein("uninstall");
  assertEquals(code, 0, stdout);
  assertThrows(() => Deno.statSync(user.places.bin), Deno.errors.NotFound);
  assert(Deno.statSync(join(user.places.home, "skein.db")).isFile, "the store stays");
});

installedTest("install: a session that runs keeps its program, however old it is", async (user) => {
  const ann = await user.server({ SKEIN_NAME: "ann" }, "s-1");
  const bob = await user.server({ SKEIN_NAME: "bob" });
  await bob.ok("lock_file", { paths: ["held.ts"] });
  for (const { name } of Deno.readDirSync(user.places.data)) {
    // It was installed long ago, and is what both sessions run.
    const longAgo = new Date(Date.now() - 3 * 86_400_000);
    if (name.startsWith("app-")) Deno.utimeSync(join(user.places.data, name), longAgo, longAgo);
  }
  const options = { scope: "user" as const, trustTools: false, dryRun: false };
  await installFor(user.places, options, program("newer"), [], Deno.execPath());
  const apps = [...Deno.readDirSync(user.places.data)].filter(({ name }) => /^app-/.test(name));
  assertEquals(apps.length, 2, "the one that runs, and the newer");
  const edit = { file_path: join(user.places.project, "held.ts") };
  const result = await ann.client.callTool({
    name: "hook",
    arguments: {
      hook_event_name: "PreToolUse",
      session_id: "s-1",
      tool_name: "Edit",
      tool_input: JSON.stringify(edit),
      tool_use_id: "t-1",
    },
  });
  assertStringIncludes(JSON.stringify(result), "bob has reserved it", ann.stderr());
});
