// A worker that does a bit of everything as fast as it can and says each act once it was
// acknowledged, until somebody kills it. Refusals that belong to such a day are skipped; any other
// is said as "unexpected".

import { Node, operationNamed, readEnvironment, Refusal } from "../../mod.ts";

const EXPECTED = new Set([
  "LOCK_HELD",
  "NOT_YOUR_CLAIM",
  "STALE_EPOCH",
  "TASK_STATE",
  "TASK_TAKEN",
  "UNKNOWN_PEER",
]);

function say(line: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

class Mixer {
  readonly #node: Node;
  readonly #name: string;
  readonly #others: readonly string[];
  /** Sets apart what this life writes from what earlier ones wrote. */
  readonly #life = crypto.randomUUID().slice(0, 8);
  readonly #held: string[] = [];
  #n = 0;

  constructor(node: Node, name: string, others: readonly string[]) {
    this.#node = node;
    this.#name = name;
    this.#others = others;
  }

  async step(): Promise<void> {
    this.#n += 1;
    const mark = `${this.#name} ${this.#life} ${this.#n}`;
    switch (Math.floor(Math.random() * 6)) {
      case 0: {
        const to = this.#others[this.#n % this.#others.length] ?? this.#name;
        return await this.#act("send", { to: [to], content: mark }, { to, content: mark });
      }
      case 1:
        return await this.#act("create_task", { title: mark }, { title: mark });
      case 2:
        return await this.#act("claim_task", {}, {});
      case 3: {
        const id = this.#held.shift();
        if (id === undefined) return;
        return await this.#act("complete_task", { id, summary: mark }, { summary: mark });
      }
      case 4: {
        const key = `key-${this.#n % 7}`;
        return await this.#act("set_memory", { key, value: mark }, { key, value: mark });
      }
      default: {
        if (this.#n % 5 === 0) return await this.#act("unlock_file", {}, {});
        const path = `src/file-${this.#n % 11}.ts`;
        return await this.#act("lock_file", { paths: [path] }, {});
      }
    }
  }

  async #act(op: string, input: unknown, said: Record<string, unknown>): Promise<void> {
    const operation = operationNamed(op);
    if (operation === undefined) throw new Error(`${op} is gone`);
    try {
      this.#node.received();
      const { answer, offer } = await this.#node.call(operation, input);
      const task = answer["task"] as { id: string } | null | undefined;
      if (op === "claim_task" && task) this.#held.push(task.id);
      const id = task?.id ?? answer["id"];
      const { epoch, version, granted, to: _to } = answer;
      say({ op, by: this.#name, id, epoch, version, granted, ...said });
      offer.flushed();
    } catch (thrown) {
      if (thrown instanceof Refusal && EXPECTED.has(thrown.code)) return;
      const why = thrown instanceof Refusal ? `${thrown.code}: ${thrown.message}` : String(thrown);
      say({ op: "unexpected", by: this.#name, id: op, why });
    }
  }
}

const node = new Node({ ...readEnvironment(Deno.env.toObject(), Deno.cwd()), session: null });
const { name } = await node.enter();
say({ op: "join", by: name });
const mixer = new Mixer(node, name, Deno.args);
for (;;) {
  await mixer.step();
  // The event loop has to turn: the pulse, the election and the duties need it.
  await new Promise((next) => setTimeout(next, 0));
}
