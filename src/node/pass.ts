// The token of whoever is trusted with the secret: made when it is first needed, made anew when it is
// half over or says what is no longer so. The agent never notices.

import { LIMITS } from "../core/limits.ts";
import type { Role } from "../core/operation.ts";
import { issueToken } from "../peer/token.ts";
import type { Store } from "../store/unit.ts";

/** Who the pass is for. */
export interface Holder {
  readonly peer: string;
  readonly incarnation: string;
  readonly role: Role;
  readonly project: string;
}

export class Pass {
  readonly #store: Pick<Store, "secret" | "clock">;
  readonly #holder: Holder;
  #token: string;

  constructor(store: Pick<Store, "secret" | "clock">, holder: Holder) {
    this.#store = store;
    this.#holder = holder;
    this.#token = this.#issue(holder.role, holder.project);
  }

  get token(): string {
    return this.#token;
  }

  renew(role: Role, project: string): void {
    this.#token = this.#issue(role, project);
  }

  #issue(role: Role, project: string): string {
    const issuedS = Math.floor(this.#store.clock.upS());
    const { peer, incarnation } = this.#holder;
    const expiresS = issuedS + LIMITS.tokenS;
    const claims = { peer, incarnation, role, project, issuedS, expiresS };
    return issueToken(this.#store.secret, claims);
  }
}
