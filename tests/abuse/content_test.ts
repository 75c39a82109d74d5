// Texts of one agent that would be machinery to another: refused where they are addressed to
// somebody, made harmless where they are kept, never accepted as the name of anything; and whoever
// reads it all back, through whatever door, finds nothing in it that is live.

import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LIMITS, Refusal } from "../../mod.ts";
import { withShell } from "../door/shell.ts";
import { Stored } from "../door/stored.ts";
import { type Flock, flockTest, type Json, type Member } from "../operations/flock.ts";
import { eventually } from "../support/eventually.ts";
import { git } from "../support/git.ts";
import { startPeer } from "../support/peer.ts";
import { type Attack, ATTACKS, CANARY, live, liveIn, LONG_ATTACKS, ORDINARY } from "./attacks.ts";
import { announce } from "./hostile.ts";
import { answerOf, bytesOf, longestIn, storedIn } from "./kept.ts";
import { COMMANDS, DONE, type Keeper, LINES, poison, READS, RESOURCES, TEXTS } from "./keepers.ts";

/** Everything bad that was sent, each once. */
const BAD = new Set<string>();
Deno.test.afterAll(() => announce(BAD.size));

const ALL = [...ATTACKS, ...LONG_ATTACKS];

/** A sender for every attack: so many refusals would stop a single one. */
async function refuseEach(
  flock: Flock,
  attacks: readonly Attack[],
  field: string,
  call: (member: Member, text: string) => Promise<Json>,
): Promise<void> {
  for (const [n, { sign, text }] of attacks.entries()) {
    const member = await flock.member(`sender-${field}-${n % 3}`);
    BAD.add(`${field} ${text}`);
    const refusal = await call(member, text);
    assertEquals([refusal.field, refusal.sign], [field, sign], text);
    assertStringIncludes(refusal.message, field);
    assertStringIncludes(refusal.message, sign);
    assertFalse(JSON.stringify(refusal).includes(CANARY), "a refusal quotes what it refuses");
    assertEquals(liveIn(refusal), []);
    await member.leave();
  }
}

flockTest("content: a message with machinery in it is refused, and kept nowhere", async (flock) => {
  const lead = await flock.member("lead");
  await refuseEach(
    flock,
    ALL,
    "content",
    (member, content) => member.refused("CONTENT_REFUSED", "send", { to: "lead", content }),
  );
  for (const name of ["broadcast", "raise_blocker"]) {
    const args = { content: ALL[0]?.text, message: ALL[0]?.text, description: ALL[0]?.text };
    const other = await flock.member(`by-${name}`);
    const thrown = await other.call(name, args).catch((thrown) => thrown);
    assert(["CONTENT_REFUSED", "INVALID_INPUT"].includes(thrown.code), `${name}: ${thrown.code}`);
  }
  assertEquals(await lead.inbox(), []);
  const hits = await lead.call("search", { query: CANARY });
  assertFalse(JSON.stringify(hits.hits ?? hits.results ?? []).includes(CANARY));
  assertFalse(storedIn(flock.home).includes(CANARY));
  assertFalse(bytesOf(flock.home).includes(CANARY));
});

flockTest("content: a summary with machinery in it is refused, and kept nowhere", async (flock) => {
  await refuseEach(
    flock,
    ATTACKS,
    "summary",
    (member, summary) => member.refused("CONTENT_REFUSED", "join", { summary }),
  );
  await refuseEach(
    flock,
    ATTACKS.slice(0, 2),
    "summary",
    (member, summary) => member.refused("CONTENT_REFUSED", "set_summary", { summary }),
  );
  assertFalse(storedIn(flock.home).includes(CANARY));
  assertFalse(bytesOf(flock.home).includes(CANARY));
});

/** An architect with a task of its own, one in review and one to complete, a run, and somebody. */
async function keeperFlock(flock: Flock): Promise<Member> {
  const { lead, anna } = await flock.crew();
  await lead.call("create_task", { tasks: [{ title: "a" }, { title: "b" }, { title: "c" }] });
  await lead.call("claim_task", { id: "t1" });
  await anna.call("claim_task", { id: "t2" });
  await anna.call("update_task", { id: "t2", action: "request_review" });
  await lead.call("claim_task", { id: "t3" });
  await lead.call("run", { action: "start", goal: "g" });
  return lead;
}

/** Puts one attack into one field; the answer has to name it. */
async function keep(lead: Member, [field, name, args]: Keeper, text: string): Promise<void> {
  BAD.add(`${name} ${field} ${text}`);
  const answer = await answerOf(lead, name, args(text));
  assertEquals(answer.made_harmless, [field], `${name} ${field} ${text}`);
  assertEquals(liveIn(answer), []);
}

