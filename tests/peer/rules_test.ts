// Who a newcomer is, which role it gets and how fast it may talk: the rules as tables, and the
// token bucket also as a property, since rounding is where buckets leak.

import { assert, assertEquals, assertFalse, assertMatch, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import type { Role } from "../../src/core/operation.ts";
import {
  type Bucket,
  type Candidate,
  decideIdentity,
  decideRole,
  dirtyOverlap,
  generateName,
  type Identity,
  mayTakeOver,
  nameFault,
  nextFreeName,
  type RoleDecision,
  type RoleQuestion,
  secondsToToken,
  takeToken,
} from "../../src/peer/rules.ts";

const nobody = (): boolean => false;
const zero = (): number => 0;

Deno.test("nameFault: takes what fits a column, refuses the rest with the reason", () => {
  for (const good of ["a", "7", "anna", "Anna-2", "a.b_c-d", "x".repeat(64), "meadow", "m5"]) {
    assertEquals(nameFault(good), null, good);
  }
  const shaped = [
    "",
    "-a",
    ".a",
    "_a",
    "a b",
    "a/b",
    "*",
    "x".repeat(65),
    "Ann\u00e4",
    "a\n",
    "a\0",
  ];
  for (const bad of shaped) assertMatch(nameFault(bad) ?? "", /1 to 64 letters/, bad);
  for (const reserved of ["operator", "skein", "all", "me", "Operator", "ALL", "Me"]) {
    assertMatch(nameFault(reserved) ?? "", /reserved/, reserved);
  }
});

Deno.test("generateName: is a usable name that nobody has, even when every pair is taken", () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < 200; i++) assertEquals(nameFault(generateName(random, nobody)), null);
  const crowded = generateName(random, (name) => !/-\d+$/.test(name) || name.endsWith("-2"));
  assertMatch(crowded, /^[a-z]+-[a-z]+-3$/);
  assertNotEquals(generateName(zero, nobody), generateName(() => 0.999_999, nobody));
  assertMatch(generateName(() => 0.999_999_999, nobody), /^[a-z]+-[a-z]+$/);
});

Deno.test("nextFreeName: counts on to the first free name and keeps the length", () => {
  assertEquals(nextFreeName("anna", nobody), "anna-2");
  const taken = new Set(["anna-2", "anna-3"]);
  assertEquals(nextFreeName("anna", (name) => taken.has(name)), "anna-4");
  const long = nextFreeName("x".repeat(64), nobody);
  assertEquals(long, `${"x".repeat(62)}-2`);
  assertEquals(nameFault(long), null);
});

const candidate = (more: Partial<Candidate>): Candidate => ({
  id: "p1",
  name: "anna",
  project: "here",
  session: null,
  kind: "resident",
  alive: false,
  ...more,
});

interface IdentityCase {
  readonly what: string;
  readonly session?: string;
  readonly name?: string;
  readonly bySession?: Partial<Candidate>;
  readonly byName?: Partial<Candidate>;
  readonly is: Identity;
}

const IDENTITIES: readonly IdentityCase[] = [
  { what: "a free name", name: "anna", is: { as: "new", name: "anna" } },
  {
    what: "the same session whose life goes on",
    session: "s",
    bySession: { id: "p7", alive: true },
    is: { as: "same", id: "p7" },
  },
  {
    what: "the same session before an explicit name",
    session: "s",
    name: "anna",
    bySession: { id: "p7" },
    byName: { id: "p1", alive: true },
    is: { as: "same", id: "p7" },
  },
  { what: "a name whose holder is gone", name: "anna", byName: {}, is: { as: "same", id: "p1" } },
  {
    what: "a name whose holder lives under another session",
    session: "s",
    name: "anna",
    byName: { alive: true, session: "other" },
    is: { as: "new", name: "anna-2", instead: "anna" },
  },
  {
    what: "a name whose holder lives without a session",
    name: "anna",
    byName: { alive: true },
    is: { as: "new", name: "anna-2", instead: "anna" },
  },
  {
    what: "a name of a caller without a process",
    name: "anna",
    byName: { alive: true, kind: "leased" },
    is: { as: "same", id: "p1" },
  },
  {
    what: "a name of a caller that stands for a session",
    name: "anna",
    byName: { alive: true, kind: "leased", session: "other" },
    is: { as: "new", name: "anna-2", instead: "anna" },
  },
  {
    what: "a name whose holder is gone from another project",
    name: "anna",
    byName: { project: "elsewhere" },
    is: { as: "heir", name: "anna", archive: "p1" },
  },
];

