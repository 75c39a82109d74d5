// A flock behind the page: real peers as processes in a temporary home and repository, and a browser
// signed in to their leader.

import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { git, makeRepository, write } from "../support/git.ts";
import { type Peer, startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { launch, signInLink, type Watch, watch, type Way } from "./browser.ts";

export const WIDE = { width: 1280, height: 860 } as const;
export const NARROW = { width: 390, height: 844 } as const;

/** What is not on the screen by then never comes. */
const DEADLINE_MS = 25_000;

/** The page of a signed-in operator. */
export interface Open {
  readonly page: Page;
  readonly seen: Watch;
  readonly way: Way;
}

export class Flock {
  readonly home: string;
  readonly repository: string;
  readonly peers = new Map<string, Peer>();
  /** Preferred by everybody, so that it stays when leadership moves. */
  readonly port: number = freePort();
  #browser: Browser | null = null;
  readonly #pages: Page[] = [];

  constructor(folder: string, repository = join(folder, "notes-app")) {
    this.home = join(folder, "home");
    this.repository = repository;
  }

  async begin(): Promise<void> {
    await makeRepository(this.repository);
    write(join(this.repository, "README.md"), "# notes-app\n");
    write(join(this.repository, "src/api.ts"), "export {};\n");
    await git(this.repository, "add", ".");
    await git(this.repository, "commit", "-q", "-m", "An empty app");
  }

  /** Starts a peer, with more in its environment if need be, and lets it join. */
  async enter(
    name: string,
    role: string,
    summary = "",
    env: Readonly<Record<string, string>> = {},
  ): Promise<Peer> {
    const peer = await startPeer({
      home: this.home,
      folder: this.repository,
      name,
      role,
      session: `page-${name}`,
      clientName: "claude-code",
      env: { SKEIN_PORT: String(this.port), SKEIN_RATE: "600", ...env },
    });
    this.peers.set(name, peer);
    await peer.ok("join", { summary });
    return peer;
  }

  peer(name: string): Peer {
    const peer = this.peers.get(name);
    if (peer === undefined) throw new Error(`there is no peer ${name}`);
    return peer;
  }

  /** The store, as nobody of skein would change it: for states that take hours to reach. */
  sql<T>(body: (db: DatabaseSync) => T): T {
    const db = new DatabaseSync(join(this.home, "skein.db"), { timeout: 5_000 });
    try {
      return body(db);
    } finally {
      db.close();
    }
  }

  /** Who leads, as the store says it. */
  leader(): { name: string; epoch: number; url: string | null } {
    return this.sql((db) =>
      db.prepare(
        `SELECT p.name, l.epoch, l.url FROM leader l JOIN peer p ON p.incarnation = l.incarnation`,
      ).get()
    ) as { name: string; epoch: number; url: string | null };
  }

  async browser(): Promise<Browser> {
    return this.#browser ??= await launch();
  }

  /** A page of its own, not signed in. */
  async blank(options: BrowserContextOptions = {}): Promise<{ page: Page; seen: Watch }> {
    const browser = await this.browser();
    const context = await browser.newContext({ viewport: WIDE, locale: "en-GB", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    this.#pages.push(page);
    return { page, seen: watch(page) };
  }

  /** What stands on each page, for whoever has to find out why a test failed. */
  async shown(): Promise<string> {
    const texts = this.#pages.filter((page) => !page.isClosed()).map(async (page) => {
      const text = await page.locator("body").innerText({ timeout: 2_000 }).catch(() =>
        "no answer"
      );
      return `${page.url()}\n${text}`;
    });
    return (await Promise.all(texts)).join("\n");
  }

  /** A link, once somebody leads. */
  async link(): Promise<Way> {
    await eventually(() => this.leader().url !== null, { what: "a leader that serves the page" });
    return await signInLink(this.home, this.repository);
  }

  /** Signs in as the operator would, and waits until the page is live. */
  async open(options: BrowserContextOptions = {}): Promise<Open> {
    const { page, seen } = await this.blank(options);
    const way = await this.link();
    await page.goto(way.link);
    await page.waitForSelector("[class='live live']", { state: "attached" });
    return { page, seen, way };
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    for (const peer of this.peers.values()) {
      try {
        // Whoever was stopped cannot leave.
        peer.signal("SIGCONT");
      } catch {
        // It has ended.
      }
      await peer.kill();
    }
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** Runs `body` with a flock of its own and ends every process of it. */
export async function withFlock(body: (flock: Flock) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const flock = new Flock(folder);
    try {
      await flock.begin();
      await body(flock);
    } catch (thrown) {
      const text = `on the pages when it failed:\n${await flock.shown()}\n`;
      Deno.stderr.writeSync(new TextEncoder().encode(text));
      throw thrown;
    } finally {
      await flock.close();
    }
  });
}

/** Goes to a view by its address, as a link would. */
export async function visit(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  await page.waitForSelector("#main .view h1");
}

/** Waits until nothing is loading any more. */
export async function settled(page: Page): Promise<void> {
  const quiet = "document.querySelector('#main .loading') === null";
  await eventually(() => page.evaluate(quiet), { what: "a view that has loaded" });
}
