// The bundle: one program without what it is made of, and the page beside it. Made by `deno bundle` from the source, or taken
// from where it runs, if that is a bundle already.

import { fromFileUrl, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { sha256 } from "../core/digest.ts";
import { type Bundle, ownBundle } from "./install.ts";
import { builtPage, SOURCES } from "./pagefiles.ts";

/** The program as it is to be installed. `main` is the URL of the running entry. */
export async function bundleOf(main: string): Promise<Bundle> {
  const path = main.startsWith("file:") ? fromFileUrl(main) : main;
  const own = ownBundle(path);
  if (own !== null) return own;
  const root = fromFileUrl(new URL("../../", import.meta.url));
  const folder = Deno.makeTempDirSync({ prefix: "skein-bundle-" });
  try {
    const options = ["--quiet", "--platform", "deno", "--minify", "--code-splitting"];
    const command = new Deno.Command(Deno.execPath(), {
      args: ["bundle", ...options, "--outdir", folder, "src/door/main.ts"],
      cwd: root,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const { success, stderr } = await command.output();
    if (!success) {
      const why = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
      throw new Refusal("NOT_AVAILABLE", `the bundle could not be made: ${why}`, {
        hint: "Run it from the repository with Deno 2.9 or later.",
      });
    }
    const files = new Map<string, string>();
    for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      files.set(name, Deno.readTextFileSync(join(folder, name)));
    }
    for (const [name, text] of await builtPage(join(root, SOURCES))) files.set(name, text);
    return { files, id: sha256(JSON.stringify([...files])).slice(0, 12) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
