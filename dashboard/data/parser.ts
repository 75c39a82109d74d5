// `text/event-stream` as the browser reads it from the network: in pieces of any length.

export interface Event {
  readonly name: string;
  readonly data: unknown;
}

/** Reads `text/event-stream`, chunk by chunk. */
export class Parser {
  #rest = "";

  push(chunk: string): Event[] {
    const blocks = (this.#rest + chunk).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap(readBlock);
  }
}

function readBlock(block: string): Event[] {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  if (name === "message" && data.length === 0) return [];
  try {
    return [{ name, data: data.length === 0 ? null : JSON.parse(data.join("\n")) }];
  } catch {
    return [];
  }
}