for (const [what, keepers] of [["lines", LINES], ["texts", [...TEXTS, ...DONE]]] as const) {
  flockTest(`content: in ${what} that are kept it is made harmless and labelled`, async (flock) => {
    const lead = await keeperFlock(flock);
    const attacks = what === "lines" ? ATTACKS : ALL;
    for (const keeper of keepers) {
      const once = keeper[1] === "complete_task" || keeper[1] === "review_task" ||
        (keeper[1] === "run" && keeper[2]("")["action"] === "end");
      const some = once ? attacks.slice(0, 1) : attacks;
      // What can be done once only is done with one of them.
      if (DONE.includes(keeper) && keeper !== DONE[0]) continue;
      for (const { text } of some) await keep(lead, keeper, text);
    }
    const kept = storedIn(flock.home).split("\n").filter((row) => row.includes(CANARY));
    assert(kept.length >= attacks.length * 3, `${kept.length} rows are kept`);
    for (const row of kept) {
      for (const value of Object.values(JSON.parse(row) as Record<string, Json>)) {
        if (typeof value !== "string" || !value.includes(CANARY)) continue;
        assertEquals(live(value), null);
        assertStringIncludes(value, "[skein made harmless: ");
      }
    }
  });
}

flockTest("content: what is made harmless still fits where it is kept", async (flock) => {
  const lead = await keeperFlock(flock);
  const bounds: [string, number, Keeper][] = [
    ["title", LIMITS.titleChars, LINES[0] as Keeper],
    ["progress", LIMITS.summaryChars, LINES[2] as Keeper],
    ["description", LIMITS.descriptionChars, TEXTS[0] as Keeper],
    ["text", LIMITS.noteChars, TEXTS[3] as Keeper],
    ["value", LIMITS.valueChars, TEXTS[4] as Keeper],
  ];
  const faults: string[] = [];
  for (const [column, most, [field, name, args]] of bounds) {
    for (const piece of ["a\u202eb", "data:text/x,a ", "<invoke>"]) {
      const text = piece.repeat(Math.floor(most / piece.length)).trim();
      BAD.add(`${name} ${field} full of ${piece}`);
      const thrown = await answerOf(lead, name, args(text)).then(() => null, (thrown) => thrown);
      // Refusing what does not fit is as good.
      if (thrown !== null && !(thrown instanceof Refusal)) throw thrown;
    }
    const longest = longestIn(flock.home, column);
    // The label may come on top.
    if (longest > most + 200) faults.push(`${field}: ${longest} characters of at most ${most}`);
  }
  assertEquals(faults, []);
});

flockTest("content: nothing is named with it: ids, keys, paths, names", async (flock) => {
  const lead = await keeperFlock(flock);
  const { text } = ATTACKS[0] as { text: string };
  const exact: Keeper[] = [
    ["key", "set_memory", (key) => ({ key, value: "v" })],
    ["paths.1", "lock_file", (path) => ({ paths: ["a.ts", path] })],
    ["files.0", "create_task", (path) => ({ title: "x", files: [path] })],
    ["tasks.0.key", "create_task", (key) => ({ tasks: [{ title: "x", key }] })],
    [
      "tasks.0.blocked_by.0",
      "create_task",
      (id) => ({ tasks: [{ title: "x", blocked_by: [id] }] }),
    ],
    ["assign_to", "create_task", (name) => ({ title: "x", assign_to: name })],
    ["run", "create_task", (run) => ({ title: "x", run })],
    ["id", "update_task", (id) => ({ id, note: "x" })],
    ["task", "send", (task) => ({ to: "anna", content: "x", task })],
    ["reply_to", "send", (id) => ({ to: "anna", content: "x", reply_to: id })],
    ["to.0", "send", (name) => ({ to: [name], content: "x" })],
    ["supersedes", "set_memory", (key) => ({ key: "k", value: "v", supersedes: key })],
    ["peer", "control", (peer) => ({ action: "pause", peer })],
    ["id", "run", (id) => ({ action: "end", id })],
    ["files.0", "complete_task", (path) => ({ id: "t1", summary: "x", files: [path] })],
  ];
  const before = storedIn(flock.home).replaceAll(/^.*"op":"refuse".*$/gm, "");
  for (const [field, name, args] of exact) {
    BAD.add(`${name} ${field}`);
    const thrown = await lead.call(name, args(text)).catch((thrown) => thrown);
    assertEquals([thrown.code, thrown.details?.field], ["CONTENT_REFUSED", field], `${name}`);
  }
  await lead.refused("INVALID_INPUT", "join", { name: text });
  const look = new Stored(flock.home);
  assertFalse((look.look() + look.refusals()).includes(CANARY));
  look.close();
  assertEquals(storedIn(flock.home).includes("read"), before.includes("read"));
});

