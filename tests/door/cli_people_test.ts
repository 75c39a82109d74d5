// Who a command line acts as, and how it talks to people: readable, whole, and without letting what
// others wrote drive the terminal.

import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { render } from "../../src/door/text.ts";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND, startPeer, testEnv } from "../support/peer.ts";
import { withShell } from "./shell.ts";
import type { Json } from "./wire.ts";

Deno.test("skein: acts as the operator, as --as, as SKEIN_NAME, as PEER_ID", async () => {
  await withShell(async (shell) => {
    const you = async (args: string[], env: Record<string, string> = {}): Promise<Json> =>
      (await shell.run(["join", ...args, "--json"], { env })).json.you;
    const operator = await you([]);
    assertEquals([operator.name, operator.role], ["operator", "operator"]);
    const worker = await you(["--as", "w1"]);
    assertEquals([worker.name, worker.role], ["w1", "worker"]);
    assertEquals((await you(["--as", "w1"])).id, worker.id, "the same peer each time");
    assertEquals((await you([], { SKEIN_NAME: "w2" })).name, "w2");
    assertEquals((await you([], { PEER_ID: "w3" })).name, "w3");
    assertEquals((await you([], { SKEIN_NAME: "w4", PEER_ID: "w5" })).name, "w4");
    assertEquals((await you(["--as", "w6"], { SKEIN_NAME: "w7" })).name, "w6");
    assertEquals((await you([], { SKEIN_NAME: "eve", SKEIN_ROLE: "observer" })).role, "observer");
    assertEquals((await you([], { PEER_ID: "boss", PEER_ROLE: "architect" })).role, "architect");
    const other = join(shell.home, "..", "elsewhere");
    Deno.mkdirSync(other);
    assertEquals((await you(["--as", "far"], { PEER_DIR: other })).project, other);
    assertEquals((await you(["--as", "far2", "--dir", other])).project, other);
    for (const name of ["operator", "skein", "a b"]) {
      const ran = await shell.run(["join", "--as", name]);
      assertEquals(ran.code, 2, name);
      assertMatch(ran.stderr, /SKEIN_NAME|--as/);
    }
  });
});

Deno.test("skein: in an agent's shell it is that agent's peer, not the human", async () => {
  await withShell(async (shell) => {
    const { home, folder } = shell;
    const session = "session-1";
    const peer = await startPeer({ home, folder, session, clientName: "claude-code" });
    try {
      const { you } = await peer.ok("join");
      const inside = { env: { CLAUDE_CODE_SESSION_ID: session } };
      const ran = await shell.run(["join", "--json"], inside);
      assertEquals([ran.json.you.id, ran.json.you.name], [you.id, you.name]);
      await shell.run(["task", "create", "a"], inside);
      await shell.run(["task", "claim", "t1"], inside);
      assertEquals((await peer.ok("get_task", { id: "t1" })).task.claimed_by, you.name);
      await peer.ok("complete_task", { id: "t1", summary: "done" });
      const stranger = { env: { CLAUDE_CODE_SESSION_ID: "session-2" } };
      const { you: other } = (await shell.run(["join", "--json"], stranger)).json;
      assertFalse(["operator", you.name].includes(other.name));
      assertEquals(
        (await shell.run(["memory", "set", "k", "v", "--type", "decision"], stranger)).code,
        4,
      );
    } finally {
      await peer.close();
    }
  });
});

Deno.test("skein --as: takes no mail away from a session that lives", async () => {
  await withShell(async (shell) => {
    const { home, folder } = shell;
    const bob = await startPeer({ home, folder, name: "bob" });
    try {
      await bob.ok("join");
      await shell.ok("send", "bob", "for the session");
      await shell.run(["check", "--as", "bob"]);
      const { mail } = await bob.ok("list_tasks");
      assertEquals(mail?.messages.map((it: Json) => it.content), ["for the session"]);
    } finally {
      await bob.close();
    }
  });
});

Deno.test("skein check: prints whole messages, once", async () => {
  await withShell(async (shell) => {
    const long = Array.from({ length: 80 }, (_, n) => `word${n}`).join(" ");
    await shell.ok("join", "--as", "w1");
    await shell.ok("send", "w1", `${long}\nsecond line`);
    const { stdout } = await shell.run(["check", "--as", "w1"]);
    const flat = stdout.replaceAll(/\s+/g, " ");
    assertStringIncludes(flat, `${long} second line`);
    assertFalse((await shell.run(["check", "--as", "w1"])).stdout.includes("word1"));
  });
});

