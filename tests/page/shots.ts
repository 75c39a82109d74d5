// Screenshots of every view, light and dark, wide and narrow, of a flock in the middle of its work.
//   deno task shots [folder]

import { join } from "@std/path";
import type { Page } from "playwright-core";
import { Flock, NARROW, settled, visit, WIDE } from "./flock.ts";
import { playHours } from "./hours.ts";
import { type Plan, playScene } from "./scene.ts";

const encoder = new TextEncoder();

function say(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

function views(plan: Plan): readonly (readonly [name: string, hash: string])[] {
  return [
    ["attention", "#/attention"],
    ["peers", "#/peers"],
    ["peer", "#/peers/ben"],
    ["graph", "#/tasks"],
    ["graph-done", "#/tasks?done=1"],
    ["board", "#/tasks?view=board"],
    ["table", "#/tasks?view=table"],
    ["task", `#/tasks/${plan["api"]}`],
    ["messages", "#/messages/m1"],
    ["locks", "#/locks"],
    ["memory", "#/memory/storage"],
    ["runs", "#/runs"],
    ["run", "#/runs/r1"],
    ["driven", "#/runs/r2"],
    ["journal", "#/journal"],
    ["why", `#/journal?why=${plan["api"]}`],
    ["flock", "#/flock"],
  ];
}

async function shoot(page: Page, folder: string, name: string): Promise<void> {
  await settled(page);
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function round(
  flock: Flock,
  plan: Plan,
  folder: string,
  theme: "light" | "dark",
): Promise<void> {
  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]] as const) {
    const { page } = await flock.open({ viewport, colorScheme: theme });
    for (const [name, hash] of views(plan)) {
      await visit(page, hash);
      await shoot(page, folder, `${name}-${theme}-${size}`);
    }
    await visit(page, "#/attention");
    await page.keyboard.press("c");
    await shoot(page, folder, `create-${theme}-${size}`);
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await shoot(page, folder, `help-${theme}-${size}`);
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("note");
    await page.waitForTimeout(400);
    await shoot(page, folder, `search-${theme}-${size}`);
    await page.context().close();
    const blank = await flock.blank({ viewport, colorScheme: theme });
    await blank.page.goto(flock.leader().url ?? "");
    await shoot(blank.page, folder, `signin-${theme}-${size}`);
    await blank.page.context().close();
  }
}

async function main(): Promise<void> {
  const [wanted] = Deno.args;
  if (wanted?.startsWith("-") === true) return say("deno task shots [folder]");
  const folder = wanted ?? Deno.makeTempDirSync({ prefix: "skein-shots-" });
  Deno.mkdirSync(folder, { recursive: true });
  const scene = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "skein-shots-flock-" }));
  const flock = new Flock(scene);
  try {
    await flock.begin();
    const plan = await playScene(flock);
    await playHours(flock);
    // Its client asks for a permission.
    const input = {
      hook_event_name: "PermissionRequest",
      session_id: "page-dan",
      tool_name: "Bash",
    };
    await flock.peer("dan").client.callTool({ name: "hook", arguments: input });
    for (const theme of ["light", "dark"] as const) await round(flock, plan, folder, theme);
    say(`screenshots are in ${folder}`);
  } finally {
    await flock.close();
    Deno.removeSync(scene, { recursive: true });
  }
}

if (import.meta.main) await main();
