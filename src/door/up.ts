// `skein up`: a peer without an agent, until interrupted. It keeps a leader alive, holds a name, watches:
// an observer, since nobody is there to read blockers or to do tasks.

import { asRefusal } from "../core/errors.ts";
import { Node } from "../node/node.ts";
import { readGlobals } from "./commands.ts";
import { serving } from "./lead.ts";
import { complain, print, styleOf } from "./output.ts";
import type { Surroundings } from "./ways.ts";

/** Runs the command and returns its exit code, at the end. */
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
  const node = new Node({
    ...environment,
    // Without a role the first of a project takes the architect's seat, and no agent is behind this one.
    role: environment.role ?? "observer",
    session: null,
    onLead: serving(environment.port),
    onTrouble: (what, thrown) => complain(`${what}: ${asRefusal(thrown).message}`),
  });
  const { name, role } = await node.enter();
  print(flags.json ? JSON.stringify({ name, role }) : `${name} (${role}) is up; Ctrl-C leaves`);
  await interrupted();
  await node.leave();
  return 0;
}

/** Resolves at Ctrl-C and the like. */
export function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => done());
    }
  });
}
