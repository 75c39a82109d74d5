// A node that acts for a peer whose presence another process keeps: the server of an agent that runs
// under a worker's host. Its token says who it is. It has no presence, no bell and no vote; when the
// host's life is over, everything it asks is refused.

import { Refusal } from "../core/errors.ts";
import { peerByIncarnation } from "../peer/table.ts";
import { readToken } from "../peer/token.ts";
import type { Store } from "../store/unit.ts";
import { Feed } from "./feed.ts";
import { GitWatch } from "./gitwatch.ts";
import type { Life } from "./life.ts";
import { Mail } from "./mail.ts";
import { Pass } from "./pass.ts";

/**
 * Begins to act for the peer that a token names.
 * @throws Refusal `TOKEN_INVALID`, `NOT_JOINED`
 */
export async function beginGuest(store: Store, token: string, tree: string | null): Promise<Life> {
  const { peer, incarnation, role, project } = readToken(store.secret, token);
  const row = await store.engine.read((tx) => peerByIncarnation(tx, incarnation));
  if (row === undefined) {
    throw new Refusal("NOT_JOINED", "the life of the peer that SKEIN_TOKEN names is over", {
      hint: "Start it anew without SKEIN_TOKEN, or with a token of today.",
    });
  }
  return {
    store,
    incarnation,
    guest: true,
    hold: { pulse: () => {}, release: () => {} },
    bell: { address: 0, quiet: () => {}, close: () => {} },
    feed: new Feed(store),
    mail: new Mail(store, peer, incarnation),
    election: {
      epoch: null,
      look: () => Promise.resolve(),
      tick: () => Promise.resolve(),
      stop: () => {},
    },
    entered: {
      id: peer,
      name: row.name,
      role,
      returned: { given: [], lost: [], epochs: new Map() },
      notices: [],
    },
    pass: new Pass(store, { peer, incarnation, role, project }),
    git: tree === null ? null : new GitWatch(store, peer, tree),
  };
}
