// What is read off a shell command, as a table: what is missed lets an edit past a lock, what is seen
// where there is nothing keeps an agent from its work. A reader has to survive whatever it is given.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { readShell } from "../../src/lock/shell.ts";

const CWD = "/p";

/** A command, and what it writes: paths below /p, or absolute ones; `TREE` if it takes it all. */
type Row = readonly [command: string, ...writes: string[]];
const TREE = "<the whole tree>";

/** What is read off a command, in the words of the table. */
function read(command: string): string[] {
  const { writes, wholeTree } = readShell(command, CWD);
  const paths = writes.map(({ path, base }) => {
    const whole = path.startsWith("/") ? path : join(base, path);
    return whole.startsWith(`${CWD}/`) ? whole.slice(CWD.length + 1) : whole;
  });
  return [...paths, ...(wholeTree === null ? [] : [TREE])];
}

/** Fails with every row that is read otherwise. */
function assertRows(rows: readonly Row[]): void {
  const seen = rows.map(([command]) => [command, ...read(command)]);
  assertEquals(seen.filter((row, i) => row.join("\n") !== rows[i]?.join("\n")), [], expected());
  function expected(): string {
    const wrong = rows.filter((row, i) => row.join("\n") !== seen[i]?.join("\n"));
    return wrong.map((row) => `expected ${JSON.stringify(row)}`).join("\n");
  }
}

Deno.test("shell: redirections, whatever stands around them", () =>
  assertRows([
    ["echo a > b.ts", "b.ts"],
    ["echo a>b.ts", "b.ts"],
    ["echo a >> b.ts", "b.ts"],
    ["> b.ts", "b.ts"],
    [": > b.ts", "b.ts"],
    ["make 2> err.log", "err.log"],
    ["make 2>>err.log", "err.log"],
    ["make &> all.log", "all.log"],
    ["make &>> all.log", "all.log"],
    ["make >| out", "out"],
    ["echo 2 > b.ts", "b.ts"],
    ["echo a >b>c", "b", "c"],
    ["echo a >& b", "b"],
    ["exec 3> b", "b"],
    ["echo a 2>/dev/null > b", "b"],
    ["git log > /dev/null"],
    ["echo a > /etc/x", "/etc/x"],
    ["FOO=1 echo > a", "a"],
    ["echo a \\\n > b", "b"],
    ["echo a > $OUT"],
  ]));

Deno.test("shell: quotes, escapes and comments", () =>
  assertRows([
    ['echo "a > b"'],
    ["echo 'a > b'"],
    ["echo a \\> b"],
    ["grep '>' f"],
    ["node -e 'x => y'"],
    ['grep -r "rm -rf ." src'],
    ['git commit -m "git reset --hard"'],
    ['echo a > "b c.ts"', "b c.ts"],
    ["echo a > b\\ c.ts", "b c.ts"],
    ["echo a > b\"c\"'d'.ts", "bcd.ts"],
    ["echo 'it'\"'\"'s' > b", "b"],
    ['echo "a \\" > b" > c', "c"],
    ['echo "unterminated > b'],
    ['rm "a\nb"', "a\nb"],
    ["# rm a"],
    ["ls # rm a"],
    ["ls # rm a\ntouch b", "b"],
    ["echo a#b>c", "c"],
    ['rm -rf "$DIR"'],
  ]));

Deno.test("shell: several commands, and where each of them runs", () =>
  assertRows([
    ["true && echo a > b.ts", "b.ts"],
    ["false || echo a > b.ts", "b.ts"],
    ["echo a > b.ts; echo c > d.ts", "b.ts", "d.ts"],
    ["sleep 1 & touch b", "b"],
    ["cat a | tee b.ts", "b.ts"],
    ["cat a |& tee b.ts", "b.ts"],
    ["cd src && echo a > b.ts", "src/b.ts"],
    ["cd src; cd deep; touch x", "src/deep/x"],
    ["cd /abs; touch x", "/abs/x"],
    ["cd ..; touch x", "/x"],
    ['cd "my dir" && touch x', "my dir/x"],
    ["(cd src && echo a > b.ts)", "src/b.ts"],
    ["{ cd src; touch x; }", "src/x"],
    ["echo $(touch a)", "a"],
    ["echo `touch a`", "a"],
    ["touch a\ntouch b", "a", "b"],
  ]));

