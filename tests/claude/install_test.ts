// Installing changes files that are the user's: what was there stays as it was, a file that is not
// understood is refused, again changes nothing, and uninstalling leaves what was there before.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Refusal } from "../../mod.ts";
import { installedAt } from "../../src/claude/note.ts";
import { PLUGIN } from "../../src/claude/registration.ts";
import { testEnv } from "../support/peer.ts";
import { type User, withUser } from "./installer.ts";

const OWN = {
  model: "opus",
  unknownToUs: { nested: [1, 2, { deep: true }] },
  permissions: { deny: ["Read(.env)"], allow: ["Bash(ls:*)"] },
  hooks: { Stop: [{ hooks: [{ type: "command", command: "true" }] }] },
  enabledPlugins: { "other@market": true },
  extraKnownMarketplaces: { market: { source: { source: "github", repo: "a/b" } } },
};
const OWN_TEXT = `${JSON.stringify(OWN, null, 2)}\n`;
const RULE = "mcp__plugin_skein_skein";

function userTest(name: string, body: (user: User) => Promise<void>): void {
  Deno.test(name, () => withUser(body));
}

function read(path: string): string {
  return Deno.readTextFileSync(path);
}

// deno-lint-ignore no-explicit-any -- settings of every shape
function json(path: string): any {
  return JSON.parse(read(path));
}

/** Paths that really change. */
async function changed(changes: ReturnType<User["install"]>): Promise<string[]> {
  return (await changes).filter(({ before, after }) => before !== after).map(({ path }) => path);
}

userTest("install: run again it changes nothing", async (user) => {
  const path = user.settings(OWN_TEXT);
  assert((await changed(user.install())).includes(path));
  const once = user.tree();
  const stamp = Deno.statSync(path).ino;
  assertEquals(await changed(user.install()), []);
  assertEquals(user.tree(), once);
  assertEquals(Deno.statSync(path).ino, stamp, "not even written again");
});

userTest("install: the user's settings stay, in their order", async (user) => {
  const path = user.settings(OWN_TEXT);
  await user.install({ trustTools: true });
  const now = json(path);
  assertEquals(Object.keys(now), Object.keys(OWN));
  assertEquals(now.enabledPlugins, { "other@market": true, [PLUGIN]: true });
  assertEquals(Object.keys(now.extraKnownMarketplaces), ["market", "skein"]);
  assertEquals(now.permissions, { deny: ["Read(.env)"], allow: ["Bash(ls:*)", RULE] });
  for (const key of ["model", "unknownToUs", "hooks"] as const) assertEquals(now[key], OWN[key]);
});

userTest(
  "uninstall: restores the very settings there were, and nothing else is left",
  async (user) => {
    const path = user.settings(OWN_TEXT);
    const before = user.tree();
    await user.install({ trustTools: true });
    await user.uninstall();
    assertEquals(read(path), OWN_TEXT);
    assertEquals(user.tree(), before);
    assertEquals(installedAt(user.places), null);
    assertEquals(await changed(user.uninstall()), [], "again, it changes nothing");
  },
);

userTest("uninstall: settings that were not there are not there", async (user) => {
  await user.install();
  await user.uninstall();
  assertEquals(user.tree(), {});
});

userTest("uninstall: what was empty before is empty again", async (user) => {
  const own = { permissions: { allow: [] }, enabledPlugins: {}, extraKnownMarketplaces: {} };
  const path = user.settings(`${JSON.stringify(own, null, 2)}\n`);
  await user.install({ trustTools: true });
  await user.uninstall();
  assertEquals(json(path), own);
});

userTest("uninstall: however the file is laid out, it is so again", async (user) => {
  const text = `${JSON.stringify(OWN, null, "\t")}`;
  const path = user.settings(text);
  await user.install();
  await user.uninstall();
  assertEquals(read(path), text);
});

