// The page as users have it: installed, from a bundle, by a server that may do nothing but read, write to
// its home, and listen on loopback.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { withFlock } from "../cluster/flock.ts";
import { testEnv } from "../support/peer.ts";
import { exchange, type Json, request, Session, urlOf } from "./site.ts";

const MAIN = fromFileUrl(new URL("../../src/door/main.ts", import.meta.url));

/** The packages that the bundle is made of are where this process has them. */
function cache(): Record<string, string> {
  const home = Deno.env.get("HOME") ?? "";
  return { DENO_DIR: Deno.env.get("DENO_DIR") ?? join(home, ".cache", "deno") };
}

async function run(
  command: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const [program = "", ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: folder,
    env: { ...testEnv({}), ...cache(), ...env },
    clearEnv: true,
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("installed: the server serves the page with the permissions it has", async () => {
  await withFlock(async (flock) => {
    const user = join(flock.folder, "..", "user");
    Deno.mkdirSync(user);
    const env = { HOME: user, SKEIN_HOME: flock.home, XDG_DATA_HOME: join(user, "share") };
    await run([Deno.execPath(), "run", "-A", "--no-check", MAIN, "install"], flock.folder, env);
    const plugin = join(user, "share", "skein", "marketplace", "plugins", "skein", ".mcp.json");
    const { skein } = JSON.parse(Deno.readTextFileSync(plugin)).mcpServers as Json;
    const { args } = skein as { args: string[] };
    assertEquals(args.at(-1), "mcp");
    assert(!args.includes("-A") && !args.includes("--allow-all"));
    const anna = await flock.join({
      name: "anna",
      command: [skein.command, ...args.slice(0, -1)],
      env: { ...cache(), ...skein.env },
    });
    const url = await urlOf(flock);
    const html = await request(`${url}/`);
    assertEquals([html.status, html.headers.get("cache-control")], [200, "no-cache"]);
    assert(/<html/.test(html.text));
    assertEquals((await request(`${url}/app.js`)).status, 200);
    const parts = (/name="parts" content="([^"]*)"/.exec(html.text)?.[1] ?? "").split(" ");
    assert(parts.length > 1, "a script in parts");
    for (const part of parts) {
      const [path = "", pin = ""] = part.split("#");
      const { status, text } = await request(url + path);
      const bytes = new TextEncoder().encode(text);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      assertEquals([status, pin], [200, `sha256-${btoa(String.fromCharCode(...digest))}`], path);
    }
    const launcher = join(user, ".local", "bin", "skein");
    const link = JSON.parse(await run([launcher, "dashboard", "--json"], flock.folder, env));
    const { json } = await exchange(url, link.link.split("#code=")[1]);
    const session = new Session(url, json.token);
    assertEquals((await session.ok("status")).leader.name, "anna");
    assertEquals((await session.get("/metrics")).status, 200);
    await session.ok("lock_file", { paths: ["a.ts"] });
    assertEquals(anna.stderr(), "", "no permission was missing");
  });
});
