// Installing over another version, and being killed while at it: whatever was reached, what the
// client starts is whole, a session keeps the program it runs, and the next install mends the rest.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { Refusal } from "../../mod.ts";
import { apply } from "../../src/claude/files.ts";
import {
  holdProgram,
  programFolder,
  releaseProgram,
  removePrograms,
} from "../../src/claude/programs.ts";
import { withTempFolder } from "../support/temp.ts";
import { type User, withUser } from "./installer.ts";

const OWN = '{\n  "model": "opus"\n}\n';
const LONG_AGO = new Date(Date.now() - 3 * 86_400_000);

function userTest(name: string, body: (user: User) => Promise<void>): void {
  Deno.test(name, () => withUser(body));
}

const appOf = (user: User, id: string): string => join(user.places.data, `app-${id}`);

function apps(user: User): string[] {
  const { data } = user.places;
  // Uninstalling takes the folder away with the last of them.
  if (![...Deno.readDirSync(dirname(data))].some(({ name }) => name === basename(data))) return [];
  return [...Deno.readDirSync(data)].filter((entry) => entry.isDirectory)
    .map(({ name }) => name).filter((name) => name.startsWith("app-")).sort();
}

function makeOld(user: User, ...ids: string[]): void {
  for (const id of ids) Deno.utimeSync(appOf(user, id), LONG_AGO, LONG_AGO);
}

/** A process that runs a program as a session does, until its standard input ends. */
async function session(user: User, id: string): Promise<() => Promise<void>> {
  const hold = new URL("../../src/claude/programs.ts", import.meta.url).href;
  const entry = JSON.stringify(join(appOf(user, id), "main.js"));
  const code = `import { holdProgram } from ${JSON.stringify(hold)};
    holdProgram(${entry}); Deno.stdout.writeSync(new TextEncoder().encode("held")); await new Response(Deno.stdin.readable).text();`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--quiet", code],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  assert(new TextDecoder().decode((await reader.read()).value).includes("held"));
  return async () => {
    await child.stdin.close();
    await reader.cancel();
    await child.status;
  };
}

userTest("programs: one that a session runs stays, however old; unused ones go", async (user) => {
  for (const id of ["one", "two", "three"]) await user.install({ id });
  assertEquals(apps(user), ["app-one", "app-three", "app-two"], "young ones may be about to start");
  const end = await session(user, "one");
  makeOld(user, "one", "two", "three");
  await user.install({ id: "four" });
  assertEquals(apps(user), ["app-four", "app-one"]);
  await end();
  makeOld(user, "one");
  await user.install({ id: "four" });
  assertEquals(apps(user), ["app-four"]);
});

userTest("programs: uninstalling spares one that a session runs, until it ends", async (user) => {
  await user.install();
  const end = await session(user, "one");
  await user.uninstall();
  assertEquals(apps(user), ["app-one"]);
  await end();
  await user.uninstall();
  assertEquals(apps(user), []);
});

userTest("programs: what a killed remover has left is removed", async (user) => {
  await user.install();
  Deno.mkdirSync(join(user.places.data, ".gone-app-zero"));
  await user.install();
  assertEquals(apps(user), ["app-one"]);
});

/** Every file that the installed command and the client's server start from is there. */
function assertWhole(user: User, when: string): void {
  const tree = user.tree();
  const started = [tree["bin/skein"], tree["share/skein/marketplace/plugins/skein/.mcp.json"]];
  for (const text of started.filter((one) => one !== undefined)) {
    const id = /app-(\w+)\/main\.js/.exec(text)?.[1];
    for (const file of ["main.js", "chunk.js"]) {
      assert(tree[`share/skein/app-${id}/${file}`] !== undefined, `${when}: ${id}/${file}`);
    }
  }
}

userTest("install: killed after any of its writes, the next one mends it all", async (user) => {
  const path = user.settings(OWN);
  const steps = (await user.install({ id: "two", trustTools: true, dryRun: true })).length;
  for (const before of [null, "one"]) {
    for (let killed = 0; killed <= steps; killed++) {
      const when = `${before ?? "nothing"} before, ${killed} of ${steps} writes`;
      if (before !== null) await user.install({ id: before });
      const all = await user.install({ id: "two", trustTools: true, dryRun: true });
      apply(all.slice(0, killed));
      assertWhole(user, when);
      await user.install({ id: "two", trustTools: true });
      assertWhole(user, when);
      await user.uninstall();
      assertEquals(Deno.readTextFileSync(path), OWN, when);
    }
  }
});

userTest("install: killed after any of its writes, uninstalling takes it out", async (user) => {
  const path = user.settings(OWN);
  const all = await user.install({ trustTools: true, dryRun: true });
  for (let killed = 0; killed <= all.length; killed++) {
    apply(all.slice(0, killed));
    await user.uninstall();
    assertEquals(Deno.readTextFileSync(path), OWN, `${killed} of ${all.length} writes`);
  }
});

userTest(
  "install: a half-written file of a killed one is cleared away, a young one not",
  async (user) => {
    const path = user.settings(OWN);
    for (const pid of [1, 2]) Deno.writeTextFileSync(`${path}.skein-${pid}`, "{");
    Deno.utimeSync(`${path}.skein-1`, LONG_AGO, LONG_AGO);
    await user.install();
    assertEquals(user.tree()["claude/settings.json.skein-1"], undefined);
    assertEquals(user.tree()["claude/settings.json.skein-2"], "{");
  },
);

userTest("install: a home or a command that no permission can name is refused", async (user) => {
  for (const [field, value] of [["home", "/tmp/a,b"], ["bin", "/tmp/c,d"], ["home", "relative"]]) {
    const places = { ...user.places, [field ?? ""]: value };
    const other = Object.assign(Object.create(user) as User, { places });
    const thrown = await assertRejects(() => other.install(), Refusal);
    assertEquals(thrown.code, "INVALID_INPUT");
    assertEquals(thrown.details["field"], field === "home" ? "SKEIN_HOME" : "SKEIN_BIN");
  }
  assertEquals(Object.keys(user.tree()), [], "nothing was stored");
});

Deno.test("programs: who uninstalls the program that it runs lets go of it first", () =>
  withTempFolder((data) => {
    const folder = programFolder(data, "own");
    Deno.mkdirSync(folder);
    Deno.writeTextFileSync(join(folder, "main.js"), "// own\n");
    holdProgram(join(folder, "main.js"));
    try {
      assertEquals(removePrograms(data, null, 0), [folder], "it is in use");
    } finally {
      releaseProgram();
    }
    assertEquals(removePrograms(data, null, 0), []);
    assertEquals([...Deno.readDirSync(data)], []);
    return Promise.resolve();
  }));
