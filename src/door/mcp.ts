// The MCP door: a server over stdio, one for each agent session. It translates between the wire
// and the node and decides nothing itself. stdout is the wire; nothing else is ever printed there.

// @ts-types="@modelcontextprotocol/sdk/types"
import {
  type CallToolResult,
  GetPromptRequestSchema,
  type JSONRPCMessage,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { asRefusal } from "../core/errors.ts";
import { TIMES } from "../core/limits.ts";
import { VERSION } from "../core/version.ts";
import { CHANNEL_CAPABILITY } from "../claude/channel.ts";
import type { ClaudeSession } from "../claude/session.ts";
import { Complaints } from "../node/complaints.ts";
import type { Node } from "../node/node.ts";
import type { Environment } from "../node/settings.ts";
import { serving } from "./lead.ts";
import { type Call, Calls } from "./calls.ts";
import { Offers } from "./offers.ts";
import { INSTRUCTIONS, listPrompts, promptText } from "./prompts.ts";
import { canonicalUri, readingOf, RESOURCES, TEMPLATES } from "./resources.ts";
import {
  complain,
  type Extra,
  keyOf,
  protocolError,
  reportProgress,
  result,
  understood,
  watchParent,
} from "./reply.ts";
import { Server } from "./server.ts";
import { StdioTransport } from "./stdio.ts";
import { Subscriptions } from "./subscriptions.ts";
import { listTools } from "./tools.ts";

/** The client whose session id in the environment is its own. */
const CLAUDE_CODE = "claude-code";
/** The tool that its hooks call. It is not listed, so no model calls it. */
const HOOK = "hook";

class McpDoor {
  /** Loaded and made at the first need: a client that lists tools and leaves pays for no node. */
  #node: Promise<Node> | null = null;
  #joined: Node | null = null;
  #claude: ClaudeSession | null = null;
  #session: string | null = null;
  readonly #server: Server;
  readonly #transport = new StdioTransport({
    received: (message) => this.#received(message),
    flushed: (id) => this.#offers.flushed(id),
    ended: (deaf) => void this.end(0, !deaf),
  });
  readonly #calls = new Calls(
    (call, extra) => this.#call(call, extra),
    (message) => this.#transport.send(message),
  );
  readonly #environment: Environment;
  readonly #offers = new Offers();
  readonly #subscriptions = new Subscriptions(
    (uri) => this.#server.resourceUpdated(uri),
    (thrown) => this.#complain(asRefusal(thrown).message),
  );
  #lookForParent = (): void => {};
  #ending = false;
  readonly #complaints = new Complaints();

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#server = new Server({
      capabilities: {
        tools: {},
        resources: { subscribe: true },
        prompts: {},
        logging: {},
        experimental: CHANNEL_CAPABILITY,
      },
      serverInfo: { name: "skein", version: VERSION },
      instructions: INSTRUCTIONS,
    });
    this.#handle();
  }

  async serve(): Promise<void> {
    this.#server.oninitialized = () => this.#initialized();
    this.#lookForParent = watchParent(() => void this.end(0));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => void this.end(0));
    }
    await this.#server.connect(this.#transport);
  }

  /** Whether a message is taken care of; all others are the SDK's. */
  #received(message: JSONRPCMessage): boolean {
    if (!("method" in message)) return false;
    const { requestId } = (message.params ?? {}) as { requestId?: string | number };
    if (message.method === "notifications/cancelled" && requestId !== undefined) {
      this.#calls.cancel(requestId);
      this.#offers.recall(requestId);
    }
    if (message.method !== "tools/call") return false;
    this.#offers.forget();
    this.#joined?.received();
    return this.#calls.take(message);
  }

  /**
   * Leaves the flock and ends the process. `listens`: who has closed its end may still read answers, as
   * a script does that pipes its requests in.
   */
  async end(code: number, listens = false): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    if (listens) {
      const patience = new Promise<void>((done) => setTimeout(done, TIMES.answerMs));
      await Promise.race([this.#transport.answered(TIMES.answerMs), patience]);
    }
    // Whoever is still joining a busy store is not waited for: the freed lock says it all.
    const late = new Promise<void>((done) => setTimeout(done, 2 * TIMES.leaveMs));
    await Promise.race([this.#leave(), late]);
    // A pending wait for the leader's lock would keep the process: only exit ends it.
    Deno.exit(code);
  }

  /** Trouble that no answer can carry: to stderr, and to the client's log. */
  #complain(text: string): void {
    if (!this.#complaints.due(text)) return;
    complain(text);
    this.#server.log("warning", text).catch(() => {
      // The client is gone, or does not listen: stderr has it.
    });
  }

  async #leave(): Promise<void> {
    this.#claude?.close();
    try {
      const node = await this.#node;
      await node?.leave();
    } catch (thrown) {
      this.#complain(asRefusal(thrown).message);
    }
  }

  /** This session's node. */
  #peer(): Promise<Node> {
    this.#node ??= import("../node/node.ts").then(({ Node }) => {
      const { home, folder, name, role, settings, secret, token, port } = this.#environment;
      return this.#joined = new Node({
        home,
        folder,
        name,
        role,
        settings,
        secret,
        behalf: token,
        session: this.#session,
        client: { pid: Deno.ppid, name: this.#server.client?.name ?? "" },
        onLead: serving(port),
        onTick: () => this.#lookForParent(),
        onTrouble: (what, thrown) => this.#complain(`${what}: ${asRefusal(thrown).message}`),
      });
    });
    return this.#node;
  }

  /** A client that stays joins; one that only lists tools is gone before. */
  #initialized(): void {
    const { client } = this.#server;
    // The variable is inherited by whatever the client's shell starts; only from the client itself
    // does it name the session that talks to us.
    if (client?.name === CLAUDE_CODE) this.#session = this.#environment.session;
    setTimeout(() => {
      if (!this.#ending) {
        void this.#peer().then((node) => node.enter())
          .then(() => client?.name === CLAUDE_CODE ? this.#begin() : undefined)
          .catch((thrown) => this.#complain(asRefusal(thrown).message));
      }
    }, TIMES.joinMs);
  }

  #handle(): void {
    const server = this.#server;
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: listTools(this.#environment.tools),
    }));
    server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: listPrompts() }));
    server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
      const text = this.#orProtocolError(() => promptText(params.name, params.arguments ?? {}));
      return { messages: [{ role: "user" as const, content: { type: "text" as const, text } }] };
    });
    server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: RESOURCES }));
    server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
      resourceTemplates: TEMPLATES,
    }));
    server.setRequestHandler(
      ReadResourceRequestSchema,
      ({ params }) => this.#read(params.uri),
    );
    server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
      const own = this.#orProtocolError(() => canonicalUri(params.uri));
      await this.#subscriptions.add(own, params.uri, await this.#peer());
      return {};
    });
    server.setRequestHandler(UnsubscribeRequestSchema, async ({ params }) => {
      await this.#subscriptions.remove(this.#orProtocolError(() => canonicalUri(params.uri)));
      return {};
    });
  }

  async #call({ name, args, meta }: Call, extra: Extra): Promise<CallToolResult> {
    if (name === HOOK) return await this.#hook(args, extra);
    const stopProgress = reportProgress(extra);
    const label = this.#claude?.subagentOf(meta?.["claudecode/toolUseId"]);
    try {
      const { operation, input, claims } = understood(name, args, this.#environment.tools);
      const node = await this.#peer();
      const key = keyOf(meta);
      const { answer, offer } = await node.call(operation, input, {
        key,
        signal: extra.signal,
        claims,
        peek: label !== undefined,
        label,
      });
      this.#offers.carry(extra, offer);
      return result(answer, false);
    } catch (thrown) {
      return await this.#refused(thrown, extra, label);
    } finally {
      stopProgress();
    }
  }

  /** A hook of the client: one block of text that is a JSON object; the client minds nothing else. */
  async #hook(args: unknown, extra: Extra): Promise<CallToolResult> {
    try {
      const claude = await this.#claudeSession();
      const { text, offer } = await claude.answer((args ?? {}) as Record<string, unknown>);
      if (offer !== null) this.#offers.carry(extra, offer);
      return { content: [{ type: "text", text }] };
    } catch (thrown) {
      // The client lets everything through then: that has to be known.
      this.#complain(`hook: ${asRefusal(thrown).message}`);
      return { content: [{ type: "text", text: "{}" }] };
    }
  }

  /** An idle session is woken from its beginning on. */
  async #begin(): Promise<void> {
    await (await this.#claudeSession()).begin();
  }

  /** What is known of the client's session; loaded with its first hook. */
  async #claudeSession(): Promise<ClaudeSession> {
    const { ClaudeSession: Session } = await import("../claude/session.ts");
    return this.#claude ??= new Session(
      () => this.#peer(),
      (notification) => this.#server.notification(notification),
    );
  }

  /** Refusals carry mail, too: an agent may see nothing else for a while. A subagent's is its parent's. */
  async #refused(thrown: unknown, extra: Extra, label?: string): Promise<CallToolResult> {
    const refusal = asRefusal(thrown).toJSON();
    const mail = label === undefined ? await this.#joined?.mail().catch(() => null) ?? null : null;
    if (mail === null) return result(refusal, true);
    this.#offers.carry(extra, mail.offer);
    return result({ ...refusal, mail: mail.mail }, true);
  }

  async #read(
    uri: string,
  ): Promise<{ contents: { uri: string; mimeType: string; text: string }[] }> {
    try {
      const { operation, input } = readingOf(uri);
      const node = await this.#peer();
      // Looking at the inbox is not being told: the messages still come to the model.
      const { answer } = await node.call(operation, input, { peek: true });
      return { contents: [{ uri, mimeType: "application/json", text: JSON.stringify(answer) }] };
    } catch (thrown) {
      throw protocolError(thrown);
    }
  }

  #orProtocolError<T>(body: () => T): T {
    try {
      return body();
    } catch (thrown) {
      throw protocolError(thrown);
    }
  }
}

/** Serves MCP on stdin and stdout until the client goes. */
export async function serveMcp(environment: Environment): Promise<void> {
  listTools(environment.tools);
  await new McpDoor(environment).serve();
}
