// Parts of the page that are loaded when they are first needed, so that the first view is there
// early. Browsers remember an import that failed for as long as the page is open, and the leader may
// be changing just then: so a part's files are fetched first, again and again until they are there.
// Their names change with their content and the browser keeps them: the import needs nobody any more.
// What they have to be stands in the page's head: a program that took the leader's port runs nothing here.

const TRIES = 20;
const PAUSE_MS = 500;
const PATIENCE_MS = 5_000;

/** A part of the page. */
export interface Needed<T> {
  /** The part, once it is there. */
  readonly now: T | undefined;
  /** Its files, each a path and after `#` what it has to be, for whoever loads it where there is no document. */
  readonly files: readonly string[];
  /** @throws Error when it cannot be had: another version of the page may be served by now */
  load(files?: readonly string[]): Promise<T>;
}

class Part<T> implements Needed<T> {
  now: T | undefined;
  #loading: Promise<T> | null = null;
  readonly #name: string;
  readonly #import: () => Promise<T>;

  constructor(name: string, load: () => Promise<T>) {
    this.#name = name;
    this.#import = load;
  }

  /** What the page's head says was built; whatever parts share comes with each. */
  get files(): readonly string[] {
    const list = document.querySelector("meta[name=parts]")?.getAttribute("content") ?? "";
    return list.split(" ").filter((file) =>
      file.startsWith(`/${this.#name}-`) || file.startsWith("/chunk-")
    );
  }

  load(files?: readonly string[]): Promise<T> {
    this.#loading ??= Promise.all((files ?? this.files).map(fetched))
      .then(() => this.#import())
      .then((part) => this.now = part, (thrown) => {
        this.#loading = null;
        throw thrown;
      });
    return this.#loading;
  }
}

/** Resolves when a file is at hand, as it has to be. @throws whatever stood in the way last */
async function fetched(file: string): Promise<void> {
  const [path = "", integrity = ""] = file.split("#");
  for (let tries = 1;; tries++) {
    let answer: Response | null = null;
    try {
      answer = await fetch(path, {
        signal: AbortSignal.timeout(PATIENCE_MS),
        // What was wrong stays in no cache.
        ...(tries === 1 ? {} : { cache: "reload" }),
      });
      if (answer.ok) await pin(path, integrity, await answer.arrayBuffer());
    } catch (thrown) {
      if (tries >= TRIES) throw thrown;
      await new Promise((next) => setTimeout(next, PAUSE_MS));
      continue;
    }
    if (answer.ok) return;
    throw new Error(`${path}: status ${answer.status}`);
  }
}

/**
 * Puts a file among the page's modules, if it is the one that is meant.
 * @throws Error if it is not
 */
async function pin(path: string, integrity: string, bytes: ArrayBuffer): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  if (integrity !== `sha256-${btoa(String.fromCharCode(...digest))}`) {
    throw new Error(`${path}: somebody else's`);
  }
  if (typeof document === "undefined") return;
  const link = Object.assign(document.createElement("link"), {
    rel: "modulepreload",
    href: path,
    integrity,
  });
  await new Promise<void>((done, failed) => {
    link.onload = () => done();
    link.onerror = () => failed(new Error(`${path}: not loaded`));
    document.head.append(link);
  });
}

/** A part that `load` imports from the file of this name. */
export function needed<T>(name: string, load: () => Promise<T>): Needed<T> {
  return new Part(name, load);
}
