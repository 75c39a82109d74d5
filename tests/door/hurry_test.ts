// What a person in a hurry types wrong: the refusal says what may have been meant, in the words of the
// command line, and a flag before the command is a flag all the same.

import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { spoken, unknownCommand } from "../../src/door/nearest.ts";
import { commandFirst } from "../../src/door/commands.ts";
import { flagFault, nearestOf } from "../../src/door/spelling.ts";
import { Refusal } from "../../mod.ts";
import { withShell } from "./shell.ts";

Deno.test("hurry: an unknown command names those that may have been meant, the likeliest first", () => {
  const cases: [string, string][] = [
    ["statsu", "Did you mean skein status?"],
    ["claim", "Did you mean skein task claim?"],
    ["task creat x", "Did you mean skein task create"],
    ["create task x", "Did you mean skein task create"],
    ["tsk", "Did you mean skein task create, skein task list"],
    ["unistall", "Did you mean skein uninstall"],
  ];
  for (const [typed, hint] of cases) {
    const refusal = unknownCommand(typed.split(" "));
    assertStringIncludes(refusal.hint, hint, typed);
  }
  assertEquals(unknownCommand(["qqqqqq"]).hint, "skein help lists the commands.");
});

Deno.test("hurry: an unknown flag names the one that was meant, if one is near", () => {
  const fault = (flag: string) =>
    flagFault(new Error(`Unknown option '${flag}'. To`), ["priority"]);
  assertEquals(fault("--prio"), "there is no flag --prio; did you mean --priority?");
  assertEquals(fault("--pirority"), "there is no flag --pirority; did you mean --priority?");
  assertEquals(fault("--colour"), "there is no flag --colour");
  assertEquals(flagFault(new Error("something else\nmore"), []), "something else");
  assertEquals(nearestOf("", ["status"]), null);
});

Deno.test("hurry: a flag where a command belongs is a flag; a variable is not a command's fault", async () => {
  assertEquals(
    unknownCommand(["--josn", "status"]).message,
    "there is no flag --josn; did you mean --json?",
  );
  await withShell(async (shell) => {
    const ran = await shell.run(["status"], { env: { SKEIN_PORT: "abc" } });
    assertEquals(ran.code, 2);
    assertStringIncludes(ran.stderr, "Correct SKEIN_PORT, or leave it out");
    await shell.ok("task", "create", "first");
    await shell.run(["task", "claim", "--as", "anna"]);
    const late = await shell.run(["task", "complete", "t1", "done", "--as", "ben"]);
    assertEquals(late.code, 4);
    assertStringIncludes(late.stderr, "skein task complete: anna has t1, not you");
    assertStringIncludes(late.stderr, "skein task update ID --action release");
    assertFalse(late.stderr.includes("Claim the task first"), late.stderr);
  });
});

Deno.test("hurry: next steps on the command line are commands", () => {
  const said = (code: "UNKNOWN_PEER" | "UNKNOWN_RUN" | "LOCK_HELD" | "INVALID_INPUT") =>
    spoken(new Refusal(code, "no"), ["task", "create"]);
  assertEquals(said("UNKNOWN_PEER"), "skein peer list shows who is here.");
  assertEquals(said("UNKNOWN_RUN"), "skein run list shows the runs.");
  assertStringIncludes(said("LOCK_HELD"), "--wait-ms");
  assertEquals(said("INVALID_INPUT"), "skein task create --help shows how to call it.");
});

Deno.test("hurry: flags before the command go behind it, and never behind --", () => {
  assertEquals(commandFirst(["--json", "status"]), ["status", "--json"]);
  assertEquals(commandFirst(["--as", "w1", "--home=/x", "send", "a", "--", "-b"]), [
    ..."send a --as w1 --home=/x -- -b".split(" "),
  ]);
  assertEquals(commandFirst(["--help", "task"]), ["--help", "task"]);
});

Deno.test("hurry: part of a command lists what begins so; nothing is a wall of text", async () => {
  await withShell(async (shell) => {
    for (const [args, code] of [[["task"], 2], [["task", "--help"], 0], [["help", "task"], 0]]) {
      const ran = await shell.run(args as string[]);
      assertEquals(ran.code, code, String(args));
      assertStringIncludes(ran.stdout, "task claim");
      assertFalse(ran.stdout.includes("doctor"), "other commands are not listed");
    }
    assertStringIncludes((await shell.run(["help", "install"])).stdout, "--dry-run");
    assertStringIncludes((await shell.run(["help", "run"])).stdout, "--plan-only");
    assertStringIncludes((await shell.run(["help", "mcp"])).stdout, "serve MCP");
    const unknown = await shell.run(["help", "taks"]);
    assertEquals([unknown.code, unknown.stdout], [2, ""]);
    assertStringIncludes(unknown.stderr, "skein task create");
    assertEquals((await shell.run(["--json", "status"])).json.total_tasks, 0);
    const stop = (await shell.run(["stop", "--help"])).stdout;
    assert(stop.includes("--why") && !stop.includes("--follow"), "only its own flags");
    assertEquals((await shell.run(["stop", "t1", "--follow"])).code, 2);
    const nobody = await shell.run(["send", "architect", "hello"]);
    assertStringIncludes(nobody.stderr, "no architect is here");
    assertStringIncludes(nobody.stderr, "blocker waits for the next architect");
  });
});
