// /metrics: what Prometheus reads, line by line, and what it has to say of a flock at work.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Answer, request, Session, withSite } from "./site.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/;

/** Reads the format strictly: each sample under its type, each type once. */
function parse(text: string): Sample[] {
  assert(text.endsWith("\n"));
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.slice(0, -1).split("\n")) {
    if (line.startsWith("# HELP ")) continue;
    if (line.startsWith("# TYPE ")) {
      const [, , name = "", type = ""] = line.split(" ");
      assert(!types.has(name), `${name} has two types`);
      assertMatch(type, /^(gauge|counter|histogram)$/);
      types.set(name, type);
      continue;
    }
    const [, name = "", inner = "", number = ""] = LINE.exec(line) ?? [];
    assert(name !== "", `no sample: ${line}`);
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    assert(types.has(family), `${name} has no type`);
    if (types.get(family) === "counter") assertMatch(family, /_(total|seq)$/);
    const labels: Record<string, string> = {};
    for (const [, key = "", value = ""] of inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key] = value;
    }
    const value = number === "+Inf" ? Infinity : Number(number);
    assert(!Number.isNaN(value), line);
    samples.push({ name, labels, value });
  }
  return samples;
}

function of(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  const found = samples.filter((one) =>
    one.name === `skein_${name}` &&
    Object.entries(labels).every(([key, value]) => one.labels[key] === value)
  );
  assertEquals(found.length, 1, `${name} ${JSON.stringify(labels)}`);
  return found[0]?.value ?? NaN;
}

Deno.test("/metrics: parses, and says how the flock is", async () => {
  await withSite(async (flock, session, [anna, bob]) => {
    await anna?.ok("create_task", { tasks: [{ key: "a", title: "a" }, { key: "b", title: "b" }] });
    await bob?.ok("claim_task");
    await anna?.ok("send", { to: "bob", content: "hello" });
    await session.ok("lock_file", { paths: ["a.ts"] });
    for (let i = 0; i < 5; i++) await session.ok("status");
    await session.refused(404, "UNKNOWN_TASK", "get_task", { id: "t99" });
    const answer: Answer = await session.get("/metrics");
    assertMatch(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const samples = parse(answer.text);
    assertEquals(of(samples, "peers", { role: "architect" }), 1);
    assertEquals(of(samples, "peers", { role: "operator", kind: "leased" }), 1);
    assertEquals(of(samples, "tasks", { status: "pending" }), 1);
    assertEquals(of(samples, "tasks", { status: "in_progress" }), 1);
    assertEquals(of(samples, "queue_length", { queue: "messages" }), 1);
    assertEquals(of(samples, "queue_length", { queue: "ready_tasks" }), 1);
    const age = of(samples, "queue_age_seconds", { queue: "messages" });
    assert(age >= 0 && age < 60, `${age}`);
    assertEquals(of(samples, "locks"), 1);
    assertEquals([of(samples, "leader_epoch"), of(samples, "takeovers_total")], [1, 0]);
    assertEquals(of(samples, "journal_seq"), flock.count("SELECT max(seq) FROM journal"));
    assertEquals(of(samples, "event_streams"), 0);
    assert(of(samples, "store_bytes", { file: "db" }) > 0);
    assert(of(samples, "http_responses_total", { status: "200" }) >= 6);
    assertEquals(
      of(samples, "operation_refused_total", { operation: "get_task", code: "UNKNOWN_TASK" }),
      1,
    );
    const status = { operation: "status" };
    assert(of(samples, "operation_seconds_count", status) >= 5);
    assert(of(samples, "operation_seconds_sum", status) > 0);
    const buckets = samples.filter(({ name, labels }) =>
      name === "skein_operation_seconds_bucket" && labels["operation"] === "status"
    );
    assertEquals(buckets.at(-1)?.labels["le"], "+Inf");
    assertEquals(buckets.at(-1)?.value, of(samples, "operation_seconds_count", status));
    const counts = buckets.map(({ value }) => value);
    assertEquals(counts, [...counts].sort((a, b) => a - b), "cumulative");
  }, { names: ["anna", "bob"] });
});

Deno.test("/metrics: for whoever has a token of the home, a scraper's own too", async () => {
  await withSite(async (flock, session) => {
    assertEquals((await request(`${session.url}/metrics`)).status, 401);
    const env = { SKEIN_NAME: "prometheus", SKEIN_ROLE: "observer" };
    await flock.cli(["join"], { env });
    const { json } = await flock.cli<{ token: string }>(["token", "issue"], { env });
    const scraper = new Session(session.url, json.token);
    assertEquals((await scraper.get("/metrics")).status, 200);
    await scraper.refused(403, "NOT_ALLOWED", "create_task", { title: "no" });
  });
});
