// `skein doctor`, as a process: what is as it should be, and each thing that is not, with what to do
// about it. Only faults make it fail; it changes nothing.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Finding } from "../../src/claude/doctor.ts";
import { CHANNEL_FLAG } from "../../src/claude/channel.ts";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { type Ground, groundTest } from "./client.ts";
import { User } from "./installer.ts";

/** A user whose places are where the command looks for them. */
class Patient extends User {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    super(join(ground.home, "..", "user"));
    this.#ground = ground;
    Object.assign(this.places, { home: ground.home, project: ground.folder });
  }

  async run(
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    command: readonly string[] = SOURCE_COMMAND,
  ): Promise<{ code: number; stdout: string }> {
    const [program = "", ...rest] = [...command, "doctor", ...args];
    const { code, stdout } = await new Deno.Command(program, {
      args: rest,
      cwd: this.#ground.folder,
      env: testEnv({
        SKEIN_HOME: this.places.home,
        XDG_DATA_HOME: join(this.places.data, ".."),
        SKEIN_BIN: this.places.bin,
        CLAUDE_CONFIG_DIR: this.places.claude,
        PATH: `${this.places.bin}:${Deno.env.get("PATH") ?? ""}`,
        ...more,
      }),
      clearEnv: true,
      stdin: "null",
    }).output();
    return { code, stdout: new TextDecoder().decode(stdout) };
  }

  /** Findings by what they are about, of `doctor --json`. */
  async findings(
    more: Readonly<Record<string, string>> = {},
    command?: readonly string[],
  ): Promise<Map<string, Finding>> {
    const { code, stdout } = await this.run(["--json"], more, command);
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
    assertEquals(ok, findings.every(({ state }) => state !== "fault"));
    assertEquals(code, ok ? 0 : 1);
    for (const { what, state, remedy } of findings) {
      if (state === "fault") assert(remedy !== undefined && remedy !== "", `${what}: a remedy`);
    }
    return new Map(findings.map((one) => [one.what, one]));
  }

  /** One finding; its state, text and remedy in one line. */
  async says(what: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const found = (await this.findings(more)).get(what);
    return `${found?.state}: ${found?.text} | ${found?.remedy ?? ""}`;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function doctorTest(
  name: string,
  body: (patient: Patient, ground: Ground) => Promise<void>,
): void {
  groundTest(`doctor: ${name}`, (ground) => body(new Patient(ground), ground));
}

doctorTest("without an installation or a session it has notes, and no fault", async (patient) => {
  const found = await patient.findings();
  const state = (what: string): string | undefined => found.get(what)?.state;
  assertEquals(["versions", "home"].map(state), ["ok", "ok"]);
  assertEquals(["installation", "mail by hooks"].map(state), ["note", "note"]);
  assertStringIncludes(found.get("versions")?.text ?? "", Deno.version.deno);
  assertStringIncludes(found.get("installation")?.remedy ?? "", "skein install");
});

doctorTest("makes nothing where nothing is", async (patient) => {
  Deno.mkdirSync(patient.folder, { recursive: true });
  const before = patient.tree();
  assertStringIncludes(await patient.says("home"), "is not there yet");
  assertEquals(patient.tree(), before);
  assert(!exists(patient.places.home), "no home was made");
  Deno.mkdirSync(patient.places.home, { mode: 0o755 });
  assertStringIncludes(await patient.says("home"), "is not there yet");
  assertEquals([...Deno.readDirSync(patient.places.home)], []);
  assertEquals((Deno.statSync(patient.places.home).mode ?? 0) & 0o777, 0o755);
});

doctorTest("a home that is there, and nobody who leads", async (patient, ground) => {
  const ann = await ground.peer("ann");
  await ann.close();
  const found = await patient.findings();
  assertEquals(["flock", "bell", "leader"].map((what) => found.get(what)?.state), [
    "ok",
    "ok",
    "note",
  ]);
  assertStringIncludes(found.get("leader")?.remedy ?? "", "skein up");
});

doctorTest("a variable that stops the server, whoever has set it", async (patient) => {
  await patient.install();
  const more = { PEER_ID: "QmPeer/1", SKEIN_PORT: "web" };
  const { code, stdout } = await patient.run(["--json"], more);
  const found = (JSON.parse(stdout).findings as Finding[]).filter(({ what }) =>
    what === "variables"
  );
  assertEquals([code, found.map(({ state }) => state)], [1, ["fault", "fault"]], stdout);
  const texts = found.map(({ text, remedy }) => `${text} | ${remedy}`);
  assert(/PEER_ID QmPeer.*no server starts.*Correct PEER_ID/.test(texts[0] ?? ""), texts[0]);
  assert(/SKEIN_PORT=web .*no server starts.*Correct SKEIN_PORT/.test(texts[1] ?? ""), texts[1]);
  const settings = patient.settings('{ "env": { "SKEIN_ROLE": "boss", "OTHER": "x" } }\n');
  const said = await patient.says("variables");
  assert(/^fault: SKEIN_ROLE=boss .*settings\.json.*Correct SKEIN_ROLE/.test(said), said);
  assertStringIncludes(said, settings);
});

doctorTest("a relative place", async (patient) => {
  assert(/^fault: .*XDG_DATA_HOME=share .*absolute/.test(
    await patient.says("places", { XDG_DATA_HOME: "share" }),
  ));
  const home = await patient.says("variables", { SKEIN_HOME: "home" });
  assert(/^fault: SKEIN_HOME: .*not absolute/.test(home), home);
});

doctorTest("for people: each finding a line, each remedy under it", async (patient) => {
  const { code, stdout } = await patient.run([]);
  assertEquals(code, 0);
  const lines = stdout.split("\n");
  const at = lines.findIndex((line) => /^note {3}installation/.test(line));
  assert(at >= 0, stdout);
  assertEquals(lines[at + 1]?.trim(), "Run: skein install");
});

doctorTest("installed, with a session that leads: all well", async (patient, ground) => {
  await patient.install();
  await ground.peer("ann");
  const found = await patient.findings();
  for (const what of ["leader", "registration", "server", "command", "mail by hooks"]) {
    assertEquals(found.get(what)?.state, "ok", what);
  }
  assertEquals(found.get("installation"), undefined, "nothing to be said against it");
  assertStringIncludes(found.get("leader")?.text ?? "", "ann");
  assertStringIncludes(found.get("flock")?.text ?? "", "here: ann");
  assertStringIncludes(
    found.get("locks at the moment of writing")?.text ?? "",
    "fail open if the server is dead or slow",
  );
});

doctorTest("a home that cannot be used", async (patient) => {
  Deno.writeTextFileSync(patient.places.home, "a file");
  assert(/^fault: HOME_UNSAFE.*\| \S/.test(await patient.says("home")));
});

doctorTest("an installation of another version, or for another home", async (patient) => {
  await patient.install();
  const note = join(patient.places.data, "installed.json");
  const installed = JSON.parse(Deno.readTextFileSync(note));
  Deno.writeTextFileSync(note, JSON.stringify({ ...installed, version: "0.0.1" }));
  assert(/^fault: version 0.0.1 .*skein install$/.test(await patient.says("installation")));
  Deno.writeTextFileSync(note, JSON.stringify({ ...installed, home: "/else where" }));
  const said = await patient.says("installation");
  assert(/^fault: .*\/else where.*SKEIN_HOME=\S+ skein install$/.test(said), said);
  Deno.writeTextFileSync(note, "{ torn");
  assert(/^note: .*not installed.*skein install$/.test(await patient.says("installation")));
});

doctorTest("settings that no longer name the plugin, or are torn or gone", async (patient) => {
  const settings = patient.settings("{}\n");
  await patient.install();
  for (const text of ["{}", '{ "enabledPlugins": { "skein@skein": true, }', null]) {
    if (text === null) Deno.removeSync(settings);
    else Deno.writeTextFileSync(settings, text);
    const said = await patient.says("registration");
    assert(/^fault: .*settings\.json .*\| .*Run: skein install$/.test(said), `${text}: ${said}`);
  }
  Deno.writeTextFileSync(settings, '{ "enabledPlugins": { "skein@skein": false } }');
  const said = await patient.says("registration");
  assert(/^note: .*switched off \| .*claude plugin enable skein@skein$/.test(said), said);
});

doctorTest("a project's settings name the plugin, the user's say where it is", async (patient) => {
  const own = patient.settings("\uFEFF{}\n");
  await patient.install({ scope: "project" });
  const well = await patient.findings();
  assertEquals([well.get("registration")?.state, well.get("marketplace")], ["ok", undefined]);
  Deno.writeTextFileSync(own, "{}\n");
  const said = await patient.says("marketplace");
  assert(/^fault: .*settings\.json.*Run: skein install$/.test(said), said);
});

doctorTest("a server whose program is gone", async (patient) => {
  await patient.install();
  Deno.removeSync(join(patient.places.data, "app-one"), { recursive: true });
  const said = await patient.says("server");
  assert(/^fault: .*app-one\/main\.js.*skein install$/.test(said), said);
});

doctorTest("a command that is gone, or cannot be run", async (patient) => {
  await patient.install();
  Deno.chmodSync(join(patient.places.bin, "skein"), 0o644);
  assert(/^fault: .*bin\/skein .*skein install$/.test(await patient.says("command")));
  Deno.removeSync(join(patient.places.bin, "skein"));
  assert(/^fault: .*bin\/skein .*skein install$/.test(await patient.says("command")));
  await patient.install();
  assertStringIncludes(await patient.says("command"), "ok: ");
  const elsewhere = (await patient.findings({ PATH: "/usr/bin:/bin" })).get("command");
  assertEquals(elsewhere?.state, "note", "nobody could call it by its name");
  assertStringIncludes(elsewhere?.remedy ?? "", `PATH=${patient.places.bin}:`);
});

doctorTest("a peer that does not react", async (patient, ground) => {
  const [ann, bob] = [await ground.peer("ann"), await ground.peer("bob")];
  bob.signal("SIGSTOP");
  try {
    await eventually(async () => /^fault: .*bob.*SIGCONT/.test(await patient.says("flock")), {
      withinMs: 60_000,
      what: "bob is called stalled",
    });
  } finally {
    bob.signal("SIGCONT");
  }
  assert(ann.pid > 0);
});

doctorTest(
  "a session's shell: whose it is, and when its server has died",
  async (patient, ground) => {
    await patient.install();
    const ann = await ground.session("s-1", "ann");
    const env = { CLAUDE_CODE_SESSION_ID: "s-1", CLAUDE_CODE_ENTRYPOINT: "cli" };
    assert(/^ok: .*s-1, which is ann/.test(await patient.says("session", env)));
    assertStringIncludes(await patient.says("waking an idle session", env), "ok: ");
    const printed = { ...env, CLAUDE_CODE_ENTRYPOINT: "sdk-cli" };
    assertStringIncludes(await patient.says("waking an idle session", printed), "note: ");
    const bare = { PATH: patient.places.bin };
    assert(/^note: there is no claude/.test(await patient.says("waking an idle session", bare)));
    await ann.peer.kill();
    const said = await patient.says("session", env);
    assert(/^fault: .*hooks let everything through.*Reconnect/.test(said), said);
  },
);

doctorTest("channels: only where this session was started to take them", async (patient) => {
  const env = { CLAUDE_CODE_SESSION_ID: "s-1" };
  assertStringIncludes(await patient.says("channels", env), `claude ${CHANNEL_FLAG}`);
  const flagged = ["sh", "-c", '"$@"; exit', "client", ...CHANNEL_FLAG.split(" ")];
  const shifted = ["sh", "-c", 'shift 2; "$@"; exit', ...flagged.slice(3), ...SOURCE_COMMAND];
  const found = (await patient.findings(env, shifted)).get("channels");
  assertEquals(found?.state, "ok", JSON.stringify(found));
  assertStringIncludes(found?.text ?? "", "the waiter wakes it");
});
