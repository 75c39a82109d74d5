// `skein hook EVENT`: hooks that the client runs as processes of their own, where it cannot call the
// session's server: the start of a session, and the waiter of an idle one. The client writes what it
// knows to standard input. Nothing here makes a peer: the session's own server is one.

import { systemClock } from "../core/clock.ts";
import { repositoryOf } from "../core/repository.ts";
import type { Environment } from "../node/settings.ts";
import { peerBySession } from "../peer/table.ts";
import { openStore } from "../store/open.ts";
import { greeting } from "./greeting.ts";
import { inform, readHook } from "./hook.ts";
import { HOOK_EXIT, type HookExit } from "./hookexit.ts";
import { lookForMail, waitForMail } from "./waiter.ts";

/** Where a command hook writes to. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/** Runs a command hook and gives its exit code. Throws whatever is wrong: `hookExit` is around it. */
export async function runHook(
  event: string,
  stdin: string,
  environment: Environment,
  entrypoint: string | null,
  clientPid: number | null,
  streams: Streams,
): Promise<HookExit> {
  const call = readHook(JSON.parse(stdin === "" ? "{}" : stdin) as Record<string, unknown>);
  const session = call.session ?? environment.session;
  if (event === "wait") {
    // Only a terminal session is woken: `-p` would wait for its waiter before it ends.
    if (entrypoint !== "cli" || session === null) return HOOK_EXIT.done;
    const told = await waitForMail(environment, session, streams.err);
    return told ? HOOK_EXIT.wake : HOOK_EXIT.done;
  }
  if (event === "woken") {
    if (clientPid === null) return HOOK_EXIT.done;
    const outcome = await lookForMail(environment, clientPid, streams.err);
    if (outcome === "told") return HOOK_EXIT.wake;
    return outcome === "nothing" ? HOOK_EXIT.again : HOOK_EXIT.done;
  }
  if (event === "session-start") {
    const text = await welcome(environment, call.cwd ?? environment.folder, session);
    if (text !== null) streams.out(JSON.stringify(inform("SessionStart", text)));
  }
  return HOOK_EXIT.done;
}

async function welcome(
  environment: Environment,
  folder: string,
  session: string | null,
): Promise<string | null> {
  const store = await openStore(environment.home, systemClock, environment.secret);
  const project = repositoryOf(folder)?.commonDir ?? folder;
  return await store.engine.read(async (tx) => {
    const row = session === null ? undefined : await peerBySession(tx, session);
    return await greeting(tx, project, row?.project === project ? row : null);
  });
}