userTest("uninstall: keeps what the user has added since", async (user) => {
  const path = user.settings(OWN_TEXT);
  await user.install({ trustTools: true });
  const now = json(path);
  now.enabledPlugins["later@market"] = true;
  now.permissions.allow.push("Bash(make:*)");
  now.theme = "dark";
  Deno.writeTextFileSync(path, JSON.stringify(now));
  await user.uninstall();
  assertEquals(json(path), {
    ...OWN,
    permissions: { deny: ["Read(.env)"], allow: ["Bash(ls:*)", "Bash(make:*)"] },
    enabledPlugins: { "other@market": true, "later@market": true },
    theme: "dark",
  });
});

userTest("install: a link stays one, a mode stays what it was", async (user) => {
  const real = user.settings(OWN_TEXT, "dotfiles/settings.json");
  Deno.mkdirSync(user.places.claude);
  const path = join(user.places.claude, "settings.json");
  Deno.symlinkSync("../dotfiles/settings.json", path);
  for (const mode of [0o600, 0o640, 0o444]) {
    Deno.chmodSync(real, mode);
    await user.install();
    assert(Deno.lstatSync(path).isSymlink);
    assertEquals((Deno.statSync(real).mode ?? 0) & 0o777, mode);
    assertEquals(json(real).enabledPlugins[PLUGIN], true);
    await user.uninstall();
    assert(Deno.lstatSync(path).isSymlink);
    assertEquals(read(real), OWN_TEXT);
    assertEquals((Deno.statSync(real).mode ?? 0) & 0o777, mode);
  }
});

userTest("install: a mode wider than the umask stays what it was", async (user) => {
  const path = user.settings(OWN_TEXT);
  Deno.chmodSync(path, 0o666);
  await user.install();
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o666);
});

userTest("install: a link to what is not there yet stays one", async (user) => {
  Deno.mkdirSync(user.places.claude);
  Deno.mkdirSync(join(user.folder, "dotfiles"));
  const path = join(user.places.claude, "settings.json");
  Deno.symlinkSync("../dotfiles/settings.json", path);
  await user.install();
  assert(Deno.lstatSync(path).isSymlink);
  assertEquals(json(join(user.folder, "dotfiles", "settings.json")).enabledPlugins[PLUGIN], true);
});

userTest("install: settings that are torn are refused and left alone", async (user) => {
  for (const text of ['{"model": "opus",', "[]", '"text"', "null", '{"a":1} // a comment']) {
    const path = user.settings(text);
    const refusal = await assertRejects(() => user.install(), Refusal);
    assertEquals(refusal.code, "INVALID_INPUT");
    assertStringIncludes(refusal.message, path);
    assertEquals(user.tree(), { "claude/settings.json": text }, "nothing else was written");
  }
});

userTest("install: parts of another shape are refused, never replaced", async (user) => {
  for (
    const part of [
      { enabledPlugins: ["other@market"] },
      { extraKnownMarketplaces: "market" },
      { permissions: ["Bash"] },
      { permissions: { allow: "Bash" } },
    ]
  ) {
    const text = JSON.stringify(part);
    user.settings(text);
    await assertRejects(() => user.install({ trustTools: true }), Refusal, undefined, text);
    assertEquals(user.tree(), { "claude/settings.json": text });
  }
});

userTest("uninstall: settings torn since are refused, and all stays installed", async (user) => {
  const path = user.settings(OWN_TEXT);
  await user.install();
  Deno.writeTextFileSync(path, "{torn");
  const before = user.tree();
  await assertRejects(() => user.uninstall(), Refusal);
  assertEquals(user.tree(), before);
});

userTest("install: an empty settings file is one without settings", async (user) => {
  const path = user.settings("");
  await user.install();
  assertEquals(json(path).enabledPlugins, { [PLUGIN]: true });
});

userTest("install: --dry-run says what it would change, and changes nothing", async (user) => {
  const path = user.settings(OWN_TEXT);
  const before = user.tree();
  const would = await changed(user.install({ dryRun: true }));
  assertEquals(user.tree(), before);
  assert(would.includes(path));
  assertEquals((await changed(user.install())).sort(), [...would].sort());
  const installed = user.tree();
  assert((await changed(user.uninstall(true))).includes(path));
  assertEquals(user.tree(), installed);
});

