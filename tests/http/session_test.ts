// Signing in: by a link of `skein dashboard` alone, once, within two minutes, as the human, for a day's
// work. Whoever is no human gets no link.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Flock } from "../cluster/flock.ts";
import { linkMark, OPERATOR, pageMark } from "../../src/peer/session.ts";
import { type Claims, issueToken, readToken } from "../../src/peer/token.ts";
import { eventually } from "../support/eventually.ts";
import { exchange, type Json, linkOf, request, Session, signIn, withSite } from "./site.ts";

function codeOf(link: Json): string {
  return String(link.link).split("#code=")[1] ?? "";
}

/** Signs claims as this home would. */
function signed(flock: Flock, claims: Partial<Claims>): string {
  const secret = Deno.readFileSync(join(flock.home, "secret"));
  const issuedS = Math.floor(Deno.osUptime());
  return issueToken(secret, {
    peer: OPERATOR,
    role: "operator",
    project: flock.folder,
    incarnation: "",
    issuedS,
    expiresS: issuedS + 60,
    ...claims,
  });
}

Deno.test("session: a link works once, also when two browsers try at the same time", async () => {
  await withSite(async (flock, session) => {
    const code = codeOf(await linkOf(flock));
    const tries = await Promise.all(
      Array.from({ length: 8 }, () => exchange(session.url, code)),
    );
    const statuses = tries.map(({ status }) => status).sort();
    assertEquals(statuses, [200, ...Array(7).fill(401)]);
    for (const { json } of tries.filter(({ status }) => status === 401)) {
      assertEquals(json.code, "TOKEN_INVALID");
      assertMatch(json.message, /used already/);
      assertMatch(json.hint, /skein dashboard/);
    }
    const rows = flock.rows<{ n: number }>(
      "SELECT count(*) AS n FROM journal WHERE op = 'sign_in'",
    );
    assertEquals(rows[0]?.n, 2, "the session's own, and one of the eight");
  });
});

Deno.test("session: old links, tokens and junk are no codes; a code is no token", async () => {
  await withSite(async (flock, session) => {
    const nowS = Math.floor(Deno.osUptime());
    const { epoch } = flock.leader();
    const link = (more: Partial<Claims>): string =>
      signed(flock, { incarnation: linkMark(crypto.randomUUID(), nowS + 1_000, epoch), ...more });
    const good = link({});
    const bad = [
      ["expired", link({ issuedS: nowS - 200, expiresS: nowS - 80 })],
      ["of a later boot", link({ issuedS: nowS + 5_000, expiresS: nowS + 6_000 })],
      [
        "of the leader before",
        link({ incarnation: linkMark(crypto.randomUUID(), nowS + 1_000, epoch - 1) }),
      ],
      ["a session", session.token],
      ["a plain token", signed(flock, { incarnation: "abcdefgh2345" })],
      ["cut", good.slice(0, -2)],
      ["empty", ""],
      ["a word", "operator"],
    ] as const;
    for (const [what, code] of bad) {
      const { status, json } = await exchange(session.url, code);
      assertEquals([status, json.code], [401, "TOKEN_INVALID"], what);
    }
    // Never sent whole, neither in a body nor as a bearer.
    for (const more of [{}, { authorization: `Bearer ${good}` }]) {
      const { status, json } = await request(`${session.url}/api/session`, {
        method: "POST",
        headers: { "content-type": "application/json", ...more },
        body: JSON.stringify({ code: good }),
      });
      assertEquals([status, json.code], [401, "TOKEN_INVALID"]);
    }
    await new Session(session.url, good).refused(401, "TOKEN_INVALID", "status");
    assertEquals((await exchange(session.url, good)).status, 200, "it was not used up by that");
  });
});

Deno.test("session: ends after its time, and opens no other door", async () => {
  await withSite(async (flock, session) => {
    const nowS = Math.floor(Deno.osUptime());
    const page = (more: Partial<Claims>): Session =>
      new Session(session.url, signed(flock, { incarnation: pageMark("x"), ...more }));
    await page({}).ok("status");
    await page({ issuedS: nowS - 90, expiresS: nowS - 1 }).refused(401, "TOKEN_EXPIRED", "status");
    // As nobody but the human: a peer of that name is none.
    await page({ peer: "somebody", role: "worker" }).refused(401, "NOT_JOINED", "status");
    const secret = Deno.readFileSync(join(flock.home, "secret"));
    const claims = readToken(secret, session.token);
    assertEquals(claims.expiresS - claims.issuedS, 43_200);
    const cli = await flock.cli(["status"], { env: { SKEIN_TOKEN: session.token } });
    assertEquals(cli.code, 4, "a session is for the page alone");
  });
});

Deno.test("session: a link made by a session lives no longer than it", async () => {
  await withSite(async (flock, session) => {
    const nowS = Math.floor(Deno.osUptime());
    const short = new Session(
      session.url,
      signed(flock, { incarnation: pageMark("y"), expiresS: nowS + 300 }),
    );
    const { code, project } = await short.ok("issue_link");
    assertEquals(project, flock.folder);
    const { json } = await exchange(session.url, code);
    const secret = Deno.readFileSync(join(flock.home, "secret"));
    assert(readToken(secret, json.token).expiresS <= nowS + 300);
    const { token } = await short.ok("issue_token", { ttl_s: 80_000 });
    assert(readToken(secret, token).expiresS <= nowS + 301);
  });
});

Deno.test("session: outlives the operator's lease, and renews it", async () => {
  await withSite(async (flock, session) => {
    const before = flock.incarnation("operator");
    // The leader ends the lease of two seconds; the session acts by the next life.
    await eventually(() => flock.incarnation("operator") !== before, { withinMs: 15_000 });
    await session.ok("create_task", { title: "still signed in" });
    assertEquals(flock.rows("SELECT state FROM peer WHERE id = 'operator'"), [{ state: "live" }]);
  }, { env: { SKEIN_LEASE_S: "2" } });
});

Deno.test("session: an agent's shell gets no link", async () => {
  await withSite(async (flock, _session, [anna]) => {
    const { token } = await anna?.ok("issue_token");
    const shells: readonly Readonly<Record<string, string>>[] = [
      { SKEIN_TOKEN: token },
      { CLAUDE_CODE_SESSION_ID: "an-agents-session" },
      { SKEIN_TOKEN: "" },
    ];
    for (const env of shells) {
      const ran = await flock.cli<Json>(["dashboard"], { env });
      assertEquals(ran.code, 4, JSON.stringify(env));
      assert(["NOT_ALLOWED", "TOKEN_INVALID"].includes(ran.json.error.code), ran.stdout);
      assert(!ran.stdout.includes("#code="));
    }
    const { isError, json } = await anna?.call("issue_link") ?? { isError: true, json: {} };
    assertEquals([isError, json.error.code], [true, "NOT_ALLOWED"]);
    await signIn(flock);
  });
});
