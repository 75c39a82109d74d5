// The node: what a process embeds to be a peer. It puts the parts together (presence, bell, feed,
// election, duties, mail) and is the only way from a door to perform. It joins at the first call
// and leaves when told; if it gets no chance to leave, the kernel's locks tell the others.

import { asRefusal, Refusal } from "../core/errors.ts";
import { systemClock } from "../core/clock.ts";
import { TIMES } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import { repositoryOf } from "../core/repository.ts";
import type { Tx } from "../core/transaction.ts";
import { VERSION } from "../core/version.ts";
import { unread } from "../message/table.ts";
import { enter, type Entered } from "../peer/entry.ts";
import { peerByIncarnation, setWatch } from "../peer/table.ts";
import { type Answer, type Caller, perform } from "../perform.ts";
import { openStore } from "../store/open.ts";
import { commit, type Store } from "../store/unit.ts";
import { Duties } from "./duties.ts";
import { Election } from "./election.ts";
import { Feed } from "./feed.ts";
import { GitWatch } from "./gitwatch.ts";
import { newId } from "./ids.ts";
import { type Life, type NodeOptions, sayGoodbye } from "./life.ts";
import { Mail, type Offer } from "./mail.ts";
import { Ticker } from "./presence.ts";
import { agentProcess } from "./process.ts";
import { Pass } from "./pass.ts";
import { storeBallot } from "./seat.ts";

/** How a call wants to be answered. */
export interface CallOptions {
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Who the call says it is. */
  readonly claims?: readonly string[] | undefined;
  /** Only looks: no mail rides on the answer, and messages that it shows are not offered by it. */
  readonly peek?: boolean;
}

/** An answer, with the messages that it shows. */
export interface Called {
  readonly answer: Answer;
  /** Flush it once the answer went out; withdraw it if it never does. */
  readonly offer: Offer;
}

export class Node {
  readonly #options: NodeOptions;
  readonly #project: string;
  readonly #tree: string;
  readonly #epochs = new Map<string, number>();
  #entering: Promise<Life> | null = null;
  #life: Life | null = null;
  #duties: Duties | null = null;
  #left = false;
  #notices: string[] = [];
  #lastPulseMs = 0;
  /** Tool calls that the store does not know of yet. */
  #uncounted = 0;

  constructor(options: NodeOptions) {
    this.#options = options;
    const repository = repositoryOf(options.folder);
    this.#project = repository?.commonDir ?? options.folder;
    this.#tree = repository?.tree ?? options.folder;
  }

  /** Joins the flock, once. */
  enter(): Promise<Entered> {
    return this.#alive().then((life) => life.entered);
  }

  /** The epoch in which this node leads, or null. */
  get epoch(): number | null {
    return this.#life?.election.epoch ?? null;
  }

  get joined(): boolean {
    return this.#life !== null;
  }

