// What serving costs the leader: fifty acts a second by others, followed by pages, is a small share of a
// core. The share is printed; what is asserted is only that everybody saw everything.

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { Follower, withSite } from "./site.ts";

const RATE = 50;
const SECONDS = 6;
const PAGES = 3;

/** CPU time of a process so far, in ms; null where the system does not tell. */
function cpuMs(pid: number): number | null {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // utime and stime, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return null;
  }
}

Deno.test("load: fifty acts a second, three pages: the leader's share of a core", async () => {
  await withSite(async (flock, session, [leader, bob]) => {
    if (leader === undefined || bob === undefined) throw new Error("nobody joined");
    assertEquals(flock.leader().name, "leader");
    const pages: Follower[] = [];
    for (let i = 0; i < PAGES; i++) pages.push(await Follower.open(session, null));
    const before = cpuMs(leader.pid);
    const startMs = performance.now();
    const lagMs: number[] = [];
    for (let n = 0; n < RATE * SECONDS; n++) {
      // On time: whoever is late does not catch up by haste.
      await eventually(() => performance.now() - startMs >= n * 1000 / RATE);
      const sentMs = performance.now();
      await bob.ok("set_memory", { key: `k${n % 20}`, value: `value ${n}` });
      lagMs.push(performance.now() - sentMs);
    }
    const tookS = (performance.now() - startMs) / 1000;
    const used = (cpuMs(leader.pid) ?? NaN) - (before ?? NaN);
    const last = flock.count("SELECT max(seq) FROM journal");
    for (const page of pages) {
      await page.until(() => page.last >= last, "everything");
      assert(page.of("journal").length >= RATE * SECONDS);
    }
    const idle = cpuMs(leader.pid);
    const idleMs = performance.now();
    await eventually(() => performance.now() - idleMs > 2_000, { withinMs: 3_000 });
    const idleUsed = (cpuMs(leader.pid) ?? NaN) - (idle ?? NaN);
    const share = (100 * used / tookS / 1000).toFixed(1);
    const still = (100 * idleUsed / (performance.now() - idleMs)).toFixed(1);
    const text =
      `  measured: the leader's share of a core with ${Math.round(RATE * SECONDS / tookS)} ` +
      `acts/s and ${PAGES} pages: ${share} %, idle with pages open: ${still} %\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
    for (const page of pages) await page.close();
  }, { names: ["leader", "bob"] });
});
