// What the leader answers over HTTP: the page, the operations, the events, the figures. Every operation
// goes the one way through perform; nothing here decides anything.

import { authorise } from "../authorise.ts";
import { listAudit } from "../audit/operations.ts";
import { operationNamed } from "../catalogue.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import { status } from "../flock/operations.ts";
import { LIMITS } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import { head } from "../core/text.ts";
import { markOffered } from "../message/deliveries.ts";
import { carryOut } from "../node/carry.ts";
import type { Lead } from "../node/leading.ts";
import { isOfPage, signIn, type Visiting, visiting } from "../node/sessions.ts";
import { type Answer, type Caller, type Change, perform } from "../perform.ts";
import { noteRefusal } from "../refusals.ts";
import { commit } from "../store/unit.ts";
import type { Events } from "./http_events.ts";
import {
  bearer,
  bodyOf,
  HEADERS,
  json,
  refused,
  refuseForeign,
  refuseMethod,
  Rejected,
} from "./http_guard.ts";
import { metricsText } from "./http_metrics.ts";
import { PROOF, Proofs, type Signed, signedBy } from "./http_proof.ts";
import { type Page, pageAssets, type PageFile } from "./page.ts";

/** What Deno tells of a request besides the request. */
export interface Info {
  /** Resolves once the answer went out whole. */
  readonly completed: Promise<void>;
}

export class Routes {
  readonly #lead: Lead;
  readonly #events: Events;
  /** Answers by status, for /metrics. */
  readonly #answered = new Map<number, number>();
  readonly #proofs: Proofs;

  constructor(lead: Lead, events: Events) {
    this.#lead = lead;
    this.#events = events;
    this.#proofs = new Proofs(lead.store.secret);
  }

  /** Answers one request that came in at a port. Never rejects. */
  async answer(request: Request, info: Info, port: number): Promise<Response> {
    let response: Response;
    let signed: Signed | null = null;
    try {
      refuseForeign(request, port);
      // Not before: no proof is given for an address that is not ours.
      signed = signedBy(request);
      // Of a home that was deleted or replaced under us nothing is told any more.
      this.#lead.store.engine.assertOurs();
      response = await this.#route(request, info, new URL(request.url), signed);
    } catch (thrown) {
      response = thrown instanceof Rejected
        ? refused(thrown.refusal, thrown.status, thrown.headers)
        : refused(asRefusal(thrown));
    }
    if (signed !== null) {
      response.headers.set(PROOF, this.#proofs.of(signed, hostOf(request), response.status));
    }
    this.#answered.set(response.status, (this.#answered.get(response.status) ?? 0) + 1);
    return response;
  }

  async #route(
    request: Request,
    info: Info,
    url: URL,
    signed: Signed | null,
  ): Promise<Response> {
    const path = url.pathname;
    if (ASSET.test(path)) {
      const page = await pageAssets(this.#lead.store.folder);
      const file = page.files.get(path);
      if (file !== undefined) {
        refuseMethod(request, "GET", "HEAD");
        return assetAnswer(request, page, file);
      }
    }
    if (path === "/healthz") {
      refuseMethod(request, "GET", "HEAD");
      return json(200, { ok: true });
    }
    if (path === "/api/session") refuseMethod(request, "POST");
    const token = await this.#tokenOf(request, signed);
    if (path === "/api/session") return await this.#session(token);
    if (path === "/metrics") return await this.#metrics(request, token);
    if (path === "/api/events") return await this.#follow(request, token, url);
    const [, name] = /^\/api\/([a-z_]{1,64})$/.exec(path) ?? [];
    if (name !== undefined) return await this.#operate(request, info, { token, signed }, name);
    await this.#allowed(token, null, status as unknown as AnyOperation);
    const shown = head(path, 100);
    throw new Refusal("UNKNOWN_TOOL", `there is nothing at ${shown}`, { path: shown });
  }

  /**
   * The token that a request brings as a bearer, or by which it is signed.
   * @throws Refusal `TOKEN_INVALID`
   */
  async #tokenOf(request: Request, signed: Signed | null): Promise<string> {
    const { store } = this.#lead;
    if (signed !== null) {
      try {
        return this.#proofs.check(signed, request, hostOf(request));
      } catch (thrown) {
        const refusal = asRefusal(thrown);
        // Who meant the leader of before is no trouble.
        if (refusal.details["again"] !== true) await noteRefusal(store, "", "sign", refusal, 0);
        throw refusal;
      }
    }
    const token = bearer(request);
    if (token === null) {
      throw new Refusal("TOKEN_INVALID", "a token is needed", {
        hint:
          "Send Authorization: Bearer with a token of `skein token issue`; people sign in with " +
          "`skein dashboard`.",
      });
    }
    if (!isOfPage(store.secret, token)) return token;
    const refusal = new Refusal(
      "TOKEN_INVALID",
      "a page's session and a link's code are never sent",
      {
        hint: "Programs use a token of `skein token issue`; the page signs its requests.",
      },
    );
    await noteRefusal(store, token, "sign", refusal, 0);
    throw refusal;
  }

