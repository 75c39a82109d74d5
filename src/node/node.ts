// The node: what a process embeds to be a peer. It puts the parts together (presence, bell, feed,
// election, duties, mail) and is the only way from a door to perform. It joins at the first call
// and leaves when told; if it gets no chance to leave, the kernel's locks tell the others.

import { asRefusal, Refusal } from "../core/errors.ts";
import { systemClock } from "../core/clock.ts";
import { TIMES } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import { repositoryOf } from "../core/repository.ts";
import type { Tx } from "../core/transaction.ts";
import { unread } from "../message/deliveries.ts";
import type { Entered } from "../peer/entry.ts";
import { peerByIncarnation, peerBySession, setSession } from "../peer/table.ts";
import { type Answer, type Change, perform } from "../perform.ts";
import { noteRefusal, refusalsWritten } from "../refusals.ts";
import { openStore } from "../store/open.ts";
import { commit, type Store } from "../store/unit.ts";
import { carryOut } from "./carry.ts";
import { beginGuest } from "./guest.ts";
import { beginLife } from "./joining.ts";
import { Leading } from "./leading.ts";
import { type Life, type NodeOptions, sayGoodbye } from "./life.ts";
import { type Listener, Listeners } from "./listeners.ts";
import { Complaints } from "./complaints.ts";
import { SleepWatch } from "./presence.ts";
import { type Called, callerOf, type CallOptions } from "./call.ts";
import { HeldEpochs } from "./epochs.ts";
import type { Offer } from "./mail.ts";
import { Pulse } from "./pulse.ts";

