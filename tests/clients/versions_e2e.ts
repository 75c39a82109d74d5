// Another version, installed while sessions run: they go on with the program that they were started
// with, new ones have the new, and the old one goes with its last session. Run with: deno task test:clients

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { runPrint, startTui } from "./claude.ts";
import { setUp } from "./installed.ts";
import { call, noTmux, onStage } from "./stage.ts";

const OLD = "app-0123456789ab";

/** As if it had been installed long ago. */
function age(folder: string): void {
  const longAgo = new Date(Date.now() - 3 * 86_400_000);
  Deno.utimeSync(folder, longAgo, longAgo);
}

/** The program that is installed for a user, under another name everywhere: an older version. */
function renamed(home: string, name: string): string {
  const data = join(home, ".local", "share", "skein");
  Deno.renameSync(join(data, name), join(data, OLD));
  age(join(data, OLD));
  const plugin = join(data, "marketplace", "plugins", "skein", ".mcp.json");
  for (const path of [plugin, join(home, ".local", "bin", "skein")]) {
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replaceAll(name, OLD));
  }
  return OLD;
}

Deno.test({
  name: "another version: installed under a session, that goes on and the next one runs the new",
  ignore: noTmux || Deno.build.os !== "linux",
  fn: () =>
    onStage(async ({ place, api, user, options }) => {
      const data = join(user.home, ".local", "share", "skein");
      const apps = (): string[] =>
        [...Deno.readDirSync(data)].map(({ name }) => name).filter((name) => /^app-/.test(name));
      const [newer = ""] = apps();
      const older = renamed(user.home, newer);
      api.script([
        { match: /begin/, blocks: [call("join", { name: "weaver" })] },
        { match: /"name":"weaver"/, blocks: [{ text: "resting" }] },
        // A part of the program that was not needed so far.
        { match: /still there/, blocks: [call("search", { query: "anything" })] },
        { match: /"hits"/, blocks: [{ text: "going on" }] },
        { match: /who runs/, blocks: [call("join", { name: "later" })] },
        { match: /"name":"later"/, blocks: [{ text: "the new one" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      const { code, stderr } = await setUp(place, user, "install");
      assertEquals(code, 0, stderr);
      assertEquals(apps().sort(), [older, newer].sort(), "the session's is kept");
      await tui.say("still there");
      await tui.waitForScreen(/going on/);
      const lines = (): string[] =>
        place.servers().map((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`));
      assert(lines().some((line) => line.includes(older)), "it still runs what it ran");
      const end = await runPrint("who runs", options);
      assertEquals(end.result?.result, "the new one", api.transcript());
      await tui.exit();
      await eventually(() => lines().length === 0, { what: "all have ended" });
      age(join(data, older));
      await setUp(place, user, "install");
      assertEquals(apps(), [newer], "nobody runs the old one any more");
    }),
});
