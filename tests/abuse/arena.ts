// Where inputs are thrown at a real server: something in its store, a peer beside it, and what has to
// hold of every answer and of the store afterwards.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { type AnyOperation, ERRORS } from "../../mod.ts";
import type { Stored } from "../door/stored.ts";
import { type Wire, withWire } from "../door/wire.ts";
import type { Json } from "../operations/flock.ts";
import { startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

/** A server with something in its store, beside a peer to write to. */
export async function onGround(body: (wire: Wire, home: string) => Promise<void>): Promise<void> {
  await withTempFolder(async (temp) => {
    const home = join(temp, "home");
    const folder = join(temp, "project");
    Deno.mkdirSync(folder);
    const env = { SKEIN_RATE: "1000000" };
    await withWire({ home, folder, name: "victim", role: "architect", env }, async (wire) => {
      await wire.initialize();
      await wire.call("create_task", { tasks: [{ title: "free" }, { title: "taken" }] });
      const other = await startPeer({ home, folder, name: "other", role: "worker", env });
      try {
        await other.ok("claim_task", { id: "t2" });
        await other.ok("send", { to: "victim", content: "hello" });
        await body(wire, home);
        await assertWhole(wire, home);
      } finally {
        await other.close();
      }
    });
  });
}

/** The server goes on, the trail is whole, and so is the file. */
async function assertWhole(wire: Wire, home: string): Promise<void> {
  assertEquals((await wire.request("ping")).result, {});
  const { structuredContent, content } = await wire.call("verify_audit");
  assertEquals(structuredContent?.ok, true, content[0].text);
  const db = new DatabaseSync(join(home, "skein.db"), { timeout: 5_000 });
  try {
    assertEquals(db.prepare("PRAGMA integrity_check").all().map((row) => row["integrity_check"]), [
      "ok",
    ]);
    assertEquals(db.prepare("PRAGMA foreign_key_check").all(), []);
  } finally {
    db.close();
  }
  assertEquals(wire.stderr, "");
}

/** Everything stored but the marks of mail, which ride on refusals, too. */
export function lookAt(stored: Stored): string {
  return stored.look().split(/^(?=\w+ \d+$)/m)
    .filter((part) => !part.startsWith("delivery ")).join("");
}

/** What is wrong with a refusal; null if nothing is. */
function refusalFault({ error }: Json): string | null {
  if (typeof error !== "object" || error === null) return "no error in a refusal";
  const { code, message, hint } = error;
  if (!Object.hasOwn(ERRORS, code)) return `an unknown code ${code}`;
  if (code === "INTERNAL") return `INTERNAL: ${message}`;
  if (typeof message !== "string" || message.length < 5) return "no message";
  if (typeof hint !== "string" || hint.length < 5) return "no hint";
  if (message.length > 700) return `a message of ${message.length} characters`;
  if (!JSON.stringify(error).isWellFormed() || !message.isWellFormed()) return "half a character";
  if (/is not a function|Cannot read|invariant/.test(message)) return message;
  return null;
}

function successFault(operation: AnyOperation, answer: Json): string | null {
  const { mail: _mail, notice: _notice, made_harmless: _fields, ...own } = answer;
  const parsed = operation.output.safeParse(own);
  return parsed.success ? null : `another shape than declared: ${parsed.error.issues[0]?.message}`;
}

/** What is wrong with an answer; null if nothing is. */
export function faultOf(
  operation: AnyOperation | undefined,
  answer: Json,
  line: string,
): string | null {
  if (answer.error !== undefined) {
    // The only calls that never reach an operation: the SDK would drop this field silently.
    return line.includes('"__proto__":') ? null : `a protocol error: ${answer.error.message}`;
  }
  const { isError, structuredContent, content } = answer.result;
  if (content[0]?.text !== JSON.stringify(structuredContent)) return "text and structure differ";
  if (isError === true) return refusalFault(structuredContent);
  return operation === undefined ? null : successFault(operation, structuredContent);
}

export function isRefused(answer: Json): boolean {
  return answer.error !== undefined || answer.result.isError === true;
}

/** Sends a call as it stands, and gives the line and the whole answer to it. */
export async function throwAt(
  wire: Wire,
  name: string,
  args: Json,
): Promise<{ line: string; answer: Json }> {
  const id = wire.nextId();
  const answering = wire.answerTo(id);
  const params = { name, arguments: args };
  const line = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
  await wire.write(line);
  return { line, answer: await answering };
}
