// What the page signs and what it believes. The last part of its token is a key that never leaves it: a
// request carries the rest and is signed, for one server and once; an answer counts only with the same
// key's proof over the request's nonce. Whoever else has the leader's port gets nothing, and is not
// believed. The leader's half is in src/door/http_proof.ts.

const PROOF = "skein-proof";
const SHAPE = /^skein1\.([\w-]+)\.([0-9a-f]{64})$/;
/** In place of a server that is not known yet. */
const ANY = "-";
const encoder = new TextEncoder();

/** Somebody else answered. */
export class Foreign extends Error {}

/** A request as the page makes it. */
export interface Wish {
  readonly method?: "GET" | "POST";
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Whether a text can be a token, or the code of a link. */
export function isToken(text: unknown): text is string {
  return typeof text === "string" && SHAPE.test(text);
}

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One token at one address. */
export class Line {
  readonly #base: string;
  readonly #payload: string;
  readonly #key: Promise<CryptoKey>;
  /** The server that has proven itself; null until one has, and again after whatever went wrong. */
  #door: string | null = null;
  #greeting: Promise<void> | null = null;

  /** @throws Error when it is no token */
  constructor(token: string, base: string) {
    const [, payload, mac] = SHAPE.exec(token) ?? [];
    if (payload === undefined || mac === undefined) throw new Error("this is no token");
    this.#base = base;
    this.#payload = payload;
    const how = { name: "HMAC", hash: "SHA-256" };
    this.#key = crypto.subtle.importKey("raw", encoder.encode(mac), how, false, ["sign"]);
  }

  /**
   * Asks the server, once it has proven itself, and gives its answer if that is proven, too.
   * @throws Foreign when somebody else answers, and whatever `fetch` throws
   */
  async ask(path: string, wish: Wish = {}): Promise<Response> {
    // One more if the server was followed by another one meanwhile.
    for (let tries = 1;; tries++) {
      await this.#greet();
      const answer = await this.#send(path, wish);
      if (answer.status !== 401 || tries > 1 || !await isAgain(answer.clone())) return answer;
    }
  }

  /** Nothing is sent to a server that has not shown that it is one, but this question. */
  #greet(): Promise<void> {
    if (this.#door !== null) return Promise.resolve();
    return this.#greeting ??= this.#send("/healthz", { signal: AbortSignal.timeout(GREET_MS) })
      .then((answer) => void answer.body?.cancel())
      .finally(() => this.#greeting = null);
  }

  async #send(
    path: string,
    { method = "GET", body, headers = {}, signal }: Wish,
  ): Promise<Response> {
    const { host } = new URL(this.#base);
    const nonce = crypto.randomUUID().replaceAll("-", "");
    const door = this.#door ?? ANY;
    const time = Date.now();
    const digest = hex(await crypto.subtle.digest("SHA-256", encoder.encode(body ?? "")));
    const mac = await this.#mac("skein-call", host, door, time, nonce, method, path, digest);
    try {
      const answer = await fetch(`${this.#base}${path}`, {
        method,
        headers: {
          ...headers,
          authorization: `Skein ${this.#payload}.${door}.${time}.${nonce}.${digest}.${mac}`,
        },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
      const [said = "", proof] = (answer.headers.get(PROOF) ?? "").split(".");
      if (proof !== await this.#mac("skein-answer", host, said, nonce, answer.status)) {
        void answer.body?.cancel();
        throw new Foreign();
      }
      this.#door = said;
      return answer;
    } catch (thrown) {
      // Who answers next has to show anew who it is.
      this.#door = null;
      throw thrown;
    }
  }

  async #mac(...parts: readonly (string | number)[]): Promise<string> {
    return hex(
      await crypto.subtle.sign("HMAC", await this.#key, encoder.encode(parts.join("\n"))),
    );
  }
}

/** A leader answers this at once; one that is stopped never does. */
const GREET_MS = 5_000;

async function isAgain(answer: Response): Promise<boolean> {
  try {
    return (await answer.json()).again === true;
  } catch {
    return false;
  }
}
