// Who is signed in, and for which project. The token lives in this tab's storage only, and leaves it
// only as a header to the own origin.

import { Cell } from "./cell.ts";

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
  if (typeof sessionStorage === "undefined") return null;
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
    return typeof found?.token === "string" ? found : null;
  } catch {
    return null;
  }
}

export function begin(next: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(next));
  signedOut.set(null);
  session.set(next);
}

/** Forgets the token. */
export function end(why: string | null): void {
  sessionStorage.removeItem(KEY);
  signedOut.set(why);
  session.set(null);
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
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return null;
  history.replaceState(null, "", `${location.pathname}#/attention`);
  return code;
}

/** Trades a link code for a token. */
export async function signIn(code: string): Promise<void> {
  try {
    const response = await fetch("/api/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    });
    const answer = await response.json();
    if (response.ok) {
      return begin({
        token: String(answer.token),
        expiresAt: String(answer.expires_at),
        project: String(answer.project),
      });
    }
    const { message, hint } = answer.error ?? answer;
    end([message, hint].filter(Boolean).join(". "));
  } catch {
    end("Nobody answers here any more. Run skein dashboard again.");
  }
}