Deno.test("skein memory get, task get: print whole values", async () => {
  await withShell(async (shell) => {
    const long = Array.from({ length: 80 }, (_, n) => `word${n}`).join(" ");
    await shell.ok("memory", "set", "k", long);
    assertStringIncludes((await shell.run(["memory", "get", "k"])).stdout, long);
    await shell.ok("task", "create", "a", "--description", long);
    await shell.ok("task", "update", "t1", "--note", `note: ${long}`);
    const { stdout } = await shell.run(["task", "get", "t1"]);
    assertStringIncludes(stdout, long);
    assertStringIncludes(stdout, `note: ${long}`);
  });
});

Deno.test("render: a table has its names, its rows and no more than the width", () => {
  const rows = [{ id: "t1", title: "x".repeat(300), ready: true }, { id: "t22", title: "short" }];
  const lines = render({ tasks: rows, next: null }, { colour: false, width: 80 }).split("\n");
  assertMatch(lines[0] ?? "", /^tasks \(2\)/);
  assertMatch(lines[1] ?? "", /id +title +ready/);
  assertMatch(lines[3] ?? "", /t22 +short +-/);
  for (const line of lines) assert(line.length <= 80, line);
});

Deno.test("render: what has nothing to say is left out, counts are words, times are short", () => {
  const answer = {
    peers: [{ name: "anna", summary: "" }, { name: "ben", summary: "" }],
    tasks: { ready: 2, in_review: 1, failed: 0 },
    done: { completed: 0, failed: 0 },
    run: null,
    briefing: "",
    attention: [],
    task: { id: "t1", claimed_by: null, ready: false, blocked_by: [], epoch: 0 },
    at: "2026-01-02T03:04:05.678Z",
  };
  assertEquals(render(answer, { colour: false, width: 80 }).split("\n"), [
    "peers (2)",
    "  name",
    "  anna",
    "  ben",
    "tasks          2 ready, 1 in review",
    "done           none",
    "attention      none",
    "task",
    "  id           t1",
    "  ready        false",
    "  epoch        0",
    "at             2026-01-02 03:04:05Z",
  ]);
});

Deno.test("render: the widest column gives way, no other; names and cells line up", () => {
  const task = { id: "t1", title: "word ".repeat(30), status: "pending", priority: 5, run: "r1" };
  const rows = [
    { ...task, ready: true },
    { ...task, title: "\u4e16\u754c", ready: false, blocked_by: ["t1"] },
    { ...task, ready: false, status: "in_progress" },
  ];
  const lines = render({ tasks: rows }, { colour: false, width: 80 }).split("\n");
  const [, names = "", first = "", second = "", third = ""] = lines;
  assertMatch(names, /^ {2}id +title +status +priority +run +blocked_by$/);
  assertMatch(first, /w\.\.\. +ready +5 +r1 +-$/);
  assertMatch(second, /\u4e16\u754c +blocked +5 +r1 +t1$/);
  assertMatch(third, / in_progress +5 /);
  // Two of its characters take two columns each.
  assertEquals(second.indexOf("blocked"), names.indexOf("status") - 2);
  for (const line of lines) assert(line.length <= 80, line);
});

Deno.test("render: of a path that is too long for its column the end is told", () => {
  const locks = [{ path: `/${"folder/".repeat(20)}free.txt`, holder: "ann", mode: "exclusive" }];
  const [, , row = ""] = render({ locks }, { colour: false, width: 60 }).split("\n");
  assertMatch(row, /^ {2}\.\.\.[a-z/]+\/free\.txt +ann +exclusive$/);
  assertEquals(row.length, 60);
});

Deno.test("render: what fits into no table is told whole, field by field", () => {
  const row = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`field_number_${i}`, `${i}`]),
  );
  const text = render({ rows: [row, row] }, { colour: false, width: 80 });
  for (const name of Object.keys(row)) assertStringIncludes(text, `  ${name}  `);
});

Deno.test("render: long names line up, a long series is summed up, nothing is JSON", () => {
  const style = { colour: false, width: 80 };
  assertEquals(render({ total: 1, messages_per_minute: 10 }, style).split("\n"), [
    "total               1",
    "messages_per_minute 10",
  ]);
  const series = Array.from({ length: 60 }, (_, i) => i);
  assertMatch(
    render({ series: { acts: series } }, style),
    /acts +60 values, 1770 in all, at most 59/,
  );
  const states = [{ peer: "ann", state: "seen" }, { peer: "ben", state: "queued" }];
  const told = render({ message: { id: "m1", more: { states } } }, style);
  assertFalse(told.includes('"'), told);
  assertEquals(render({ stored: { mode: null } }, style), "");
  assertMatch(render({ task: null, reason: "blocked" }, style), /^nothing to claim yet/);
});

/** Characters that a terminal obeys; a line break is the only one that may be there. */
// deno-lint-ignore no-control-regex
const DRIVES = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

