// The last line: a pre-commit hook that refuses a commit of files that another peer holds. Opt-in,
// for one repository; a hook that is there already is kept as it is and runs first. It stops a commit
// for that reason alone: without skein, or if skein fails or refuses for any other, commits go on.

import { dirname, join, relative, resolve } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { repositoryOf } from "../core/repository.ts";
import { shellWord } from "../core/shellword.ts";
import { readText } from "./files.ts";

const MARK = "# made by skein git-hook";
const KEPT = "pre-commit.before-skein";
/** How the one refusal begins that stops a commit; many others have its exit code. */
const HELD = '{"error":{"code":"LOCK_HELD",';
const PASSED = "skein: nobody was asked about locks, the commit goes on";
const FORCE = "skein: this commit was refused; git commit --no-verify commits all the same";

/** What is to be done to the hooks of a repository. */
export interface HookPlan {
  /** What it changes, for people; nothing where nothing has to be changed. */
  readonly says: readonly string[];
  run(): void;
}

const NOTHING: HookPlan = { says: [], run: () => {} };

interface Paths {
  readonly hook: string;
  readonly kept: string;
}

/** Where git looks for the hooks of a repository. */
function pathsOf(folder: string): Paths {
  const repository = repositoryOf(folder);
  if (repository === null) {
    throw new Refusal("INVALID_INPUT", `${folder} is in no git repository`, { field: "dir" });
  }
  const { success, stdout } = new Deno.Command("git", {
    args: ["-C", folder, "rev-parse", "--git-path", "hooks"],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  const own = join(repository.commonDir, "hooks");
  const hooks = success ? resolve(folder, new TextDecoder().decode(stdout).trim()) : own;
  return { hook: join(hooks, "pre-commit"), kept: join(hooks, KEPT) };
}

/** Hooks of another place are shared, or are files of the project: not ours to add to. */
function refuseElsewhere(folder: string, { hook }: Paths, line: string): void {
  const inside = relative(repositoryOf(folder)?.commonDir ?? folder, hook);
  if (!inside.startsWith("..")) return;
  throw new Refusal("INVALID_INPUT", `git takes this repository's hooks from ${dirname(hook)}`, {
    field: "core.hooksPath",
    hint: `Add this to the pre-commit hook there: ${line}`,
  });
}

/** Looks at what is to be committed; both names of what was renamed. What it prints is the verdict. */
function guardLine(command: string): string {
  const guard = '"$0" edit guard --look-only';
  const each = [
    `said=$(${guard} --json -- "$@" 2>/dev/null) && exit 0`,
    // Once more, in words for people.
    `${guard} -- "$@" >/dev/null`,
    `case $said in ${shellWord(HELD)}*) echo held ;; *) echo ${shellWord(PASSED)} >&2 ;; esac`,
  ].join("; ");
  const looked = "git diff --cached --name-only -z --no-renames --diff-filter=ACMD | " +
    `xargs -0 -r -n ${LIMITS.pathsPerLock} sh -c ${shellWord(each)} ${shellWord(command)}`;
  return `[ -z "$(${looked})" ] || { echo ${shellWord(FORCE)} >&2; exit 1; }`;
}

function hookText(command: string): string {
  return [
    "#!/bin/sh",
    MARK,
    `before="$(dirname "$0")/${KEPT}"`,
    'if [ -x "$before" ]; then "$before" "$@" || exit $?; fi',
    `[ -x ${shellWord(command)} ] || exit 0`,
    guardLine(command),
    "",
  ].join("\n");
}

/**
 * What installing the hook does. One that is there is put aside as it is, link, mode and all.
 * @throws Refusal `INVALID_INPUT` outside of a repository, or where the hooks are not its own
 */
export function hookPlan(folder: string, command: string): HookPlan {
  const paths = pathsOf(folder);
  refuseElsewhere(folder, paths, guardLine(command));
  const { hook, kept } = paths;
  const after = hookText(command);
  const before = stateOf(hook);
  if (before === "ours" && readText(hook) === after) return NOTHING;
  const foreign = before === "foreign";
  if (foreign && stateOf(kept) !== "none" && !sameFile(hook, kept)) {
    throw new Refusal("INVALID_INPUT", `${kept} is there already, and so is another ${hook}`, {
      field: "pre-commit",
      hint: `Make one of the two, remove ${KEPT}, then run this again. Nothing was changed.`,
    });
  }
  return {
    says: [...foreign ? [`  ${hook} -> ${kept}`] : [], `+ ${hook}`],
    run: () => {
      Deno.mkdirSync(dirname(hook), { recursive: true });
      // Kept, then replaced: at no moment is there no hook.
      if (foreign && !sameFile(hook, kept)) keep(hook, kept);
      const temporary = `${hook}.skein-${Deno.pid}`;
      Deno.writeTextFileSync(temporary, after);
      Deno.chmodSync(temporary, 0o755);
      Deno.renameSync(temporary, hook);
    },
  };
}

/** What taking it out does: the hook that was there before comes back. */
export function unhookPlan(folder: string): HookPlan {
  const { hook, kept } = pathsOf(folder);
  if (stateOf(hook) !== "ours") return NOTHING;
  if (stateOf(kept) === "none") return { says: [`- ${hook}`], run: () => Deno.removeSync(hook) };
  return { says: [`  ${kept} -> ${hook}`], run: () => Deno.renameSync(kept, hook) };
}

/** A second name for the hook itself, also where it is a link: some systems would follow that. */
function keep(hook: string, kept: string): void {
  if (Deno.lstatSync(hook).isSymlink) Deno.symlinkSync(Deno.readLinkSync(hook), kept);
  else Deno.linkSync(hook, kept);
}

function stateOf(path: string): "none" | "ours" | "foreign" {
  try {
    if (Deno.lstatSync(path).isSymlink) return "foreign";
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return "none";
    throw thrown;
  }
  return readText(path)?.includes(MARK) === true ? "ours" : "foreign";
}

function sameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [Deno.lstatSync(one), Deno.lstatSync(other)];
    if (a.isSymlink && b.isSymlink) return Deno.readLinkSync(one) === Deno.readLinkSync(other);
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
