// The page: one HTML file, one style, a script and the parts of it that come later. In an installed
// program they lie beside it, built when it was installed. In a checkout they are built once from dashboard/ into the home's cache, by a
// `skein page` child: the server itself may run nothing but `skein`.

import { fromFileUrl, join } from "@std/path";
import { sha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { builtPage, hasSources, PAGE_FILES, PART, SOURCES } from "../claude/pagefiles.ts";
import { folderIn } from "../core/folders.ts";
import { selfCommand } from "../node/carry.ts";
import { prepareHome } from "../store/home.ts";

/** One file of the page, as it is and as it travels. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
  readonly gzip: Uint8Array<ArrayBuffer>;
  /** Its name changes with its content. */
  readonly lasting: boolean;
}

/** The page's files by the path they are asked for, and a hash of them all. */
export interface Page {
  readonly files: ReadonlyMap<string, PageFile>;
  readonly hash: string;
  /** False while it is being built: what is there then only says so. */
  readonly ready: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};
const PATHS: Readonly<Record<string, string>> = {
  [PAGE_FILES.html]: "/",
  [PAGE_FILES.js]: "/app.js",
  [PAGE_FILES.css]: "/app.css",
};

/** Which parts of the script there are, in the head of the page. */
const PARTS = /name="parts" content="([^"]*)"/;

const DAY_MS = 86_400_000;

let page: Promise<Page> | null = null;
let building: Promise<void> | null = null;

/** The page, if it is built; else what says that it is being built, while it is. */
export async function pageAssets(home: string): Promise<Page> {
  const beside = fromFileUrl(new URL(".", import.meta.url));
  const mine = page ??= readPage(beside).then((one) => one ?? fromSources(home));
  try {
    const found = await mine;
    if (!found.ready) forget(mine);
    return found;
  } catch (thrown) {
    // A read that failed once (no descriptor was left) is nothing to stay with.
    forget(mine);
    throw thrown;
  }
}

function forget(old: Promise<Page>): void {
  if (page === old) page = null;
}

async function fromSources(home: string): Promise<Page> {
  const folder = sourceFolder();
  if (folder === null) return await notice("this program was installed without its page");
  const cached = cacheOf(home, folder);
  const built = await readPage(cached);
  if (built !== null) return built;
  let failed = "";
  building ??= build().catch((thrown) => {
    failed = thrown instanceof Error ? thrown.message : String(thrown);
  }).finally(() => building = null);
  // Whoever asks first waits a little: a build takes a second or two.
  await Promise.race([building, new Promise((late) => setTimeout(late, 5_000))]);
  return await readPage(cached) ?? await notice(failed || "the page is being built");
}

/** The folder of the page's sources, in a checkout. */
function sourceFolder(): string | null {
  if (!import.meta.url.endsWith("/src/door/page.ts")) return null;
  const folder = fromFileUrl(new URL(`../../${SOURCES}/`, import.meta.url));
  return hasSources(folder) ? folder : null;
}

/** Where the page built from these very sources lies. */
function cacheOf(home: string, folder: string): string {
  const texts = sourcesIn(folder).map((path) => [path, Deno.readTextFileSync(path)]);
  return join(home, "cache", `page-${sha256(JSON.stringify(texts)).slice(0, 16)}`);
}

function sourcesIn(folder: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) found.push(...sourcesIn(join(folder, name)));
    else if (/\.(tsx?|css|html|json)$/.test(name)) found.push(join(folder, name));
  }
  return found.sort();
}

/** The page in a folder, if all that it begins with is there. */
async function readPage(folder: string): Promise<Page | null> {
  const texts = new Map<string, string>();
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      const path = PATHS[name] ?? partPath(name);
      if (path !== null) texts.set(path, await Deno.readTextFile(join(folder, name)));
    }
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
  return Object.values(PATHS).every((path) => texts.has(path)) ? await pageOf(texts) : null;
}

/** The path of a part of the script, from its file's name. */
function partPath(name: string): string | null {
  return name.startsWith(PART) && /^[\w-]+\.js$/.test(name.slice(PART.length))
    ? `/${name.slice(PART.length)}`
    : null;
}

/** The page's head tells what each part has to be: it is loaded later, when somebody else may answer. */
async function pinned(texts: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const html = texts.get("/") ?? "";
  const [, list = ""] = PARTS.exec(html) ?? [];
  const parts = list.split(" ").map(async (path) => {
    const bytes = new TextEncoder().encode(texts.get(path) ?? "");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return `${path}#sha256-${btoa(String.fromCharCode(...digest))}`;
  });
  const pins = list === "" ? "" : (await Promise.all(parts)).join(" ");
  return new Map(texts).set("/", html.replace(PARTS, `name="parts" content="${pins}"`));
}

async function pageOf(given: ReadonlyMap<string, string>, ready = true): Promise<Page> {
  const texts = await pinned(given);
  const sorted = [...texts].sort(([a], [b]) => a < b ? -1 : 1);
  const files = new Map<string, PageFile>();
  for (const [path, text] of sorted) {
    const kind = path === "/" ? "html" : path.split(".").at(-1) ?? "";
    const lasting = !Object.values(PATHS).includes(path);
    files.set(path, { type: TYPES[kind] ?? "", text, gzip: await zipped(text), lasting });
  }
  return { files, hash: sha256(JSON.stringify(sorted)).slice(0, 16), ready };
}

async function zipped(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function notice(why: string): Promise<Page> {
  const safe = why.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>skein</title></head>
<body><main><h1>skein</h1><p>${safe}</p></main></body>
</html>
`;
  return pageOf(new Map([["/", html], ["/app.js", ""], ["/app.css", ""]]), false);
}

/** Lets a `skein page` build it: it has the permissions for that. */
async function build(): Promise<void> {
  const [command = "", ...args] = selfCommand();
  const { success, stderr } = await new Deno.Command(command, {
    args: [...args, "page"],
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

/** `skein page`: builds the page of this checkout into the home's cache. Returns where it is. */
export async function buildPage(home: string): Promise<string> {
  const folder = sourceFolder();
  if (folder === null) {
    throw new Refusal("NOT_AVAILABLE", "page: there are no sources of a page to build", {
      hint: "Run it from a checkout of the repository.",
    });
  }
  const real = prepareHome(home).folder;
  const target = cacheOf(real, folder);
  if (await readPage(target) !== null) return target;
  const files = await builtPage(folder);
  const cache = folderIn(real, "cache");
  removeOlder(cache);
  const temporary = Deno.makeTempDirSync({ dir: cache, prefix: "building-" });
  try {
    for (const [name, text] of files) Deno.writeTextFileSync(join(temporary, name), text);
    Deno.renameSync(temporary, target);
  } catch (thrown) {
    Deno.removeSync(temporary, { recursive: true });
    // Somebody was faster: theirs is the same.
    if (await readPage(target) === null) throw thrown;
  }
  return target;
}

/** Pages of other sources go after a day: another checkout may serve one of them. */
function removeOlder(cache: string): void {
  for (const { name } of Deno.readDirSync(cache)) {
    const path = join(cache, name);
    const ageMs = Date.now() - (Deno.statSync(path).mtime?.getTime() ?? 0);
    if (/^(page|building)-/.test(name) && ageMs > DAY_MS) {
      Deno.removeSync(path, { recursive: true });
    }
  }
}
