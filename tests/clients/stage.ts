// Where the real Claude Code plays: skein installed for a fresh user, a model's scripted API, and, if
// it is asked for, another agent of the flock. Everything ends with the test.

import { join } from "@std/path";
import { TestHome } from "../support/home.ts";
import { type Peer, startPeer } from "../support/peer.ts";
import type { ClaudeOptions, ClaudeUser } from "./claude.ts";
import { clientCommand, runs } from "./install.ts";
import { installedUser, installEnv, TOOLS } from "./installed.ts";
import { messagesApi } from "./messages_api.ts";
import { type Place, withPlace } from "./program.ts";
import type { ApiRequest, Block, ScriptedApi, Step } from "./script.ts";

/** Whether tests with the client are skipped; on a machine without it they have to be. */
export const noClaude = await clientCommand("claude") === null;
/** The same for those in a terminal. */
export const noTmux = noClaude || !await runs("tmux", "-V");

export interface Stage {
  readonly place: Place;
  readonly api: ScriptedApi;
  readonly user: ClaudeUser;
  /** How the client is run here. */
  readonly options: ClaudeOptions;
  /** A path in the project. */
  at(path: string): string;
}

/** A stage with another agent of the flock on it. */
export interface SharedStage extends Stage {
  readonly bob: Peer;
}

export interface Setting {
  /** Tools that need nobody's permission, besides skein's. */
  readonly tools?: readonly string[];
  /** More variables for the client and what it starts. */
  readonly env?: Readonly<Record<string, string>>;
  /** Makes the project ready, before anything is started. */
  readonly prepare?: (place: Place) => Promise<void>;
}

/** Runs `body` with an installed skein. */
export async function onStage(
  body: (stage: Stage) => Promise<void>,
  { tools = [], env = {}, prepare }: Setting = {},
): Promise<void> {
  await withPlace(async (place) => {
    await prepare?.(place);
    const user = await installedUser(place);
    await using api = messagesApi();
    const options: ClaudeOptions = {
      place,
      api,
      user,
      env: { ...installEnv(place, user), ...env },
      servers: null,
      allowedTools: [`${TOOLS}*`, ...tools],
    };
    await body({ place, api, user, options, at: (path) => join(place.project, path) });
  });
}

/** Runs `body` with an installed skein beside bob, who has done `first`. */
export async function onStageWithBob(
  body: (stage: SharedStage) => Promise<void>,
  { first, ...setting }: Setting & { readonly first: (bob: Peer) => Promise<unknown> },
): Promise<void> {
  await onStage(async (stage) => {
    const { home, project: folder } = stage.place;
    const bob = await startPeer({ home, folder, name: "bob" });
    try {
      await first(bob);
      await body({ ...stage, bob });
    } finally {
      await bob.close();
    }
  }, setting);
}

/** A model's call of one of skein's tools. */
export const call = (name: string, input: unknown = {}): Block => ({
  tool: `${TOOLS}${name}`,
  input,
});

/** A model's first step: it takes a name. */
export const NAMED: Step = { match: /begin/, blocks: [call("join", { name: "weaver" })] };
/** And what it is shown then. */
export const JOINED = /"name":"weaver"/;

/** Rows of the store. */
export function rows(place: Place, query: string): Record<string, unknown>[] {
  return new TestHome(place.home).sql((db) => db.prepare(query).all());
}

/** The requests that showed something to a model. */
export function showing(api: ScriptedApi, text: string): ApiRequest[] {
  return api.requests.filter(({ shown }) => shown.includes(text));
}
