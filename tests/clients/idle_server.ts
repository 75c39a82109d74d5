// An MCP server whose only tool does nothing: what hooks cost in a client whatever they call, and, if
// it is given a file, what they say. It reads and writes its lines by hand, so that no library is measured.

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const buffer = new Uint8Array(65_536);
let text = "";

interface Request {
  readonly id?: string | number;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: unknown };
}

/** The result of a request; null where there is none. */
function resultOf({ method, params }: Request): unknown {
  if (method === "initialize") {
    const serverInfo = { name: "idle", version: "1" };
    const { protocolVersion } = params ?? {};
    return { protocolVersion, serverInfo, capabilities: { tools: {} } };
  }
  if (method === "tools/list") return { tools: [] };
  const [record] = Deno.args;
  if (method === "tools/call" && record !== undefined) {
    Deno.writeTextFileSync(record, `${JSON.stringify(params?.arguments)}\n`, { append: true });
  }
  return method === "tools/call" ? { content: [{ type: "text", text: "" }] } : null;
}

for (;;) {
  const read = await Deno.stdin.read(buffer);
  if (read === null) break;
  text += decoder.decode(buffer.subarray(0, read), { stream: true });
  const lines = text.split("\n");
  text = lines.pop() ?? "";
  for (const line of lines.filter((one) => one !== "")) {
    const request = JSON.parse(line) as Request;
    if (request.id === undefined) continue;
    const result = resultOf(request);
    const answer = result === null
      ? { error: { code: -32601, message: "no such method" } }
      : { result };
    const said = JSON.stringify({ jsonrpc: "2.0", id: request.id, ...answer });
    Deno.stdout.writeSync(encoder.encode(`${said}\n`));
  }
}
