// The server's side of MCP, on the SDK's protocol. The SDK's own server brings along a validator of JSON
// schemas, for answers to forms that we never send: 3 MB of memory in every session.

// @ts-types="@modelcontextprotocol/sdk/shared/protocol"
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  type Implementation,
  InitializedNotificationSchema,
  type InitializeRequest,
  InitializeRequestSchema,
  type InitializeResult,
  LATEST_PROTOCOL_VERSION,
  type LoggingLevel,
  LoggingLevelSchema,
  type Notification,
  type ServerRequest,
  type ServerResult,
  SetLevelRequestSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";

/** What the server says of itself. */
export type Introduction = Pick<InitializeResult, "capabilities" | "serverInfo" | "instructions">;

/** How grave a message of the log is: by place. */
const LEVELS: readonly LoggingLevel[] = LoggingLevelSchema.options;

export class Server extends Protocol<ServerRequest, Notification, ServerResult> {
  /** Called when the client is ready. */
  oninitialized: (() => void) | null = null;
  readonly #introduction: Introduction;
  #client: Implementation | null = null;
  /** The least level that the client wants to hear of. */
  #level: LoggingLevel = "debug";

  constructor(introduction: Introduction) {
    super();
    this.#introduction = introduction;
    this.setRequestHandler(InitializeRequestSchema, ({ params }) => this.#initialize(params));
    this.setNotificationHandler(InitializedNotificationSchema, () => this.oninitialized?.());
    this.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
      this.#level = params.level;
      return {};
    });
  }

  /** What the client calls itself, once it has said so. */
  get client(): Implementation | null {
    return this.#client;
  }

  #initialize({ clientInfo, protocolVersion }: InitializeRequest["params"]): InitializeResult {
    this.#client = clientInfo;
    const known = SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersion);
    return {
      protocolVersion: known ? protocolVersion : LATEST_PROTOCOL_VERSION,
      ...this.#introduction,
    };
  }

  /** Writes into the client's log. Rejects if the client is gone. */
  async log(level: LoggingLevel, text: string): Promise<void> {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.#level)) return;
    const params = { level, logger: "skein", data: text };
    await this.notification({ method: "notifications/message", params });
  }

  /** Tells a subscriber. Rejects if the client is gone. */
  async resourceUpdated(uri: string): Promise<void> {
    await this.notification({ method: "notifications/resources/updated", params: { uri } });
  }

  // What is handled and sent is fixed in this house, and so is what it says it can do.
  protected override assertCapabilityForMethod(): void {}
  protected override assertNotificationCapability(): void {}
  protected override assertRequestHandlerCapability(): void {}
  protected override assertTaskCapability(): void {}

  /** @throws Error: calls are answered at once, never as tasks to ask for later */
  protected override assertTaskHandlerCapability(method: string): void {
    throw new Error(`${method} does not run as a task`);
  }
}