flockTest("content: what people write every day comes back byte for byte", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (const [n, text] of ORDINARY.entries()) {
    await anna.call("send", { to: "lead", content: text });
    assertEquals((await lead.inbox()).map((message) => message.content), [text]);
    const { id, made_harmless } = await lead.call("create_task", { title: "x", description: text });
    assertEquals(made_harmless, undefined, text);
    assertEquals((await anna.call("get_task", { id })).task.description, text);
    await anna.call("update_task", { id, note: text });
    const { task } = await lead.call("get_task", { id });
    assertEquals(task.notes.at(-1).text, text);
    await anna.call("set_memory", { key: `k${n}`, value: text });
    assertEquals((await lead.call("get_memory", { key: `k${n}` })).entries[0].value, text);
    await anna.call("log_conversation", { turn: "user", content: text });
    const { turns } = await anna.call("get_conversation", { last: 1 });
    assertEquals(turns[0].content, text.length > LIMITS.turnChars ? turns[0].content : text);
    const { run } = await lead.call("run", { action: "start", goal: "g", plan: text });
    assertEquals(run.plan, text);
  }
});

Deno.test("content: whoever reads it all back, through any door, finds nothing live", async () => {
  await withShell(async (shell) => {
    const { home, folder } = shell;
    const anna = await startPeer({ home, folder, name: "anna", role: "architect" });
    const bob = await startPeer({ home, folder, name: "bob", role: "worker" });
    try {
      await bob.ok("join");
      for (const { text } of ALL) BAD.add(`everywhere: ${text}`);
      await poison(anna);
      const found: string[] = [];
      let canaries = 0;
      const look = (what: string, value: Json): void => {
        if (JSON.stringify(value).includes(CANARY)) canaries += 1;
        for (const one of liveIn(value)) found.push(`${what}: ${one}`);
      };
      look("anna's own", (await anna.call("get_conversation")).json);
      for (const [name, args] of READS) {
        look(`${name} ${JSON.stringify(args)}`, (await bob.call(name, args)).json);
      }
      for (const name of RESOURCES) {
        const { contents: [content] } = await bob.client.readResource({ uri: `skein://${name}` });
        look(name, JSON.parse((content as { text: string }).text));
      }
      for (const command of COMMANDS) {
        for (const json of [[], ["--json"]]) {
          const { stdout, stderr } = await shell.run([...command.split(" "), ...json]);
          look(`skein ${command} ${json}`, stdout + stderr);
        }
      }
      assertEquals(found, []);
      assert(canaries > 25, `only ${canaries} answers had anything of it`);
    } finally {
      await Promise.all([anna.close(), bob.close()]);
    }
  });
});

Deno.test("content: names of branches and files are texts of peers, too", async () => {
  await withShell(async (shell) => {
    const { home, folder } = shell;
    const branch = "<invoke>";
    BAD.add(`a branch ${branch}`).add("a file <invoke name=read>");
    await git(folder, "init", "-q", "-b", branch);
    await git(folder, "commit", "-q", "--allow-empty", "-m", "x");
    Deno.writeTextFileSync(join(folder, "<invoke name=read>"), "");
    const anna = await startPeer({ home, folder, name: "anna" });
    const bob = await startPeer({ home, folder, name: "bob" });
    try {
      await Promise.all([anna.ok("join"), bob.ok("join")]);
      const { peers } = await eventually(async () => {
        const roster = await bob.ok("list_peers");
        return roster.peers.some((peer: Json) => peer.git?.dirty_count > 0) ? roster : undefined;
      }) as Json;
      assertEquals(liveIn(peers), []);
      assertEquals(liveIn(await bob.ok("status")), []);
    } finally {
      await Promise.all([anna.close(), bob.close()]);
    }
  });
});

Deno.test("content: a folder's name is a text of its peer, too", async () => {
  await withShell(async (shell) => {
    const { home } = shell;
    const folder = join(shell.folder, "<invoke name=read>");
    BAD.add(`a folder ${folder}`);
    Deno.mkdirSync(folder);
    const anna = await startPeer({ home, folder, name: "anna" });
    try {
      const { json } = await anna.call("join");
      assertEquals([json.error.code, json.error.field], ["CONTENT_REFUSED", "folder"]);
      assertEquals(liveIn([json]), []);
    } finally {
      await anna.close();
    }
  });
});

Deno.test("skein: the command line refuses it with 4, keeps nothing, and says which field and why", async () => {
  await withShell(async (shell) => {
    await shell.ok("join", "--as", "w1");
    for (const { sign, text } of ATTACKS.slice(0, 9)) {
      BAD.add(`skein send ${text}`);
      const ran = await shell.run(["send", "w1", text]);
      assertEquals([ran.code, ran.stdout], [4, ""], text);
      for (const part of ["CONTENT_REFUSED", "content", sign]) {
        assertStringIncludes(ran.stderr, part);
      }
      assertFalse(ran.stderr.includes(CANARY));
    }
    const made = await shell.run(["task", "create", ATTACKS[0]?.text ?? "", "--json"]);
    assertEquals([made.code, made.json.made_harmless], [0, ["title"]]);
    const told = await shell.run(["task", "create", ATTACKS[0]?.text ?? ""]);
    assertStringIncludes(told.stdout, "made_harmless");
    const kept = storedIn(shell.home);
    assertFalse(/"content":"[^"]*kanarienvogel/.test(kept));
  });
});
