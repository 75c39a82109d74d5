// One call of one operation. A refusal comes back as an exception that says what to do.

import { Foreign } from "./proof.ts";
import { end, projectHeader, stranger, wire } from "./session.ts";

/** What the leader, or the way to it, refused. */
export class Refused extends Error {
  readonly code: string;
  readonly hint: string;
  readonly field: string | null;

  constructor(code: string, message: string, hint: string, field: string | null = null) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.field = field;
  }
}

export const UNREACHABLE = "UNREACHABLE";
/** Longer than any operation of the page takes; a stopped leader answers nothing at all. */
const TIMEOUT_MS = 15_000;
/** A take-over is over long before; an act waits for it under its key. */
const RETRY_MS = 6_000;
const PAUSE_MS = 300;

export function asRefused(thrown: unknown): Refused {
  if (thrown instanceof Refused) return thrown;
  if (thrown instanceof Foreign) {
    return new Refused(
      UNREACHABLE,
      stranger(),
      "Run skein dashboard: it opens the page where it is.",
    );
  }
  return new Refused(
    UNREACHABLE,
    "The leader does not answer.",
    "Leadership may be moving. If it lasts, run skein dashboard again.",
  );
}

/** The text of an answer; for whoever compares it with the last one before parsing. */
export async function callText(
  operation: string,
  input: unknown = {},
  key: string | null = null,
): Promise<string> {
  let response: Response;
  try {
    const way = wire();
    if (way === null) throw new Refused("TOKEN_INVALID", "Nobody is signed in.", "");
    response = await way.ask(`/api/${operation}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...projectHeader(),
        ...(key === null ? {} : { "idempotency-key": key }),
      },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (thrown) {
    throw asRefused(thrown);
  }
  const text = await response.text().catch(() => "");
  if (response.ok) return text;
  const refused = refusalOf(response.status, text);
  if (response.status === 401) signedOutBy(refused);
  throw refused;
}

/** The session has ended: a leader of the flock has said so. */
export function signedOutBy(refused: Refused): void {
  end(`${refused.message}. ${refused.hint}`);
}

/** What an answer that is none refuses. */
export async function refusedBy(response: Response): Promise<Refused> {
  return refusalOf(response.status, await response.text().catch(() => ""));
}

function refusalOf(status: number, text: string): Refused {
  try {
    const answer = JSON.parse(text);
    const { code, message, hint, field } = answer.error ?? answer;
    if (typeof code === "string") {
      return new Refused(code, String(message), String(hint ?? ""), field ?? null);
    }
  } catch {
    // Not what the door answers.
  }
  return new Refused("INTERNAL", `The leader answered with status ${status}.`, "");
}

/** A read. @throws Refused */
export async function call<T>(operation: string, input: unknown = {}): Promise<T> {
  return JSON.parse(await callText(operation, input)) as T;
}

/**
 * A write. It carries a key, so that trying again over a take-over cannot do it twice.
 * @throws Refused
 */
export async function act<T>(operation: string, input: unknown = {}): Promise<T> {
  const key = crypto.randomUUID();
  const deadline = performance.now() + RETRY_MS;
  for (;;) {
    try {
      return JSON.parse(await callText(operation, input, key)) as T;
    } catch (thrown) {
      const refused = asRefused(thrown);
      if (refused.code !== UNREACHABLE || performance.now() > deadline) throw refused;
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    }
  }
}
