// What the tool list costs in the context of every session.

import { encode } from "gpt-tokenizer/encoding/o200k_base";
import type { Place } from "./place.ts";
import type { Row } from "./row.ts";

export async function tokens(place: Place): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [tools, most] of [["all", 1_900], ["core", 1_000]] as const) {
    const peer = await place.peer({ home: place.newHome(), name: "lister", tools });
    const list = (await peer.client.listTools()).tools;
    const text = JSON.stringify(
      list.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
    );
    await place.dismiss([peer]);
    rows.push({
      name: `tool list, ${tools}`,
      value: encode(text).length,
      unit: "tokens",
      budget: { most },
      note: `${list.length} tools, ${text.length} characters`,
    });
  }
  return rows;
}