  #alive(): Promise<Life> {
    if (this.#left) throw new Refusal("NOT_JOINED", "this session has left the flock");
    this.#entering ??= this.#join().catch((thrown) => {
      // The next call tries again: the reason may be gone by then.
      this.#entering = null;
      throw thrown;
    });
    return this.#entering;
  }

  async #join(): Promise<Life> {
    const { home, clock, secret, client = null } = this.#options;
    const store = await openStore(home, clock ?? systemClock, secret ?? null);
    const incarnation = newId(12);
    const hold = store.engine.hold(incarnation);
    const feed = new Feed(store);
    try {
      const bell = await store.engine.bell(() => feed.rung());
      const entered = await commit(store, (unit) =>
        enter(unit, {
          kind: "resident",
          name: this.#options.name ?? null,
          role: this.#options.role ?? null,
          session: this.#options.session ?? null,
          incarnation,
          bell: bell.address,
          pid: Deno.pid,
          version: VERSION,
          project: this.#project,
          folder: this.#options.folder,
          tree: this.#tree,
          leaseUntilS: null,
          client: client === null ? null : agentProcess(client.pid, client.name),
        }, () =>
          newId(8), Math.random));
      for (const [task, epoch] of entered.returned.epochs) this.#epochs.set(task, epoch);
      this.#notices = [...entered.notices];
      const mail = new Mail(store, entered.id, incarnation);
      const election = this.#election(store, incarnation, entered.id);
      const inGit = this.#project !== this.#options.folder;
      const git = inGit ? new GitWatch(store, entered.id, this.#tree) : null;
      const ticker = new Ticker(performance.now());
      const timer = setInterval(() => void this.#tick(ticker), TIMES.tickMs);
      Deno.unrefTimer(timer);
      this.#lastPulseMs = performance.now();
      const pass = new Pass(store, {
        peer: entered.id,
        incarnation,
        role: entered.role,
        project: this.#project,
      });
      this.#life = {
        store,
        incarnation,
        hold,
        bell,
        feed,
        mail,
        election,
        entered,
        pass,
        git,
        timer,
      };
      await election.look();
      return this.#life;
    } catch (thrown) {
      // Nobody can know this life: it never got a row.
      hold.release(true);
      store.engine.close();
      throw thrown;
    }
  }

  #election(store: Store, incarnation: string, peer: string): Election {
    return new Election({
      ...storeBallot(store, incarnation, peer, () => this.#life?.election.stop()),
      leading: (epoch) => this.#lead(store, incarnation, epoch),
      deposed: () => this.#stepDown(),
    });
  }

  #lead(store: Store, incarnation: string, epoch: number): void {
    this.#duties = new Duties(store, incarnation, epoch, {
      failed: (duty, thrown) => this.#options.onTrouble?.(`duty ${duty}`, thrown),
      deposed: () => void this.#life?.election.look().catch((thrown) => this.#trouble(thrown)),
    });
    this.#duties.start();
  }

  #stepDown(): void {
    this.#duties?.stop();
    this.#duties = null;
  }

  #trouble(thrown: unknown): void {
    this.#options.onTrouble?.("tick", thrown);
  }

  /** Once a second: show that we live, see whether something was missed, watch the leader. */
  async #tick(ticker: Ticker): Promise<void> {
    const life = this.#life;
    if (life === null || this.#left) return;
    const nowMs = performance.now();
    const late = ticker.late(nowMs);
    try {
      if (late || nowMs - this.#lastPulseMs >= TIMES.pulseMs - TIMES.tickMs / 2) {
        this.#lastPulseMs = nowMs;
        life.hold.pulse();
      }
      life.store.engine.assertOurs();
      const changed = life.store.engine.changed();
      if (changed) life.feed.look();
      await life.election.tick(late, changed);
    } catch (thrown) {
      this.#trouble(thrown);
    }
  }

  /**
   * Runs one operation as this node's peer.
   * @throws Refusal whatever stands in the way
   */
  async call(operation: AnyOperation, input: unknown, options: CallOptions = {}): Promise<Called> {
    const life = await this.#alive();
    life.store.engine.assertOurs();
    const offer = life.mail.begin();
    if (options.peek !== true) this.#uncounted += 1;
    try {
      const caller = this.#caller(life, options.peek === true ? null : offer);
      const { key, signal, claims } = options;
      let mail: Answer | null = null;
      const beside = async (tx: Tx): Promise<void> => {
        if (options.peek !== true && offer.ids.size === 0) mail = await life.mail.ride(tx, offer);
      };
      let answer = await perform(life.store, caller, operation, input, {
        key,
        signal,
        claims,
        beside,
      });
      this.#remember(operation, answer);
      if (this.#notices.length > 0) {
        answer = { ...answer, notice: this.#notices.splice(0).join("; ") };
      }
      if (mail !== null) answer = { ...answer, mail };
      life.git?.refresh();
      return { answer, offer };
    } catch (thrown) {
      offer.withdraw();
      throw asRefusal(thrown);
    }
  }

  /** Unread mail for an answer that is no operation's, such as a refusal. */
  async mail(): Promise<{ mail: Answer; offer: Offer } | null> {
    const life = this.#life;
    if (life === null || this.#left) return null;
    const offer = life.mail.begin();
    const mail = await life.store.engine.read(async (tx) => {
      // A newer life of this identity gets the mail; this one only its refusals.
      if (await peerByIncarnation(tx, life.incarnation) === undefined) return null;
      return await life.mail.ride(tx, offer);
    });
    return mail === null ? null : { mail, offer };
  }

  /** Whether there is mail that was not offered yet. */
  async hasUnread(): Promise<boolean> {
    const life = await this.#alive();
    const { entered, incarnation, mail } = life;
    const rows = await life.store.engine.read((tx) => unread(tx, entered.id, incarnation, 1, mail));
    return rows.length > 0;
  }

  /** A request came in: whatever was flushed before it has been seen. */
  received(): void {
    this.#life?.mail.received();
  }

  #caller(life: Life, offer: Offer | null): Caller {
    return {
      token: life.pass.token,
      renew: (role, project) => life.pass.renew(role, project),
      uncounted: this.#uncounted,
      counted: (calls) => void (this.#uncounted -= calls),
      folder: this.#options.folder,
      project: this.#project,
      settings: this.#options.settings,
      heldEpoch: (task) => this.#epochs.get(task),
      shown: life.mail,
      offer: (message) => offer?.add(message),
      changed: (ms) => life.feed.changed(ms),
    };
  }

  /** A claim's epoch is remembered here: it is what fences this process if it sleeps. */
  #remember(operation: AnyOperation, answer: Answer): void {
    if (operation.name !== "claim_task") return;
    const task = answer["task"] as { id: string } | null;
    if (task === null) return;
    // An answer that is repeated under its key may be older than what we hold.
    const epoch = Math.max(answer["epoch"] as number, this.#epochs.get(task.id) ?? 0);
    this.#epochs.set(task.id, epoch);
  }

  /** Calls `listener` with the subjects of everything that happens from now on. */
  async listen(listener: (subjects: readonly string[]) => void): Promise<() => Promise<void>> {
    const life = await this.#alive();
    const stop = await life.feed.listen((rows) => listener(rows.map((row) => row.subject)));
    await commit(life.store, ({ tx }) => setWatch(tx, life.entered.id, true));
    return async () => {
      stop();
      if (life.feed.listening) return;
      await commit(life.store, ({ tx }) => setWatch(tx, life.entered.id, false));
    };
  }

  /** The open store, for what reads beside the operations (resources, tests). */
  async store(): Promise<Store> {
    return (await this.#alive()).store;
  }

  /** Leaves: frees what the peer held and gives the lead away. Idempotent; bounded in time. */
  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    const life = this.#life ?? await this.#entering?.catch(() => null) ?? null;
    if (life === null) return;
    clearInterval(life.timer);
    this.#stepDown();
    life.election.stop();
    life.feed.close();
    const late = new Promise<false>((done) => setTimeout(() => done(false), TIMES.leaveMs * 0.8));
    const said = sayGoodbye(life).then(() => true, (thrown) => {
      this.#trouble(thrown);
      return false;
    });
    // If the store is busy, the freed lock says it all.
    life.hold.release(await Promise.race([said, late]));
    life.bell.close();
  }
}
