// What an installation leaves behind: nothing that it made, and everything it needs while it is there.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { join } from "@std/path";
import { type User, withUser } from "./installer.ts";

function userTest(name: string, body: (user: User) => Promise<void>): void {
  Deno.test(name, () => withUser(body));
}

const read = (path: string): string => Deno.readTextFileSync(path);

/** Every folder and file below the user's own, the lock among them. */
function allBelow(user: User): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      found.push(join(folder, name));
      if (isDirectory) walk(join(folder, name));
    }
  };
  walk(user.folder);
  return found.map((path) => path.slice(user.folder.length + 1)).sort();
}

userTest(
  "uninstall: leaves no folder that was made for it, and all that was there",
  async (user) => {
    Deno.mkdirSync(join(user.folder, "share"));
    await user.install();
    await user.install({ id: "two", scope: "project" });
    await user.uninstall();
    assertEquals(allBelow(user), ["share"]);
    await user.uninstall();
    assertEquals(allBelow(user), ["share"], "and looking again makes none");
    await user.install();
    Deno.writeTextFileSync(join(user.places.bin, "own"), "");
    await user.uninstall();
    assertEquals(allBelow(user), ["bin", "bin/own", "share"]);
  },
);

userTest("install: the Deno of a runner's cache is kept where nobody clears it", async (user) => {
  const cache = join(user.folder, "npm", "_npx", "7a40", "node_modules", "deno");
  Deno.mkdirSync(cache, { recursive: true });
  const cached = join(cache, "deno");
  Deno.writeTextFileSync(cached, "#!/bin/sh\necho kept\n");
  Deno.chmodSync(cached, 0o755);
  await user.install({ deno: cached });
  await user.install({ deno: cached });
  Deno.removeSync(join(user.folder, "npm"), { recursive: true });
  const launcher = join(user.places.bin, "skein");
  assertFalse(read(launcher).includes("_npx"));
  const said = new Deno.Command(launcher, { args: [], stderr: "inherit" }).outputSync().stdout;
  assertEquals(new TextDecoder().decode(said), "kept\n");
  const server = JSON.parse(
    read(join(user.places.data, "marketplace/plugins/skein/.mcp.json")),
  );
  const runner = new Deno.Command(server.mcpServers.skein.command).outputSync().stdout;
  assertEquals(new TextDecoder().decode(runner), "kept\n", "and so does the server");
  await user.uninstall();
  assertEquals(allBelow(user), []);
});

userTest(
  "uninstall, install: at once and many times, one of the two is what stands",
  async (user) => {
    for (let round = 0; round < 20; round++) {
      await Promise.all([user.install(), user.uninstall(), user.install({ id: "two" })]);
      await user.install();
      assert(Deno.statSync(join(user.places.bin, "skein")).isFile);
      await user.uninstall();
      assertEquals(allBelow(user), []);
    }
  },
);
