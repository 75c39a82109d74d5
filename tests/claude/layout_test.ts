// Settings are the user's: whatever their layout, installing changes no more than what it adds, and
// uninstalling gives back the very bytes. What Claude Code writes meanwhile is kept, and a file that
// cannot be written is found out before anything is.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Refusal } from "../../mod.ts";
import { installedAt } from "../../src/claude/note.ts";
import { PLUGIN, TOOLS_RULE } from "../../src/claude/registration.ts";
import { type User, withUser } from "./installer.ts";

function userTest(name: string, body: (user: User) => Promise<void>): void {
  Deno.test(name, () => withUser(body));
}

const OTHERS = `"permissions": { "allow": ["Bash(ls:*)", "Read"] },
  "big": 12345678901234567890,
  "one": 1.0, "ten": 1E1,
  "byNumber": { "10": "a", "2": "b" },
  "escaped": "\\u00e9\\/"`;
const PRETTY = `{\n  ${OTHERS}\n}\n`;

/** Layouts that are JSON, by what is odd in them. */
const LAYOUTS: Readonly<Record<string, string>> = {
  "a list on one line, big numbers, 1.0, keys that are numbers": PRETTY,
  "CRLF": PRETTY.replaceAll("\n", "\r\n"),
  "no end of the last line": PRETTY.trimEnd(),
  "blank lines at the end": `${PRETTY}\n\n`,
  "a BOM": `\uFEFF${PRETTY}`,
  "a BOM and CRLF": `\uFEFF${PRETTY.replaceAll("\n", "\r\n")}`,
  "tabs":
    `{\n\t"model": "opus",\n\t"permissions": {\n\t\t"allow": [\n\t\t\t"Read"\n\t\t]\n\t}\n}\n`,
  "all on one line": '{"model": "opus", "permissions": {"allow": ["Read"]}}',
  "no space at all": '{"model":"opus","permissions":{"allow":[]},"enabledPlugins":{}}',
  "empty": "",
  "white": " \n\t\n",
  "an empty object": "{}",
  "an empty object over lines": "{\n\n}\n",
  "empty parts": '{\n  "enabledPlugins": { },\n  "extraKnownMarketplaces": {\n  }\n}\n',
  "parts that are there": '{\n  "enabledPlugins": { "a@b": true },\n  "model": "opus"\n}\n',
  "the plugin switched off": `{ "enabledPlugins": { "${PLUGIN}": false }, "one": 1.0 }\n`,
  "a key twice": '{\n  "model": "a",\n  "model": "b"\n}\n',
};

for (const [what, text] of Object.entries(LAYOUTS)) {
  userTest(`layout: ${what}: comes back to the byte`, async (user) => {
    const path = user.settings(text);
    const bytes = Deno.readFileSync(path);
    for (const round of [1, 2]) {
      await user.install({ trustTools: round === 1 });
      // Again, for another version and with more: all of it is taken back.
      await user.install({ id: "two", trustTools: true });
      const now = JSON.parse(Deno.readTextFileSync(path).replace(/^\uFEFF/, ""));
      assertEquals(now.enabledPlugins[PLUGIN], true);
      assert(now.permissions.allow.includes(TOOLS_RULE));
      await user.uninstall();
      assertEquals(Deno.readFileSync(path), bytes);
    }
  });
}

userTest("layout: while it is installed, every line of the user's is there", async (user) => {
  const path = user.settings(PRETTY);
  await user.install({ trustTools: true });
  const now = Deno.readTextFileSync(path);
  for (const line of PRETTY.split("\n").slice(2, -2)) assertStringIncludes(now, line);
  assertStringIncludes(now, `["Bash(ls:*)", "Read", "${TOOLS_RULE}"]`);
});

