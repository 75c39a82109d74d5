// A claimer that is fast because it embeds the node: it joins, waits for "go", claims until nothing
// is left and says what it won. Told "named", it goes for the tasks one by one in the same order as
// everybody else, which is the worst case for a race. It completes every second claim.

import { Node, operationNamed, readEnvironment, Refusal } from "../../mod.ts";

interface Won {
  readonly id: string;
  readonly epoch: number;
}

function say(line: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

async function main(): Promise<void> {
  const [way, count = "0"] = Deno.args;
  const node = new Node({ ...readEnvironment(Deno.env.toObject(), Deno.cwd()), session: null });
  const { name } = await node.enter();
  say({ joined: name });
  const ids = way === "named" ? Array.from({ length: Number(count) }, (_, i) => `t${i + 1}`) : null;
  const lines = Deno.stdin.readable.getReader();
  await lines.read();
  const won: Won[] = [];
  for (let n = 0; ids === null || n < ids.length; n++) {
    const claimed = await claim(node, ids?.[n]);
    if (claimed === "none" && ids === null) break;
    if (claimed === "none" || claimed === "taken") continue;
    won.push(claimed);
    if (won.length % 2 === 0) await complete(node, claimed);
    // The event loop has to turn: the pulse and the election need it.
    if (n % 20 === 0) await new Promise((next) => setTimeout(next, 0));
  }
  say({ won });
  // The claims stay as they are until the test has looked at them.
  await lines.read();
  Deno.exit(0);
}

async function claim(node: Node, id: string | undefined): Promise<Won | "none" | "taken"> {
  const operation = operationNamed("claim_task");
  if (operation === undefined) throw new Error("claim_task is gone");
  try {
    const { answer } = await node.call(operation, id === undefined ? {} : { id });
    const task = answer["task"] as { id: string } | null;
    return task === null ? "none" : { id: task.id, epoch: answer["epoch"] as number };
  } catch (thrown) {
    if (thrown instanceof Refusal && /^TASK_(TAKEN|STATE)$/.test(thrown.code)) return "taken";
    throw thrown;
  }
}

async function complete(node: Node, { id, epoch }: Won): Promise<void> {
  const operation = operationNamed("complete_task");
  if (operation === undefined) throw new Error("complete_task is gone");
  await node.call(operation, { id, epoch, summary: `done in epoch ${epoch}` });
}

await main();
