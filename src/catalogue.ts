// The list of all operations, in the order in which agents see them. The first eleven are the
// `core` profile.

import type { AnyOperation } from "./core/operation.ts";
import { noteCopy } from "./audit/copies.ts";
import { acknowledgeAudit, exportAudit, listAudit, verifyAudit, why } from "./audit/operations.ts";
import { getConversation, logConversation } from "./conversation/operations.ts";
import { listAttempts, noteAttempt } from "./fleet/attempts.ts";
import { beginAttempt } from "./fleet/begin.ts";
import { noteCleaning } from "./fleet/cleaning.ts";
import { acceptPlan, conductRun } from "./fleet/conduct.ts";
import { endAttempt } from "./fleet/end.ts";
import { spawnWorker } from "./fleet/operations.ts";
import { stopAttempt } from "./fleet/stop.ts";
import { search, status } from "./flock/operations.ts";
import { listProjects } from "./flock/projects.ts";
import { flockState } from "./flock/state.ts";
import { endTurn, guardEdit, guardShell, reportTouched } from "./lock/guard.ts";
import { listLocks, lockFile, unlockFile } from "./lock/operations.ts";
import { getMemory, setMemory } from "./memory/operations.ts";
import { listMessages } from "./message/list.ts";
import { check, send } from "./message/operations.ts";
import { control, reportUsage } from "./peer/control.ts";
import { join, listPeers } from "./peer/operations.ts";
import { issue, issueLink, policy } from "./peer/trust.ts";
import { reportWaiting } from "./peer/waiting.ts";
import { exportProject } from "./mirror/operations.ts";
import { importProject, takeDiscoveries } from "./mirror/taking.ts";
import { run } from "./run/operations.ts";
import { updateTask } from "./task/change.ts";
import { claimTask, completeTask } from "./task/claim.ts";
import { taskGraph } from "./task/graph.ts";
import { createTask, getTask, listTasks } from "./task/operations.ts";
import { reviewTask } from "./task/review.ts";
import { timeline } from "./task/timeline.ts";

export const CORE: readonly AnyOperation[] = [
  join,
  send,
  check,
  createTask,
  listTasks,
  claimTask,
  completeTask,
  lockFile,
  unlockFile,
  setMemory,
  getMemory,
] as readonly AnyOperation[];

export const CATALOGUE: readonly AnyOperation[] = [
  ...CORE,
  listPeers,
  getTask,
  updateTask,
  reviewTask,
  listLocks,
  run,
  status,
  spawnWorker,
  control,
  logConversation,
  getConversation,
  search,
  reportUsage,
  policy,
  issue,
  issueLink,
  listProjects,
  flockState,
  listMessages,
  taskGraph,
  timeline,
  listAudit,
  exportAudit,
  verifyAudit,
  acknowledgeAudit,
  noteCopy,
  why,
  guardEdit,
  guardShell,
  reportTouched,
  endTurn,
  reportWaiting,
  conductRun,
  acceptPlan,
  beginAttempt,
  noteAttempt,
  endAttempt,
  listAttempts,
  stopAttempt,
  noteCleaning,
  exportProject,
  takeDiscoveries,
  importProject,
] as readonly AnyOperation[];

const BY_NAME = new Map(CATALOGUE.map((operation) => [operation.name, operation]));

/** The operation of that name, if there is one. */
export function operationNamed(name: string): AnyOperation | undefined {
  return BY_NAME.get(name);
}
