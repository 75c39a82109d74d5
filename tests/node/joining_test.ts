// Joining, when something fails on the way: what was begun is given back, and what is done stays done.

import { assertEquals, assertRejects } from "@std/assert";
import { Node, operationNamed } from "../../mod.ts";
import { systemClock } from "../../src/core/clock.ts";
import { beginLife } from "../../src/node/joining.ts";
import type { NodeOptions } from "../../src/node/life.ts";
import type { Bell, Engine, Hold } from "../../src/store/engine.ts";
import { eventually } from "../support/eventually.ts";
import { type TestHome, withHome } from "../support/home.ts";

const SETTINGS = { messagesPerMinute: 1_000, leaseS: 600, stalledGraceS: 300 };
const NOBODY = { leading: () => {}, deposed: () => {}, over: () => {} };
// A node keeps its database open and an election waiting to the end of the process.
const LOOSE = { sanitizeOps: false, sanitizeResources: false };

function options(home: TestHome): NodeOptions {
  return { home: home.folder, folder: home.folder, name: "ann", settings: SETTINGS };
}

Deno.test("beginLife: whoever may not join leaves neither a bell nor a presence behind", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    const open = new Set<number>();
    const bell = async (onRing: () => void): Promise<Bell> => {
      const made = await store.engine.bell(onRing);
      open.add(made.address);
      const close = (): void => {
        open.delete(made.address);
        made.close();
      };
      return { address: made.address, quiet: (on) => made.quiet(on), close };
    };
    const write = (): Promise<never> => Promise.reject(new Error("no write today"));
    const hold = (name: string): Hold => store.engine.hold(name);
    const engine = { bell, write, hold } as unknown as Engine;
    const newcomer = { options: options(home), project: "/p", tree: "/p", session: null };
    await assertRejects(
      () => beginLife({ ...store, engine }, newcomer, NOBODY),
      Error,
      "no write today",
    );
    assertEquals([...open], []);
    assertEquals(store.engine.presences(), []);
  });
});

Deno.test(
  "Node: what fails after the joining write leaves one life, not a second one beside it",
  LOOSE,
  async () => {
    await withHome(async (home) => {
      let failed = false;
      const clock = {
        upS: () => systemClock.upS(),
        wallMs: () => {
          // The first write after the one that joins: taking the leader's seat.
          if (!failed && home.sql((db) => db.prepare("SELECT 1 FROM peer").get()) !== undefined) {
            failed = true;
            throw new Error("the write after joining fails");
          }
          return systemClock.wallMs();
        },
      };
      await home.open();
      const trouble: unknown[] = [];
      const node = new Node({
        ...options(home),
        clock,
        onTrouble: (_what, thrown) => void trouble.push(thrown),
      });
      const list = operationNamed("list_peers");
      if (list === undefined) throw new Error("list_peers is gone");
      try {
        await node.enter().catch(() => {});
        assertEquals(failed, true);
        assertEquals((await node.enter()).name, "ann");
        const { answer } = await node.call(list, {});
        assertEquals((answer["peers"] as unknown[]).length, 1, "a ghost of the first try lives on");
        assertEquals(trouble.length, 1, "it is told");
        // The pulse looks again.
        await eventually(() => node.epoch !== null, { what: "somebody leads" });
      } finally {
        await node.leave();
      }
    });
  },
);

Deno.test(
  "Node: who stops listening is not called any more, also after the session has changed",
  LOOSE,
  async () => {
    await withHome(async (home) => {
      await home.open();
      const other = new Node({ ...options(home), name: "ben", session: "another session" });
      await other.enter();
      await other.leave();
      const node = new Node({ ...options(home), session: "a session" });
      const note = operationNamed("set_memory");
      if (note === undefined) throw new Error("set_memory is gone");
      try {
        const [stopped, going]: string[][] = [[], []];
        const stop = await node.listen((subjects) => void stopped?.push(...subjects));
        await node.listen((subjects) => void going?.push(...subjects));
        await node.attach("another session");
        assertEquals((await node.enter()).name, "ben");
        const heard = async (value: string): Promise<void> => {
          const before = going?.length ?? 0;
          await node.call(note, { key: "k", value });
          await eventually(() => (going?.length ?? 0) > before, { what: `news of ${value}` });
        };
        await heard("one");
        assertEquals(stopped, going, "both go on listening in the new life");
        await stop();
        const before = stopped?.length;
        await heard("two");
        assertEquals(stopped?.length, before);
      } finally {
        await node.leave();
      }
    });
  },
);
