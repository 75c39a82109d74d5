// What skein costs a session in which nothing happens: no word of it in what the model is shown, but
// for the instructions of its server. Run with: deno task test:clients

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { runPrint, startTui } from "./claude.ts";
import type { ScriptedApi } from "./script.ts";
import { noClaude, noTmux, onStage } from "./stage.ts";

/** A waiter that failed with the wrong code would have begun turns by then. */
const IDLE_MS = 4_000;

/** Lines in which the client tells the model of hooks. */
function hookLines(api: ScriptedApi): string[] {
  const lines = api.requests.flatMap(({ shown }) => shown.split("\n"));
  return lines.filter((line) => /\bhook (success|additional|error)|hook feedback/i.test(line));
}

Deno.test({
  name: "quiet: hooks with nothing to say leave no line with the model, in -p",
  ignore: noClaude,
  fn: () =>
    onStage(async ({ api, options, at }) => {
      Deno.writeTextFileSync(at("free.txt"), "one\n");
      const edit = { file_path: at("free.txt"), old_string: "one", new_string: "two" };
      api.script([
        { match: /begin/, blocks: [{ tool: "Read", input: { file_path: at("free.txt") } }] },
        { blocks: [{ tool: "Edit", input: edit }] },
        { blocks: [{ tool: "Bash", input: { command: "false" } }] },
        { blocks: [{ text: "finished" }] },
      ]);
      const end = await runPrint("begin", options);
      assertEquals(end.result?.result, "finished", api.transcript());
      assertEquals(Deno.readTextFileSync(at("free.txt")), "two\n");
      assertEquals(hookLines(api), []);
    }, { tools: ["Read", "Edit", "Bash"] }),
});

Deno.test({
  name: "quiet: nor in a terminal, whose prompts are typed",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ api, options }) => {
      api.script([
        { match: /begin/, blocks: [{ text: "resting" }] },
        { match: /go on/, blocks: [{ text: "rested" }] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      await tui.say("go on");
      await tui.waitForScreen(/rested/);
      assertEquals(hookLines(api), []);
      await tui.exit();
    }),
});

Deno.test({
  name: "quiet: a variable that makes no sense begins no turn of an idle session",
  ignore: noTmux,
  fn: () =>
    onStage(async ({ api, options }) => {
      api.script([{ match: /begin/, blocks: [{ text: "resting" }] }]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(/resting/);
      const untilMs = performance.now() + IDLE_MS;
      await eventually(() => performance.now() > untilMs, { withinMs: 2 * IDLE_MS });
      assertEquals(api.requests.length, 1, api.transcript());
      await tui.exit();
    }, {
      env: { PEER_ID: "QmPeer/1" },
      // Sessions were here before: the waiter finds where to wait.
      prepare: (place) => {
        Deno.mkdirSync(join(place.home, "wake"), { recursive: true, mode: 0o700 });
        return Promise.resolve();
      },
    }),
});
