// A pass of the mirror: what people added to the findings goes into the store, then the store goes
// into the files. Any number of processes may do this; each pass is alone, and one that finds that
// another has told everything already has nothing to do.

import { basename, dirname, join } from "@std/path";
import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { repositoryOf } from "../core/repository.ts";
import { sha256 } from "../core/digest.ts";
import { changesOf } from "../mirror/diff.ts";
import {
  type Acted,
  discoveries,
  lastLogged,
  logLine,
  logName,
  masterPlan,
  readFindings,
  resultOf,
  tasksJson,
} from "../mirror/rules.ts";
import { Folder } from "./folder.ts";
import { type Call, findingsOf, type Overview, overviewOf, partOf, tasksOf } from "./source.ts";
import { readState, type State, writeState } from "./state.ts";

export const FINDINGS = "context/discoveries.md";
const FOLDERS = ["context", "logs", "results"];
/** Passes that find each time that somebody has just written to the findings. */
const ROUNDS = 5;
/**
 * How long a command waits for others who write, as for the store; the next one tells what this one
 * could not.
 */
const WAIT_MS = 10_000;
const TAIL_BYTES = 4_096;

export interface MirrorOptions {
  /** Looks at every file, not only at those with news. */
  readonly full?: boolean;
  /** Takes over a folder that skein has not written: what is in it is kept beside. */
  readonly adopt?: boolean;
  /** Further files to write. */
  readonly extra?: Readonly<Record<string, string>>;
  readonly waitMs?: number;
}

export interface Mirrored {
  /** Whether the files tell what the store does. */
  readonly ok: boolean;
  readonly folder: string;
  /** Files that were written. */
  readonly written: readonly string[];
  /** What the user should know: edits that were kept, files that are not skein's. */
  readonly warnings: readonly string[];
}

/** Where a project's mirror stands: at the top of its main working tree, whoever acts where. */
export function mirrorPath(folder: string): string {
  const repository = repositoryOf(folder);
  if (repository === null) return join(folder, ".coordination");
  const { tree, commonDir } = repository;
  const top = basename(commonDir) === ".git" ? dirname(commonDir) : tree;
  return join(top, ".coordination");
}

/** Brings the files up to the store. A fault of the files is a warning: what was done is done. */
export async function mirror(
  call: Call,
  path: string,
  options: MirrorOptions = {},
): Promise<Mirrored> {
  const warnings: string[] = [];
  let written: readonly string[] = [];
  let ok = false;
  try {
    const folder = new Folder(path);
    folder.make();
    const done = await folder.alone(options.waitMs ?? WAIT_MS, async () => {
      // Also one whose maker was killed before it had written anything.
      if (folder.isBare()) ignoreInGit(folder);
      for (let round = 0; round < ROUNDS; round++) {
        const pass = new Pass(call, folder, options, warnings);
        const files = await pass.run();
        written = files ?? written;
        ok = files !== null && !pass.foreign;
        if (files !== null) break;
      }
      return true;
    });
    if (done === null) {
      warnings.push(`${path}: others write there; the next command or skein mirror brings it up`);
    }
  } catch (thrown) {
    const { message, hint } = asRefusal(thrown);
    warnings.push(`${path} is behind: ${message}. ${hint}`);
  }
  return { ok, folder: path, written, warnings: [...new Set(warnings)] };
}

/** A new mirror is no part of a commit, unless the user takes this file away. */
function ignoreInGit(folder: Folder): void {
  if (!folder.has(".gitignore") && repositoryOf(dirname(folder.path)) !== null) {
    folder.exchange(".gitignore", "*\n");
  }
}

class Pass {
  readonly #call: Call;
  readonly #folder: Folder;
  readonly #options: MirrorOptions;
  readonly #warnings: string[];
  /** Whether somebody else wrote what is there. */
  foreign = false;
  /** Hashes of findings from which everything new was taken, or kept. */
  readonly #read = new Set<string>();

