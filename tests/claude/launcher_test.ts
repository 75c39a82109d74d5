// The Deno that the installed runs, through upgrades: the link on the PATH that follows them, the one on
// the PATH where the first is gone, and without any a word of what to do. And which places are named.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { launcherText } from "../../src/claude/launcher.ts";
import { placesOf } from "../../src/claude/places.ts";
import { lastingDeno } from "../../src/claude/runtime.ts";
import { makeRepository } from "../support/git.ts";
import { testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

const MAIN = fromFileUrl(new URL("../../src/door/main.ts", import.meta.url));

/** A user with a Deno of a manager of packages: versions in folders, a link in front. */
class Cellar {
  readonly folder: string;
  readonly bin: string;
  readonly home: string;

  constructor(folder: string) {
    this.folder = folder;
    this.bin = join(folder, "brew", "bin");
    this.home = join(folder, "home");
    for (const one of [this.bin, this.home]) Deno.mkdirSync(one, { recursive: true });
  }

  /** Another version: the one before goes, the link leads to the new one. */
  version(name: string): void {
    const cellar = join(this.folder, "brew", "Cellar");
    const real = join(cellar, "deno", name, "bin", "deno");
    try {
      Deno.removeSync(cellar, { recursive: true });
      Deno.removeSync(join(this.bin, "deno"));
    } catch {
      // The first one.
    }
    Deno.mkdirSync(join(real, ".."), { recursive: true });
    Deno.copyFileSync(Deno.execPath(), real);
    Deno.symlinkSync(real, join(this.bin, "deno"));
  }

  run(
    command: string,
    args: readonly string[],
    path = `${this.bin}:/usr/bin:/bin`,
    more: Readonly<Record<string, string>> = {},
  ): { code: number; said: string } {
    const { code, stdout, stderr } = new Deno.Command(command, {
      args: [...args],
      cwd: this.folder,
      clearEnv: true,
      env: testEnv({
        // Where packages are cached, away from which the user's home is.
        DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache", "deno"),
        HOME: this.home,
        PATH: path,
        ...more,
      }),
      stdin: "null",
    }).outputSync();
    const decoder = new TextDecoder();
    return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
  }
}

Deno.test("install: goes on after an upgrade of the Deno that it was installed with", () =>
  withTempFolder((folder) => {
    const cellar = new Cellar(folder);
    cellar.version("1");
    const deno = join(cellar.bin, "deno");
    const env = { SKEIN_HOME: join(folder, "app-home") };
    const done = cellar.run(
      deno,
      ["run", "-A", "--no-check", "--quiet", MAIN, "install"],
      undefined,
      env,
    );
    assertEquals(done.code, 0, done.said);
    const launcher = join(cellar.home, ".local", "bin", "skein");
    for (const path of [launcher, join(cellar.home, ".local/share/skein/deno")]) {
      assert(!Deno.readTextFileSync(path).includes("Cellar"), path);
    }
    cellar.version("2");
    const version = cellar.run(launcher, ["version"]);
    assertEquals(version.code, 0, version.said);
    // The manager is gone, too: another one on the PATH does.
    Deno.removeSync(join(folder, "brew"), { recursive: true });
    const other = join(folder, "other");
    Deno.mkdirSync(other);
    Deno.symlinkSync(Deno.execPath(), join(other, "deno"));
    assertEquals(cellar.run(launcher, ["version"], `${other}:/usr/bin:/bin`).code, 0);
    const doctor = cellar.run(launcher, ["doctor"], `${other}:/usr/bin:/bin`, env);
    assert(
      /note +server +the Deno .*is gone: .*it runs the one on the PATH/.test(
        doctor.said.replaceAll(/\s+/g, " ").replaceAll(/note /g, "note  "),
      ),
      doctor.said,
    );
    const none = cellar.run(launcher, ["version"], "/usr/bin:/bin");
    assertEquals(none.code, 1);
    assertStringIncludes(none.said, "Install Deno (https://deno.com), then run: skein install");
    return Promise.resolve();
  }));

Deno.test("install: --dry-run shows the settings, whatever the user's folder is called", () =>
  withTempFolder((temp) => {
    const user = new Cellar(join(temp, "app-dev"));
    const settings = join(user.home, ".claude", "settings.json");
    Deno.mkdirSync(join(settings, ".."));
    Deno.writeTextFileSync(settings, '{ "model": "opus" }\n');
    const args = ["run", "-A", "--no-check", "--quiet", MAIN, "install", "--dry-run"];
    const { code, said } = user.run(Deno.execPath(), args, undefined, {
      SKEIN_HOME: join(user.home, ".skein"),
    });
    assertEquals(code, 0, said);
    assertStringIncludes(said, `~ ${settings}`);
    assertStringIncludes(said, "skein@skein");
    assertStringIncludes(said, join(user.home, ".local", "bin", "skein"));
    assertEquals([...Deno.readDirSync(user.home)].map(({ name }) => name), [".claude"]);
    return Promise.resolve();
  }));

Deno.test("lastingDeno: the link on the PATH, if it is the same file and no runner's", () =>
  withTempFolder((folder) => {
    const real = join(folder, "Cellar", "deno");
    const links = ["one/deno", "x/_npx/2/deno", "two/deno"].map((one) => join(folder, one));
    for (const path of [real, ...links]) Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(real, "");
    Deno.writeTextFileSync(links[0] ?? "", "another");
    for (const path of links.slice(1)) Deno.symlinkSync(real, path);
    const path = ["relative", "", ...links.map((one) => join(one, ".."))].join(":");
    assertEquals(lastingDeno(real, path), links[2]);
    assertEquals(lastingDeno(real, join(folder, "one")), real);
    return Promise.resolve();
  }));

Deno.test("launcher: hands on what it is given, whatever it is called", () =>
  withTempFolder((folder) => {
    const deno = join(folder, "it's deno");
    Deno.writeTextFileSync(deno, '#!/bin/sh\nprintf "%s|" "$@"\n', { mode: 0o755 });
    Deno.chmodSync(deno, 0o755);
    const launcher = join(folder, "skein");
    Deno.writeTextFileSync(launcher, launcherText(deno, ["run", "a b"]));
    Deno.chmodSync(launcher, 0o755);
    const { stdout } = new Deno.Command(launcher, { args: ["$x", "y z"] }).outputSync();
    assertEquals(new TextDecoder().decode(stdout), "run|a b|$x|y z|");
    return Promise.resolve();
  }));

Deno.test("places: a project's are at the top of its working tree, or where some are", () =>
  withTempFolder(async (folder) => {
    const top = join(folder, "project");
    await makeRepository(top);
    const sub = join(top, "a", "b");
    Deno.mkdirSync(sub, { recursive: true });
    const project = (cwd: string): string => placesOf({ HOME: "/h" }, cwd).project;
    assertEquals([project(top), project(sub)], [top, top]);
    Deno.mkdirSync(join(top, "a", ".claude"));
    assertEquals([project(top), project(sub)], [top, join(top, "a")]);
    assertEquals(project(folder), folder, "in no repository");
  }));