userTest("layout: where somebody else has written since, theirs stays as it is", async (user) => {
  const path = user.settings(PRETTY);
  await user.install({ trustTools: true });
  const text = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, text.replace("1.0", "1.00"));
  await user.uninstall();
  assertEquals(Deno.readTextFileSync(path), PRETTY.replace("1.0", "1.00"));
});

userTest("layout: settings that are not in UTF-8 are refused", async (user) => {
  const path = user.settings("{}");
  const bytes = new Uint8Array([...new TextEncoder().encode('{"a": "'), 0xff, 0x22, 0x7d]);
  Deno.writeFileSync(path, bytes);
  const refusal = await assertRejects(() => user.install(), Refusal, "UTF-8");
  assertEquals(refusal.code, "INVALID_INPUT");
  assertEquals(Deno.readFileSync(path), bytes);
});

/** Writes the settings as soon as the program is being installed, as another process. */
function writer(user: User, path: string, text: string): Deno.ChildProcess {
  const first = join(user.places.data, "app-one", "0.js");
  const script = `while [ ! -e '${first}' ]; do :; done; printf '%s' '${text}' > '${path}'`;
  return new Deno.Command("sh", { args: ["-c", script], stdin: "null" }).spawn();
}

userTest("install: what Claude Code writes meanwhile is kept", async (user) => {
  const path = user.settings(PRETTY);
  const own = '{ "theme": "dark" }';
  const other = writer(user, path, own);
  const files = Array.from({ length: 800 }, (_, n) => [`${n}.js`, `// ${n}\n`] as const);
  await user.install({ files: new Map([...files, ["main.js", "// one\n"]]) });
  assert((await other.status).success);
  const now = JSON.parse(Deno.readTextFileSync(path));
  assertEquals([now.theme, now.enabledPlugins], ["dark", { [PLUGIN]: true }]);
  await user.uninstall();
  assertEquals(Deno.readTextFileSync(path), own);
});

/** Settings that are a link to what cannot be written: no file beside it can have a longer name. */
function sealed(user: User, text: string): string {
  const path = join(user.places.claude, "settings.json");
  const real = user.settings(text, `store/${"s".repeat(255)}`);
  Deno.mkdirSync(user.places.claude, { recursive: true });
  Deno.symlinkSync(real, path);
  return path;
}

userTest("install: settings that cannot be written, and what to add by hand", async (user) => {
  const path = sealed(user, PRETTY);
  const before = user.tree();
  const refusal = await assertRejects(() => user.install({ trustTools: true }), Refusal);
  assertEquals([refusal.code, refusal.details["field"]], ["INVALID_INPUT", "settings"]);
  assertStringIncludes(refusal.message, "cannot be written");
  assertEquals(user.tree(), before, "nothing was written");
  const lines = /\{.*\}/.exec(refusal.hint)?.[0] ?? "";
  const added = JSON.parse(lines);
  assertEquals(added.enabledPlugins, { [PLUGIN]: true });
  // Done by hand, where the file is made: all the rest is installed.
  Deno.writeTextFileSync(path, lines);
  await user.install({ trustTools: true });
  assertEquals(installedAt(user.places)?.settings, [path]);
  const installed = user.tree();
  const out = await assertRejects(() => user.uninstall(), Refusal, "cannot be written");
  assertStringIncludes(out.hint, PLUGIN);
  assertEquals(user.tree(), installed, "all of it is still installed");
  Deno.writeTextFileSync(path, PRETTY);
  await user.uninstall();
  assertEquals(user.tree(), before);
});

userTest("uninstall: finds the command where it was put", async (user) => {
  const elsewhere = join(user.folder, "elsewhere");
  const there = user.at({ bin: elsewhere });
  await there.install();
  assert(Deno.statSync(join(elsewhere, "skein")).isFile);
  await user.uninstall();
  assertEquals(user.tree(), {});
  await there.install();
  await user.install();
  assertEquals(Object.keys(user.tree()).filter((one) => one.endsWith("/skein")), ["bin/skein"]);
});
