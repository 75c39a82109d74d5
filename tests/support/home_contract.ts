// What has to hold of the home as a folder: whose it is, which boot and which version may use it, and
// that opening it makes one store however many open it at once. Called by the contract tests.

import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Clock } from "../../src/core/clock.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { migrate } from "../../src/store/open.ts";
import { type Migration, MIGRATIONS, SCHEMA_VERSION } from "../../src/store/schema.ts";
import type { Store } from "../../src/store/unit.ts";
import { act, refusal, seqOf, type TestHome, withHome } from "./home.ts";

/** Registers the tests of homes. */
export function homeContract(): void {
  migrations();
  opening();
  safety();
  boots();
  bootTimes();
}

/** The schema that a new store has, and two steps from there. */
const NOW = SCHEMA_VERSION;
const LATER = NOW + 2;
/** The last step that older writers cannot go past. */
const LAST_BREAKING = MIGRATIONS.findLast(({ breaking }) => breaking)?.version;
const ADDITIVE: Migration = {
  version: NOW + 1,
  breaking: false,
  sql: "CREATE TABLE more (x INTEGER)",
};
const BREAKING: Migration = {
  version: LATER,
  breaking: true,
  sql: "CREATE TABLE less (x INTEGER)",
};

function tables(home: TestHome): string[] {
  return home.sql((db) =>
    db.prepare("SELECT name FROM sqlite_master WHERE name IN ('more', 'less')").all()
      .map((row) => String(row["name"]))
  );
}

function migrations(): void {
  Deno.test("STORE_OLD_PEERS: a breaking step waits for older sessions and names them", async () => {
    await withHome(async (home) => {
      const store = await home.open();
      for (const [name, schema] of [["old", NOW], ["dead", NOW], ["new", LATER]] as const) {
        home.addPeer(name, { schema });
      }
      const lives = (life: string): boolean => life !== "life-of-dead";
      const steps = [ADDITIVE, BREAKING];
      const refused = await refusal("STORE_OLD_PEERS", async () => {
        await Promise.resolve();
        home.sql((db) => migrate(db, steps, NOW, lives));
      });
      assertEquals(refused.details["peers"], ["old"]);
      assertStringIncludes(refused.message, "old");
      assertEquals([tables(home), home.meta("schema")], [[], `${NOW}`]);
      await act(store);
      home.sql((db) => migrate(db, steps, NOW, (life) => life === "life-of-new"));
      assertEquals([home.meta("schema"), home.meta("min_writer")], [`${LATER}`, `${LATER}`]);
      assertEquals(tables(home).sort(), ["less", "more"]);
      await refusal("STORE_NEWER", () => act(store));
    });
  });

  Deno.test("migrate: an additive step lets older writers go on; a failing one leaves no trace", async () => {
    await withHome(async (home) => {
      const store = await home.open();
      home.addPeer("old", { schema: NOW });
      home.sql((db) => migrate(db, [ADDITIVE], NOW, () => true));
      assertEquals([home.meta("schema"), home.meta("min_writer")], [
        `${NOW + 1}`,
        `${LAST_BREAKING}`,
      ]);
      await act(store);
      const bad: Migration = { version: LATER + 1, breaking: false, sql: "CREATE TABLE more (x)" };
      await assertRejects(async () => {
        await Promise.resolve();
        home.sql((db) => migrate(db, [{ ...BREAKING, breaking: false }, bad], NOW + 1, () => true));
      });
      assertEquals([tables(home), home.meta("schema")], [["more"], `${NOW + 1}`]);
      await act(store);
    });
  });
}

