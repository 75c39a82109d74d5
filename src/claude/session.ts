// A Claude Code session, as its hooks tell of it: which session it is, whether the model is at work,
// which calls are a subagent's. Mail goes where the model looks next, edits and shell commands meet
// the locks, and the end of a turn is held up once if something is left.

import { operationNamed } from "../catalogue.ts";
import { asRefusal } from "../core/errors.ts";
import { invariant } from "../core/invariant.ts";
import type { AnyOperation } from "../core/operation.ts";
import { head } from "../core/text.ts";
import { neutralise } from "../filter/filter.ts";
import type { Offer } from "../node/mail.ts";
import type { Node } from "../node/node.ts";
import {
  deny,
  EDITORS,
  goOn,
  heldText,
  type HookAnswer,
  type HookCall,
  inform,
  mailText,
  readHook,
} from "./hook.ts";
import type { Notification } from "./channel.ts";
import { clientStatus, Permission, terminalOf } from "./permission.ts";
import { Waiting } from "./waiting.ts";
import { changedSince, type Snapshot, snapshot, type Watched } from "./watch.ts";

/** Refusals that keep an edit from happening; anything else lets it through. */
const STOPPING: ReadonlySet<string> = new Set(["LOCK_HELD", "TREE_SHARED", "PAUSED", "KILLED"]);
/** Hooks that cannot come while their agent is asked for a permission. */
const ENDING: ReadonlySet<string> = new Set(["PostToolBatch", "UserPromptSubmit", "Stop"]);
/** Subagents' calls that are remembered: no id comes twice, and one may work on behind its parent's batches. */
const MOST_CALLS = 1_000;

/** What a hook is answered, and the mail that the answer carries. */
export interface HookReply {
  /** One JSON object; an empty one says nothing. */
  readonly text: string;
  readonly offer: Offer | null;
}

/** Of no text at all the client would tell the model that a prompt's hook has succeeded. */
const NOTHING: HookReply = { text: "{}", offer: null };

function known(name: string): AnyOperation {
  const operation = operationNamed(name);
  invariant(operation !== undefined, `there is an operation ${name}`);
  return operation;
}

export class ClaudeSession {
  readonly #node: () => Promise<Node>;
  readonly #waiting: Waiting;
  readonly #permission: Permission;
  #spoken = false;
  /** Calls of subagents, by the id that hook and call share: what kind of agent calls. */
  readonly #subagents = new Map<string, string>();
  /** What others held as a shell command began, by its id. */
  readonly #shells = new Map<string, { watched: readonly Watched[]; before: Snapshot }>();

