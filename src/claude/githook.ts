// The last line: a pre-commit hook that refuses a commit of files that another peer holds. Opt-in,
// for one repository; a hook that is there already is kept and runs first.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { repositoryOf } from "../core/repository.ts";
import { type Change, readText } from "./files.ts";

const MARK = "# made by skein git-hook";
const KEPT = "pre-commit.before-skein";

function pathsOf(folder: string): { hook: string; kept: string } {
  const repository = repositoryOf(folder);
  if (repository === null) {
    throw new Refusal("INVALID_INPUT", `${folder} is in no git repository`, { field: "dir" });
  }
  const hooks = join(repository.commonDir, "hooks");
  return { hook: join(hooks, "pre-commit"), kept: join(hooks, KEPT) };
}

/** What installing the hook writes; an existing one is moved aside and called by ours. */
export function hookChanges(folder: string, command: string): Change[] {
  const { hook, kept } = pathsOf(folder);
  const before = readText(hook);
  const after = [
    "#!/bin/sh",
    MARK,
    `before="$(dirname "$0")/${KEPT}"`,
    'if [ -x "$before" ]; then "$before" "$@" || exit $?; fi',
    "git diff --cached --name-only -z --diff-filter=ACMRD |",
    `  xargs -0 -r '${command.replaceAll("'", `'\\''`)}' edit guard --look-only --`,
    "",
  ].join("\n");
  if (before === after) return [{ path: hook, before, after }];
  const changes: Change[] = [{ path: hook, before, after }];
  if (before !== null && !before.includes(MARK)) {
    changes.unshift({ path: kept, before: readText(kept), after: before });
  }
  return changes;
}

/** What taking it out writes: the hook that was there before comes back. */
export function unhookChanges(folder: string): Change[] {
  const { hook, kept } = pathsOf(folder);
  const before = readText(hook);
  if (before === null || !before.includes(MARK)) return [];
  const old = readText(kept);
  return [
    { path: hook, before, after: old },
    ...(old === null ? [] : [{ path: kept, before: old, after: null }]),
  ];
}