Deno.test("decideIdentity: session first, then explicit name, and live holders keep theirs", () => {
  for (const { what, session, name, bySession, byName, is } of IDENTITIES) {
    const got = decideIdentity(
      { session: session ?? null, name: name ?? null, project: "here" },
      bySession === undefined ? null : candidate(bySession),
      byName === undefined ? null : candidate(byName),
      (taken) => taken === "anna",
      zero,
    );
    assertEquals(got, is, what);
  }
});

Deno.test("decideIdentity: without session and name a newcomer gets a generated free name", () => {
  const brings = { session: "new", name: null, project: "here" };
  const first = decideIdentity(brings, null, null, nobody, zero);
  assert(first.as === "new" && nameFault(first.name) === null && first.instead === undefined);
  const taken = (name: string): boolean => name === first.name;
  let calls = 0;
  const second = decideIdentity(brings, null, null, taken, () => calls++ < 2 ? 0 : 0.5);
  assert(second.as === "new" && second.name !== first.name);
});

const question = (more: Partial<RoleQuestion>): RoleQuestion => ({
  asked: null,
  pinning: false,
  present: null,
  pinned: false,
  seatHolder: null,
  takesSeat: true,
  ...more,
});

const got = (role: Role, wanted: Role | null = null): Partial<RoleDecision> => ({ role, wanted });

const ROLES: readonly [string, Partial<RoleQuestion>, Partial<RoleDecision>][] = [
  ["the first of a project", {}, got("architect")],
  ["a later one", { seatHolder: "bea" }, got("worker")],
  ["one that leaves the seat alone", { takesSeat: false }, got("worker")],
  ["an architect that returns to its seat", {
    present: "architect",
    takesSeat: false,
  }, got("architect")],
  ["an architect whose seat was taken", { present: "architect", seatHolder: "b" }, got("worker")],
  ["a worker when the seat is empty", { present: "worker" }, got("architect")],
  ["an observer stays one", { present: "observer" }, got("observer")],
  ["a pinned worker leaves the seat", { present: "worker", pinned: true }, got("worker")],
  ["an asked-for worker", { asked: "worker" }, got("worker")],
  ["an asked-for observer", { asked: "observer", present: "architect" }, got("observer")],
  ["an asked-for empty seat", { asked: "architect", present: "worker" }, got("architect")],
  ["a taken seat", { asked: "architect", seatHolder: "bea" }, { refused: "taken" }],
  [
    "a taken seat, by the environment",
    { asked: "architect", seatHolder: "bea", pinning: true },
    got("worker", "architect"),
  ],
  ["the operator's role", { asked: "operator" }, { refused: "operator" }],
  ["the operator's role, by the environment", { asked: "operator", pinning: true }, {
    refused: "operator",
  }],
  [
    "another role than the pinned one",
    { asked: "architect", present: "worker", pinned: true },
    { refused: "pinned" },
  ],
  ["the pinned role again", { asked: "worker", present: "worker", pinned: true }, got("worker")],
  [
    "a role pinned anew by the environment",
    { asked: "observer", present: "worker", pinned: true, pinning: true },
    got("observer"),
  ],
];