  constructor(call: Call, folder: Folder, options: MirrorOptions, warnings: string[]) {
    this.#call = call;
    this.#folder = folder;
    this.#options = options;
    this.#warnings = warnings;
  }

  /** The files that were written; null if the findings were written to meanwhile: then again. */
  async run(): Promise<readonly string[] | null> {
    let seen = await overviewOf(this.#call);
    const known = readState(this.#folder);
    const ours = known !== null && known.store === seen.store && known.project === seen.project;
    this.foreign = !ours && this.#options.adopt !== true && this.#isForeign();
    if (this.foreign) return [];
    let state: State = ours ? known : {
      store: seen.store,
      project: seen.project,
      seq: -1,
      files: {},
      findings: [],
      logged: 0,
    };
    // A journal that ends before what was written is another one's: everything is told anew.
    if (state.seq > seen.seq) state = { ...state, seq: -1, logged: 0 };
    const taken = await this.#takeIn(state);
    this.#settle(state);
    const upToDate = state.seq >= seen.seq && !taken && this.#options.full !== true &&
      this.#options.extra === undefined;
    if (upToDate) return [];
    if (taken) seen = await overviewOf(this.#call);
    return await this.#write(seen, state);
  }

  #isForeign(): boolean {
    const found = ["tasks.json", "master-plan.md", FINDINGS].filter((name) =>
      this.#folder.has(name)
    );
    if (found.length === 0) return false;
    const { path } = this.#folder;
    this.#warnings.push(
      `${path} was not written by this project's skein (${found.join(", ")}): left as it is. ` +
        "`skein import` takes it over, or move it away.",
    );
    return true;
  }

  /** Takes additions to the findings into the store; true if there were any. */
  async #takeIn(state: State): Promise<boolean> {
    const texts = this.#folder.left().filter(({ name }) => name === FINDINGS)
      .map(({ text }) => text);
    const present = this.#folder.read(FINDINGS, LIMITS.importBytes);
    const own = new Set(state.files[FINDINGS] ?? []);
    let taken = false;
    for (const text of [...texts, present]) {
      if (text === null || own.has(sha256(text))) continue;
      const added = this.#additions(state, text);
      if (added.length > 0) taken = await this.#take(added, text) || taken;
      this.#read.add(sha256(text));
    }
    return taken;
  }

