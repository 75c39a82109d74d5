// What trust costs: authorising the actor and writing the act down, as a share of a whole send in the
// library. Both are measured in the same store, in transactions of their own kind.

import { operationNamed } from "../../mod.ts";
import { authorise, type Identity } from "../../src/authorise.ts";
import { issueToken } from "../../src/peer/token.ts";
import { peerByName } from "../../src/peer/table.ts";
import { append, headForWrite } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/unit.ts";
import { CONTENT } from "./content.ts";
import type { Place } from "./place.ts";
import { median, type Row } from "./row.ts";
import { callOf, localNode } from "./tasks.ts";

const ROUNDS = 9;

class Undone extends Error {}

/** Microseconds of each of `count` runs of `body` inside one write that is rolled back. */
async function inOneWrite(
  store: Store,
  count: number,
  body: (tx: Parameters<Parameters<Store["engine"]["write"]>[0]>[0]) => Promise<void>,
): Promise<number> {
  let tookUs = NaN;
  await store.engine.write(async (tx) => {
    const before = performance.now();
    for (let i = 0; i < count; i++) await body(tx);
    tookUs = 1_000 * (performance.now() - before) / count;
    throw new Undone();
  }).catch((thrown) => {
    if (!(thrown instanceof Undone)) throw thrown;
  });
  return tookUs;
}

export async function trust(place: Place): Promise<Row[]> {
  const home = place.newHome();
  const [anna, bob] = [localNode(place, home, "anna"), localNode(place, home, "bob")];
  await bob.enter();
  const { name } = await anna.enter();
  const store = await anna.store();
  const row = await store.engine.read((tx) => peerByName(tx, name));
  const send = operationNamed("send");
  if (row === undefined || send === undefined) throw new Error("nobody to measure");
  const upS = store.clock.upS();
  const { id: peer, role, project, incarnation } = row;
  const token = issueToken(store.secret, {
    peer,
    role,
    project,
    incarnation: incarnation ?? "",
    issuedS: upS,
    expiresS: upS + 3_600,
  });
  const settings = { messagesPerMinute: null, leaseS: 900, stalledGraceS: 300 };
  // As a session's own node calls, which is what sends here; a mere token is also asked whether its
  // session lives.
  const renew = (): void => {};
  const caller: Identity = { token, renew, folder: row.folder, project, settings };
  const count = place.pick(200, 1_000);
  const act = { actor: name, op: "send", subject: "message/m1", detail: { to: ["bob"], n: 200 } };
  const [sendUs, authoriseUs, auditUs]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now();
    for (let i = 0; i < count; i++) await callOf(anna, "send", { to: ["bob"], content: CONTENT });
    sendUs.push(1_000 * (performance.now() - before) / count);
    authoriseUs.push(
      await inOneWrite(store, count, async (tx) => {
        await authorise(tx, upS, store.secret, caller, send, false);
      }),
    );
    const at = new Date().toISOString();
    auditUs.push(
      await inOneWrite(store, count, async (tx) => {
        await append(tx, store.secret, await headForWrite(tx), at, [act]);
      }),
    );
  }
  await anna.leave();
  await bob.leave();
  const [whole, who, kept] = [median(sendUs), median(authoriseUs), median(auditUs)];
  return [{
    name: "authorising and auditing, share of a send",
    value: 100 * (who + kept) / whole,
    unit: "%",
    budget: { most: 20 },
    note: `${who.toFixed(1)} + ${kept.toFixed(1)} of ${whole.toFixed(0)} us in the library`,
  }];
}
