// The page's files: built once from the sources, whoever asks, and served with what they are.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { pageAssets } from "../../src/door/page.ts";
import { withFlock } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";
import { request, withSite } from "./site.ts";

Deno.test("page: several who build it at once get the same files", async () => {
  await withFlock(async (flock) => {
    const built = await Promise.all(
      [1, 2, 3].map(() => flock.cli<{ folder: string }>(["page"])),
    );
    const folders = built.map(({ json, stderr }) => json.folder ?? stderr);
    assertEquals(new Set(folders).size, 1, folders.join());
    const [folder = ""] = folders;
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names.filter((name) => !/^page\.[\w-]+\.js$/.test(name)), [
      "page.css",
      "page.html",
      "page.js",
    ]);
    const left = [...Deno.readDirSync(join(flock.home, "cache"))].map(({ name }) => name);
    assertEquals(left.length, 1, left.join());
    assertEquals((Deno.statSync(join(flock.home, "cache")).mode ?? 0) & 0o777, 0o700);
  });
});

Deno.test("page: a checkout's leader builds it when somebody looks, and knows what changed", async () => {
  await withSite(async (_flock, session) => {
    await eventually(async () => {
      const { headers } = await request(`${session.url}/`);
      return headers.get("cache-control") === "no-cache";
    }, { withinMs: 30_000, what: "it is built" });
    const types = { "/": "text/html", "/app.js": "text/javascript", "/app.css": "text/css" };
    const tags = new Set<string>();
    for (const [path, type] of Object.entries(types)) {
      const { status, headers } = await request(`${session.url}${path}`);
      assertEquals(status, 200, path);
      assertMatch(headers.get("content-type") ?? "", new RegExp(`^${type}; charset=utf-8$`));
      tags.add(headers.get("etag") ?? "");
    }
    assertEquals(tags.size, 1, "one page, one tag");
    for (
      const [accepts, encoding] of [["gzip, br", "gzip"], ["identity", null], ["gzip;q=0", null]]
    ) {
      const headers = { "accept-encoding": accepts ?? "" };
      const answer = await fetch(`${session.url}/`, { headers, method: "HEAD" });
      assertEquals(answer.headers.get("content-encoding"), encoding, accepts ?? "");
      assertEquals(answer.headers.get("vary"), "accept-encoding");
    }
    const { text } = await request(`${session.url}/`);
    const part = /["'`]\.(\/[\w-]+\.js)/.exec((await request(`${session.url}/app.js`)).text)?.[1];
    assertEquals((await request(`${session.url}${part}`)).status, 200, `a part, ${part}`);
    assertEquals((await request(`${session.url}/chunk-OTHER.js`)).status, 401);
    assert(!/https?:\/\/(?!www\.w3\.org\/)/.test(text), "it asks nobody else for anything");
  });
});

Deno.test("page: a read that failed once is tried again", async () => {
  await withFlock(async (flock) => {
    assertEquals((await flock.cli(["page"])).code, 0);
    const broken = join(flock.folder, "no-home");
    Deno.writeTextFileSync(broken, "");
    await assertRejects(() => pageAssets(broken));
    assert((await pageAssets(flock.home)).ready);
  });
});
