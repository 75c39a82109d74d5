// The tables of processes: read directly, by other programs, and from `ps`; all tell the same.

import { assert, assertEquals } from "@std/assert";
import { MARK } from "../../src/agent/group.ts";
import { fromStat, listedProcTable, psTable, systemTable } from "../../src/agent/processes.ts";

Deno.test("fromStat: a name with anything in it, and a zombie", () => {
  const stat = (state: string): string =>
    `5 (a) b (c) ${state} 1 77 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 2`;
  assertEquals(fromStat(5, stat("S")), { pid: 5, pgid: 77, start: "123456" });
  assertEquals(fromStat(5, stat("Z")), null);
  assertEquals(fromStat(5, null), null);
});

Deno.test({
  name: "psTable: sees what /proc shows, and knows marks from a listing of environments",
  ignore: Deno.build.os !== "linux",
  fn() {
    const real = systemTable().process(Deno.pid);
    const listed = psTable(run);
    const seen = listed.process(Deno.pid);
    assertEquals([seen?.pid, seen?.pgid], [Deno.pid, real?.pgid]);
    assert(listed.all().some(({ pid, start }) => pid === Deno.pid && start === seen?.start));
    const environments = psTable(() => `  12 claude -p HOME=/h ${MARK}=m\n 13 sh ${MARK}=mm X=1\n`);
    const among = [12, 13].map((pid) => ({ pid, pgid: pid, start: "" }));
    assertEquals(environments.marked(MARK, "m", among).map(({ pid }) => pid), [12]);
    assertEquals(psTable(() => null).all(), []);
  },
});

Deno.test({
  name: "listedProcTable: sees what /proc shows, marks as well",
  ignore: Deno.build.os !== "linux",
  fn() {
    const [real, listed] = [systemTable(), listedProcTable(run)];
    assertEquals([listed.boot(), listed.process(Deno.pid)], [real.boot(), real.process(Deno.pid)]);
    const all = listed.all();
    assertEquals(all.find(({ pid }) => pid === Deno.pid), real.process(Deno.pid) ?? undefined);
    const path = Deno.env.get("PATH") ?? "";
    assert(listed.marked("PATH", path, all).some(({ pid }) => pid === Deno.pid));
    assertEquals(listed.marked("PATH", path.slice(0, -1), all), []);
    assertEquals(listed.marked("PATH", path, []), []);
  },
});

function run(program: string, args: readonly string[]): string {
  const { stdout } = new Deno.Command(program, { args: [...args], env: { LC_ALL: "C" } })
    .outputSync();
  return new TextDecoder().decode(stdout);
}
