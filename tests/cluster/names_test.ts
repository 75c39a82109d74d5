// Terminals are called alike in every project: `worker-1` of one is not `worker-1` of another, whatever is
// asked under that name or of it; and each keeps what it has.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Flock, type Ran, withFlock } from "./flock.ts";

interface Answer {
  readonly you?: { readonly name: string; readonly project: string };
  readonly task?: { readonly id: string; readonly claimed_by: string } | null;
  readonly status?: string;
  readonly notice?: string;
  readonly to?: Readonly<Record<string, string>>;
  readonly messages?: readonly { readonly content: string }[];
  readonly peers?: readonly { readonly name: string }[];
  readonly granted?: readonly string[];
  readonly error?: { readonly code: string };
}

/** Two projects, and how a terminal of each calls skein. */
function projects(flock: Flock): {
  a: (...args: string[]) => Promise<Ran<Answer>>;
  b: (...args: string[]) => Promise<Ran<Answer>>;
  folders: readonly [string, string];
} {
  const folders = [join(flock.folder, "a"), join(flock.folder, "b")] as const;
  for (const folder of folders) Deno.mkdirSync(folder);
  const as = (folder: string) => (...args: string[]): Promise<Ran<Answer>> =>
    flock.cli<Answer>(args, { folder, env: { SKEIN_NAME: "worker-1" } });
  return { a: as(folders[0]), b: as(folders[1]), folders };
}

Deno.test("node: one terminal's name in two projects is two peers, each in its own", async () => {
  await withFlock(async (flock) => {
    const { a, b, folders } = projects(flock);
    for (const folder of folders) await flock.cli(["task", "create", "of this one"], { folder });
    assertEquals((await a("task", "claim")).json.task?.id, "t1");
    const claimed = await b("task", "claim");
    assertEquals([claimed.json.task?.id, claimed.json.task?.claimed_by], ["t2", "worker-1-2"]);
    assertStringIncludes(claimed.json.notice ?? "", "you are worker-1-2");
    // Again and again the same ones, and told to whoever asks who it is.
    assertEquals((await a("join")).json.you, {
      ...(await a("join")).json.you,
      name: "worker-1",
      project: folders[0],
    });
    const joined = (await b("join")).json;
    assertEquals([joined.you?.name, joined.you?.project], ["worker-1-2", folders[1]]);
    assertStringIncludes(joined.notice ?? "", "worker-1-2");
    assertEquals((await b("check")).json.notice, undefined, "told once");
    assertEquals((await b("task", "complete", "t2", "done")).json.status, "completed");
    assertEquals((await a("task", "complete", "t1", "done")).json.status, "completed");
  });
});

Deno.test("skein worker: a terminal of another project's name claims and completes here", async () => {
  await withFlock(async (flock) => {
    const { a, b, folders } = projects(flock);
    for (const folder of folders) await flock.cli(["task", "create", "of this one"], { folder });
    assertEquals((await a("worker", "claim", "worker-1")).json.task?.id, "t1");
    const claimed = await b("worker", "claim", "worker-1");
    assertEquals([claimed.json.task?.id, claimed.json.task?.claimed_by], ["t2", "worker-1-2"]);
    assertStringIncludes(claimed.stderr, "worker-1-2");
    assertEquals((await b("worker", "complete", "worker-1", "t2", "ok")).json.status, "completed");
  });
});

Deno.test("send, control, create_task: a name means the peer of this project first", async () => {
  await withFlock(async (flock) => {
    const { a, b, folders } = projects(flock);
    await a("join");
    const human = (...args: string[]): Promise<Ran<Answer>> =>
      flock.cli<Answer>(args, { folder: folders[1] });
    assertEquals((await human("send", "worker-1", "from afar")).json.to, { "worker-1": "queued" });
    await b("join");
    assertEquals((await human("send", "worker-1", "here")).json.to, { "worker-1-2": "queued" });
    assertEquals((await b("check")).json.messages?.map(({ content }) => content), ["here"]);
    assertEquals((await a("check")).json.messages?.map(({ content }) => content), ["from afar"]);
    await human("task", "create", "for worker-1", "--assign-to", "worker-1");
    assertEquals((await b("task", "claim")).json.task?.id, "t1");
    assertEquals(
      (await human("control", "pause", "worker-1", "stop")).json.peers?.[0]?.name,
      "worker-1-2",
    );
    assertEquals((await b("file", "lock", "x")).json.error?.code, "PAUSED");
    assertEquals((await a("file", "lock", "x")).json.granted, ["x"]);
    await human("control", "resume", "worker-1");
    assertEquals((await b("file", "lock", "x")).json.granted, ["x"]);
  });
});

Deno.test("node: a session with the name of another project's terminal leaves that one its name", async () => {
  await withFlock(async (flock) => {
    const { a, folders } = projects(flock);
    await flock.cli(["task", "create", "of a"], { folder: folders[0] });
    await a("task", "claim");
    const session = await flock.start({ name: "worker-1", folder: folders[1] });
    const { you, notice } = await session.ok("join");
    assertEquals(you.name, "worker-1-2");
    assertStringIncludes(notice, "worker-1");
    assertEquals((await a("task", "complete", "t1", "done")).json.status, "completed");
  });
});

Deno.test("node: the shell of a session that has the second name is that session's", async () => {
  await withFlock(async (flock) => {
    const { a, folders } = projects(flock);
    await a("join");
    const session = { clientName: "claude-code", session: "has the second name" };
    const agent = await flock.start({ ...session, name: "worker-1", folder: folders[1] });
    const { you } = await agent.ok("join");
    assertEquals(you.name, "worker-1-2");
    const env = { SKEIN_NAME: "worker-1" };
    const shell = await flock.cli<Answer>(["join"], { ...session, folder: folders[1], env });
    assertEquals(shell.json.you?.name, "worker-1-2", shell.stdout);
  });
});

Deno.test("send: an answer goes to whoever wrote, whoever is called alike here", async () => {
  await withFlock(async (flock) => {
    const { a, b, folders } = projects(flock);
    await b("join");
    await a("join");
    const near = await flock.join({ name: "near", folder: folders[1] });
    // The one of b came first, so that of a has the second name.
    await a("send", "near", "do you know?");
    const [question] = (await near.ok("check")).messages;
    assertEquals(question.from, "worker-1-2");
    const far = await flock.join({ name: "far", folder: folders[0] });
    await b("send", "far", "and you?");
    const [other] = (await far.ok("check")).messages;
    assertEquals(other.from, "worker-1");
    const answer = { to: "worker-1", content: "yes" };
    assertEquals((await far.ok("send", { ...answer, reply_to: other.id })).to, {
      "worker-1": "queued",
    });
    assertEquals((await far.ok("send", answer)).to, { "worker-1-2": "queued" });
  });
});