  /** `notify` sends a notification to the client. */
  constructor(node: () => Promise<Node>, notify: (notification: Notification) => Promise<void>) {
    this.#node = node;
    this.#waiting = new Waiting(notify);
    this.#permission = new Permission(async (wait) => {
      const where = terminalOf(Deno.env, Deno.ppid);
      const input = wait === null ? {} : { ...wait, where };
      await (await this.#node()).call(known("report_waiting"), input, { peek: true });
    }, () => clientStatus(Deno.env, Deno.ppid));
  }

  /** Which subagent calls, if it is one: it neither carries nor acknowledges its parent's mail. */
  subagentOf(toolUseId: unknown): string | undefined {
    return typeof toolUseId === "string" ? this.#subagents.get(toolUseId) : undefined;
  }

  /** Answers a hook. Never throws: a hook that fails would only be ignored. */
  async answer(raw: Readonly<Record<string, unknown>>): Promise<HookReply> {
    this.#spoken = true;
    const call = readHook(raw);
    const node = await this.#node();
    if (call.session !== null && call.agentId === null) await node.attach(call.session);
    if (call.event !== "PermissionRequest") {
      this.#permission.went(call.agentId, ENDING.has(call.event));
    }
    switch (call.event) {
      case "PermissionRequest":
        if (call.tool !== "") this.#permission.asked(call.agentId, call.tool);
        return NOTHING;
      case "PreToolUse":
        return await this.#beforeTool(node, call);
      case "PostToolUse":
      case "PostToolUseFailure":
        return await this.#afterTool(node, call);
      case "PostToolBatch":
        if (call.agentId !== null) return NOTHING;
        node.progressed("requested");
        return await this.#withMail(node, call.event, null);
      case "UserPromptSubmit":
        this.#waiting.busy();
        node.progressed("stepped");
        return await this.#withMail(node, call.event, null);
      case "Stop":
        return await this.#atEnd(node, call);
      default:
        return NOTHING;
    }
  }

  /** The session has begun, and nobody has said anything yet. */
  async begin(): Promise<void> {
    // A hook was faster: it knows better what the session does.
    if (this.#spoken) return;
    await this.#waiting.idle(await this.#node());
  }

  /** The session's server ends. */
  close(): void {
    this.#waiting.close();
    this.#permission.close();
  }

  async #beforeTool(node: Node, call: HookCall): Promise<HookReply> {
    this.#waiting.busy();
    if (call.agentId === null) node.progressed("stepped");
    else if (call.toolUseId !== null) {
      const [oldest] = this.#subagents.keys();
      if (oldest !== undefined && this.#subagents.size >= MOST_CALLS) {
        this.#subagents.delete(oldest);
      }
      this.#subagents.set(call.toolUseId, labelOf(call));
    }
    try {
      if (EDITORS.has(call.tool) && call.files.length > 0) {
        const label = call.agentId === null ? undefined : labelOf(call);
        await node.call(known("guard_edit"), { paths: call.files }, { peek: true, label });
      }
      if (call.tool === "Bash" && call.command !== null) await this.#beforeShell(node, call);
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      if (STOPPING.has(refusal.code)) return said(deny(heldText(refusal)));
    }
    return NOTHING;
  }

  async #beforeShell(node: Node, call: HookCall): Promise<void> {
    const input = { command: call.command, ...(call.cwd === null ? {} : { cwd: call.cwd }) };
    const { answer } = await node.call(known("guard_shell"), input, { peek: true });
    const watched = answer["watch"] as readonly Watched[];
    if (watched.length === 0 || call.toolUseId === null) return;
    if (this.#shells.size >= MOST_CALLS) this.#shells.clear();
    this.#shells.set(call.toolUseId, { watched, before: await snapshot(watched) });
  }

  /** What a shell command did to files that others hold: both sides are told. */
  async #afterTool(node: Node, call: HookCall): Promise<HookReply> {
    const shell = call.toolUseId === null ? undefined : this.#shells.get(call.toolUseId);
    if (shell === undefined || call.toolUseId === null) return NOTHING;
    this.#shells.delete(call.toolUseId);
    const after = await snapshot(shell.watched, shell.before);
    const changed = changedSince(shell.before, after).slice(0, 50);
    if (changed.length === 0) return NOTHING;
    const { answer } = await node.call(known("report_touched"), { paths: changed }, { peek: true });
    const touched = answer["touched"] as readonly { path: string; holder: string }[];
    if (touched.length === 0) return NOTHING;
    const lines = touched.map(({ path, holder }) => `${path} (held by ${holder})`).join(", ");
    const text = `skein: while this command ran, files changed that other agents hold: ${lines}. ` +
      "They have been told. If your command did it, undo exactly that, and ask the holder.";
    return said(inform(call.event, text));
  }

  /** Mail for the model's next request, as context or in front of another reason to go on. */
  async #withMail(node: Node, event: string, reason: string | null): Promise<HookReply> {
    const found = await node.mail(true);
    const shown = found !== null && (found.mail["messages"] as unknown[]).length > 0;
    if (found === null || !shown) return reason === null ? NOTHING : said(goOn(reason));
    const text = mailText(found.mail);
    const answer = event === "Stop"
      ? goOn(reason === null ? text : `${text}\n\n${reason}`)
      : inform(event, text);
    return said(answer, found.offer);
  }

  /** A turn ends, unless mail or a claimed task is left; that is said once, never in a loop. */
  async #atEnd(node: Node, call: HookCall): Promise<HookReply> {
    node.progressed("requested");
    node.progressed("stepped");
    if (!call.stopActive) {
      const reply = await this.#withMail(node, call.event, await unfinished(node));
      if (reply !== NOTHING) return reply;
    }
    await node.call(known("end_turn"), {}, { peek: true }).catch(() => {
      // Refused while paused: then there is nothing to release.
    });
    await this.#waiting.idle(node);
    return NOTHING;
  }
}

/** The task that is still claimed, in words. */
async function unfinished(node: Node): Promise<string | null> {
  const input = { mine: true, status: ["in_progress"] };
  const { answer } = await node.call(known("list_tasks"), input, { peek: true });
  const [task] = answer["tasks"] as readonly { id: string; title: string }[];
  if (task === undefined) return null;
  return `skein: you still have ${task.id} (${JSON.stringify(task.title)}). If it is done, call ` +
    "complete_task with a summary; if it is not, go on with it, or update_task with action release " +
    "and a note of how far you came.";
}

function said(answer: HookAnswer, offer: Offer | null = null): HookReply {
  return { text: answer === null ? "" : JSON.stringify(answer), offer: offer?.inRequest() ?? null };
}

/** What kind of subagent calls, as it is shown in the journal. */
function labelOf(call: HookCall): string {
  return head(neutralise(call.agentType ?? "subagent").text, 64);
}
