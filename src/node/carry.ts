// What an operation decides and a process has to do: a `skein` command with its own permissions does
// it, after the decision was committed. The session's server itself may start nothing else.

import { Refusal } from "../core/errors.ts";
import type { AnyOperation } from "../core/operation.ts";
import type { Answer } from "../perform.ts";

/** The command line of this very program; an installed server is told of its own. */
export function selfCommand(): string[] {
  const installed = Deno.env.get("SKEIN_COMMAND");
  if (installed !== undefined && installed !== "") return [installed];
  return [Deno.execPath(), "run", "-A", "--no-check", "--quiet", Deno.mainModule];
}

/**
 * Carries out what an operation has decided, and adds what came of it to the answer.
 * @throws Refusal what the command says
 */
export async function carryOut(
  operation: AnyOperation,
  answer: Answer,
  home: string,
): Promise<Answer> {
  if (operation.carriesOut === undefined) return answer;
  const [command = "", ...args] = selfCommand();
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args, operation.carriesOut, JSON.stringify({ ...answer, home })],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  if (success) return { ...answer, ...JSON.parse(text) as Answer };
  const why = new TextDecoder().decode(stderr).trim() || text;
  throw new Refusal("NOT_AVAILABLE", `${operation.name}: ${why}`, {
    hint: "Its name is reserved: start the agent yourself with SKEIN_NAME, or try another way.",
  });
}