Deno.test("decideRole: one architect at a time, pinned roles stay, nobody is the operator", () => {
  for (const [what, asked, expected] of ROLES) {
    const decision = decideRole(question(asked));
    const core = "refused" in decision
      ? { refused: decision.refused }
      : { role: decision.role, wanted: decision.wanted };
    assertEquals<unknown>(core, expected, what);
  }
});

Deno.test("decideRole: a refusal or a consolation names who holds the seat", () => {
  const refused = decideRole(question({ asked: "architect", seatHolder: "bea" }));
  assert("refused" in refused);
  assertMatch(refused.why, /bea/);
  const pinned = decideRole(question({ asked: "architect", seatHolder: "bea", pinning: true }));
  assert("role" in pinned);
  assertMatch(pinned.notice ?? "", /bea/);
});

Deno.test("takeToken: a new bucket is full, empties one by one and refills to its size", () => {
  let bucket: Bucket | null = { tokens: -1, atS: 0 };
  for (let i = 0; i < 10; i++) {
    bucket = takeToken(bucket, 100, 10);
    assert(bucket !== null);
  }
  assertEquals(takeToken(bucket, 100, 10), null);
  assertEquals(takeToken(bucket, 105, 10), null);
  assertEquals(takeToken(bucket, 106, 10), { tokens: 0, atS: 106 });
  assertEquals(takeToken(bucket, 100_000, 10), { tokens: 9, atS: 100_000 });
});

Deno.test("takeToken: time that seems to go back refills nothing", () => {
  assertEquals(takeToken({ tokens: 0.5, atS: 100 }, 10, 60), null);
  assertEquals(takeToken({ tokens: 1, atS: 100 }, 10, 60), { tokens: 0, atS: 100 });
});

Deno.test("takeToken: over any stretch of time no more than the bucket and its refill", () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 200 });
  fc.assert(fc.property(pauses, fc.integer({ min: 1, max: 120 }), (gaps, perMinute) => {
    let bucket: Bucket = { tokens: -1, atS: 0 };
    let nowS = 0;
    let granted = 0;
    for (const gap of gaps) {
      nowS += gap;
      const next = takeToken(bucket, nowS, perMinute);
      if (next === null) continue;
      bucket = next;
      granted += 1;
    }
    return granted <= perMinute + (nowS * perMinute) / 60 + 1e-6;
  }));
});

Deno.test("secondsToToken: after that many seconds a token is there", () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 60 });
  const rate = fc.integer({ min: 1, max: 1_000 });
  fc.assert(
    fc.property(pauses, rate, fc.integer({ min: 0, max: 999 }), (gaps, perMinute, part) => {
      let bucket: Bucket = { tokens: part / 1_000, atS: 0 };
      let nowS = 0;
      for (const gap of gaps) {
        nowS += gap;
        const next = takeToken(bucket, nowS, perMinute);
        if (next !== null) {
          bucket = next;
          continue;
        }
        const waitS = secondsToToken(bucket, nowS, perMinute);
        assert(waitS >= 1 && Number.isInteger(waitS));
        assert(takeToken(bucket, nowS + waitS, perMinute) !== null, `${nowS} + ${waitS}`);
      }
    }),
    // The example was found by this property: 1/3 of a token is no number of seconds in binary.
    { numRuns: 2_000, examples: [[[4, 4, 1, 6, 4, 1], 3, 200]] },
  );
});

Deno.test("dirtyOverlap: names the files that both have changed", () => {
  assertEquals(dirtyOverlap(["a", "b", "c"], ["c", "d", "a"]), ["a", "c"]);
  assertEquals(dirtyOverlap([], ["a"]), []);
  assertEquals(dirtyOverlap(["a"], []), []);
});

Deno.test("mayTakeOver: only of a stalled peer, and only after the grace", () => {
  assertFalse(mayTakeOver(null, 1_000_000, 0));
  assertFalse(mayTakeOver(100, 399, 300));
  assert(mayTakeOver(100, 400, 300));
  assertFalse(mayTakeOver(100, 50, 300));
});