userTest(
  "install: --trust-tools adds one rule, once, and takes out its own alone",
  async (user) => {
    const path = user.settings("{}\n");
    await user.install({ trustTools: true });
    await user.install({ trustTools: true });
    await user.install();
    assertEquals(json(path).permissions, { allow: [RULE] });
    await user.uninstall();
    assertEquals(read(path), "{}\n");
    const own = `${JSON.stringify({ permissions: { allow: [RULE] } }, null, 2)}\n`;
    user.settings(own);
    await user.install({ trustTools: true });
    assertEquals(json(path).permissions, { allow: [RULE] });
    await user.uninstall();
    assertEquals(read(path), own, "the rule was the user's");
  },
);

userTest("install: project and local scope, and all of them at once", async (user) => {
  const files = {
    user: join(user.places.claude, "settings.json"),
    project: join(user.places.project, ".claude", "settings.json"),
    local: join(user.places.project, ".claude", "settings.local.json"),
  };
  await user.install({ scope: "project" });
  assertEquals(json(files.project), { enabledPlugins: { [PLUGIN]: true } });
  assertEquals(Object.keys(json(files.user)), ["extraKnownMarketplaces"]);
  assert(!read(files.project).includes(user.folder), "others have no such path");
  await user.install({ scope: "local" });
  await user.install({ scope: "user" });
  assertEquals(installedAt(user.places)?.settings, Object.values(files).sort());
  await user.uninstall();
  for (const path of Object.values(files)) {
    assert(!(user.tree()[path.slice(user.folder.length + 1)] ?? "").includes("skein"), path);
  }
});

userTest("install: another version replaces the first", async (user) => {
  const path = user.settings(OWN_TEXT);
  const later = { name: "later", description: "Later", hint: "", text: "later" };
  await user.install({ id: "one", commands: [later] });
  const settings = read(path);
  await user.install({ id: "two" });
  const tree = user.tree();
  assertEquals(read(path), settings, "the settings name the same plugin");
  assertStringIncludes(tree["bin/skein"] ?? "", "app-two/main.js");
  const market = "share/skein/marketplace/plugins/skein";
  const { args } = JSON.parse(tree[`${market}/.mcp.json`] ?? "{}").mcpServers.skein;
  assert(args.includes(join(user.places.data, "app-two", "main.js")), args.join(" "));
  assertEquals(tree["share/skein/app-two/main.js"], "// two\n");
  const commands = Object.keys(tree).filter((one) => one.includes("/commands/"));
  assertEquals(commands, [`${market}/commands/lead.md`], "the first one's commands are gone");
});

userTest("install: eight at a time end well", async (user) => {
  const path = user.settings(OWN_TEXT);
  const script = fromFileUrl(new URL("installer.ts", import.meta.url));
  const ends = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--quiet", script, user.folder, `v${n % 2}`],
        env: testEnv({}),
        clearEnv: true,
        stdin: "null",
      }).output()),
  );
  const decoder = new TextDecoder();
  assertEquals(
    ends.map(({ code, stderr }) => `${code}${decoder.decode(stderr)}`),
    Array(8).fill("0"),
  );
  assertEquals(json(path).permissions.allow, ["Bash(ls:*)", RULE]);
  assertEquals(json(path).enabledPlugins, { "other@market": true, [PLUGIN]: true });
  const left = Object.keys(user.tree()).filter((one) => /skein-\d+$/.test(one));
  assertEquals(left, [], "no temporary file is left");
  await user.uninstall();
  assertEquals(read(path), OWN_TEXT);
});

userTest("install: a command of that name that is not ours is not written over", async (user) => {
  const path = user.settings("#!/bin/sh\necho mine\n", "bin/skein");
  await user.install().catch(() => {});
  await user.uninstall();
  assertEquals(read(path), "#!/bin/sh\necho mine\n");
});
