// `skein up`: a peer without an agent, until interrupted. It keeps a leader alive, holds a name, watches:
// an observer, since nobody is there to read blockers or to do tasks.

import { asRefusal, Refusal } from "../core/errors.ts";
import { Node } from "../node/node.ts";
import { peerById, peerByIncarnation } from "../peer/table.ts";
import { readGlobals } from "./commands.ts";
import { serving } from "./lead.ts";
import { complain, print, styleOf } from "./output.ts";
import type { Surroundings } from "./ways.ts";

/**
 * Runs the command and returns its exit code, at the end.
 * @throws Refusal `KILLED`, `FENCED`, `NOT_JOINED`, `STORE_GONE`, `STORE_REPLACED`: why its life is over
 */
export async function runUp(
  args: readonly string[],
  environmentOf: Surroundings["environmentOf"],
): Promise<number> {
  const flags = readGlobals("up", args);
  if (flags.help) {
    const { plainHelp } = await import("./help.ts");
    print(plainHelp("up", styleOf()));
    return 0;
  }
  const environment = environmentOf(flags);
  const over = Promise.withResolvers<Refusal>();
  const node: Node = new Node({
    ...environment,
    // Without a role the first of a project takes the architect's seat, and no agent is behind this one.
    role: environment.role ?? "observer",
    session: null,
    onLead: serving(environment.port),
    // Nobody calls anything here who would be told.
    onTick: () =>
      void whyOver(node).then((why) => why === null ? undefined : over.resolve(why))
        .catch((thrown) => complain(`look: ${asRefusal(thrown).message}`)),
    onTrouble: (what, thrown) => complain(`${what}: ${asRefusal(thrown).message}`),
  });
  const { name, role } = await node.enter();
  print(flags.json ? JSON.stringify({ name, role }) : `${name} (${role}) is up; Ctrl-C leaves`);
  const why = await Promise.race([interrupted(), over.promise]);
  // What it held, its presence too, is free.
  await node.leave();
  if (why instanceof Refusal) throw why;
  return 0;
}

/** Why a node's life is over, or null. */
async function whyOver(node: Node): Promise<Refusal | null> {
  const { incarnation } = await node.place();
  const { engine } = await node.store();
  const { id, name } = await node.enter();
  try {
    engine.assertOurs();
  } catch (thrown) {
    return asRefusal(thrown);
  }
  return await engine.read(async (tx) => {
    if (await peerByIncarnation(tx, incarnation) !== undefined) return null;
    const row = await peerById(tx, id);
    if (row?.killed_at !== null && row !== undefined) {
      return new Refusal("KILLED", `${name} was ended by ${row.killed_by}, at ${row.killed_at}`);
    }
    return row?.state === "live"
      ? new Refusal("FENCED", `another session is ${name} now`)
      : new Refusal("NOT_JOINED", `${name} counts as gone: it did not react for too long`);
  });
}

/** Resolves at Ctrl-C and the like. */
export function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => done());
    }
  });
}
