// Every refusal at the door: of who does not come from this machine's page, brings no token, uses the
// wrong method, or sends what is none of our business. What is refused changes nothing.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CATALOGUE } from "../../src/catalogue.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { raw, request, Session, withSite } from "./site.ts";

const WANTED = JSON.stringify({ title: "never" });

function post(host: string, session: Session, ...more: readonly string[]): string[] {
  return [
    "POST /api/create_task HTTP/1.1",
    `host: ${host}`,
    "content-type: application/json",
    `content-length: ${WANTED.length}`,
    ...Object.entries(session.headers).map(([name, value]) => `${name}: ${value}`),
    ...more,
  ];
}

Deno.test("guard: a foreign Host is refused, everywhere", async () => {
  await withSite(async (flock, page) => {
    const session = await page.bearer();
    const { host, port } = new URL(session.url);
    const foreign = [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      "localhost",
      `127.0.0.1:${Number(port) + 1}`,
      `127.0.0.2:${port}`,
      `[::1]:${port}`,
      `0.0.0.0:${port}`,
      `localhost.evil.example:${port}`,
      `127.0.0.1:${port}.evil.example`,
      `evil@127.0.0.1:${port}`,
      `LOCALHOST:${port}`,
    ];
    for (const name of foreign) {
      const { status, text } = await raw(session.url, post(name, session), WANTED);
      assert([400, 403].includes(status), `${name}: ${status}`);
      if (status === 403) assertMatch(text, /NOT_ALLOWED/);
      for (const path of ["/", "/app.js", "/healthz", "/metrics", "/api/events"]) {
        const lines = [`GET ${path} HTTP/1.1`, `host: ${name}`];
        const got = await raw(session.url, lines);
        assert([400, 403].includes(got.status), `${name} ${path}: ${got.status}`);
      }
    }
    for (const name of [host, `localhost:${port}`]) {
      const { status, text } = await raw(session.url, post(name, session), WANTED);
      assertEquals(status, 200, text);
    }
    assertEquals(flock.count("SELECT count(*) FROM task"), 2);
  });
});

Deno.test("guard: a foreign Origin is refused, and so is what a browser calls cross-site", async () => {
  await withSite(async (flock, page) => {
    const session = await page.bearer();
    const { host, port, origin } = new URL(session.url);
    const origins = [
      "http://evil.example",
      "null",
      `https://${host}`,
      `http://localhost:${port}`,
      `http://127.0.0.1:${Number(port) + 1}`,
      `http://${host}.evil.example`,
      `${origin}/`,
      "file://",
      "",
    ];
    for (const one of origins) {
      const lines = post(host, session, `origin: ${one}`);
      const { status } = await raw(session.url, lines, WANTED);
      assertEquals(status, 403, one);
    }
    for (const site of ["cross-site", "same-site"]) {
      const lines = post(host, session, `sec-fetch-site: ${site}`);
      assertEquals((await raw(session.url, lines, WANTED)).status, 403, site);
      const script = ["GET /app.js HTTP/1.1", `host: ${host}`, `sec-fetch-site: ${site}`];
      assertEquals((await raw(session.url, script)).status, 403, site);
    }
    assertEquals(flock.count("SELECT count(*) FROM task"), 0);
    const own = post(host, session, `origin: ${origin}`, "sec-fetch-site: same-origin");
    assertEquals((await raw(session.url, own, WANTED)).status, 200);
    const link = [
      "GET / HTTP/1.1",
      `host: ${host}`,
      "sec-fetch-site: cross-site",
      "sec-fetch-mode: navigate",
    ];
    assertEquals((await raw(session.url, link)).status, 200, "a link may lead here");
  });
});