export class Node {
  readonly #options: NodeOptions;
  readonly #project: string;
  readonly #tree: string;
  readonly #epochs = new HeldEpochs();
  #entering: Promise<Life> | null = null;
  #life: Life | null = null;
  #leading: Leading | null = null;
  #left = false;
  #notices: string[] = [];
  #store: Store | null = null;
  #session: string | null;
  #pulse: Pulse | null = null;
  readonly #listeners = new Listeners();
  readonly #complaints = new Complaints();
  readonly #sleep: SleepWatch;
  /** Tool calls of the present life that the store does not know of yet. */
  #calls = { uncounted: 0 };

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#sleep = new SleepWatch(options.clock ?? systemClock);
    this.#session = options.session ?? null;
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
    const { home, clock = systemClock, secret = null, settings } = this.#options;
    const store = this.#store ??= await openStore(home, clock, secret, settings.durable);
    try {
      const life = await this.#begin(store);
      this.#epochs.restore(life.entered.returned.epochs);
      this.#notices = [...life.entered.notices];
      this.#life = life;
      this.#pulse = new Pulse(life, () => this.#ticked(life), this.#failed);
      // It has joined, whatever becomes of this: another try would be a life beside this one.
      await this.#settle(life).catch(this.#failed);
      return life;
    } catch (thrown) {
      await noteRefusal(store, "", "join", asRefusal(thrown), 0);
      await refusalsWritten(store);
      store.engine.close();
      this.#store = null;
      throw thrown;
    }
  }

  async #settle(life: Life): Promise<void> {
    await this.#listeners.moveTo(life);
    await life.election.look();
  }

  #ticked(life: Life): void {
    if (life.election.epoch === null) this.#sleep.look(); // A leader's duties look by themselves.
    this.#options.onTick?.();
  }

  #begin(store: Store): Promise<Life> {
    const token = this.#options.behalf ?? null;
    const inRepository = this.#project !== this.#options.folder;
    if (token !== null) return beginGuest(store, token, inRepository ? this.#tree : null);
    return beginLife(store, {
      options: this.#options,
      project: this.#project,
      tree: this.#tree,
      session: this.#session,
    }, {
      leading: (incarnation, epoch) => this.#lead(store, incarnation, epoch),
      deposed: () => this.#stepDown(),
      over: () => this.#life?.election.stop(),
    });
  }

  /**
   * The client says which session it is. After /clear it is a new one of the same peer; after a
   * resume or --continue it is one that may have an identity already: that is who this is, then.
   */
  async attach(session: string): Promise<void> {
    if (this.#left || session === this.#session) return;
    this.#session = session;
    if (this.#entering === null) return;
    const life = await this.#alive();
    const known = await life.store.engine.read((tx) => peerBySession(tx, session));
    if (known === undefined || known.id === life.entered.id) {
      await commit(life.store, ({ tx }) => setSession(tx, life.entered.id, session));
      return;
    }
    if (life.guest) return;
    // Whoever calls meanwhile waits for the new life: the one that ends would only refuse.
    this.#life = null;
    this.#entering = this.#end(life).then(() => this.#join()).catch((thrown) => {
      this.#entering = null;
      throw thrown;
    });
    await this.#entering;
  }

  #lead(store: Store, incarnation: string, epoch: number): void {
    const { onLead, settings } = this.#options;
    const around = { onLead, settings, onTrouble: this.#trouble, sleep: this.#sleep };
    this.#leading = new Leading(store, incarnation, epoch, around, {
      deposed: () => void this.#life?.election.look().catch(this.#failed),
      changed: (ms) => this.changed(ms),
      listen: (listener) => this.#hear(listener),
    });
  }

  #stepDown(): void {
    this.#leading?.stop();
    this.#leading = null;
  }

  readonly #failed = (thrown: unknown): void => this.#trouble("tick", thrown);
  readonly #trouble = (what: string, thrown: unknown): void => {
    const due = this.#complaints.due(`${what}: ${asRefusal(thrown).message}`);
    if (due) this.#options.onTrouble?.(what, thrown);
  };

  /**
   * Runs one operation as this node's peer.
   * @throws Refusal whatever stands in the way
   */
  async call(operation: AnyOperation, input: unknown, options: CallOptions = {}): Promise<Called> {
    const life = await this.#alive();
    if (options.peek !== true) this.#calls.uncounted += 1;
    try {
      return await this.#callAs(life, operation, input, options);
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      // It was on its way when another session was attached: a life that has ended did nothing of it.
      const ended = refusal.code === "NOT_JOINED" && !this.#left && life !== this.#life;
      if (!ended) throw refusal;
      return await this.#callAs(await this.#alive(), operation, input, options);
    }
  }

  async #callAs(
    life: Life,
    operation: AnyOperation,
    input: unknown,
    options: CallOptions,
  ): Promise<Called> {
    const offer = life.mail.begin();
    try {
      const { key, signal, claims, label } = options;
      const { folder, settings } = this.#options;
      const caller = callerOf(life, options.peek === true ? null : offer, {
        calls: this.#calls,
        epochs: this.#epochs,
        project: this.#project,
        folder,
        settings,
        label,
      });
      let mail: Answer | null = null;
      const beside = async (tx: Tx, at: string | null): Promise<void> => {
        if (options.peek !== true && offer.ids.size === 0) mail = await life.mail.ride(tx, offer);
        if (at !== null) await offer.markWithin(tx, at);
      };
      const how = { key, signal, claims, beside };
      let answer = await perform(life.store, caller, operation, input, how);
      offer.committed();
      this.#epochs.remember(operation, answer);
      answer = await carryOut(life.store, operation, answer, { peer: life.entered.id, key });
      if (this.#notices.length > 0) {
        answer = { ...answer, notice: this.#notices.splice(0).join("; ") };
      }
      if (mail !== null) answer = { ...answer, mail };
      life.git?.refresh();
      return { answer, offer };
    } catch (thrown) {
      offer.withdraw();
      // Whatever was refused was asked of the home's own file, or that is what there is to say.
      life.store.engine.assertOurs();
      throw asRefusal(thrown);
    }
  }

  /** Unread mail for an answer that is no operation's, such as a refusal. */
  async mail(joining = false): Promise<{ mail: Answer; offer: Offer } | null> {
    const life = joining ? await this.#alive() : this.#life;
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
    const { store, entered, incarnation, mail } = await this.#alive();
    const rows = await store.engine.read((tx) => unread(tx, entered.id, incarnation, 1, mail));
    return rows.length > 0;
  }

  /** A request came in: whatever was flushed before it has been seen. */
  received(): void {
    this.#life?.mail.received();
  }

  /** The client's hooks tell that the model takes a step, or that its next request is made up. */
  progressed(what: "stepped" | "requested"): void {
    this.#life?.mail[what]();
  }

  /** The store knows what was shown. */
  async marksWritten(): Promise<void> {
    await (await this.#alive()).mail.write();
  }

  /** What somebody else offered in this peer's name, and nobody has seen, is due again. */
  async takeBack(): Promise<void> {
    await (await this.#alive()).mail.takeBack();
  }

  /** Where the home is, and which life this is. */
  async place(): Promise<{ readonly folder: string; readonly incarnation: string }> {
    const { store, incarnation } = await this.#alive();
    return { folder: store.folder, incarnation };
  }

  /** Begins to wait until something may have changed, for at most `ms`. */
  async changed(ms: number): Promise<Change> {
    return (await this.#alive()).feed.changed(ms);
  }

  /** Calls `listener` with the subjects of everything that happens from now on. */
  listen(listener: (subjects: readonly string[]) => void): Promise<() => Promise<void>> {
    return this.#hear((rows) => listener(rows.map((row) => row.subject)));
  }

  async #hear(listener: Listener): Promise<() => Promise<void>> {
    const life = await this.#alive();
    await this.#listeners.add(life, listener);
    return () => this.#listeners.remove(this.#left ? null : this.#life, listener);
  }

  /** Proves to a process that this one starts that it acts for this peer. */
  async token(): Promise<string> {
    return (await this.#alive()).pass.token;
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
    if (life !== null) await this.#end(life);
  }

  async #end(life: Life): Promise<void> {
    this.#pulse?.stop();
    this.#stepDown();
    life.election.stop();
    life.feed.close();
    const late = new Promise<false>((done) => setTimeout(() => done(false), TIMES.leaveMs * 0.8));
    // What this life has called is its own: the next one of this node counts anew.
    const calls = this.#calls;
    this.#calls = { uncounted: 0 };
    const said = sayGoodbye(life, () => calls.uncounted).then(() => true, (thrown) => {
      this.#failed(thrown);
      return false;
    });
    // If the store is busy, the freed lock says it all.
    life.hold.release(await Promise.race([said, late]));
    life.bell.close();
  }
}
