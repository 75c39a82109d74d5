// Repositories whose owners have settings, hooks, filters, names and layouts of every kind. Each is made
// out of a world's (tests/support/run_tree.ts), and has a branch checked out and nothing uncommitted.

import { join } from "@std/path";
import { git, write } from "../support/git.ts";
import { commit, type World } from "../support/run_tree.ts";

/** Makes a repository out of the world's; gives its checkout. */
export type Setting = (world: World) => Promise<string>;

/** The world's own repository with settings. */
function config(...pairs: readonly (readonly [name: string, value: string])[]): Setting {
  return async ({ repo }) => {
    for (const [name, value] of pairs) await git(repo, "config", "--add", name, value);
    return repo;
  };
}

async function first(repo: string, message = "first"): Promise<string> {
  await git(repo, "add", "-A");
  await git(repo, "commit", "-q", "-m", message);
  return repo;
}

const HOOKS = [
  "commit-msg",
  "fsmonitor-watchman",
  "post-checkout",
  "post-commit",
  "post-index-change",
  "post-merge",
  "post-rewrite",
  "pre-commit",
  "pre-merge-commit",
  "prepare-commit-msg",
  "reference-transaction",
];

/** Hooks that tell that they ran, and refuse. */
function hooksIn(folder: string, told: string): void {
  for (const name of HOOKS) {
    write(join(folder, name), `#!/bin/sh\necho ${name} "$@" >> '${told}'\nexit 1\n`);
    Deno.chmodSync(join(folder, name), 0o755);
  }
}

