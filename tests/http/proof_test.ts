// What a page sends is good once, at one server, at one address, for what was signed; and what it is
// answered counts only from a leader of its home. So another program on the leader's port gains nothing.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Foreign, Line } from "../../dashboard/data/proof.ts";
import { provenAt } from "../../src/door/http_proof.ts";
import { withFlock } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "./ports.ts";
import { type Json, linkOf, raw, request, signIn, urlOf, withSite } from "./site.ts";
import { squat } from "./squatter.ts";

/** One request of a page as bytes, kept instead of sent. */
interface Kept {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a page would send now; the page's own `fetch` is held up for it. */
async function keep(line: Line, path: string, input: Json): Promise<Kept> {
  const kept: Kept[] = [];
  const real = globalThis.fetch;
  try {
    globalThis.fetch = (_url, init) => {
      const { headers, body } = init as { headers: Kept["headers"]; body: string };
      kept.push({ path, headers, body });
      return Promise.reject(new TypeError("held up"));
    };
    const headers = { "content-type": "application/json" };
    const asked = line.ask(path, { method: "POST", headers, body: JSON.stringify(input) });
    await assertRejects(() => asked, TypeError, "held up");
  } finally {
    globalThis.fetch = real;
  }
  const [one] = kept;
  assert(one !== undefined);
  return one;
}

function send(url: string, { path, headers, body }: Kept, more: Partial<Kept> = {}) {
  return request(`${url}${more.path ?? path}`, {
    method: "POST",
    headers: { ...headers, ...more.headers },
    body: more.body ?? body,
  });
}

Deno.test("proof: a signed request is taken once, and only as it was signed", async () => {
  await withSite(async (flock, session) => {
    const line = new Line(session.token, session.url);
    const kept = async (title: string): Promise<Kept> => {
      await (await line.ask("/healthz")).body?.cancel();
      return await keep(line, "/api/create_task", { title });
    };
    const first = await kept("once");
    assertEquals((await send(session.url, first)).status, 200);
    const again = await send(session.url, first);
    assertEquals([again.status, again.json.code, again.json.again], [401, "TOKEN_INVALID", true]);
    const second = await kept("altered");
    const other = { body: JSON.stringify({ title: "of a stranger" }) };
    assertEquals((await send(session.url, second, other)).status, 401);
    const third = await kept("elsewhere");
    for (const path of ["/api/create_task?x=1", "/api/control", "/api/session"]) {
      assertEquals((await send(session.url, third, { path })).status, 401, path);
    }
    const { port, host } = new URL(session.url);
    const lines = Object.entries(third.headers).map(([name, value]) => `${name}: ${value}`);
    for (const [to, status] of [[`localhost:${port}`, 401], [host, 200]] as const) {
      const head = ["POST /api/create_task HTTP/1.1", `host: ${to}`, ...lines];
      const length = `content-length: ${third.body.length}`;
      assertEquals((await raw(session.url, [...head, length], third.body)).status, status, to);
    }
    const fourth = await kept("late");
    const parts = (fourth.headers["authorization"] ?? "").split(".");
    for (const [at, value] of [[2, String(Date.now() - 60_000)], [3, "0".repeat(32)]] as const) {
      const authorization = parts.map((part, i) => i === at ? value : part).join(".");
      assertEquals((await send(session.url, fourth, { headers: { authorization } })).status, 401);
    }
    const rows = flock.rows<{ title: string }>("SELECT title FROM task ORDER BY id");
    assertEquals(rows.map(({ title }) => title), ["once", "elsewhere"]);
  });
});

Deno.test("proof: neither a page's session nor the code of a link is a bearer", async () => {
  await withSite(async (flock, session) => {
    const code = String((await linkOf(flock)).link).split("#code=")[1];
    for (const token of [session.token, code]) {
      const headers = { authorization: `Bearer ${token}` };
      for (const path of ["/metrics", "/api/events", "/api/status", "/api/session"]) {
        const method = path === "/metrics" || path === "/api/events" ? "GET" : "POST";
        const { status, json } = await request(`${session.url}${path}`, { method, headers });
        assertEquals([status, json.code], [401, "TOKEN_INVALID"], path);
      }
    }
    await (await session.bearer()).ok("status");
  });
});

Deno.test("proof: what a squatter was sent after the leader's death is refused by the next leader", async () => {
  const [port = 0] = freePorts(1);
  await withFlock(async (flock) => {
    const env = { SKEIN_PORT: String(port) };
    const ann = await flock.join({ name: "ann", env });
    const session = await signIn(flock);
    await session.ok("status");
    const code = String((await linkOf(flock)).link).split("#code=")[1] ?? "";
    const line = new Line(session.token, session.url);
    await (await line.ask("/healthz")).body?.cancel();
    await ann.kill();
    const squatter = await squat(port);
    // The page knows the leader of before: its act is signed and goes out, and so does a sign-in.
    const post = { method: "POST", headers: { "content-type": "application/json" } } as const;
    const body = JSON.stringify({ title: "sent into the wrong hands" });
    await assertRejects(() => line.ask("/api/create_task", { ...post, body }), Foreign);
    await assertRejects(() => line.ask("/api/create_task", { ...post, body }), Foreign);
    await assertRejects(
      () => new Line(code, session.url).ask("/api/session", { ...post, body: "{}" }),
      Foreign,
    );
    assertEquals(await provenAt(session.url, code, AbortSignal.timeout(2_000)), false);
    assertEquals(
      squatter.got.map(({ path }) => path),
      ["/api/create_task", "/healthz", "/healthz", "/healthz"],
      "who has proven nothing is asked for nothing else",
    );
    const secrets = [session.token, code].map((token) => token.split(".")[2] ?? "");
    const sent = JSON.stringify(squatter.got);
    assert(secrets.every((mac) => mac !== "" && !sent.includes(mac)), sent);
    await squatter.stop();
    await flock.join({ name: "ben", env });
    await eventually(async () => await urlOf(flock) === session.url && flock.leader().epoch > 1);
    const replayed = await squatter.replay();
    assertEquals(replayed.length, 8);
    for (const { status, got } of replayed) {
      assert(status === 401 || got.path === "/healthz", `${status} ${JSON.stringify(got)}`);
    }
    assertEquals(flock.count("SELECT count(*) FROM task"), 0);
    // The code itself, which a squatter's own page would have seen, is for the leader that is gone.
    const late = await new Line(code, session.url).ask("/api/session", { ...post, body: "{}" });
    assertEquals([late.status, (await late.json()).code], [401, "TOKEN_INVALID"]);
    assert(await provenAt(session.url, code, AbortSignal.timeout(2_000)));
    // The page goes on by itself, with the same session.
    assertEquals((await line.ask("/api/create_task", { ...post, body })).status, 200);
  });
});

Deno.test("proof: who passes everything on to a leader at another port gets nothing through", async () => {
  await withSite(async (_flock, session) => {
    const to = new URL(session.url);
    const passed: number[] = [];
    const stop = new AbortController();
    const between = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} },
      async (asked) => {
        const { pathname, search } = new URL(asked.url);
        // In turn as the leader's own address and as the one that the page believes in.
        for (const host of [asked.headers.get("host") ?? "", to.host]) {
          const { status, text } = await raw(session.url, [
            `${asked.method} ${pathname}${search} HTTP/1.1`,
            `host: ${host}`,
            `authorization: ${asked.headers.get("authorization")}`,
          ]);
          passed.push(status);
          const proof = /skein-proof: (\S+)/i.exec(text)?.[1];
          if (host === to.host) {
            return new Response("{}", { headers: { "skein-proof": proof ?? "" } });
          }
          assertEquals(proof, undefined, "a leader proves no address but its own");
        }
        return new Response();
      },
    );
    const url = `http://127.0.0.1:${between.addr.port}`;
    await assertRejects(() => new Line(session.token, url).ask("/api/events"), Foreign);
    assertEquals(passed, [403, 200]);
    stop.abort();
    await between.finished;
  });
});
