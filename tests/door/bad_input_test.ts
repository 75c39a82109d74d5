// Whatever comes in, one server answers it all: each bad input earns exactly one refusal that names
// what is wrong, leaves every table as it was, and the next request is answered as if nothing had
// been. The inputs are counted, so that none can disappear unnoticed.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { type Peer, startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { badCalls } from "./bad_calls.ts";
import { type BadCall, badFields } from "./bad_fields.ts";
import { type BadLine, badLines } from "./bad_lines.ts";
import { Stored } from "./stored.ts";
import { type Json, type Wire, withWire } from "./wire.ts";

/** A server to mistreat, beside a peer that has something to lose. */
interface Ground {
  readonly wire: Wire;
  readonly other: Peer;
  readonly stored: Stored;
  readonly folder: string;
}

async function onGround(body: (ground: Ground) => Promise<void>): Promise<void> {
  await withTempFolder(async (temp) => {
    const home = join(temp, "home");
    const folder = join(temp, "project");
    Deno.mkdirSync(folder);
    Deno.symlinkSync(".", join(folder, "link-in"));
    const env = { SKEIN_RATE: "1000000" };
    const other = await startPeer({ home, folder, name: "other", role: "architect", env });
    try {
      await other.ok("create_task", { tasks: [{ title: "free" }, { title: "taken" }] });
      await other.ok("claim_task", { id: "t2" });
      await other.ok("lock_file", { paths: "held.ts" });
      await withWire({ home, folder, name: "victim", env }, async (wire) => {
        await wire.initialize();
        await wire.call("create_task", { title: "for the key" }, { "skein/key": "used" });
        const stored = new Stored(home);
        try {
          await body({ wire, other, stored, folder });
        } finally {
          stored.close();
        }
      });
    } finally {
      await other.close();
    }
  });
}

/** The server answers an ordinary request. */
async function assertAnswers(wire: Wire): Promise<void> {
  assertEquals((await wire.request("ping")).result, {});
}

/** What is wrong with the answer to a bad call; null if it is as it should be. */
function faultOf(call: BadCall, answer: Json): string | null {
  if (answer.error !== undefined) return null;
  const { isError, structuredContent, content } = answer.result;
  if (isError !== true) return `was accepted: ${content[0].text.slice(0, 200)}`;
  const { code, message, hint, field } = structuredContent.error;
  if (JSON.stringify(structuredContent) !== content[0].text) return "text and structure differ";
  if (!call.codes.includes(code)) return `${code} instead of ${call.codes}: ${message}`;
  if (!message || !hint) return "says too little";
  if (message.length > 2_000) return `the refusal itself has ${message.length} characters`;
  if (!message.isWellFormed()) return "the refusal holds half a character";
  if (call.field === null) return null;
  const named = String(field).split(".").includes(call.field) || field === call.field;
  if (!named) return `names ${field}, not ${call.field}: ${message}`;
  const given = field === call.field && Object.hasOwn(call.args, call.field);
  if (given && /is required/.test(message) && call.field !== "title") {
    return `says of what was given: ${message}`;
  }
  return null;
}

/** The lines of the second look that the first one had not. */
function differences(before: string, after: string): string {
  const known = new Set(before.split("\n"));
  return after.split("\n").filter((line) => !known.has(line)).join(" | ").slice(0, 500);
}

async function mistreat(ground: Ground, calls: readonly BadCall[]): Promise<string[]> {
  const { wire, stored } = ground;
  const faults: string[] = [];
  let before = stored.look();
  for (const call of calls) {
    const id = wire.nextId();
    const answer = wire.answerTo(id);
    const params = {
      name: call.tool,
      arguments: call.args,
      ...(call.meta === undefined ? {} : { _meta: call.meta }),
    };
    // Lone surrogates go out as escapes, own __proto__ as it stands: as JSON has them.
    await wire.write(JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params }));
    const fault = faultOf(call, await answer);
    if (fault !== null) faults.push(`${call.what}: ${fault}`);
    await assertAnswers(wire);
    const after = stored.look();
    if (after !== before) faults.push(`${call.what}: stored ${differences(before, after)}`);
    before = after;
  }
  return faults;
}

/** The answer to a bad line, and how many there were. */
async function answersTo(wire: Wire, bad: BadLine): Promise<Json[]> {
  const from = wire.lines.length;
  await wire.write(bad.line);
  const answers = (): Json[] =>
    wire.lines.slice(from).map((line) => JSON.parse(line)).filter((one) =>
      one.id === (bad.id ?? null)
    );
  // What is never answered is a fault of its own; the others are still looked at.
  await eventually(() => answers().length > 0, { withinMs: 3_000 }).catch(() => {});
  await assertAnswers(wire);
  return answers();
}

Deno.test("promise 6: every bad call is refused by name, and stores nothing", async () => {
  await onGround(async (ground) => {
    const calls = badCalls(ground.folder);
    assertEquals(new Set(calls.map((call) => JSON.stringify(call))).size, calls.length);
    assert(calls.length >= 158, `only ${calls.length} bad calls`);
    assertEquals(await mistreat(ground, calls), []);
    await ground.other.ok("complete_task", { id: "t2", summary: "nobody took it" });
  });
});

Deno.test("promise 6: every field of every tool refuses what it cannot take", async () => {
  await onGround(async (ground) => {
    const calls = badFields();
    assertEquals(new Set(calls.map((call) => JSON.stringify(call))).size, calls.length);
    assert(calls.length >= 660, `only ${calls.length} bad fields`);
    assertEquals(await mistreat(ground, calls), []);
  });
});

Deno.test("stdio: every line that is no request earns one error, and the next is answered", async () => {
  await onGround(async ({ wire, stored }) => {
    const lines = badLines();
    assert(lines.length >= 56, `only ${lines.length} bad lines`);
    const faults: string[] = [];
    const before = stored.look();
    for (const bad of lines) {
      const [answer, ...more] = await answersTo(wire, bad);
      if (answer === undefined) {
        faults.push(`${bad.what}: no answer`);
        continue;
      }
      if (more.length > 0) faults.push(`${bad.what}: ${more.length + 1} answers`);
      const code = answer.error?.code;
      if (!bad.codes.includes(code)) {
        faults.push(`${bad.what}: ${JSON.stringify(answer).slice(0, 200)}`);
      }
      if (String(answer.error?.message).length > 2_000) faults.push(`${bad.what}: a long error`);
    }
    assertEquals(faults, []);
    assertEquals(stored.look(), before, "something was stored");
    assertEquals(wire.stderr, "");
  });
});