Deno.test("guard: without a token nothing is told", async () => {
  await withSite(async (flock, page) => {
    const session = await page.bearer();
    const before = flock.count("SELECT count(*) FROM task");
    const bad = ["", "x", "operator", `${session.token}x`, session.token.slice(0, -1)];
    for (const { name } of CATALOGUE) {
      const answer = await request(`${session.url}/api/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      assertEquals([answer.status, answer.json.code], [401, "TOKEN_INVALID"], name);
      assert(typeof answer.json.hint === "string");
    }
    for (const token of bad) {
      const nobody = new Session(session.url, token);
      await nobody.refused(401, "TOKEN_INVALID", "status");
      for (const path of ["/metrics", "/api/events", "/api/nothing", "/nothing", "/api/status"]) {
        const answer = await nobody.get(path);
        assertEquals([answer.status, answer.json.code], [401, "TOKEN_INVALID"], path);
        assert(!answer.text.includes(flock.folder), "it tells of nothing");
      }
    }
    for (const scheme of [`Basic ${btoa("operator:x")}`, `Token ${session.token}`, session.token]) {
      const answer = await request(`${session.url}/metrics`, {
        headers: { authorization: scheme },
      });
      assertEquals(answer.status, 401);
    }
    // Neither in the address nor in a cookie: both end up where others read them.
    const inUrl = await request(`${session.url}/metrics?token=${session.token}`);
    assertEquals(inUrl.status, 401);
    const cookie = await request(`${session.url}/metrics`, {
      headers: { cookie: `token=${session.token}` },
    });
    assertEquals(cookie.status, 401);
    assertEquals(flock.count("SELECT count(*) FROM task"), before);
  });
});

Deno.test("guard: only the methods of a path, and no change by GET", async () => {
  await withSite(async (flock, page) => {
    const session = await page.bearer();
    const seq = (): number => flock.count("SELECT max(seq) FROM journal");
    const { host } = new URL(session.url);
    const before = seq();
    const table: readonly [string, readonly string[]][] = [
      ["/", ["GET", "HEAD"]],
      ["/app.js", ["GET", "HEAD"]],
      ["/healthz", ["GET", "HEAD"]],
      ["/metrics", ["GET", "HEAD"]],
      ["/api/session", ["POST"]],
      ["/api/events", ["GET"]],
      ["/api/status", ["POST"]],
      ["/api/create_task", ["POST"]],
    ];
    for (const [path, allowed] of table) {
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]) {
        if (allowed.includes(method)) continue;
        const { status, text } = await raw(session.url, [
          `${method} ${path} HTTP/1.1`,
          `host: ${host}`,
          `authorization: ${session.headers["authorization"]}`,
          "content-length: 0",
        ]);
        assertEquals(status, 405, `${method} ${path}: ${text}`);
        assertMatch(text, new RegExp(`allow: ${allowed.join(", ")}`, "i"));
      }
    }
    const query = await session.get("/api/create_task?title=never");
    assertEquals(query.status, 405);
    assertEquals(seq(), before, "a request that is no POST has changed something");
  });
});

Deno.test("guard: bodies that are not JSON, not typed so, too large or too slow", async () => {
  await withSite(async (flock, page) => {
    const session = await page.bearer();
    const { host } = new URL(session.url);
    const send = (type: string, body: string) =>
      request(`${session.url}/api/create_task`, {
        method: "POST",
        headers: { ...session.headers, "content-type": type },
        body,
      });
    for (
      const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x"]
    ) {
      const answer = await send(type, WANTED);
      assertEquals([answer.status, answer.json.field], [415, "content-type"], type);
    }
    const json = "application/json";
    for (const body of ["{", "nonsense", "{'a':1}", "[1,2", "\u0000"]) {
      const answer = await send(json, body);
      assertEquals([answer.status, answer.json.field], [400, "body"], body);
    }
    for (const body of ["1", '"x"', "true", "[]", "[{}]", '{"__proto__":{"title":"x"}}', "null"]) {
      const answer = await send(json, body);
      assertEquals([answer.status, answer.json.code], [400, "INVALID_INPUT"], body);
    }
    const giant = JSON.stringify({ title: "x", description: "y".repeat(LIMITS.requestBytes) });
    const answer = await send(json, giant);
    assertEquals([answer.status, answer.json.code], [413, "TOO_LARGE"]);
    // Also where nobody says beforehand how long it will be.
    const pieces = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)),
    });
    const endless = await fetch(`${session.url}/api/create_task`, {
      method: "POST",
      headers: { ...session.headers, "content-type": json },
      body: pieces,
    }).then(async (one) => [one.status, (await one.text()).length > 0], () => [413, true]);
    assertEquals(endless, [413, true]);
    const slow = post(host, session).filter((line) => !/content-length/.test(line));
    const startMs = performance.now();
    const late = await raw(session.url, [...slow, "content-length: 1000"], '{"title":');
    assertEquals(late.status, 408, late.text);
    assert(performance.now() - startMs < 15_000);
    assertEquals((await send(`${json}; charset=utf-8`, '{"title":"at last"}')).status, 200);
    assertEquals(flock.count("SELECT count(*) FROM task"), 1);
  });
});
