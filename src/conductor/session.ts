// An agent at work, and its worker's process beside it: it hears the agent's stream, brings it mail,
// tells the store what it uses, and ends it when the rules or somebody say so.

import { agentCommand, agentOf, protocolOf } from "../agent/command.ts";
import { agentEnvironment } from "../agent/environment.ts";
import type { AgentEvent } from "../agent/event.ts";
import { recordOfMark } from "../agent/group.ts";
import { AgentProcess } from "../agent/process.ts";
import { type AgentLimits, begin, type Demand, supervise, type Watch } from "../agent/supervise.ts";
import { judge } from "../agent/verdict.ts";
import { mailText } from "../claude/hook.ts";
import { workerHooks } from "../claude/plugin.ts";
import { LIMITS } from "../core/limits.ts";
import type { Tx } from "../core/transaction.ts";
import { conductOf, usageOfRun } from "../fleet/driven.ts";
import { type Conduct, costLeft, exceeded } from "../fleet/rules.ts";
import { attemptById, type AttemptRow, isHeld } from "../fleet/table.ts";
import { selfCommand } from "../node/carry.ts";
import { attemptLog } from "./logs.ts";
import { promptFor } from "./prompt.ts";
import type { SessionEnd, WorkOrder, Workplace } from "./work.ts";

/**
 * An agent may run the check unasked, since skein does so itself; not where the command would say
 * something else in a list of rules.
 */
function checkRule({ check }: Conduct): string[] {
  return check && /^[\w./:=@ -]+$/.test(check) ? [`Bash(${check})`] : [];
}

/** What the agent's client calls skein's server. */
const SERVER = "skein";
/** How often the rules look, at least. */
const TICK_MS = 500;
/** How often what was used is told. */
const NOTE_MS = 2_000;

export class Session {
  readonly #order: WorkOrder;
  readonly #place: Workplace;
  readonly #limits: AgentLimits;
  #watch: Watch = begin(performance.now());
  #demand: Demand | null = null;
  #stopped: string | null = null;
  /** Why it cannot do its work. */
  #broken: string | null = null;
  #session: string | null = null;
  /** What the store was told last. */
  #noted = "";
  #notedMs = 0;

