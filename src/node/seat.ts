// The leader's seat in the store: what the election reads and the one write that takes it.

import { compareVersions, VERSION } from "../core/version.ts";
import { SYSTEM } from "../message/notice.ts";
import { peerByIncarnation } from "../peer/table.ts";
import { leaderRow, rememberTakeover } from "../peer/leader.ts";
import { commit, type Store } from "../store/unit.ts";
import type { Ballot, Seat } from "./election.ts";

/** The part of a ballot that a store gives. */
export function storeBallot(
  store: Store,
  incarnation: string,
  peer: string,
  over: () => void,
): Omit<Ballot, "leading" | "deposed"> {
  const { engine } = store;
  return {
    me: incarnation,
    seat: () => readSeat(store),
    take: (epoch) => takeSeat(store, incarnation, peer, epoch, over),
    held: (name) => engine.held(name),
    pulseOf: (name) => engine.pulseOf(name),
    freed: (name) => engine.freed(name),
    holdBackMs: () => newerPeers(store),
    sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)),
  };
}

function readSeat(store: Store): Promise<Seat> {
  return store.engine.read(async (tx) => {
    const row = await leaderRow(tx);
    const current = row.incarnation !== null &&
      await peerByIncarnation(tx, row.incarnation) !== undefined;
    return { incarnation: row.incarnation, epoch: row.epoch, current };
  });
}

/** One compare-and-swap on the leader row; `over` is told if this life is over. */
function takeSeat(
  store: Store,
  incarnation: string,
  peer: string,
  epoch: number,
  over: () => void,
): Promise<number | null> {
  return commit(store, async (unit) => {
    const own = await peerByIncarnation(unit.tx, incarnation);
    if (own === undefined) {
      // A newer life of this identity is here: a ghost does not lead.
      over();
      return null;
    }
    const changed = await unit.tx.run(
      `UPDATE leader SET incarnation = ?, peer = ?, epoch = epoch + 1, since = ?, url = NULL
       WHERE one = 1 AND epoch = ?`,
      incarnation,
      peer,
      unit.at,
      epoch,
    );
    if (changed === 0) return null;
    await rememberTakeover(unit.tx, { at: unit.at, epoch: epoch + 1, name: own.name });
    unit.record({
      actor: SYSTEM,
      op: "lead",
      subject: `peer/${own.name}`,
      detail: { epoch: epoch + 1 },
    });
    return epoch + 1;
  });
}

/** Milliseconds to let a newer version stand first; 0 if nobody newer is here. */
async function newerPeers(store: Store): Promise<number> {
  const rows = await store.engine.read((tx) =>
    tx.all<{ version: string }>(
      "SELECT DISTINCT version FROM peer WHERE state = 'live' AND kind = 'resident'",
    )
  );
  return rows.some((row) => compareVersions(row.version, VERSION) > 0) ? 30 : 0;
}