export const SETTINGS: Readonly<Record<string, Setting>> = {
  "hooks in the repository": ({ repo, folder }) => {
    hooksIn(join(repo, ".git/hooks"), join(folder, "told"));
    return Promise.resolve(repo);
  },
  "hooks elsewhere, and one for file systems": async ({ repo, folder }) => {
    hooksIn(join(folder, "hooks"), join(folder, "told"));
    await git(repo, "config", "core.hooksPath", join(folder, "hooks"));
    await git(repo, "config", "core.fsmonitor", join(folder, "hooks/fsmonitor-watchman"));
    return repo;
  },
  "hooks that the worktree's own settings name": async ({ repo, folder }) => {
    hooksIn(join(folder, "hooks"), join(folder, "told"));
    await git(repo, "config", "extensions.worktreeConfig", "true");
    await git(repo, "config", "--worktree", "core.hooksPath", join(folder, "hooks"));
    return repo;
  },
  "a tag that has the branch's name": async ({ repo }) => {
    await git(repo, "tag", "main");
    return repo;
  },
  "tags that have the names of skein's branches": async ({ repo }) => {
    await git(repo, "commit", "-q", "--allow-empty", "-m", "another");
    for (const name of ["run/r1", "task/r1/t1-1", "task/r1/t2-1", "task/r1/t2-2"]) {
      await git(repo, "tag", `skein/${name}`, "HEAD~1");
    }
    return repo;
  },
  "such tags, and settings of the worktree's own": async ({ repo }) => {
    await git(repo, "commit", "-q", "--allow-empty", "-m", "another");
    for (const name of ["run/r1", "task/r1/t1-1", "task/r1/t2-1", "task/r1/t2-2"]) {
      await git(repo, "tag", `skein/${name}`, "HEAD~1");
    }
    await git(repo, "config", "extensions.worktreeConfig", "true");
    return repo;
  },
  "a branch that squashes": config(["branch.main.mergeOptions", "--squash"]),
  "a branch that does not commit merges": config(["branch.main.mergeOptions", "--no-commit"]),
  "a branch without fast-forward": config(["branch.main.mergeOptions", "--no-ff"]),
  "merges and pulls in the user's way": config(
    ["merge.ff", "false"],
    ["merge.renames", "false"],
    ["merge.autoStash", "true"],
    ["merge.log", "true"],
    ["merge.verbosity", "5"],
    ["pull.rebase", "true"],
    ["pull.ff", "only"],
    ["rebase.autoStash", "true"],
    ["rerere.enabled", "true"],
    ["rerere.autoUpdate", "true"],
  ),
  "commits in the user's way": config(
    ["commit.gpgSign", "true"],
    ["gpg.program", "false"],
    ["commit.template", "/nowhere"],
    ["commit.cleanup", "scissors"],
    ["commit.status", "false"],
    ["commit.verbose", "2"],
    ["log.showSignature", "true"],
    ["core.commentChar", "t"],
    ["i18n.commitEncoding", "ISO-8859-1"],
  ),
  "output in the user's way": config(
    ["color.ui", "always"],
    ["column.ui", "always"],
    ["core.quotePath", "false"],
    ["core.pager", "false"],
    ["status.showUntrackedFiles", "no"],
    ["status.short", "true"],
    ["status.branch", "true"],
    ["status.showStash", "true"],
    ["status.renames", "copies"],
    ["status.relativePaths", "true"],
    ["status.aheadBehind", "true"],
    ["diff.noprefix", "true"],
    ["diff.mnemonicPrefix", "true"],
    ["diff.external", "false"],
    ["diff.renames", "copies"],
    ["diff.relative", "true"],
    ["diff.ignoreSubmodules", "all"],
    ["diff.orderFile", "/nowhere"],
    ["log.decorate", "full"],
    ["core.abbrev", "4"],
    ["core.whitespace", "tab-in-indent"],
    ["apply.whitespace", "error"],
  ),
  "an index of the user's kind": config(
    ["core.untrackedCache", "true"],
    ["core.splitIndex", "true"],
    ["core.preloadIndex", "false"],
    ["core.fsmonitor", "true"],
    ["core.ignoreStat", "false"],
    ["core.checkStat", "minimal"],
    ["core.trustctime", "false"],
    ["feature.manyFiles", "true"],
    ["index.version", "4"],
    ["index.threads", "2"],
    ["index.sparse", "true"],
  ),
  "no file modes, no links, no case": config(
    ["core.fileMode", "false"],
    ["core.ignoreCase", "true"],
    ["core.precomposeUnicode", "true"],
  ),
  "histories of no refs": config(["core.logAllRefUpdates", "false"]),
  "line ends converted": config(["core.autocrlf", "true"], ["core.safecrlf", "true"], [
    "core.eol",
    "crlf",
  ]),
  "branches that track, pushes by themselves": config(
    ["branch.autoSetupMerge", "always"],
    ["branch.autoSetupRebase", "always"],
    ["push.default", "matching"],
    ["push.autoSetupRemote", "true"],
    ["remote.pushDefault", "origin"],
    ["checkout.defaultRemote", "origin"],
    ["checkout.guess", "false"],
    ["worktree.guessRemote", "true"],
    ["fetch.prune", "true"],
  ),
  "maintenance at any time": config(
    ["gc.auto", "1"],
    ["gc.autoDetach", "false"],
    ["gc.worktreePruneExpire", "now"],
    ["gc.pruneExpire", "now"],
    ["gc.reflogExpireUnreachable", "now"],
    ["maintenance.auto", "true"],
  ),
  "refs that are hidden, packed, and warned of": async ({ repo }) => {
    await config(
      ["transfer.hideRefs", "refs/skein"],
      ["core.warnAmbiguousRefs", "false"],
      ["core.multiPackIndex", "true"],
      ["receive.denyCurrentBranch", "refuse"],
      ["core.packedRefsTimeout", "0"],
    )({ repo } as World);
    await git(repo, "pack-refs", "--all");
    return repo;
  },
  "an alias for every command": config(
    ["alias.status", "!false"],
    ["alias.merge", "!false"],
    ["alias.commit", "!false"],
  ),
  "replaced objects": async ({ repo }) => {
    await commit(repo, "more.txt", "more\n");
    await git(repo, "replace", "--graft", "HEAD");
    return repo;
  },
  "a branch with letters of any kind": async ({ repo }) => {
    await git(repo, "switch", "-q", "-c", "na\u00efve/\u6f22\u5b57-\u{1F426}");
    return repo;
  },
  "a branch whose name is hard to quote": async ({ repo }) => {
    await git(repo, "switch", "-q", "-c", 'it\'s="$(so)";&|%{x}');
    return repo;
  },
  "a branch called HEAD": async ({ repo }) => {
    await git(repo, "update-ref", "refs/heads/HEAD", "HEAD");
    await git(repo, "symbolic-ref", "HEAD", "refs/heads/HEAD");
    return repo;
  },
  "a branch called like a commit": async ({ repo }) => {
    const name = (await git(repo, "rev-parse", "HEAD")).slice(0, 40);
    await git(repo, "update-ref", `refs/heads/${name}`, "HEAD");
    await git(repo, "symbolic-ref", "HEAD", `refs/heads/${name}`);
    return repo;
  },
  "a git folder apart": async ({ folder, remote }) => {
    const repo = join(folder, "apart");
    await git(folder, "clone", "-q", "--separate-git-dir", join(folder, "gd"), remote, repo);
    return repo;
  },
  "a git folder behind a link": async ({ folder, repo }) => {
    Deno.renameSync(join(repo, ".git"), join(folder, "real.git"));
    Deno.symlinkSync(join(folder, "real.git"), join(repo, ".git"));
    return repo;
  },
  "a submodule": async ({ folder, remote }) => {
    const above = join(folder, "above");
    await git(folder, "init", "-q", "-b", "main", above);
    await git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", remote, "sm");
    await first(above);
    return join(above, "sm");
  },
  "a worktree of a bare repository": async ({ folder, remote }) => {
    await git(remote, "worktree", "add", "-q", "-b", "dev", join(folder, "tree"));
    return join(folder, "tree");
  },
  "a worktree of an ordinary one": async ({ folder, repo }) => {
    await git(repo, "worktree", "add", "-q", "-b", "dev", join(folder, "tree"));
    return join(folder, "tree");
  },
  "a shallow clone": async ({ folder, repo, remote }) => {
    await commit(repo, "more.txt", "more\n");
    await git(repo, "push", "-q", "origin", "main");
    await git(folder, "clone", "-q", "--depth", "1", `file://${remote}`, "shallow");
    return join(folder, "shallow");
  },
  "a clone that shares objects": async ({ folder, remote }) => {
    await git(folder, "clone", "-q", "--shared", remote, "shared");
    return join(folder, "shared");
  },
  "a clone without contents": async ({ folder, remote }) => {
    await git(remote, "config", "uploadpack.allowFilter", "true");
    await git(folder, "clone", "-q", "--filter=blob:none", `file://${remote}`, "partial");
    return join(folder, "partial");
  },
  "long ids": async ({ folder }) => {
    const repo = join(folder, "long");
    await git(folder, "init", "-q", "-b", "main", "--object-format=sha256", repo);
    write(join(repo, "a.txt"), "one\ntwo\nthree\n");
    return await first(repo);
  },
  "a sparse checkout": async ({ repo }) => {
    write(join(repo, "big/x"), "x\n");
    await first(repo);
    await git(repo, "sparse-checkout", "set", "sub");
    return repo;
  },
  "a sparse checkout without cones, with a sparse index": async ({ repo }) => {
    write(join(repo, "big/x"), "x\n");
    await first(repo);
    await git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/big/");
    return repo;
  },
  "attributes that merge, encode and filter": async ({ repo }) => {
    const attributes = "* text=auto\n*.u16 working-tree-encoding=UTF-16LE text\n*.up filter=up\n" +
      "*.bin -text -diff -merge\nlog merge=union\n*.id ident\n*.drv merge=mine\n";
    write(join(repo, ".gitattributes"), attributes);
    await git(repo, "config", "filter.up.clean", "tr A-Z a-z");
    await git(repo, "config", "filter.up.smudge", "tr a-z A-Z");
    await git(repo, "config", "merge.mine.driver", "false");
    write(join(repo, "x.up"), "LARGE\n");
    write(join(repo, "x.id"), "$Id$\n");
    write(join(repo, "log"), "log\n");
    Deno.writeFileSync(join(repo, "x.u16"), new Uint8Array([97, 0, 10, 0]));
    return await first(repo);
  },
  "a path as long as they get": async ({ repo }) => {
    write(join(repo, ...Array(12).fill("d".repeat(120)), `${"f".repeat(200)}.txt`), "long\n");
    return await first(repo);
  },
  "files that only case or form tells apart": async ({ repo }) => {
    for (const name of ["File", "file", "FILE", "\u00e9", "e\u0301", "-f", "--", ":x", "a\tb\nc"]) {
      write(join(repo, name), `${name}\n`);
    }
    return await first(repo);
  },
  "an identity that git does not take": async ({ repo }) => {
    await git(repo, "config", "user.name", " ");
    await git(repo, "config", "user.email", "");
    return repo;
  },
};