  constructor(order: WorkOrder, place: Workplace) {
    this.#order = order;
    this.#place = place;
    const { conduct } = order;
    this.#limits = {
      firstOutputMs: conduct.first_output_ms,
      taskMs: conduct.task_ms,
      quietMs: conduct.quiet_ms,
      // A build or a test suite may say nothing for long; the task's own time bounds it.
      toolMs: conduct.task_ms,
      repeats: LIMITS.agentRepeats,
      turns: conduct.each.turns,
      tokens: conduct.each.tokens,
      costUsd: conduct.each.cost_usd,
    };
  }

  /** Runs the agent to its end. */
  async run(): Promise<SessionEnd> {
    const { calls, attempt } = this.#order;
    const agent = await this.#start();
    const aborted = (): void => this.#stop(agent, "its worker's process was ended");
    this.#order.signal.addEventListener("abort", aborted, { once: true });
    if (this.#order.signal.aborted) aborted();
    try {
      await calls.note(attempt.id, { process: agent.record });
      await this.#attend(agent);
    } catch (thrown) {
      await agent.end({ why: "its worker's process cannot go on" });
      throw thrown;
    } finally {
      this.#order.signal.removeEventListener("abort", aborted);
    }
    const exit = await agent.ended;
    const { turns, tokens, costUsd } = this.#watch;
    const verdict = judge({
      protocol: protocolOf(agentOf()),
      exit,
      completed: await this.#isHandedIn(),
      demand: this.#demand,
      nowMs: Date.now(),
    });
    return { verdict, exit, stopped: this.#stopped, turns, tokens, costUsd };
  }

  async #start(): Promise<AgentProcess> {
    const { calls, node, home, goal, conduct, attempt, task, briefing } = this.#order;
    const { folder, branch, conflicts } = this.#place;
    const prompt = promptFor({
      kind: attempt.kind as "work",
      worker: attempt.worker,
      goal,
      run: attempt.run,
      task,
      epoch: attempt.epoch,
      briefing,
      folder,
      branch,
      conflicts,
      check: conduct.check ?? null,
    });
    const { engine } = await node.store();
    const used = await engine.read((tx) => usageOfRun(tx, attempt.run));
    const [command = "", ...args] = selfCommand();
    const line = agentCommand(agentOf(), {
      prompt,
      model: attempt.model,
      folder,
      permissionMode: conduct.permission_mode,
      allowedTools: [`mcp__${SERVER}`, ...checkRule(conduct), ...conduct.allowed_tools],
      skipPermissions: conduct.skip_permissions,
      servers: { [SERVER]: { command, args: [...args, "mcp"] } },
      settings: workerHooks(SERVER),
      maxCostUsd: costLeft(used, conduct.each, conduct.all),
    });
    const mark = crypto.randomUUID();
    const log = attemptLog(home, attempt);
    // Known before it exists: whoever cleans up after us finds it by its mark, whenever we die.
    await calls.note(attempt.id, { process: recordOfMark(mark), log });
    return AgentProcess.start({
      ...line,
      mark,
      cwd: folder,
      env: agentEnvironment(Deno.env.toObject(), {
        home,
        name: attempt.worker,
        role: "worker",
        folder,
        token: await node.token(),
      }),
      log,
      onEvent: (event) => this.#hear(event),
    });
  }

  #hear(event: AgentEvent): void {
    if (event.kind === "init") {
      this.#session = event.session;
      // Without skein it could hand nothing in, and would work in vain.
      const lost = event.failedServers.includes(SERVER);
      if (lost) this.#broken = "skein's own server did not come up in the agent";
    }
    // The model has taken a step: what it was told before, it has seen.
    if (event.kind === "text" || event.kind === "tool") this.#order.node.received();
    this.#rule(event);
  }

  #rule(event: AgentEvent | null): void {
    const { watch, demand } = supervise(this.#watch, event, performance.now(), this.#limits);
    this.#watch = watch;
    this.#demand ??= demand;
  }

  /** Beside the agent, until it has ended. */
  async #attend(agent: AgentProcess): Promise<void> {
    let over = false;
    const ended = agent.ended.then(() => void (over = true));
    while (!over) {
      const change = await this.#order.node.changed(TICK_MS);
      await Promise.race([change.happened, ended]);
      change.stop();
      if (over) break;
      this.#rule(null);
      const why = this.#demand?.detail ?? this.#broken;
      // What fails there, `ended` tells.
      if (why !== null) agent.end({ why }).catch(() => {});
      await this.#look(agent);
    }
    await this.#note(true);
  }

  async #look(agent: AgentProcess): Promise<void> {
    const { node, attempt } = this.#order;
    const store = await node.store();
    const { row, taken, over } = await store.engine.read(async (tx) => {
      const row = await attemptById(tx, attempt.id);
      const over = row === undefined ? null : await this.#overBudget(tx, row);
      return { row, taken: row !== undefined && !await isHeld(tx, row), over };
    });
    if (row !== undefined && row.stop !== null) this.#stop(agent, row.stop);
    else if (over !== null) this.#stop(agent, `the run's budget is spent: ${over}`);
    else if (taken) this.#stop(agent, `${attempt.task} was taken from ${attempt.worker}`);
    await this.#deliver(agent);
    await this.#note(false);
  }

  /** What the run has used beyond its bounds, this session included; a result that is there is kept. */
  async #overBudget(tx: Tx, row: AttemptRow): Promise<string | null> {
    const { finished, turns, tokens, costUsd } = this.#watch;
    const { all } = await conductOf(tx, row.run) ?? this.#order.conduct;
    if (finished || Object.values(all).every((most) => most === null)) return null;
    const used = await usageOfRun(tx, row.run);
    // The store hears of our own every few seconds.
    return exceeded({
      turns: used.turns + Math.max(0, turns - row.turns),
      tokens: used.tokens + Math.max(0, tokens - row.tokens),
      cost_usd: used.cost_usd + Math.max(0, costUsd - row.cost_usd),
    }, all);
  }

  /** Mail goes to the agent as words of a user, said to be others'. */
  async #deliver(agent: AgentProcess): Promise<void> {
    const { node } = this.#order;
    if (this.#watch.finished || protocolOf(agentOf()) === "text") return;
    if (this.#watch.firstOutputMs === null || !await node.hasUnread()) return;
    const found = await node.mail();
    if (found === null) return;
    if (agent.say(mailText(found.mail))) found.offer.flushed();
    else found.offer.withdraw();
  }

  async #note(last: boolean): Promise<void> {
    const { calls, attempt } = this.#order;
    const { turns, tokens, costUsd, firstOutputMs } = this.#watch;
    const note = {
      turns,
      tokens,
      cost_usd: costUsd,
      output: firstOutputMs !== null,
      ...(this.#session === null ? {} : { session: this.#session }),
    };
    const text = JSON.stringify(note);
    const due = last || this.#notedMs === 0 || performance.now() - this.#notedMs >= NOTE_MS;
    // What is told with the end need not be told just before it.
    if (!due || last || text === this.#noted || firstOutputMs === null) return;
    this.#noted = text;
    this.#notedMs = performance.now();
    await calls.note(attempt.id, note);
  }

  #stop(agent: AgentProcess, why: string): void {
    if (this.#stopped !== null) return;
    this.#stopped = why;
    agent.end({ why }).catch(() => {});
  }

  async #isHandedIn(): Promise<boolean> {
    const { node, attempt } = this.#order;
    const store = await node.store();
    const row = await store.engine.read((tx) => attemptById(tx, attempt.id));
    return row !== undefined && row.report !== null;
  }
}