Deno.test("skein: text of others cannot drive the terminal", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "harmless");
    await shell.ok("join", "--as", "w1");
    // Behind the doors' back: what an older version or another door might have let in.
    const evil = "a\u001b[2J\u0007\r\u009b31m\u202eb\u2066c\u0000d";
    const db = new DatabaseSync(join(shell.home, "skein.db"), { timeout: 2_000 });
    db.prepare("UPDATE task SET title = ?, description = ?").run(evil, `two\nlines ${evil}`);
    db.prepare("UPDATE peer SET summary = ? WHERE name = 'w1'").run(evil);
    db.close();
    for (const args of [["task", "list"], ["task", "get", "t1"], ["peer", "list"], ["status"]]) {
      const { code, stdout } = await shell.run(args);
      assertEquals(code, 0);
      assertFalse(DRIVES.test(stdout), args.join(" "));
    }
    const { stdout } = await shell.run(["task", "list"]);
    assertStringIncludes(stdout, "\\x1b[2J");
    const refused = await shell.run(["task", "get", "t\u001b[31m1"]);
    assertFalse(DRIVES.test(refused.stderr), refused.stderr);
    assertFalse((await shell.run(["help"])).stdout.includes("\u001b"), "colours off a terminal");
  });
});

/** Runs `skein up` until it says that it is, and hands it over. */
async function withUp(
  args: readonly string[],
  env: Record<string, string>,
  body: (child: Deno.ChildProcess, said: string) => Promise<void>,
): Promise<void> {
  const [command = "", ...before] = SOURCE_COMMAND;
  const child = new Deno.Command(command, {
    args: [...before, "up", ...args],
    env: testEnv(env),
    cwd: env["SKEIN_DIR"] ?? ".",
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  try {
    const { value } = await reader.read();
    await body(child, new TextDecoder().decode(value));
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended as it was told.
    }
    await reader.cancel();
    await child.status;
  }
}

Deno.test("skein up: is a peer until it is told to end", async () => {
  await withShell(async (shell) => {
    const env = { SKEIN_HOME: shell.home, SKEIN_DIR: shell.folder, SKEIN_NAME: "lamp" };
    await withUp([], env, async (child, said) => {
      assertMatch(said, /lamp/);
      const { peers, leader } = await shell.ok("status");
      assertEquals([peers.map((peer: Json) => peer.name), leader.name], [["lamp"], "lamp"]);
      const start = performance.now();
      child.kill("SIGTERM");
      assertEquals((await child.status).code, 0);
      assert(performance.now() - start < 2_000);
      await eventually(async () => (await shell.ok("status")).peers.length === 0);
    });
  });
});

Deno.test("skein up: takes no seat, unless it is told to", async () => {
  await withShell(async (shell) => {
    const env = { SKEIN_HOME: shell.home, SKEIN_DIR: shell.folder };
    await withUp([], env, async (_child, said) => {
      assertMatch(said, /\(observer\) is up/);
      // The human's shell takes the seat by a name, and mail for the architect reaches it.
      const lead = await shell.ok("join", "lead", "--role", "architect", "--as", "lead");
      assertEquals(lead.you.role, "architect");
    });
  });
  await withShell(async (shell) => {
    const env = { SKEIN_HOME: shell.home, SKEIN_DIR: shell.folder, SKEIN_ROLE: "architect" };
    await withUp([], env, (_child, said) => {
      assertMatch(said, /\(architect\) is up/);
      return Promise.resolve();
    });
  });
});

Deno.test("skein: a relative home is meant from where it is typed, and no variable", async () => {
  await withShell(async (shell) => {
    await shell.ok("task", "create", "found");
    const relative = { env: { SKEIN_HOME: "../home" } };
    const refused = await shell.run(["task", "list", "--json"], relative);
    assertEquals(refused.code, 2);
    assertMatch(refused.stdout, /SKEIN_HOME.*not absolute.*absolute path/);
    const { tasks } = (await shell.run(["task", "list", "--json", "--home", "../home"])).json;
    assertEquals(tasks[0].title, "found");
  });
});

Deno.test("skein up: takes the flags that every command takes", async () => {
  await withShell(async (shell) => {
    const wrong = join(shell.home, "..", "wrong");
    const env = { SKEIN_HOME: wrong };
    const flags = ["--home", shell.home, "--dir", shell.folder, "--as", "lamp"];
    await withUp(flags, env, async () => {
      const { peers } = await shell.ok("status");
      assertEquals(peers.map((peer: Json) => peer.name), ["lamp"]);
    });
    await withUp(["--help"], { SKEIN_HOME: wrong }, (_child, said) => {
      assertMatch(said, /Usage/);
      return Promise.resolve();
    });
    assertEquals((await shell.run(["up", "--no-such-flag", "--help"])).code, 2);
  });
});