  async #session(code: string): Promise<Response> {
    const { store, settings, epoch } = this.#lead;
    try {
      return json(200, await signIn(store, settings, epoch, code));
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      await noteRefusal(store, "", "sign_in", refusal, 0);
      throw refusal;
    }
  }

  /** Who acts, if it may; refusals leave their trace. */
  async #allowed(
    token: string,
    project: string | null,
    operation: AnyOperation,
  ): Promise<Visiting> {
    const { store, settings } = this.#lead;
    try {
      const who = await visiting(store, settings, token, project);
      const upS = store.clock.upS();
      await store.engine.read((tx) => authorise(tx, upS, store.secret, who, operation, true));
      return who;
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      await noteRefusal(store, token, operation.name, refusal, 0);
      throw refusal;
    }
  }

  async #operate(
    request: Request,
    info: Info,
    { token, signed }: { token: string; signed: Signed | null },
    name: string,
  ): Promise<Response> {
    const { store, settings } = this.#lead;
    const operation = operationNamed(name);
    if (operation === undefined) {
      await this.#allowed(token, null, status as unknown as AnyOperation);
      throw new Refusal("UNKNOWN_TOOL", `there is no operation ${name}`, { tool: name });
    }
    let who: Visiting;
    try {
      who = await visiting(store, settings, token, projectOf(request));
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      await noteRefusal(store, token, name, refusal, 0);
      throw refusal;
    }
    refuseMethod(request, "POST");
    if (who.operator && who.project === "" && operation.effect === "write") {
      throw new Refusal("INVALID_INPUT", `${name}: in which project?`, {
        field: "Skein-Project",
        hint: "Send the header Skein-Project; list_projects shows the ids.",
      });
    }
    const input = await bodyOf(request, signed?.body);
    const offered = new Set<number>();
    const key = request.headers.get("idempotency-key") ?? undefined;
    const answer = await perform(store, this.#caller(who, offered), operation, input, {
      key,
      signal: request.signal,
    });
    const done = await carryOut(store, operation, answer, { peer: who.peer, key });
    if (offered.size > 0) this.#mark(request, info, who, [...offered]);
    return answerOf(done);
  }

  /** What went out was offered; what did not is offered again. */
  #mark(request: Request, info: Info, who: Visiting, offered: readonly number[]): void {
    const { store } = this.#lead;
    void info.completed.then(async () => {
      // Deno calls an answer complete that nobody was there for any more.
      if (request.signal.aborted) return;
      await commit(
        store,
        ({ tx, at }) => markOffered(tx, who.peer, offered, who.incarnation, at),
      );
    }, nothing).catch((thrown) => this.#lead.trouble("mail", thrown));
  }

  #caller(who: Visiting, offered: Set<number>): Caller {
    return {
      ...who,
      uncounted: 1,
      heldEpoch: () => undefined,
      shown: { has: (message) => offered.has(message), unmarked: offered.size },
      offer: (message) => void offered.add(message),
      changed: (ms) => this.#changed(ms),
    };
  }

  /** The feed answers a moment later; a wait begins now. */
  #changed(ms: number): Change {
    const begun = this.#lead.changed(ms);
    return {
      happened: begun.then(({ happened }) => happened),
      stop: () => void begun.then((change) => change.stop(), nothing),
    };
  }

  async #follow(request: Request, token: string, url: URL): Promise<Response> {
    const project = projectOf(request);
    const operation = listAudit as unknown as AnyOperation;
    const who = await this.#allowed(token, project, operation);
    refuseMethod(request, "GET");
    const after = url.searchParams.get("after") ?? request.headers.get("last-event-id");
    if (after !== null && !/^\d{1,15}$/.test(after)) {
      throw new Refusal("INVALID_INPUT", "after has to be the number of a journal row", {
        field: "after",
      });
    }
    const allowed = (): Promise<boolean> =>
      this.#allowed(token, project, operation).then(() => true, () => false);
    return await this.#events.open(after === null ? null : Number(after), who.project, allowed);
  }

  async #metrics(request: Request, token: string): Promise<Response> {
    await this.#allowed(token, null, status as unknown as AnyOperation);
    refuseMethod(request, "GET", "HEAD");
    const text = await metricsText(this.#lead.store, {
      streams: this.#events.count,
      answered: this.#answered,
    });
    const type = "text/plain; version=0.0.4; charset=utf-8";
    return new Response(text, { headers: { ...HEADERS, "content-type": type } });
  }
}

function nothing(): void {}

/** The address by which a request came: one of our own, or it had been refused. */
function hostOf(request: Request): string {
  return request.headers.get("host") ?? "";
}

/** The project that a request names: its id, percent-encoded, since headers are ASCII. */
function projectOf(request: Request): string | null {
  const text = request.headers.get("skein-project");
  if (text === null || text === "") return null;
  try {
    return head(decodeURIComponent(text), LIMITS.pathChars * 4);
  } catch {
    throw new Refusal("INVALID_INPUT", "Skein-Project is not percent-encoded", {
      field: "Skein-Project",
    });
  }
}

function answerOf(answer: Answer): Response {
  return json(200, answer);
}

/** What may be a file of the page: it, its style, its script and the parts of that. */
const ASSET = /^\/$|^\/app\.css$|^\/[\w-]{1,64}\.js$/;

const LASTING = "private, max-age=31536000, immutable";

function assetAnswer(request: Request, page: Page, file: PageFile): Response {
  const etag = `"${page.hash}"`;
  const headers = {
    ...HEADERS,
    "content-type": file.type,
    "cache-control": !page.ready ? "no-store" : file.lasting ? LASTING : "no-cache",
    vary: "accept-encoding",
    etag,
  };
  if (page.ready && request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  const gzip = /\bgzip\b(?!;\s*q=0(\.0+)?\s*(,|$))/.test(
    request.headers.get("accept-encoding") ?? "",
  );
  const body = gzip ? file.gzip : file.text;
  return new Response(request.method === "HEAD" ? null : body, {
    headers: gzip ? { ...headers, "content-encoding": "gzip" } : headers,
  });
}
