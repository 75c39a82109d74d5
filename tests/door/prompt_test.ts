// The prompt for an agent without tools of skein is true: what it names are commands that do it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CATALOGUE } from "../../mod.ts";
import { withShell } from "./shell.ts";

Deno.test("skein prompt: a shell alone is enough to do what it says", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "something");
    const { code, stdout } = await shell.run(["prompt", "worker", "anna"]);
    assertEquals(code, 0);
    for (const name of stdout.match(/\b[a-z]+_(?:task|file|memory)\b/g) ?? []) {
      assert(CATALOGUE.some((operation) => operation.name === name), name);
    }
    // Every command that is spelt out, as it is spelt out.
    const lines = [...stdout.matchAll(/skein ([^().]+(?:"\.\.\.")?[^().]*--as anna)/g)];
    assertEquals(lines.length, 2, stdout);
    for (const [, line = ""] of lines.reverse()) {
      const args = line.split(" ").map((word) => word.replaceAll('"', ""));
      const ran = await shell.run([...args, "--json"]);
      assertEquals(ran.code, 0, `${line}: ${ran.stderr}`);
    }
    const { peers } = await shell.ok("status");
    assertEquals(peers.map((one: { name: string; role: string }) => [one.name, one.role]), [
      ["anna", "worker"],
    ]);
    const done = await shell.run(["complete_task", "t1", "all of it", "--as", "anna"]);
    assertEquals(done.code, 0, done.stderr);
    const none = await shell.run(["claim_task", "--as", "anna"]);
    assertStringIncludes(none.stdout, "nothing to claim");
    assertStringIncludes(stdout, "says that there is nothing to claim");
  });
});
