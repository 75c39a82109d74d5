// The catalogue of refusals: every code skein can answer with, what it means for HTTP and for a
// shell, and what to do next. A refusal is an answer, not a crash: it names what was asked, why
// not, who or what stands in the way, and the remedy. The README's table is made from this list.

import { excerpt } from "./text.ts";

/** What one error code means outside of the MCP door. */
export interface ErrorKind {
  /** HTTP status. */
  readonly http: number;
  /** Exit code of the command: 1 failed, 2 usage or unknown, 3 timed out, 4 refused. */
  readonly exit: 1 | 2 | 3 | 4;
  /** What to do next, when the place that refuses knows nothing better. */
  readonly hint: string;
}

export const ERRORS = {
  INVALID_INPUT: { http: 400, exit: 2, hint: "Correct the named field and call again." },
  UNKNOWN_TOOL: { http: 404, exit: 2, hint: "List the tools; names are exact." },
  UNKNOWN_PEER: { http: 404, exit: 2, hint: "list_peers shows who is here." },
  UNKNOWN_TASK: { http: 404, exit: 2, hint: "list_tasks shows the tasks of this project." },
  UNKNOWN_MESSAGE: { http: 404, exit: 2, hint: "Quote the id that came with the message." },
  UNKNOWN_RUN: { http: 404, exit: 2, hint: "run with action list shows the runs." },
  UNKNOWN_RESOURCE: { http: 404, exit: 2, hint: "resources/list shows what can be read." },
  NOT_YOU: { http: 403, exit: 4, hint: "Leave the identity field out; you act as yourself." },
  NOT_ALLOWED: { http: 403, exit: 4, hint: "Ask the architect or the operator to do it." },
  NOT_JOINED: { http: 401, exit: 4, hint: "Restart this session: its life in the flock is over." },
  TOKEN_INVALID: {
    http: 401,
    exit: 4,
    hint: "Use a token of this home: `skein token issue`, or leave SKEIN_TOKEN out.",
  },
  TOKEN_EXPIRED: { http: 401, exit: 4, hint: "Ask for a new one: `skein token issue`." },
  TOKEN_STALE: {
    http: 401,
    exit: 4,
    hint: "Role or project have changed since; ask for a new one: `skein token issue`.",
  },
  KILLED: {
    http: 403,
    exit: 4,
    hint: "This peer was ended by control. The operator can let it back: `skein control resume`.",
  },
  PAUSED: {
    http: 423,
    exit: 4,
    hint: "Reading goes on: check, status, list_tasks. The architect or the operator resumes you.",
  },
  BUDGET_SPENT: {
    http: 403,
    exit: 4,
    hint: "Finish what you have. The architect or the operator can raise it: control, budget.",
  },
  CONTENT_REFUSED: {
    http: 422,
    exit: 4,
    hint: "Say it in plain words, or put it into a file and name the path.",
  },
  LIMIT_REACHED: { http: 429, exit: 4, hint: "Finish or remove what is no longer needed." },
  SECRET_CHANGED: {
    http: 503,
    exit: 1,
    hint:
      "Put the secret back under which this store was made (file `secret`, or SKEIN_SECRET), or " +
      "move skein.db away to begin anew.",
  },
  FENCED: {
    http: 409,
    exit: 4,
    hint: "A newer session took over this identity; this one can no longer act. Restart it.",
  },
  NAME_TAKEN: { http: 409, exit: 4, hint: "Choose another name." },
  ROLE_TAKEN: { http: 409, exit: 4, hint: "Join as a worker, or ask the holder to leave." },
  TASK_TAKEN: { http: 409, exit: 4, hint: "Claim without an id to get the best ready task." },
  TASK_BLOCKED: { http: 409, exit: 4, hint: "Complete what it waits for, or claim another." },
  TASK_STATE: { http: 409, exit: 4, hint: "get_task shows its state and history." },
  RUN_ENDED: {
    http: 409,
    exit: 4,
    hint: "Look at it with run and action status, or start a new run.",
  },
  TASK_DELAYED: { http: 409, exit: 4, hint: "It is retried after its delay; claim another." },
  NOT_YOUR_CLAIM: { http: 403, exit: 4, hint: "Claim the task first." },
  STALE_EPOCH: {
    http: 409,
    exit: 4,
    hint: "Your claim ended and the task moved on. get_task shows who has it now.",
  },
  SELF_REVIEW: { http: 403, exit: 4, hint: "Another peer has to review it." },
  CYCLE: { http: 409, exit: 4, hint: "Remove one of the named dependencies." },
  DUPLICATE_KEY: { http: 409, exit: 2, hint: "Give every task of the batch its own key." },
  LOCK_HELD: { http: 409, exit: 4, hint: "Wait with wait_ms, work elsewhere, or ask the holder." },
  TREE_SHARED: {
    http: 409,
    exit: 4,
    hint:
      "Commit or restore your own files by name, or ask the others first; a worktree of your own " +
      "is in nobody's way.",
  },
  LOCK_NOT_YOURS: { http: 403, exit: 4, hint: "Only the holder can release it." },
  DEADLOCK: { http: 409, exit: 4, hint: "Release one of your locks before you wait." },
  PATH_OUTSIDE: { http: 400, exit: 2, hint: "Name a path inside the project." },
  PATH_TOO_WIDE: { http: 400, exit: 2, hint: "Reserve the files or the folder you will edit." },
  RATE_LIMITED: { http: 429, exit: 4, hint: "Wait, and put what you have to say in one message." },
  REPLY_STORM: { http: 429, exit: 4, hint: "Stop replying in this chain; start afresh if needed." },
  TOO_LARGE: { http: 413, exit: 4, hint: "Shorten it, or name a file to read." },
  KEY_REUSED: { http: 409, exit: 4, hint: "Use a new idempotency key for a new request." },
  CANCELLED: { http: 499, exit: 1, hint: "The caller cancelled it; nothing was stored." },
  NOT_AVAILABLE: { http: 501, exit: 4, hint: "This build cannot do it." },
  GIT_STATE: { http: 409, exit: 4, hint: "Bring the repository into the state that is named." },
  GIT_BUSY: { http: 503, exit: 1, hint: "Wait for the other git to end, then call again." },
  GIT_FAILED: { http: 500, exit: 1, hint: "Mend what git complains about, then call again." },
  STORE_BUSY: {
    http: 503,
    exit: 1,
    hint: "Another process holds the store inside a transaction (stopped, or under a debugger?). " +
      "Let it go on or end it, then call again.",
  },
  STORE_GONE: {
    http: 503,
    exit: 1,
    hint: "The home was deleted under this session. Restart the session to make a new one.",
  },
  STORE_REPLACED: {
    http: 503,
    exit: 1,
    hint: "The home was replaced under this session. Restart the session to join the new one.",
  },
  STORE_NEWER: { http: 503, exit: 1, hint: "Restart this session with the newer skein." },
  STORE_OLD_PEERS: {
    http: 503,
    exit: 1,
    hint: "Restart the named sessions with this version, then start again.",
  },
  STORE_DAMAGED: {
    http: 503,
    exit: 1,
    hint:
      "Put a backup back (skein restore), or move the named file away and restart; keep it if " +
      "you need its contents.",
  },
  STORE_FULL: { http: 507, exit: 1, hint: "Free some disk space, then call again." },
  STORE_READONLY: {
    http: 503,
    exit: 1,
    hint: "Make the home's folder and its disk writable for you (mount, chown, chmod), or set " +
      "SKEIN_HOME to one that is, then call again.",
  },
  HOME_UNSAFE: { http: 503, exit: 1, hint: "Make the home yours alone: chmod 700." },
  HOME_MOVED: {
    http: 503,
    exit: 1,
    hint:
      "Move the folder that is named to the home's place; or, to begin anew, make an empty home: " +
      "mkdir -m 700.",
  },
  HOME_NETWORK: { http: 503, exit: 1, hint: "Set SKEIN_HOME to a folder on a local disk." },
  HOME_IN_USE: {
    http: 409,
    exit: 4,
    hint: "End the sessions that are named (skein peer list), then call again.",
  },
  HOME_SHARED: {
    http: 503,
    exit: 1,
    hint: "Set another SKEIN_HOME here, or end the sessions on the other machine or container.",
  },
  INTERNAL: { http: 500, exit: 1, hint: "This is a defect of skein. Please report it." },
} as const satisfies Record<string, ErrorKind>;

