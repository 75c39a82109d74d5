// What stands between the real client's tools and files that another agent holds: editors under every
// spelling of a path, shell commands that say what they write, a git command that sweeps the tree,
// and a script that hides its write. Run with: deno task test:clients

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { git, makeRepository, write } from "../support/git.ts";
import { runPrint } from "./claude.ts";
import { shell } from "./installed.ts";
import { type Place } from "./program.ts";
import type { ApiRequest, Block } from "./script.ts";
import { noClaude, onStageWithBob, type SharedStage } from "./stage.ts";

const EDITING = ["Bash", "Read", "Edit", "Write", "NotebookEdit"];
const WHOLE = "whole\n";
const NOTEBOOK = JSON.stringify({
  cells: [{ cell_type: "code", id: "c1", metadata: {}, outputs: [], source: ["whole"] }],
  metadata: { language_info: { name: "python" } },
  nbformat: 4,
  nbformat_minor: 5,
});

/** A repository with everything committed. */
async function repository({ project }: Place): Promise<void> {
  const at = (path: string): string => join(project, path);
  await makeRepository(project);
  for (const name of ["held.txt", "free.txt", "kept/deep.txt"]) write(at(name), WHOLE);
  write(at("held.ipynb"), NOTEBOOK);
  write(at("sneak.sh"), "target=held\necho broken > $target.txt\n");
  Deno.mkdirSync(at("sub"));
  Deno.symlinkSync(at("held.txt"), at("alias.txt"));
  Deno.symlinkSync(at("kept"), at("keep"));
  await git(project, "add", "-A");
  await git(project, "commit", "-q", "-m", "all of it");
}

/** The stage with bob, who holds held.txt, held.ipynb and all of kept/. */
const onStage = (body: (stage: SharedStage) => Promise<void>): Promise<void> =>
  onStageWithBob(body, {
    tools: EDITING,
    env: { SKEIN_NAME: "weaver" },
    prepare: repository,
    first: (bob) => bob.ok("lock_file", { paths: ["held.txt", "held.ipynb", "kept/"] }),
  });

const bash = (command: string): Block => ({ tool: "Bash", input: { command } });

/** Runs a session that does one thing after the other; what the model was shown after each. */
async function shownAfter(
  { api, options }: SharedStage,
  doing: readonly (Block | ((request: ApiRequest) => Promise<Block>))[],
): Promise<string[]> {
  const before = api.requests.length;
  const step = (one: typeof doing[number]) => ({
    blocks: async (request: ApiRequest) => [typeof one === "function" ? await one(request) : one],
  });
  api.script([...doing.map(step), { blocks: [{ text: "finished" }] }]);
  const end = await runPrint("begin", options);
  assertEquals(end.result?.result, "finished", api.transcript());
  return api.requests.slice(before + 1).map((request) => request.shown);
}

function assertRefused(shown: readonly string[], doing: readonly Block[]): void {
  for (const [i, text] of shown.entries()) {
    const what = JSON.stringify(doing[i]);
    assertStringIncludes(text, "skein: not written, another agent holds it.", what);
    assertMatch(text, /: bob has reserved it \(since .*send to bob, category question/s, what);
  }
  assertEquals(shown.length, doing.length);
}

Deno.test({
  name: "held: Edit, Write and NotebookEdit are refused under every spelling of the path",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { at, place } = stage;
      const edit = (path: string): Block => ({
        tool: "Edit",
        input: { file_path: path, old_string: "whole", new_string: "broken" },
      });
      const overwrite = (path: string): Block => ({
        tool: "Write",
        input: { file_path: path, content: "broken\n" },
      });
      const reads = ["held.txt", "alias.txt", "held.ipynb", "kept/deep.txt"].map((name) => ({
        tool: "Read",
        input: { file_path: at(name) },
      }));
      const doing = [
        edit(at("held.txt")),
        overwrite(at("held.txt")),
        edit(at("alias.txt")),
        overwrite(at("alias.txt")),
        edit(`${place.project}/sub/../held.txt`),
        overwrite(`${place.project}/sub/../alias.txt`),
        edit("held.txt"),
        overwrite(at("kept/new.txt")),
        overwrite(at("keep/new.txt")),
        {
          tool: "NotebookEdit",
          input: { notebook_path: at("held.ipynb"), cell_id: "c1", new_source: "broken" },
        },
      ];
      const shown = await shownAfter(stage, [...reads, ...doing]);
      assertRefused(shown.slice(reads.length), doing);
      assertEquals(await git(place.project, "status", "--porcelain"), "");
    }),
});

