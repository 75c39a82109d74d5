// A session that asks its human for a permission: everybody sees it a moment later, and that it is over
// when the client says so, when a later hook shows it, or when the session ends.

import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { TestHome } from "../support/home.ts";
import type { Peer } from "../support/peer.ts";
import { type Fields, type Ground, groundTest, type Session } from "./client.ts";

/** What everybody is told to look at. */
async function waiting(bob: Peer): Promise<readonly { subject: string; text: string }[]> {
  const { attention } = await bob.ok("status");
  return attention.filter((one: { kind: string }) => one.kind === "permission");
}

const isShown = (bob: Peer, text: string): Promise<boolean> =>
  eventually(async () => (await waiting(bob))[0]?.text.includes(text) === true, { what: text });

const isOver = (bob: Peer): Promise<boolean> =>
  eventually(async () => (await waiting(bob)).length === 0, { what: "nobody waits" });

/** The client's note about its session; this process is the client. */
class Note {
  readonly folder: string;
  readonly #path: string;

  constructor(ground: Ground) {
    this.folder = join(ground.home, "..", "claude");
    Deno.mkdirSync(join(this.folder, "sessions"), { recursive: true });
    this.#path = join(this.folder, "sessions", `${Deno.pid}.json`);
  }

  says(status: string): void {
    Deno.writeTextFileSync(this.#path, JSON.stringify({ pid: Deno.pid, status }));
  }
}

async function pair(ground: Ground, env: Record<string, string>): Promise<[Peer, Session]> {
  const bob = await ground.peer("bob");
  const ann = await ground.session("s-1", "ann", undefined, env);
  await ann.hook("UserPromptSubmit");
  return [bob, ann];
}

const ask = (ann: Session, tool: string, more: Fields = {}): Promise<unknown> =>
  ann.hook("PermissionRequest", { tool_name: tool, tool_input: { command: "secret" }, ...more });

groundTest(
  "permission: shown with tool and place, over when the client goes on",
  async (ground) => {
    const note = new Note(ground);
    const [bob, ann] = await pair(ground, { CLAUDE_CONFIG_DIR: note.folder, TMUX_PANE: "%3" });
    note.says("waiting");
    assertEquals(await ask(ann, "Bash"), null, "the dialog is left alone");
    await isShown(bob, "waits for permission to use Bash, at its terminal");
    const [{ text = "" } = {}] = await waiting(bob);
    assertMatch(text, new RegExp(`tmux pane %3, process ${Deno.pid}\\)$`));
    assertEquals(text.includes("secret"), false, "what the tool is given is nobody's business");
    const { peers } = await bob.ok("list_peers");
    const shown = peers.find((one: { name: string }) => one.name === "ann").waits;
    assertEquals(shown, text);
    // Granted: the tool runs, for long, and no hook says so.
    note.says("busy");
    await isOver(bob);
    // Asked for another one, and refused: no hook ever says so.
    note.says("waiting");
    await ask(ann, "AskUserQuestion");
    await isShown(bob, "waits for an answer to its question");
    note.says("idle");
    await isOver(bob);
  },
);

groundTest(
  "permission: a hook of another agent does not end it, the dialog is open",
  async (ground) => {
    const note = new Note(ground);
    const [bob, ann] = await pair(ground, { CLAUDE_CONFIG_DIR: note.folder });
    note.says("waiting");
    await ask(ann, "WebFetch", { agent_id: "a1", agent_type: "general-purpose" });
    await isShown(bob, "WebFetch");
    await ann.before("Bash", { command: "ls" });
    await ann.hook("PostToolBatch");
    assertEquals((await waiting(bob)).length, 1);
    await ann.hook("PostToolBatch", { agent_id: "a1" });
    await isOver(bob);
  },
);

groundTest(
  "permission: without the client's note the agent's next hook ends it",
  async (ground) => {
    const [bob, ann] = await pair(ground, { CLAUDE_CONFIG_DIR: join(ground.home, "nowhere") });
    await ask(ann, "Bash");
    await isShown(bob, "it may have got it since");
    await ann.hook("PostToolUse", { tool_name: "Bash", tool_use_id: "x" });
    await isOver(bob);
  },
);

groundTest("permission: one that is answered at once is never told", async (ground) => {
  const [bob, ann] = await pair(ground, { CLAUDE_CONFIG_DIR: join(ground.home, "nowhere") });
  await ask(ann, "Bash");
  await ann.hook("PostToolBatch");
  await ask(ann, "Edit");
  await isShown(bob, "Edit");
  const told = new TestHome(ground.home).sql((db) =>
    db.prepare("SELECT detail FROM journal WHERE op = 'report_waiting'").all()
  );
  assertEquals(told.map(({ detail }) => JSON.parse(String(detail)).tool), ["Edit"]);
});

groundTest(
  "permission: a session that dies while it waits waits no more, nor does its next life",
  async (ground) => {
    const [bob, ann] = await pair(ground, { CLAUDE_CONFIG_DIR: join(ground.home, "nowhere") });
    await ask(ann, "Bash");
    await isShown(bob, "Bash");
    await ann.peer.kill();
    await isOver(bob);
    await ground.session("s-1", "ann");
    assertEquals(await waiting(bob), []);
  },
);