/** One of the codes of the catalogue. */
export type ErrorCode = keyof typeof ERRORS;

/** What a refusal may carry besides code, message and hint. */
export type Details = Readonly<Record<string, unknown>>;

/** A refusal is read by a model: it quotes what was asked only so far. */
const MESSAGE_CHARS = 600;

/** A refusal: thrown anywhere, caught at a door; a transaction it crosses is rolled back. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Details;
  /** Id of a peer that was found to have ended on the way: that stays so, although all else is undone. */
  ended: string | null = null;

  /**
   * @param code what kind of refusal
   * @param message what was asked and why not, naming who or what stands in the way
   * @param options `hint` replaces the catalogue's remedy; the rest travels in the answer
   */
  constructor(code: ErrorCode, message: string, options: { hint?: string } & Details = {}) {
    // It may quote what was asked, half a character and all.
    super(excerpt(message, MESSAGE_CHARS).toWellFormed());
    this.name = "Refusal";
    this.code = code;
    const { hint, ...details } = options;
    this.hint = hint ?? ERRORS[code].hint;
    this.details = Object.fromEntries(
      Object.entries(details).map((
        [name, value],
      ) => [name, typeof value === "string" ? value.toWellFormed() : value]),
    );
  }

  /** The one shape in which a refusal leaves skein. */
  toJSON(): { error: { code: ErrorCode; message: string; hint: string } & Details } {
    return { error: { code: this.code, message: this.message, hint: this.hint, ...this.details } };
  }
}

/** Turns whatever was thrown into a refusal, so that every door answers in one shape. */
export function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return machineRefusal((thrown as { code?: unknown } | null)?.code, message) ??
    new Refusal("INTERNAL", message);
}

/** What the system says of itself, wherever that is met: no defect of skein. */
function machineRefusal(code: unknown, message: string): Refusal | null {
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new Refusal("STORE_FULL", message);
    case "EROFS":
      return new Refusal("STORE_READONLY", message);
    case "EMFILE":
    case "ENFILE":
      return new Refusal("LIMIT_REACHED", message, {
        hint: "Let processes open more files (ulimit -n), or end what has them open.",
      });
    default:
      return null;
  }
}