Deno.test("shell: programs that write what they are given", () =>
  assertRows([
    ["touch a.ts b.ts", "a.ts", "b.ts"],
    ["touch -- -a.ts", "-a.ts"],
    ["rm -rf src", "src"],
    ["/bin/rm a", "a"],
    ["rm src/*.ts", "src/*.ts"],
    ["rmdir d", "d"],
    ["unlink a", "a"],
    ["shred -u a", "a"],
    ["truncate --size=0 a.ts", "a.ts"],
    ["mv a.ts b.ts", "a.ts", "b.ts"],
    ["cp a.ts b.ts", "b.ts"],
    ["cp -r a b c dir/", "dir/"],
    ["ln -s a b", "b"],
    ["rsync -a a/ b/", "b/"],
    ["dd if=a of=b.ts bs=1", "b.ts"],
    ["chmod +x a.sh", "a.sh"],
    ["chmod 644 a.sh b.sh", "a.sh", "b.sh"],
    ["cat a | tee -a b.ts c.ts", "b.ts", "c.ts"],
    ["FOO=1 BAR=2 touch a", "a"],
    ["env FOO=1 touch a", "a"],
    ["sudo touch a", "a"],
    ["sudo -E tee a", "a"],
    ["time touch a", "a"],
    ["nohup rm a", "a"],
    ["command rm a", "a"],
  ]));

Deno.test("shell: editors in place and formatters", () =>
  assertRows([
    ["sed -i s/a/b/ a.ts", "a.ts"],
    ["sed -i 's/a/b/' a.ts b.ts", "a.ts", "b.ts"],
    ["sed -i.bak 's/a/b/' a.ts", "a.ts"],
    ["sed -E -i s/a/b/ a.ts", "a.ts"],
    ["sed --in-place=.bak s/a/b/ a.ts", "a.ts"],
    ["sed s/a/b/ a.ts"],
    ["sed -n p a.ts > b.ts", "b.ts"],
    ["prettier --write a.ts", "a.ts"],
    ["prettier --check a.ts"],
    ["eslint --fix a.ts", "a.ts"],
    ["eslint a.ts"],
    ["gofmt -w a.go", "a.go"],
    ["gofmt -l a.go"],
    ["black a.py", "a.py"],
    ["rustfmt a.rs", "a.rs"],
    ["ruff check a.py"],
    ["patch a.ts", "a.ts"],
  ]));

Deno.test("shell: git, file by file", () =>
  assertRows([
    ["git rm a.ts", "a.ts"],
    ["git mv a.ts b.ts", "a.ts", "b.ts"],
    ["git restore a.ts", "a.ts"],
    ["git restore --staged a.ts"],
    ["git checkout -- a.ts", "a.ts"],
    ["git checkout HEAD -- a.ts b.ts", "a.ts", "b.ts"],
    ["git -C sub rm a", "sub/a"],
    ["git checkout main"],
    ["git checkout -b x"],
    ["git diff > x.patch", "x.patch"],
    ["git status"],
    ["git commit -am x"],
    ["git push -f"],
  ]));

Deno.test("shell: what takes the whole tree, and what looks like it", () =>
  assertRows([
    ["git reset --hard", TREE],
    ["git reset --hard HEAD~1", TREE],
    ["/usr/bin/git reset --merge", TREE],
    ["git reset --soft HEAD~1"],
    ["git reset HEAD a.ts"],
    ["git checkout .", TREE],
    ["git checkout -f", TREE],
    ["git checkout --force main", TREE],
    ["git switch -f main", TREE],
    ["git switch --discard-changes main", TREE],
    ["git restore .", "/p", TREE],
    ["git restore --staged ."],
    ["git stash", TREE],
    ["git stash push", TREE],
    ["git stash -u", TREE],
    ["git stash push -m x", TREE],
    ["git stash list"],
    ["git stash show -p"],
    ["git clean -fd", TREE],
    ["git clean --force", TREE],
    ["git clean -n"],
    ["git clean -fdn"],
    ["git clean -f --dry-run"],
    ["FOO=1 git stash", TREE],
    ["sudo git clean -fdx", TREE],
    ["git -C sub reset --hard", TREE],
    ["git -c core.x=1 reset --hard", TREE],
    ["git --git-dir=.git reset --hard", TREE],
    ["git status && git stash && git pull", TREE],
    ["rm -rf .", "/p", TREE],
    ["rm -rf ./*", "*", TREE],
  ]));

