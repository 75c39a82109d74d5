// The page's files: built from dashboard/ with `deno bundle`, which needs no network. An installed
// program has them beside it, a checkout in the home's cache.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";

/** Names of the built files; the script's other parts are named so that nothing else is called like them. */
export const PAGE_FILES = { html: "page.html", js: "page.js", css: "page.css" } as const;
/** Before the name under which a part of the script is imported by the others. */
export const PART = "page.";
/** Folder of the sources, in a checkout. */
export const SOURCES = "dashboard";
const HTML = "index.html";
const ENTRY = "main.tsx";
const CSS = "app.css";
const NO_PARTS = 'name="parts" content=""';

export function hasSources(folder: string): boolean {
  return textOf(join(folder, HTML)) !== null;
}

/**
 * Builds the page: file name to content.
 * @throws Refusal `NOT_AVAILABLE`
 */
export async function builtPage(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>([
    [PAGE_FILES.html, textOf(join(folder, HTML)) ?? ""],
    [PAGE_FILES.js, ""],
    [PAGE_FILES.css, ""],
  ]);
  for (const [name, text] of await bundled(folder, CSS)) {
    if (name.endsWith(".css")) files.set(PAGE_FILES.css, text);
  }
  const parts: string[] = [];
  for (const [name, text] of await bundled(folder, ENTRY, "--code-splitting")) {
    const first = name === ENTRY.replace(".tsx", ".js");
    files.set(first ? PAGE_FILES.js : PART + name, text);
    if (!first) parts.push(`/${name}`);
  }
  // Which file has a part stands where the page can read it before it imports.
  const html = files.get(PAGE_FILES.html) ?? "";
  files.set(PAGE_FILES.html, html.replace(NO_PARTS, `name="parts" content="${parts.join(" ")}"`));
  return files;
}

/** An entry with everything it imports, in few bytes; nothing where there is no such entry. */
async function bundled(
  folder: string,
  entry: string,
  ...options: string[]
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  if (textOf(join(folder, entry)) === null) return files;
  const out = Deno.makeTempDirSync({ prefix: "skein-page-" });
  try {
    const flags = ["--quiet", "--platform", "browser", "--minify", ...options, "--outdir", out];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", ...flags, entry],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) {
      const why = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
      throw new Refusal("NOT_AVAILABLE", `the page could not be built: ${why}`, {
        hint: "Run it from the repository with Deno 2.9 or later.",
      });
    }
    const names = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
    for (const name of names) files.set(name, Deno.readTextFileSync(join(out, name)));
    return files;
  } finally {
    Deno.removeSync(out, { recursive: true });
  }
}

function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}