  #additions(state: State, text: string): ReturnType<typeof readFindings> {
    // After a broken pass either text may be the one that somebody added to.
    const bases = state.findings.length === 0 ? [""] : state.findings;
    const changes = bases.map((base) => changesOf(base, text));
    const best = changes.find((change) => !change.edited) ?? changes.at(-1);
    if (best?.edited === true) this.#keep(text);
    return (best?.added ?? []).flatMap((added) => readFindings(added))
      .filter(({ value }) => {
        if (value.length <= LIMITS.valueChars) return true;
        this.#keep(text);
        return false;
      });
  }

  async #take(added: ReturnType<typeof readFindings>, text: string): Promise<boolean> {
    try {
      for (let from = 0; from < added.length; from += LIMITS.importDiscoveries) {
        const discoveries = added.slice(from, from + LIMITS.importDiscoveries)
          .map(({ key, value }) => key === undefined ? { value } : { key, value });
        await this.#call("take_findings", { discoveries });
      }
      return true;
    } catch (thrown) {
      this.#keep(text);
      this.#warnings.push(`additions to ${FINDINGS} were not taken: ${asRefusal(thrown).message}`);
      return false;
    }
  }

  #keep(text: string): void {
    this.#warn(FINDINGS, this.#folder.keep(FINDINGS, text));
  }

  #warn(name: string, as: string): void {
    this.#warnings.push(
      `${join(this.#folder.path, name)} is not as skein wrote it: kept as ${as}`,
    );
  }

  /** What a kill has left is judged now; of the findings everything new was taken in. */
  #settle(state: State): void {
    for (const { name, text } of this.#folder.left()) {
      const read = name === FINDINGS && text !== null ? [sha256(text)] : [];
      const placed = this.#folder.settle(name, new Set([...state.files[name] ?? [], ...read]));
      if (placed.kind === "kept") this.#warn(name, placed.as);
    }
  }

  /** Writes what has changed. */
  async #write(seen: Overview, state: State): Promise<readonly string[] | null> {
    const findings = bounded(await findingsOf(this.#call));
    const texts = new Map(await this.#texts(seen, findings));
    const changed = [...texts].filter(([name, text]) => this.#differs(state, name, text));
    this.#folder.make(...FOLDERS);
    if (changed.length > 0) {
      const files: Record<string, readonly string[]> = { ...state.files };
      for (const [name, text] of changed) {
        files[name] = [...new Set([...files[name] ?? [], sha256(text)])];
      }
      const both = [...new Set([...state.findings, findings])];
      writeState(this.#folder, { ...state, seq: -1, files, findings: both });
    }
    let again = false;
    for (const [name, text] of changed) again = this.#place(state, name, text) || again;
    if (again) return null;
    const logged = await this.#log(seen, state);
    const files: Record<string, readonly string[]> = { ...state.files };
    for (const [name, text] of changed) files[name] = [sha256(text)];
    writeState(this.#folder, { ...state, seq: seen.seq, files, findings: [findings], logged });
    return changed.map(([name]) => name);
  }

  /** Puts one file in place; true if the findings were written to at that very moment. */
  #place(state: State, name: string, text: string): boolean {
    const own = new Set([...state.files[name] ?? [], ...name === FINDINGS ? this.#read : []]);
    const placed = this.#folder.place(name, text, own, name === FINDINGS);
    if (placed.kind === "kept") this.#warn(name, placed.as);
    return placed.kind === "left";
  }

  #differs(state: State, name: string, text: string): boolean {
    const known = state.files[name] ?? [];
    if (known.length !== 1 || known[0] !== sha256(text)) return true;
    // A result that its user took away stays away until there is something new to say.
    return (this.#options.full === true || !name.startsWith("results/")) && !this.#folder.has(name);
  }

  async #texts(seen: Overview, findings: string): Promise<[string, string][]> {
    const { tasks, omitted } = await tasksOf(this.#call, LIMITS.mirrorTasks);
    const texts: [string, string][] = [
      ["tasks.json", tasksJson(tasks, omitted)],
      [FINDINGS, findings],
      ...Object.entries(this.#options.extra ?? {}),
    ];
    if (seen.run !== null) texts.push(["master-plan.md", masterPlan(seen.run)]);
    for (const task of tasks) {
      const text = resultOf(task);
      if (text !== null) texts.push([`results/${task.id}.md`, text]);
    }
    return texts;
  }

  /** Adds to the logs what they do not have. Each says by its last line how far it has come. */
  async #log(seen: Overview, state: State): Promise<number> {
    const after = state.logged === 0 ? undefined : String(state.logged);
    const acts = await partOf<Acted>(this.#call, "acts", undefined, after);
    const lines = new Map<string, Acted[]>();
    for (const act of acts) {
      const name = `logs/${logName(act.actor)}.log`;
      lines.set(name, [...lines.get(name) ?? [], act]);
    }
    for (const [name, all] of lines) {
      const from = lastLogged(this.#folder.tail(name, TAIL_BYTES));
      const fresh = all.filter((act) => act.seq > from);
      if (fresh.length > 0) this.#folder.append(name, fresh.map(logLine).join(""));
    }
    return Math.max(state.logged, seen.seq, acts.at(-1)?.seq ?? 0);
  }
}

/** The newest findings, as many as a file may hold. */
function bounded(all: Parameters<typeof discoveries>[0]): string {
  let from = 0;
  let text = discoveries(all);
  while (text.length > LIMITS.fileBytes && from < all.length) {
    from += Math.max(1, Math.ceil((all.length - from) / 4));
    text = discoveries(all.slice(from));
  }
  return text;
}
