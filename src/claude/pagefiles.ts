// The page's files: built from dashboard/ with `deno bundle`, which needs no network. An installed
// program has them beside it, a checkout in the home's cache.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";

/** Names of the built files. */
export const PAGE_FILES = { html: "page.html", js: "page.js", css: "page.css" } as const;
/** Folder of the sources, in a checkout. */
export const SOURCES = "dashboard";
const HTML = "index.html";
const ENTRY = "main.tsx";
const CSS = "app.css";

export function hasSources(folder: string): boolean {
  return textOf(join(folder, HTML)) !== null;
}

/**
 * Builds the page: file name to content.
 * @throws Refusal `NOT_AVAILABLE`
 */
export async function builtPage(folder: string): Promise<ReadonlyMap<string, string>> {
  return new Map([
    [PAGE_FILES.html, textOf(join(folder, HTML)) ?? ""],
    [PAGE_FILES.js, await bundled(folder, ENTRY)],
    [PAGE_FILES.css, await bundled(folder, CSS)],
  ]);
}

/** One entry with everything it imports, in few bytes; empty where there is no such entry. */
async function bundled(folder: string, entry: string): Promise<string> {
  if (textOf(join(folder, entry)) === null) return "";
  const temporary = Deno.makeTempDirSync({ prefix: "skein-page-" });
  try {
    const out = join(temporary, entry === CSS ? PAGE_FILES.css : PAGE_FILES.js);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "browser", "--minify", "--output", out, entry],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return Deno.readTextFileSync(out);
    const why = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
    throw new Refusal("NOT_AVAILABLE", `the page could not be built: ${why}`, {
      hint: "Run it from the repository with Deno 2.9 or later.",
    });
  } finally {
    Deno.removeSync(temporary, { recursive: true });
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