Deno.test("shell: the content of a here-document is no command", () =>
  assertRows([
    ["cat <<EOF > a.ts\nrm b.ts\nEOF", "a.ts"],
    ["cat > a.ts <<'EOF'\necho x > c.ts\nEOF\ntouch d.ts", "a.ts", "d.ts"],
    ["cat > a.ts <<-EOF\n\trm b.ts\n\tEOF\ntouch d.ts", "a.ts", "d.ts"],
    ["cat <<A <<B\nrm a\nA\nrm b\nB\ntouch d.ts", "d.ts"],
    ["cat <<EOF > a.ts && touch e.ts\nrm b\nEOF", "a.ts", "e.ts"],
    ["cat <<EOF\ngit reset --hard\nEOF"],
    ["cat <<EOF > a.ts\nnever ended\nrm b", "a.ts"],
    ['wc <<< "rm a"'],
  ]));

Deno.test("shell: a here-document ends where the shell ends it", () =>
  assertRows([
    ["cat <<\\EOF > a.ts\nrm b\nEOF\ntouch d", "a.ts", "d"],
    ['cat <<"END OF" > a.ts\nrm b\nEND OF\ntouch d', "a.ts", "d"],
    ["cat <<END-1 > a.ts\nrm b\nEND-1\ntouch d", "a.ts", "d"],
    ["cat << EOF > a.ts\nrm b\n  EOF\nrm c\nEOF\ntouch d", "a.ts", "d"],
  ]));

Deno.test("shell: what is read is not written", () =>
  assertRows([
    ["patch a.ts < x.diff", "a.ts"],
    ["patch -p1 < x.diff"],
    ["sudo tee out < a.ts", "out"],
    ["tee out <a.ts", "out"],
    ["make > out 2>&1", "out"],
    ["echo a >&2"],
    ["touch -r a.ts b.ts", "b.ts"],
    ["truncate -s 0 a.ts", "a.ts"],
    ["sed -i -f script.sed a.ts", "a.ts"],
    ["sed -i -e s/a/b/ a.ts", "a.ts"],
    ["sed -i --expression=s/a/b/ a.ts", "a.ts"],
    ["black --check a.py"],
    ["ruff check --fix a.py", "a.py"],
  ]));

Deno.test("shell: braces in a word end no command", () =>
  assertRows([
    ["rm {a,b}.ts", "{a,b}.ts"],
    ["touch src/{a,b}.ts", "src/{a,b}.ts"],
    ["cp x.ts lib/{y}.ts", "lib/{y}.ts"],
  ]));

Deno.test("shell: words in front of a command", () =>
  assertRows([
    ["if true; then rm a; else rm b; fi", "a", "b"],
    ["for f in x y; do rm a; done", "a"],
    ["while true; do echo b > a; rm c; done", "a", "c"],
    ["! rm a", "a"],
    ["sudo -u root touch a", "a"],
    ["nice -n 5 touch a", "a"],
    ["timeout 5 touch a", "a"],
    ["npx prettier --write a.ts", "a.ts"],
  ]));

Deno.test("shell: a subshell's folder is its own", () =>
  assertRows([
    ["(cd src; touch a.ts); touch b.ts", "src/a.ts", "b.ts"],
    ["(cd src && make) && echo a > b.ts", "b.ts"],
    ["cd -P src && touch a", "src/a"],
  ]));

Deno.test("shell: flags that take a folder or a mode", () =>
  assertRows([
    ["chmod -x a.sh", "a.sh"],
    ["cp -t dir a b", "dir"],
    ["cp --target-directory=dir a b", "dir"],
  ]));

Deno.test("shell: git's own flags", () =>
  assertRows([
    ["git restore --staged --worktree .", "/p", TREE],
    ["git restore -S ."],
    ["git restore -S a.ts"],
    ["git restore --source HEAD~1 a.ts", "a.ts"],
    ["git restore --staged --worktree a.ts", "a.ts"],
    ["git rm --cached a.ts"],
    ["git --git-dir .git --work-tree . reset --hard", TREE],
  ]));

Deno.test("shell: a command substitution in double quotes is a command", () =>
  assertRows([
    ['echo "$(rm a)"', "a"],
    ['VERSION="$(git stash)"', TREE],
  ]));