function opening(): void {
  Deno.test("openStore: a file that is no database and a broken secret are STORE_DAMAGED", async () => {
    await withHome(async (home) => {
      (await home.open()).engine.close();
      Deno.writeTextFileSync(home.database, "this is no database ".repeat(100));
      assertStringIncludes((await refusal("STORE_DAMAGED", () => home.open())).message, "skein.db");
      const secret = join(home.folder, "secret");
      Deno.writeTextFileSync(secret, "short");
      assertStringIncludes((await refusal("STORE_DAMAGED", () => home.open())).message, secret);
    });
  });

  Deno.test("openStore: many that open a new home at once make one store", async () => {
    await withHome(async (home) => {
      const stores = await Promise.all(Array.from({ length: 8 }, () => home.open()));
      await Promise.all(stores.map((store) => act(store)));
      const secrets = new Set(stores.map((store) => store.secret.toString()));
      assertEquals([await seqOf(stores[0] as Store), secrets.size], [8, 1]);
    });
  });

  Deno.test("openStore: files are the user's alone, whatever the umask", async () => {
    await withHome(async (home) => {
      const umask = Deno.umask(0);
      try {
        const store = await home.open();
        await act(store);
        const hold = store.engine.hold("life");
        const modes: Record<string, string> = {};
        const look = (folder: string, prefix: string): void => {
          for (const { name, isDirectory } of Deno.readDirSync(folder)) {
            const path = join(folder, name);
            modes[prefix + name] = ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
            if (isDirectory) look(path, `${name}/`);
          }
        };
        look(home.folder, "");
        assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o700);
        assertEquals(modes, {
          "open.lock": "600",
          "peers": "700",
          "peers/life.lock": "600",
          "secret": "600",
          "skein.db": "600",
          "skein.db-shm": "600",
          "skein.db-wal": "600",
        });
        hold.release(true);
      } finally {
        Deno.umask(umask);
      }
    });
  });
}

function safety(): void {
  Deno.test("HOME_UNSAFE: an open folder with other files is refused and left alone", async () => {
    await withHome(async (home) => {
      Deno.mkdirSync(home.folder);
      Deno.writeTextFileSync(join(home.folder, "letter.txt"), "mine");
      Deno.chmodSync(home.folder, 0o755);
      assertStringIncludes((await refusal("HOME_UNSAFE", () => home.open())).message, "755");
      assertEquals([...Deno.readDirSync(home.folder)].map((entry) => entry.name), ["letter.txt"]);
      assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o755);
      Deno.removeSync(join(home.folder, "letter.txt"));
      await home.open();
      assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o700, "an empty one is closed");
      Deno.chmodSync(home.folder, 0o755);
      await home.open();
      assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o700, "and so is our own");
    });
  });

  Deno.test("HOME_UNSAFE: neither a file nor another user's folder is a home", async () => {
    await withHome(async (home) => {
      Deno.writeTextFileSync(home.folder, "a file");
      await refusal("HOME_UNSAFE", () => home.open());
      Deno.removeSync(home.folder);
      // Only root can give a folder away.
      if (Deno.uid() !== 0) return;
      Deno.mkdirSync(home.folder, { mode: 0o700 });
      Deno.chownSync(home.folder, 12_345, 12_345);
      assertStringIncludes((await refusal("HOME_UNSAFE", () => home.open())).message, "12345");
    });
  });

  Deno.test("HOME_SHARED: refused while a peer of another machine lives, adopted afterwards", async () => {
    await withHome(async (home) => {
      const store = await home.open();
      home.addPeer("anna");
      const hold = store.engine.hold("life-of-anna");
      const boot = JSON.parse(home.meta("boot") ?? "{}") as Record<string, unknown>;
      home.setMeta("boot", JSON.stringify({ ...boot, machine: "another" }));
      assertStringIncludes((await refusal("HOME_SHARED", () => home.open())).message, "anna");
      assertStringIncludes(home.meta("boot") ?? "", "another");
      hold.release(true);
      await home.open();
      assertEquals(JSON.parse(home.meta("boot") ?? ""), boot);
    });
  });
}

/** A clock that stands where it is put. */
function clockAt(wallMs: number, upS: number): Clock {
  return { wallMs: () => wallMs, upS: () => upS };
}

interface Leased {
  readonly lease: number;
  readonly lock: number;
  readonly waits: number;
  readonly notBefore: number;
  readonly rateAt: number;
}

