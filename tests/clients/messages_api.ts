// The Messages API as Claude Code uses it: streamed answers, and a count of tokens for large
// results. Messages of the role `system` come in mid-conversation, so turns need not alternate.

import {
  type ApiRequest,
  type Block,
  events,
  type Json,
  ScriptedApi,
  type Wire,
} from "./script.ts";

/** Starts a scripted Messages API; its `url` is the client's base URL. */
export function messagesApi(): ScriptedApi {
  return new ScriptedApi(WIRE);
}

/** Everything the model is shown since its last turn: texts, tool results and system messages. */
export function texts(request: ApiRequest): string {
  return request.shown;
}

const WIRE: Wire = {
  read(path, body, headers) {
    if (path === "/v1/messages/count_tokens") return Response.json({ input_tokens: 100 });
    if (path !== "/v1/messages") return null;
    const messages: Json[] = body.messages;
    const last = messages.findLastIndex((one) => one.role === "assistant");
    return {
      session: headers.get("x-claude-code-session-id"),
      shown: messages.slice(last + 1).map((one) => textOf(one.content)).join("\n"),
      tools: (body.tools ?? []).map((tool: Json) => tool.name),
    };
  },

  write({ body }, blocks, turn) {
    const usage = {
      input_tokens: 100,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 10,
    };
    const calls = blocks.some((block) => "tool" in block);
    return events([
      {
        type: "message_start",
        message: {
          id: `msg_${turn}`,
          type: "message",
          role: "assistant",
          model: body.model,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage,
        },
      },
      ...blocks.flatMap((block, index) => blockEvents(block, index, `toolu_${turn}_${index}`)),
      {
        type: "message_delta",
        delta: { stop_reason: calls ? "tool_use" : "end_turn", stop_sequence: null },
        usage,
      },
      { type: "message_stop" },
    ]);
  },
};

function blockEvents(block: Block, index: number, id: string): Json[] {
  const [start, delta] = "tool" in block
    ? [
      { type: "tool_use", id: block.id ?? id, name: block.tool, input: {} },
      { type: "input_json_delta", partial_json: JSON.stringify(block.input ?? {}) },
    ]
    : [{ type: "text", text: "" }, { type: "text_delta", text: block.text }];
  return [
    { type: "content_block_start", index, content_block: start },
    { type: "content_block_delta", index, delta },
    { type: "content_block_stop", index },
  ];
}

/** The texts in a message's content, however deep. */
function textOf(content: Json): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(textOf).join("\n");
  if (content?.type === "text") return content.text;
  return content?.type === "tool_result" ? textOf(content.content) : "";
}
