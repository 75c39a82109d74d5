// A command that runs to its end: what it says is kept to its bound, its end is told, and nothing of it is
// left, whatever it has started.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { type ShellExit, ShellRun } from "../../src/agent/shell.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { eventually } from "../support/eventually.ts";
import { withTempFolder } from "../support/temp.ts";
import { lives, told } from "./ground.ts";

function start(folder: string, command: string): ShellRun {
  const env = { PATH: Deno.env.get("PATH") ?? "" };
  const log = join(folder, "logs", "check.log");
  return new ShellRun({ command, cwd: folder, env, mark: crypto.randomUUID(), log });
}

async function ran(folder: string, command: string): Promise<ShellExit & { log: string }> {
  const exit = await start(folder, command).ended;
  return { ...exit, log: Deno.readTextFileSync(join(folder, "logs", "check.log")) };
}

Deno.test("ShellRun: tells its end, and what it said in the order in which it said it", async () => {
  await withTempFolder(async (folder) => {
    const { log, ...exit } = await ran(folder, 'echo one; echo "two" >&2; echo three; exit 3');
    assertEquals(exit, { code: 3, signal: null, tail: "one\ntwo\nthree\n" });
    assertEquals(
      log,
      '$ echo one; echo "two" >&2; echo three; exit 3\none\ntwo\nthree\n[left with code 3]\n',
    );
    const again = await ran(folder, "kill -9 $$");
    assertEquals([again.code, again.signal, again.tail], [137, "SIGKILL", ""]);
    assert(again.log.startsWith(log) && again.log.endsWith("[ended by SIGKILL]\n"), again.log);
  });
});

Deno.test("ShellRun: of a flood the end is told and the log has a bound, and nobody else waits for it", async () => {
  await withTempFolder(async (folder) => {
    // It goes on until somebody else has had a turn after the log was full.
    const [go, file] = [join(folder, "go"), join(folder, "logs", "check.log")];
    const turn = eventually(() => Deno.statSync(file).size > LIMITS.agentLogBytes)
      .then(() => Deno.writeTextFileSync(go, ""));
    const flood =
      "yes 0123456789 & while [ ! -e go ]; do sleep 0.01; done; kill $!; wait; echo; echo last";
    const { tail, log } = await ran(folder, flood);
    await turn;
    assert(tail.endsWith("\nlast\n") && tail.length < 20 * LIMITS.checkTailChars, tail.slice(-100));
    assert(log.length < LIMITS.agentLogBytes + 100_000, `${log.length}`);
    assert(
      log.endsWith("[what came after this was left out]\n[left with code 0]\n"),
      log.slice(-99),
    );
    const next = await ran(folder, "echo next");
    assertEquals(next.log, "$ echo next\nnext\n[left with code 0]\n", "the next one has room");
  });
});

Deno.test("ShellRun: what it leaves in the background is ended, also what holds its output open", async () => {
  await withTempFolder(async (folder) => {
    const pids = join(folder, "pids");
    const run = start(
      folder,
      `: > pids; (trap '' TERM; echo $$ >> pids; exec sleep 1000) & setsid sh -c 'echo $$ >> pids; exec sleep 1000' & ` +
        'while [ "$(wc -l < pids)" -lt 2 ]; do sleep 0.02; done; echo over',
    );
    const { code, tail } = await run.ended;
    assertEquals([code, tail], [0, "over\n"]);
    await eventually(() => told(pids).filter(lives).length === 0, { what: "all of it has ended" });
  });
});

Deno.test("ShellRun: is ended with all it has started, also where that does not want to", async () => {
  await withTempFolder(async (folder) => {
    const pids = join(folder, "pids");
    const run = start(
      folder,
      "trap '' TERM; echo $$ >> pids; sh -c 'trap \"\" TERM; echo $$ >> pids; sleep 1000' & sleep 1000",
    );
    await eventually(() => told(pids).length === 2);
    const { signal } = await run.end(50);
    assertEquals(signal, "SIGKILL");
    assertEquals(told(pids).filter(lives), []);
  });
});

Deno.test("ShellRun: where it cannot be started nothing runs, and it is said", async () => {
  await withTempFolder(async (folder) => {
    const env = { PATH: "" };
    const log = join(folder, "check.log");
    const order = { command: "true", env, mark: "m", log };
    assertThrows(() => new ShellRun({ ...order, cwd: join(folder, "gone") }));
    assert(Deno.readTextFileSync(log).includes("could not be started"));
    Deno.writeTextFileSync(join(folder, "file"), "");
    const within = { ...order, cwd: folder, log: join(folder, "file", "check.log") };
    await assertRejects(async () => await new ShellRun(within).ended);
  });
});
