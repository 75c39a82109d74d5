// Who is signed in, and for which project. The token lives in this tab alone and never leaves it: requests
// are signed with it. It is in the tab's storage, for a reload, only as long as a leader answers: whoever
// else has its port could read it there.

import { Cell } from "./cell.ts";
import { Foreign, isToken, Line } from "./proof.ts";

export interface Session {
  readonly token: string;
  readonly expiresAt: string;
  readonly project: string;
}

const KEY = "skein-session";

/** Null while nobody is signed in. */
export const session: Cell<Session | null> = new Cell(stored());
/** Why nobody is, in words for the sign-in page. */
export const signedOut: Cell<string | null> = new Cell<string | null>(null);

function stored(): Session | null {
  try {
    // In the Worker there is none; where it is blocked, asking for it throws.
    if (typeof sessionStorage === "undefined") return null;
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
    return isToken(found?.token) ? found : null;
  } catch {
    return null;
  }
}

export function begin(next: Session): void {
  signedOut.set(null);
  session.set(next);
  keep(true);
}

/** Whether a reload finds the session again: only while it is known who would answer it. */
export function keep(on: boolean): void {
  try {
    if (on && session.value !== null) sessionStorage.setItem(KEY, JSON.stringify(session.value));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is blocked: the sign-in lasts until the next reload.
  }
}

/** Forgets the token. */
export function end(why: string | null): void {
  signedOut.set(why);
  session.set(null);
  keep(false);
}

let line: { readonly token: string; readonly line: Line } | null = null;

/** The way to the leader for who is signed in; null for nobody. */
export function wire(): Line | null {
  const token = session.value?.token;
  if (token === undefined) return null;
  if (line?.token !== token) line = { token, line: new Line(token, location.origin) };
  return line.line;
}

/** What to say of whoever answers and is no leader of this home. */
export function stranger(): string {
  return `Something else answers at ${location.host}, and not a leader of this flock.`;
}

/** The header that names the project; an id is a path and may have any character. */
export function projectHeader(): Record<string, string> {
  const project = session.value?.project ?? "";
  return project === "" ? {} : { "skein-project": encodeURIComponent(project) };
}

/** Whether something of a project, or of the whole home, is of what is looked at. */
export function isHere({ project }: { readonly project?: string | null }): boolean {
  const now = session.value?.project ?? "";
  return project === undefined || project === null || now === "" || project === now;
}

export function chooseProject(project: string): void {
  const now = session.value;
  if (now !== null && now.project !== project) begin({ ...now, project });
}

/** Takes the link code out of the address, so that it stays in no history; null if there is none. */
export function takeCode(): string | null {
  const found = new URLSearchParams(location.hash.slice(1));
  const code = found.get("code");
  if (code === null) return null;
  const to = found.get("to") ?? "";
  const place = to.startsWith("#/") ? to : "#/attention";
  history.replaceState(null, "", `${location.pathname}${place}`);
  return code;
}

/** Trades a link code for a token. Says why that failed; a session that is there stays then. */
export async function signIn(code: string): Promise<string | null> {
  const why = await trade(code);
  if (why !== null && session.value === null) end(why);
  return why;
}

async function trade(code: string): Promise<string | null> {
  if (!isToken(code)) return "This is not the code of a sign-in link. Run skein dashboard for one.";
  try {
    const asked = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    } as const;
    const response = await new Line(code, location.origin).ask("/api/session", asked);
    const answer = await response.json();
    if (!response.ok) {
      const { message, hint } = answer.error ?? answer;
      return [message, hint].filter(Boolean).join(". ");
    }
    const { token, expires_at, project } = answer;
    begin({ token: String(token), expiresAt: String(expires_at), project: String(project) });
    return null;
  } catch (thrown) {
    const what = thrown instanceof Foreign ? stranger() : "Nobody answers here any more.";
    return `${what} Run skein dashboard again.`;
  }
}
