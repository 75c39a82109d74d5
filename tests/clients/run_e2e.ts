// A driven run with the real Claude Code: one command from a goal to the user's branch. A planner and
// two workers are real clients with a scripted model, and do everything through skein's tools.
// Run with: deno task test:clients

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { git, makeRepository, write } from "../support/git.ts";
import { MOD } from "../support/peer.ts";
import { TestHome } from "../support/home.ts";
import { environment, freshUser } from "./claude.ts";
import { clientCommand } from "./install.ts";
import { messagesApi } from "./messages_api.ts";
import { denoEnv, type Place, start, withPlace } from "./program.ts";
import type { ApiRequest, Block, Step } from "./script.ts";

const noClaude = await clientCommand("claude") === null;
const RUN_MS = 90_000;

/** A word of the first prompt of a session, which later requests still carry. */
function word(request: ApiRequest, pattern: RegExp): string {
  const found = pattern.exec(JSON.stringify(request.body.messages))?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in the prompt`);
  return found;
}

const complete = (summary: string) => (request: ApiRequest): Promise<readonly Block[]> =>
  Promise.resolve([{
    tool: "mcp__skein__complete_task",
    input: {
      id: word(request, /complete_task (?:of skein )?with id (t\d+)/),
      epoch: Number(word(request, /epoch (\d+)/)),
      summary,
    },
  }]);

const PLANNER: Step[] = [
  {
    match: /Plan this goal/,
    blocks: (request) =>
      Promise.resolve([{
        tool: "mcp__skein__create_task",
        input: {
          run: word(request, /create_task with run (r\d+)/),
          tasks: [
            { key: "warp", title: "write warp.txt", accept: "warp.txt is there" },
            { key: "weft", title: "write weft.txt" },
            { key: "both", title: "write cloth.txt", blocked_by: ["warp", "weft"] },
          ],
        },
      }]),
  },
  { match: /"ids"/, blocks: complete("three tasks") },
];

/** A gate at which the first two workers meet: both are at work at the same time. */
function worker(together: () => Promise<void>): Step[] {
  return [
    {
      match: /Do this one task/,
      repeat: true,
      blocks: async (request) => {
        const name = word(request, /Task t\d+: write (\w+\.txt)/);
        if (name !== "cloth.txt") await together();
        const folder = word(request, /You work in ([^,]+), a git worktree/);
        return [{ tool: "Write", input: { file_path: join(folder, name), content: `${name}\n` } }];
      },
    },
    { match: /created successfully/, repeat: true, blocks: complete("written") },
    { match: /handed_in/, repeat: true, blocks: [{ text: "finished" }] },
  ];
}

function meeting(of: number): () => Promise<void> {
  const gate = Promise.withResolvers<void>();
  let there = 0;
  return () => {
    if (++there >= of) gate.resolve();
    return gate.promise;
  };
}

function rows(place: Place, query: string): Record<string, unknown>[] {
  return new TestHome(place.home).sql((db) => db.prepare(query).all());
}

Deno.test({
  name: "claude: skein run plans a goal, two workers do it by skein's tools, and the branch has it",
  ignore: noClaude,
  fn: () =>
    withPlace(async (place) => {
      await makeRepository(place.project);
      write(join(place.project, "README.md"), "a loom\n");
      await git(place.project, "add", ".");
      await git(place.project, "commit", "-qm", "first");
      await using api = messagesApi();
      api.script([...PLANNER, ...worker(meeting(2))]);
      const user = freshUser(place);
      const args = ["run", "-A", "--no-check", "--quiet", MOD, "run", "weave a cloth", "-w", "2"];
      const run = start(Deno.execPath(), [...args, "--json"], {
        cwd: place.project,
        env: {
          ...environment({ api }, user, "xterm-256color"),
          ...denoEnv(),
          SKEIN_HOME: place.home,
          SKEIN_AGENT: await clientCommand("claude") ?? "",
          GIT_CONFIG_GLOBAL: "/dev/null",
          GIT_CONFIG_NOSYSTEM: "1",
        },
        limitMs: RUN_MS,
      });
      const { code, stdout, stderr, late } = await run.ended;
      assertEquals([code, late], [0, false], `${stdout}\n${stderr}\n${api.transcript()}`);
      const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
      assertEquals([result.state, result.delivered, result.tasks_completed], [
        "completed",
        true,
        4,
      ]);
      const files = (await git(place.project, "ls-files")).trim().split("\n");
      assertEquals(files, ["README.md", "cloth.txt", "warp.txt", "weft.txt"]);
      assertEquals(Deno.readTextFileSync(join(place.project, "cloth.txt")), "cloth.txt\n");
      assertEquals(await git(place.project, "status", "--porcelain"), "");
      const attempts = rows(
        place,
        "SELECT worker, state, turns, report IS NOT NULL AS handed, session FROM attempt ORDER BY id",
      );
      assertEquals(attempts.map(({ state }) => state), Array(4).fill("done"));
      assertEquals(
        attempts.map(({ handed }) => handed),
        Array(4).fill(1),
        "by complete_task itself",
      );
      assertEquals(new Set(attempts.map(({ session }) => session)).size, 4, "a session each");
      assert(attempts.every(({ turns }) => Number(turns) >= 3), JSON.stringify(attempts));
      assert(new Set(attempts.slice(1, 3).map((one) => one["worker"])).size === 2, "two workers");
      assertEquals(api.strays.filter((one) => !one.startsWith("HEAD")), []);
      await place.serversGone(10_000);
    }),
});
