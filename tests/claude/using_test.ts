// What installations run is a bundle, and the bundler leaves `using` out where its variable is looked at
// once: a lock that is let go in the source would be held for good in what people have.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { withTempFolder } from "../support/temp.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

function* sourcesIn(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sourcesIn(path);
    else if (entry.name.endsWith(".ts")) yield Deno.readTextFileSync(path);
  }
}

Deno.test("bundle: lets go of whatever the source lets go of at the end of a block", async () => {
  await withTempFolder(async (folder) => {
    const options = ["--quiet", "--platform", "deno", "--minify", "--code-splitting"];
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", ...options, "--outdir", folder, "src/door/main.ts"],
      cwd: ROOT,
      stdin: "null",
      stdout: "null",
    }).output();
    assert(success, "it is bundled");
    const bundled = [...Deno.readDirSync(folder)].map(({ name }) =>
      Deno.readTextFileSync(join(folder, name))
    ).join("\n").match(/\busing [\w$]+=/g)?.length;
    const written = [...sourcesIn(join(ROOT, "src"))].join("\n").match(/^\s*using \w+ =/gm)?.length;
    assertEquals(bundled, written, "say it with `during` (core/during.ts) where it is left out");
  });
});
