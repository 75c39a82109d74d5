// `skein dashboard`: with a leader it prints its link and ends; without one it leads and serves until it
// is interrupted, in nobody's way.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { leadingTo } from "../../src/door/dashboard.ts";
import { type Flock, withFlock } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { freePorts } from "./ports.ts";
import { exchange, type Json, request, Session, urlOf, withSite } from "./site.ts";
import { squat } from "./squatter.ts";

/** The command as a human's terminal has it, while it runs. */
class Running {
  readonly child: Deno.ChildProcess;
  stdout = "";
  stderr = "";
  readonly #read: Promise<unknown>;

  constructor(flock: Flock, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [command = "", ...before] = SOURCE_COMMAND;
    this.child = new Deno.Command(command, {
      args: [...before, "dashboard", ...args],
      cwd: flock.folder,
      clearEnv: true,
      env: testEnv({ SKEIN_HOME: flock.home, ...env }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([
      drain(this.child.stdout, (text) => this.stdout += text),
      drain(this.child.stderr, (text) => this.stderr += text),
    ]);
  }

  async end(signal: Deno.Signal = "SIGINT"): Promise<number> {
    this.child.kill(signal);
    const { code } = await this.child.status;
    await this.#read;
    return code;
  }

  async link(): Promise<Json> {
    await eventually(() => this.stdout.includes("\n"), { withinMs: 10_000, what: "the link" });
    return JSON.parse(this.stdout);
  }
}

async function drain(stream: ReadableStream<Uint8Array>, take: (text: string) => void) {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
}

Deno.test("dashboard: where nobody leads it leads, serves, and ends with Ctrl-C", async () => {
  await withFlock(async (flock) => {
    const running = new Running(flock, ["--json"]);
    const { url, link, project, serving } = await running.link();
    assertEquals([project, serving], [flock.folder, true]);
    assert(link.startsWith(`${url}/#code=`), link);
    const { json } = await exchange(url, link.split("#code=")[1]);
    const session = new Session(url, json.token);
    const { peers } = await session.ok("status");
    assertEquals(peers.map((one: Json) => [one.name, one.role]), [["dashboard", "observer"]]);
    // Whoever comes later gets the architect's seat, and the lead when this one ends.
    const anna = await flock.join({ name: "anna" });
    assertEquals((await anna.ok("join")).you.role, "architect");
    assertEquals(flock.leader().name, "dashboard");
    assertEquals(await running.end(), 0);
    await eventually(() => flock.leader().name === "anna");
    const next = session.at(await urlOf(flock));
    assertEquals((await next.ok("status")).leader.name, "anna");
  });
});

Deno.test("dashboard: with a leader it prints the link and ends, in words, too", async () => {
  await withSite(async (flock, session) => {
    for (const args of [[], ["--print"]]) {
      const running = new Running(flock, args);
      assertEquals((await running.child.status).code, 0);
      await eventually(() => /#code=skein1\./.test(running.stdout));
      assertMatch(running.stdout, new RegExp(`${session.url}/#code=`));
      assert(!/Ctrl-C/.test(running.stdout));
    }
    assertEquals(flock.count("SELECT count(*) FROM peer WHERE name = 'dashboard'"), 0);
  });
});

Deno.test("dashboard: flags that it has not are refused, --help says which it has", async () => {
  await withFlock(async (flock) => {
    const { code, stderr } = await flock.cli(["dashboard", "--nonsense"]);
    assertEquals(code, 2, stderr);
    const help = new Running(flock, ["--help"]);
    assertEquals((await help.child.status).code, 0);
    await eventually(() => /--print/.test(help.stdout));
  });
});

Deno.test("dashboard: --dir names the project, and the page begins there", async () => {
  await withSite(async (flock) => {
    const other = `${flock.folder}/../other`;
    Deno.mkdirSync(other);
    const { json } = await flock.cli<Json>(["dashboard", "--dir", other]);
    const real = Deno.realPathSync(other);
    assertEquals(json.project, real);
    const signed = await exchange(json.url, json.link.split("#code=")[1]);
    const session = new Session(json.url, signed.json.token);
    await session.ok("create_task", { title: "the first of its project" });
    const { projects } = await session.ok("list_projects");
    assert(projects.some((one: Json) => one.id === real && one.tasks_open === 1));
  });
});

Deno.test("up: serves the page, too", async () => {
  await withFlock(async (flock) => {
    const [command = "", ...before] = SOURCE_COMMAND;
    const child = new Deno.Command(command, {
      args: [...before, "up"],
      cwd: flock.folder,
      clearEnv: true,
      env: testEnv({ SKEIN_HOME: flock.home }),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await eventually(() => Deno.statSync(flock.database).isFile, { withinMs: 10_000 });
      const url = await urlOf(flock, 10_000);
      assertEquals((await request(`${url}/healthz`)).status, 200);
    } finally {
      child.kill("SIGTERM");
      await child.status;
    }
  });
});

Deno.test("dashboard: a stopped leader with nobody to follow it is followed by the command", async () => {
  await withFlock(async (flock) => {
    const anna = await flock.join({ name: "anna" });
    await urlOf(flock);
    anna.signal("SIGSTOP");
    const running = new Running(flock, ["--json"]);
    await eventually(() => running.stdout.includes("\n"), { withinMs: 25_000, what: "the link" });
    const { url, link, serving } = await running.link();
    assertEquals([serving, flock.leader().name], [true, "dashboard"]);
    assertEquals((await exchange(url, link.split("#code=")[1])).status, 200);
    anna.signal("SIGCONT");
    assertEquals((await anna.ok("status")).leader.name, "dashboard");
    assertEquals(await running.end(), 0);
    await eventually(() => flock.leader().name === "anna");
  });
});

Deno.test("doctor: says where the page is, and whether it answers", async () => {
  await withSite(async (flock, session, [anna]) => {
    const leader = async (): Promise<Json> => {
      const nowhere = `${flock.folder}/none`;
      const env = { CLAUDE_CONFIG_DIR: nowhere, XDG_DATA_HOME: nowhere, SKEIN_BIN: nowhere };
      const { json } = await flock.cli<Json>(["doctor"], { env });
      return json.findings.find((one: Json) => one.what === "leader");
    };
    const well = await leader();
    assertEquals(well.state, "ok");
    assertMatch(well.text, new RegExp(session.url));
    anna?.signal("SIGSTOP");
    const ill = await leader();
    anna?.signal("SIGCONT");
    assertEquals(ill.state, "fault");
    assertMatch(ill.text, /does not answer/);
  });
});

Deno.test("dashboard: the link is in no argument of a process, but in a file for this user alone", async () => {
  await withFlock(async (flock) => {
    await flock.cli(["status"]);
    const [first, second] = ["http://127.0.0.1:1/#code=a.b.c", "http://127.0.0.1:1/#code=d.e.f"]
      .map((link) => ({ link, path: leadingTo(link, flock.home) }));
    assertMatch(second?.path ?? "", /open-[0-9a-f-]+\.html$/);
    assert(!(second?.path ?? "").includes("code"));
    assert(Deno.readTextFileSync(second?.path ?? "").includes(`url=${second?.link}"`));
    assertEquals((Deno.statSync(second?.path ?? "").mode ?? 0) & 0o777, 0o600);
    assertThrows(() => Deno.statSync(first?.path ?? ""), Deno.errors.NotFound);
  });
});

Deno.test("dashboard: no link leads to an address that has not proven itself", async () => {
  await withSite(async (flock, session) => {
    const [port = 0] = freePorts(1);
    const squatter = await squat(port);
    const say = (url: string): void => {
      const db = new DatabaseSync(join(flock.home, "skein.db"), { timeout: 5_000 });
      db.prepare("UPDATE leader SET url = ?").run(url);
      db.close();
    };
    // As in the moment between a leader's death and the next one's first word.
    say(`http://127.0.0.1:${port}`);
    const running = new Running(flock, ["--json"]);
    await eventually(() => squatter.got.length > 1, { withinMs: 10_000, what: "it is asked" });
    say(session.url);
    const { url, link } = await running.link();
    assertEquals(url, session.url);
    assertEquals((await exchange(url, String(link).split("#code=")[1] ?? "")).status, 200);
    await running.child.status;
    await squatter.stop();
    const sent = JSON.stringify(squatter.got);
    assert(squatter.got.every(({ path }) => path === "/healthz"), sent);
    assert(!sent.includes(String(link).split(".").at(-1) ?? ""), sent);
  });
});