function addLeased(home: TestHome): void {
  home.addPeer("cli", { kind: "leased", leaseUntilS: 5_000 });
  home.sql((db) =>
    db.exec(
      `INSERT INTO lock (space, path, shown, mode, peer, incarnation, since, expires_s)
         VALUES ('s', 'p', 'p', 'exclusive', 'id-cli', 'life-of-cli', '', 6000);
       INSERT INTO lock_wait VALUES ('id-cli', 'life-of-cli', 's', 'p', 'exclusive', 5000);
       INSERT INTO task (id, project, title, description, accept, files, status, priority,
         open_deps, created_by, creator, created_at, max_attempts, not_before_s, updated_at)
         VALUES ('t1', '/p', '', '', '', '', 'pending', 5, 0, '', '', '', 3, 7000, '')`,
    )
  );
}

function readLeased(home: TestHome): Leased {
  return home.sql((db) =>
    db.prepare(
      `SELECT (SELECT lease_until_s FROM peer) AS lease, (SELECT expires_s FROM lock) AS lock,
         (SELECT count(*) FROM lock_wait) AS waits, (SELECT not_before_s FROM task) AS notBefore,
         (SELECT rate_at_s FROM peer) AS rateAt`,
    ).get() as unknown as Leased
  );
}

function boots(): void {
  Deno.test("openStore: a reboot starts every lease afresh", async () => {
    await withHome(async (home) => {
      await home.open(clockAt(1_700_000_000_000, 4_000));
      addLeased(home);
      await home.open(clockAt(1_700_000_030_000, 4_030));
      assertEquals([readLeased(home).lease, readLeased(home).waits], [5_000, 1], "the same boot");
      await home.open(clockAt(1_700_003_600_000, 20));
      assertEquals(readLeased(home), {
        lease: 20 + LIMITS.leaseS,
        lock: 20 + LIMITS.lockTtlS,
        waits: 0,
        notBefore: 0,
        rateAt: 0,
      });
    });
  });

  Deno.test("openStore: after a reboot no lost lock revives, and no reply is of this hour", async () => {
    await withHome(async (home) => {
      await home.open(clockAt(1_700_000_000_000, 4_000));
      home.addPeer("cli", { kind: "leased", leaseUntilS: 5_000 });
      home.sql((db) =>
        db.exec(
          `INSERT INTO lost VALUES ('id-cli', 'lock', 'p', '{"space":"s","expires_s":436000}'),
             ('id-cli', 'task', 't1', '{"epoch":3}');
           INSERT INTO message (sender, sender_name, sender_role, project, category, content, chain,
             recipients, at, up_s) VALUES ('a', 'a', 'worker', '/p', 'question', 'x', 1, '[]', '', 3900)`,
        )
      );
      await home.open(clockAt(1_700_300_000_000, 20));
      const row = home.sql((db) =>
        db.prepare(
          `SELECT (SELECT up_s FROM message) AS up, group_concat(detail) AS lost
           FROM (SELECT detail FROM lost ORDER BY kind)`,
        ).get()
      );
      assertEquals(row?.["lost"], '{"space":"s","expires_s":0},{"epoch":3}');
      assert(Number(row?.["up"]) < 20 - 3_600, "a message of the last boot is long past");
    });
  });
}

function bootTimes(): void {
  Deno.test("openStore: a boot time that is rounded another way is nobody's business", async () => {
    await withHome(async (home) => {
      // 29.9 s and 30.1 s past a minute: rounded, they are two minutes.
      const at = 1_700_000_000_000 - 1_700_000_000_000 % 60_000;
      await home.open(clockAt(at + 4_029_900, 4_000));
      const before = home.meta("boot");
      const writer = new DatabaseSync(home.database);
      writer.exec("BEGIN IMMEDIATE");
      try {
        const startMs = performance.now();
        await home.open(clockAt(at + 4_130_200, 4_100));
        assert(performance.now() - startMs < 1_000, "it waited for who writes");
      } finally {
        writer.exec("ROLLBACK");
        writer.close();
      }
      assertEquals(home.meta("boot"), before);
    });
  });

  Deno.test("openStore: a clock that was set ends no lease while somebody lives", async () => {
    await withHome(async (home) => {
      const store = await home.open(clockAt(1_700_000_000_000, 4_000));
      addLeased(home);
      const before = readLeased(home);
      const hold = store.engine.hold("life-of-cli");
      await home.open(clockAt(1_800_000_000_000, 4_010));
      assertEquals(readLeased(home), before);
      hold.release(true);
    });
  });
}
