// The command as users have it: installed by Deno into a root of its own, away from this tree's
// working folder, and spoken to in MCP and on the command line.

import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { VERSION } from "../../mod.ts";
import { MOD, startPeer, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

Deno.test("deno install: the installed command serves MCP and answers in a shell", async () => {
  await withTempFolder(async (temp) => {
    const root = join(temp, "root");
    const folder = join(temp, "project");
    const home = join(temp, "home");
    Deno.mkdirSync(folder);
    const installed = await new Deno.Command(Deno.execPath(), {
      args: [
        "install",
        "-g",
        "-A",
        "-n",
        "skein",
        "--root",
        root,
        "--config",
        "deno.json",
        "mod.ts",
      ],
      cwd: dirname(MOD),
      env: testEnv({}),
      clearEnv: true,
      stdin: "null",
    }).output();
    assert(installed.success, new TextDecoder().decode(installed.stderr));
    const command = join(root, "bin", "skein");
    const run = async (...args: string[]): Promise<string> => {
      const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`;
      const { success, stdout, stderr } = await new Deno.Command(command, {
        args,
        cwd: folder,
        env: { ...testEnv({ SKEIN_HOME: home }), PATH: path },
        clearEnv: true,
        stdin: "null",
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout).trim();
    };
    assertEquals(await run("version"), VERSION);
    const env = { PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}` };
    const peer = await startPeer({ home, folder, name: "anna", command: [command], env });
    try {
      const { tools } = await peer.client.listTools();
      assertEquals(tools.length, 23);
      assertEquals((await peer.ok("create_task", { title: "installed" })).id, "t1");
      const { tasks } = JSON.parse(await run("task", "list", "--json"));
      assertEquals(tasks[0].title, "installed");
    } finally {
      await peer.close();
    }
    assertEquals(peer.stderr(), "");
  });
});
