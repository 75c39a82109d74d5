// What git says of a working tree, read from recorded answers and from a real git: odd names, as
// git gives them with -z, must arrive as they are.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { join } from "@std/path";
import { LIMITS, TIMES } from "../../src/core/limits.ts";
import { parseStatus } from "../../src/core/git.ts";
import { GitPace } from "../../src/node/gitwatch.ts";
import { git, makeRepository, write } from "../support/git.ts";
import { withTempFolder } from "../support/temp.ts";

const OID = "1234567890abcdef1234567890abcdef12345678";
const HEAD = [`# branch.oid ${OID}`, "# branch.head main"];

function status(...records: string[]): string {
  return records.map((record) => `${record}\0`).join("");
}

const ordinary = (xy: string, path: string): string =>
  `1 ${xy} N... 100644 100644 100644 ${OID} ${OID} ${path}`;

Deno.test("parseStatus: branch, short commit and every kind of dirty file", () => {
  const state = parseStatus(status(
    ...HEAD,
    "# branch.upstream origin/main",
    "# branch.ab +1 -0",
    ordinary(".M", "changed.ts"),
    ordinary("A.", "added.ts"),
    `2 R. N... 100644 100644 100644 ${OID} ${OID} R100 new name.ts`,
    "old name.ts",
    `u UU N... 100644 100644 100644 100644 ${OID} ${OID} ${OID} both sides.ts`,
    "? untracked folder/",
    "! ignored.ts",
  ));
  assertEquals(state, {
    branch: "main",
    commit: "1234567890ab",
    dirty: ["changed.ts", "added.ts", "new name.ts", "both sides.ts", "untracked folder/"],
    dirtyCount: 5,
  });
});

Deno.test("parseStatus: an old name that looks like a record is no record", () => {
  const renamed = `2 R. N... 100644 100644 100644 ${OID} ${OID} R090 b`;
  const state = parseStatus(status(...HEAD, renamed, "? a", ordinary(".M", "c")));
  assertEquals(state.dirty, ["b", "c"]);
});

Deno.test("parseStatus: names with spaces, line breaks and other letters stay as they are", () => {
  const names = ["a b  c", "line\nbreak", "caf\u00e9", " leading", "# branch.head x", "tab\there"];
  const state = parseStatus(status(...HEAD, ...names.map((name) => ordinary(".M", name))));
  assertEquals(state.dirty, names);
  const untracked = parseStatus(status(...HEAD, ...names.map((name) => `? ${name}`)));
  assertEquals(untracked.dirty, names);
});

Deno.test("parseStatus: no commit yet, a detached head, a clean tree, no answer at all", () => {
  assertEquals(parseStatus(status("# branch.oid (initial)", "# branch.head main")), {
    branch: "main",
    commit: "",
    dirty: [],
    dirtyCount: 0,
  });
  const detached = parseStatus(status(`# branch.oid ${OID}`, "# branch.head (detached)"));
  assertEquals([detached.branch, detached.commit], ["(detached)", "1234567890ab"]);
  assertEquals(parseStatus(""), { branch: "", commit: "", dirty: [], dirtyCount: 0 });
});

Deno.test("parseStatus: a very dirty tree is counted whole and listed in part", () => {
  const many = Array.from({ length: LIMITS.dirtyFiles + 50 }, (_, i) => `? f${i}`);
  const state = parseStatus(status(...HEAD, ...many));
  assertEquals(state.dirty.length, LIMITS.dirtyFiles);
  assertEquals(state.dirtyCount, LIMITS.dirtyFiles + 50);
});

Deno.test("parseStatus: agrees with a real git about a real tree", async () => {
  await withTempFolder(async (folder) => {
    const repo = join(folder, "repo");
    await makeRepository(repo);
    const read = async (): Promise<string> =>
      await git(repo, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal");
    assertEquals(parseStatus(await read()), {
      branch: "main",
      commit: "",
      dirty: [],
      dirtyCount: 0,
    });
    for (const name of ["kept.ts", "old name.ts", "changed.ts"]) write(join(repo, name), name);
    await git(repo, "add", "-A");
    await git(repo, "commit", "-qm", "first");
    await git(repo, "mv", "old name.ts", "new name.ts");
    write(join(repo, "changed.ts"), "other");
    write(join(repo, "caf\u00e9 menu.txt"), "untracked");
    const state = parseStatus(await read());
    const commit = (await git(repo, "rev-parse", "HEAD")).trim();
    assertEquals([state.branch, state.commit], ["main", commit.slice(0, 12)]);
    assertEquals(
      new Set(state.dirty),
      new Set(["new name.ts", "changed.ts", "caf\u00e9 menu.txt"]),
    );
  });
});

Deno.test("GitPace: at once, then every few seconds, and less often where it is slow", () => {
  const pace = new GitPace();
  assert(pace.due(0));
  pace.took(1_000, 1_010);
  assertFalse(pace.due(1_010 + TIMES.gitMs - 1));
  assert(pace.due(1_010 + TIMES.gitMs));
  pace.took(10_000, 12_000);
  assertFalse(pace.due(12_000 + 20 * 2_000 - 1));
  assert(pace.due(12_000 + 20 * 2_000));
});