Deno.test({
  name: "held: shell commands that write, edit or move are refused before they run",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const doing = [
        "echo broken > held.txt",
        "echo broken >> ./sub/../held.txt",
        "sed -i s/whole/broken/ held.txt",
        "mv free.txt held.txt",
        "mv held.txt gone.txt",
        "cp free.txt alias.txt",
        "true && cd kept && rm deep.txt",
        "printf broken | tee keep/deep.txt",
        "git checkout -- held.txt",
      ].map(bash);
      assertRefused(await shownAfter(stage, doing), doing);
      assertEquals(await git(stage.place.project, "status", "--porcelain"), "");
    }),
});

Deno.test({
  name: "held: what only reads, or writes elsewhere, is nobody's business",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const shown = await shownAfter(stage, [
        bash("cat held.txt kept/deep.txt"),
        bash("sed s/whole/half/ held.txt > sub/copy.txt"),
        { tool: "Read", input: { file_path: stage.at("free.txt") } },
        { tool: "Write", input: { file_path: stage.at("free.txt"), content: "mine\n" } },
      ]);
      for (const text of shown) assert(!text.includes("skein: not written"), text);
      assertEquals(Deno.readTextFileSync(stage.at("sub/copy.txt")), "half\n");
      assertEquals(Deno.readTextFileSync(stage.at("free.txt")), "mine\n");
    }),
});

Deno.test({
  name: "tree: git reset --hard waits until nobody else works in the same dirty tree",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { at, bob } = stage;
      write(at("kept/deep.txt"), "half of bob's work\n");
      const [refused, ran] = await shownAfter(stage, [
        bash("git reset --hard"),
        async () => {
          assertEquals(Deno.readTextFileSync(at("kept/deep.txt")), "half of bob's work\n");
          await bob.close();
          return bash("git reset --hard");
        },
      ]);
      assertMatch(refused ?? "", /git reset --hard would change uncommitted files/);
      assertMatch(refused ?? "", /kept\/deep\.txt; bob works in this tree, too/);
      assertMatch(ran ?? "", /HEAD is now at/);
      assertEquals(Deno.readTextFileSync(at("kept/deep.txt")), WHOLE);
    }),
});

for (
  const [how, command] of [
    ["a script file", "sh ./sneak.sh"],
    ["a program in a variable", 'f=held; sh -c "echo broken > $f.txt"'],
    ["a script that then fails", "sh ./sneak.sh; exit 3"],
  ] as const
) {
  Deno.test({
    name: `hidden: ${how} that writes what bob holds is noticed; the model and bob are told`,
    ignore: noClaude,
    fn: () =>
      onStage(async (stage) => {
        const { at, bob } = stage;
        const [shown = ""] = await shownAfter(stage, [bash(command)]);
        assertEquals(Deno.readTextFileSync(at("held.txt")), "broken\n", "it is only noticed");
        assertMatch(shown, /files changed that other agents hold: \S*held\.txt \(held by bob\)/);
        const { messages } = await bob.ok("check");
        assertEquals(messages.map((one: { category: string }) => one.category), ["alert"]);
        assertMatch(messages[0].content, /shell command of weaver .*: held\.txt\./);
      }),
  });
}

Deno.test({
  name: "automatic: an edit holds its file while the turn lasts, and not longer",
  ignore: noClaude,
  fn: () =>
    onStage(async (stage) => {
      const { at, bob, place } = stage;
      const path = at("free.txt");
      let listed = "";
      let refusal = "";
      await shownAfter(stage, [
        { tool: "Read", input: { file_path: path } },
        { tool: "Edit", input: { file_path: path, old_string: "whole", new_string: "new" } },
        async () => {
          listed = await shell(place, "lock", "list")();
          refusal = (await bob.call("lock_file", { paths: ["free.txt"] })).text;
          return bash("true");
        },
      ]);
      assertEquals(Deno.readTextFileSync(path), "new\n");
      assertMatch(listed, /free\.txt.*weaver/);
      assertMatch(refusal, /LOCK_HELD.*weaver/);
      await eventually(async () => !/free\.txt/.test(await shell(place, "lock", "list")()));
      await bob.ok("lock_file", { paths: ["free.txt"] });
    }),
});
