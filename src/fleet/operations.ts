// spawn_worker: the worker's identity is made first, with its task, so that it comes up as exactly
// that one; then a `skein` command with flags of its own starts the process.

import * as z from "zod";
import { agentOf, onPath } from "../agent/command.ts";
import { Refusal } from "../core/errors.ts";
import { line, oneOf, path, screenedAs, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import { repositoryOf } from "../core/repository.ts";
import { stillAlive } from "../peer/life.ts";
import { generateName, nameFault } from "../peer/rules.ts";
import { reserve } from "../peer/lives.ts";
import { namesLike, peerByName } from "../peer/table.ts";
import { setAssigned, taskById } from "../task/table.ts";
import { startOf, WAYS } from "./spawn.ts";

export const spawnWorker = operation({
  name: "spawn_worker",
  summary: "Start another agent session as a worker: in a terminal, in tmux, or headless.",
  roles: LEADING,
  effect: "write",
  hints: {},
  risk: "high",
  positionals: ["name"],
  input: z.strictObject({
    name: word(LIMITS.nameChars).optional(),
    task: word().optional(),
    folder: path().optional(),
    how: oneOf(WAYS).optional(),
    model: screenedAs("exact", line(LIMITS.nameChars)).optional(),
  }),
  output: z.lazy(() =>
    z.object({
      name: z.string(),
      how: z.enum(WAYS),
      folder: z.string(),
      task: z.string().nullable(),
      model: z.string().nullable(),
      pid: z.number().optional(),
      log: z.string().nullable().optional(),
    })
  ),
  prepare: (input, folder) => folderOf(input.folder, folder),
  async handle(ctx, input, folder) {
    const how = input.how ?? "headless";
    // What cannot be started is refused before anything is stored for it.
    const order = { name: "worker", folder: folder.path, how, home: "", task: null, model: null };
    startOf(order, agentOf(), Deno.build.os, onPath);
    if (folder.project !== ctx.actor.project) {
      throw new Refusal("PATH_OUTSIDE", `spawn_worker: ${folder.path} is of another project`, {
        field: "folder",
      });
    }
    const name = await nameFor(ctx, input.name);
    const task = input.task === undefined ? null : await taskFor(ctx, input.task);
    const id = await reserve(ctx.tx, {
      name,
      project: folder.project,
      folder: folder.path,
      tree: folder.tree,
      at: ctx.at,
      untilS: ctx.upS + LIMITS.beginS,
    });
    if (task !== null) await setAssigned(ctx.tx, task, id, ctx.at);
    ctx.record({ subject: `peer/${name}`, detail: { how, task, folder: folder.path } });
    return { name, how, folder: folder.path, task, model: input.model ?? null };
  },
  carriesOut: "spawn",
});

function folderOf(
  typed: string | undefined,
  folder: string,
): { path: string; project: string; tree: string } {
  let real: string;
  try {
    real = Deno.realPathSync(
      typed === undefined || typed.startsWith("/") ? typed ?? folder : `${folder}/${typed}`,
    );
    if (!Deno.statSync(real).isDirectory) throw new Error("not a folder");
  } catch {
    throw new Refusal("INVALID_INPUT", `spawn_worker: there is no folder ${typed}`, {
      field: "folder",
    });
  }
  const repository = repositoryOf(real);
  return { path: real, project: repository?.commonDir ?? real, tree: repository?.tree ?? real };
}

async function nameFor(ctx: Context, wanted: string | undefined): Promise<string> {
  const taken = await namesLike(ctx.tx, wanted ?? "");
  if (wanted === undefined) return generateName(Math.random, (name) => taken.has(name));
  const fault = nameFault(wanted);
  if (fault !== null) {
    throw new Refusal("INVALID_INPUT", `spawn_worker: name ${wanted}: ${fault}`, { field: "name" });
  }
  const holder = await peerByName(ctx.tx, wanted);
  if (holder === undefined) return wanted;
  const free = !await stillAlive(ctx, holder.id) && holder.killed_at === null &&
    holder.project === ctx.actor.project;
  if (free) return wanted;
  throw new Refusal("NAME_TAKEN", `spawn_worker: the name ${wanted} is in use`, { field: "name" });
}

async function taskFor(ctx: Context, id: string): Promise<string> {
  const task = await taskById(ctx.tx, id);
  if (task?.project === ctx.actor.project && task.status === "pending") return id;
  throw new Refusal(
    task === undefined ? "UNKNOWN_TASK" : "TASK_STATE",
    `spawn_worker: task ${id} cannot be claimed: ${task?.status ?? "it does not exist"}`,
    { field: "task" },
  );
}
