// A permission that the real client asks its human for: the flock sees it while the dialog is open, with
// the tool and the terminal, and not a moment longer, whatever the human says. Run with: deno task test:clients

import { assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { runPrint, startTui } from "./claude.ts";
import { type Block } from "./script.ts";
import { NAMED, noClaude, noTmux, onStageWithBob, rows, type SharedStage } from "./stage.ts";

const onStage = (body: (stage: SharedStage) => Promise<void>): Promise<void> =>
  onStageWithBob(body, { first: (bob) => bob.ok("join") });

const bash = (command: string): Block => ({ tool: "Bash", input: { command } });

/** What the flock is told to look at. */
async function waits({ bob }: SharedStage): Promise<string[]> {
  const { attention } = await bob.ok("status");
  return attention.filter((one: { kind: string }) => one.kind === "permission")
    .map((one: { subject: string; text: string }) => `${one.subject} ${one.text}`);
}

async function becomes(stage: SharedStage, count: number, what: string): Promise<string[]> {
  let last: string[] = [];
  await eventually(async () => (last = await waits(stage)).length === count, { what });
  return last;
}

const DIALOG = /Do you want to/;

Deno.test({
  name:
    "permission: shown while the dialog is open; granted, the tool still runs; refused, no hook comes",
  ignore: noTmux,
  fn: () =>
    onStage(async (stage) => {
      const { api, at, options } = stage;
      // What only reads is not asked for.
      const wait = `while [ ! -e '${at("go")}' ]; do sleep 0.1; done`;
      api.script([
        NAMED,
        {
          match: /"name":"weaver"/,
          blocks: [bash(`touch one.txt; ${wait}`)],
        },
        { match: /second/, blocks: [bash("touch two.txt")] },
        { match: /third/, blocks: [bash("touch three.txt")] },
      ]);
      await using tui = await startTui(options);
      await tui.say("begin");
      await tui.waitForScreen(DIALOG);
      const [text = ""] = await becomes(stage, 1, "a wait");
      assertMatch(
        text,
        /^weaver waits for permission to use Bash, at its terminal \(\/.*process \d+\)$/,
      );
      assertMatch(text, new RegExp(`process ${tui.pid}\\)$`));
      await tui.press("Enter");
      await becomes(stage, 0, "granted: nobody waits, though the tool runs and no hook came");
      Deno.writeTextFileSync(at("go"), "");
      await tui.waitForScreen(/done/);
      for (const [word, key] of [["second", "Escape"], ["third", "No"]] as const) {
        await tui.say(word);
        await tui.waitForScreen(DIALOG);
        await becomes(stage, 1, `a wait of the ${word}`);
        // How many ways to say yes come before it differs.
        const number = /(\d)\. No\b/.exec(await tui.waitForScreen(/\d\. No\b/))?.[1] ?? "";
        await tui.press(key === "No" ? number : key);
        if (key === "No") await tui.enter();
        await becomes(stage, 0, `refused with ${key}: nobody waits`);
        await tui.waitForScreen(/Interrupted/);
      }
      const told = rows(stage.place, "SELECT detail FROM journal WHERE op = 'report_waiting'");
      const tools = told.map(({ detail }) => JSON.parse(String(detail)).tool);
      assertEquals(tools, ["Bash", null, "Bash", null, "Bash", null]);
      await tui.exit();
    }),
});

Deno.test({
  name: "permission: without a human there is nobody to wait for",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      stage.api.script([NAMED, { match: /"name":"weaver"/, blocks: [bash("touch one.txt")] }]);
      const end = await runPrint("begin", stage.options);
      assertEquals(end.result?.result, "done", stage.api.transcript());
      assertEquals(rows(stage.place, "SELECT 1 FROM journal WHERE op = 'report_waiting'"), []);
    }),
});
