// The clients that the end-to-end tests drive, pinned, and installed on demand: they are large and
// not ours to ship. Where one cannot be had, the reason is printed and the tests that need it skip.

import { join } from "@std/path";

export type ClientName = "claude" | "codex" | "gemini";

interface Pin {
  readonly package: string;
  readonly version: string;
  /** Its program is a script for Node. */
  readonly node: boolean;
}

/** What the facts in the tests were measured with. */
export const PINS: Readonly<Record<ClientName, Pin>> = {
  claude: { package: "@anthropic-ai/claude-code", version: "2.1.329", node: false },
  codex: { package: "@openai/codex", version: "0.169.0", node: true },
  gemini: { package: "@google/gemini-cli", version: "0.61.0", node: true },
};

const INSTALL_MS = 10 * 60_000;
const VERSION_MS = 30_000;
const asked = new Map<ClientName, Promise<string | null>>();

/**
 * Path of a client's program. `SKEIN_CLIENTS_DIR` names a folder whose `node_modules` has it, or
 * under which it is installed; otherwise that is a folder of the user's cache.
 * @returns null, after printing why, where the client cannot be had
 */
export function clientCommand(name: ClientName): Promise<string | null> {
  const before = asked.get(name);
  if (before !== undefined) return before;
  const found = find(name).catch((thrown) => {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    print(`no ${name} ${PINS[name].version}, its tests are skipped: ${reason}`);
    return null;
  });
  asked.set(name, found);
  return found;
}

/** Whether a program is on the PATH and runs. */
export async function runs(command: string, ...args: string[]): Promise<boolean> {
  return await versionOf(command, args) !== null;
}

async function find(name: ClientName): Promise<string> {
  const pin = PINS[name];
  if (Deno.build.os === "windows") throw new Error("not driven on Windows");
  if (pin.node && !await runs("node", "--version")) throw new Error("there is no node");
  const given = Deno.env.get("SKEIN_CLIENTS_DIR");
  if (given !== undefined && exists(programIn(given, name))) {
    const version = installedVersion(given, pin);
    if (version !== pin.version) print(`${name} is ${version}, the tests know ${pin.version}`);
    return programIn(given, name);
  }
  const cache = given ?? join(userCache(), "skein-clients");
  const folder = join(cache, `${name}-${pin.version}`);
  if (!exists(programIn(folder, name))) await installOnce(name, cache, folder);
  return programIn(folder, name);
}

/** One process installs, the others wait for its lock, which the kernel frees if it dies. */
async function installOnce(name: ClientName, cache: string, folder: string): Promise<void> {
  Deno.mkdirSync(cache, { recursive: true });
  using lock = Deno.openSync(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (exists(programIn(folder, name))) return;
  if (!await runs("npm", "--version")) throw new Error("there is no npm");
  const making = Deno.makeTempDirSync({ dir: cache, prefix: `${name}-making-` });
  try {
    await install(name, making);
    if (exists(folder)) Deno.removeSync(folder, { recursive: true });
    Deno.renameSync(making, folder);
  } finally {
    if (exists(making)) Deno.removeSync(making, { recursive: true });
  }
}

async function install(name: ClientName, folder: string): Promise<void> {
  const pin = PINS[name];
  print(`installing ${pin.package}@${pin.version}`);
  Deno.writeTextFileSync(join(folder, "package.json"), `{"private":true}\n`);
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts=false",
      "--fetch-retries=1",
      "--fetch-retry-mintimeout=1000",
      `${pin.package}@${pin.version}`,
    ],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(INSTALL_MS),
  }).output();
  if (!success) throw new Error(`npm: ${lastLines(new TextDecoder().decode(stderr))}`);
  const version = await versionOf(programIn(folder, name), ["--version"]);
  if (!version?.includes(pin.version)) throw new Error("npm installed it, but it does not run");
}

async function versionOf(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(VERSION_MS),
    }).output();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

function programIn(folder: string, name: ClientName): string {
  return join(folder, "node_modules", ".bin", name);
}

function installedVersion(folder: string, pin: Pin): string {
  const path = join(folder, "node_modules", pin.package, "package.json");
  return (JSON.parse(Deno.readTextFileSync(path)) as { version: string }).version;
}

function userCache(): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME");
  if (cache) return cache;
  if (home === undefined) throw new Error("neither HOME nor SKEIN_CLIENTS_DIR is set");
  return Deno.build.os === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache");
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").filter((line) => line.startsWith("npm error")).slice(0, 3)
    .join("; ");
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
