// A real Chromium for tests of the page: headless, with a profile of its own that is thrown away, and
// nothing reached but loopback. Where there is none the tests say so and are skipped.

import { type Browser, chromium, type Page } from "playwright-core";
import { MOD, peerEnv } from "../support/peer.ts";

/** Where Debian, other systems and the environment have it. */
const PLACES = [
  Deno.env.get("CHROMIUM") ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--force-color-profile=srgb",
];

/** The browser's program; null if there is none. */
export function chromiumPath(): string | null {
  for (const path of PLACES) {
    try {
      if (path !== "" && Deno.statSync(path).isFile) return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

export async function launch(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === null) throw new Error("there is no Chromium here");
  return await chromium.launch({ executablePath, args: ARGS });
}

/** A test that needs a browser. */
export function browserTest(name: string, body: () => Promise<void>): void {
  const ignore = chromiumPath() === null;
  Deno.test({
    name: ignore ? `${name} (skipped: no Chromium; set CHROMIUM or install it)` : name,
    ignore,
    // The browser's pipes and timers outlive a test by moments.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: body,
  });
}

/** What went wrong in a page: errors, refused by its policy, requests that left this machine. */
export interface Watch {
  readonly errors: string[];
  readonly foreign: string[];
}

/** Writes down what must not happen in a page. */
export function watch(page: Page): Watch {
  const found: Watch = { errors: [], foreign: [] };
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("console", (message) => {
    // A refused call is an answer; the browser logs it all the same.
    const harmless = /Failed to load resource|net::ERR_/.test(message.text());
    if (message.type() === "error" && !harmless) found.errors.push(message.text());
  });
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol !== "data:" && hostname !== "127.0.0.1" && hostname !== "localhost") {
      found.foreign.push(request.url());
    }
  });
  page.on("dialog", (dialog) => {
    found.errors.push(`a dialog opened: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return found;
}

/** What `skein dashboard` prints. */
export interface Way {
  readonly url: string;
  readonly link: string;
  readonly project: string;
}

/** A link that signs in once, from the command line as the operator would get it. */
export async function signInLink(home: string, folder: string): Promise<Way> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MOD, "dashboard", "--json"],
    cwd: folder,
    env: peerEnv({ home, folder }),
    clearEnv: true,
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as Way;
}
