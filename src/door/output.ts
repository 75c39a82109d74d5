// How the command writes to its terminal, for every door of the command line. Whoever read our output
// may have gone (`skein log t1 | head`): that is no error but the end of the command, told by the exit
// code that a shell gives a program ended by SIGPIPE, and by no word.

import type { Style } from "./text.ts";

/** How what is printed is laid out: for the terminal, or for whoever else reads it. */
export function styleOf(): Style {
  const terminal = Deno.stdout.isTerminal();
  const width = terminal ? Deno.consoleSize().columns : NO_TERMINAL_COLUMNS;
  return { colour: terminal && !Deno.noColor, width };
}

/** What is read by a pager or a program is laid out for a wide window. */
const NO_TERMINAL_COLUMNS = 120;

/** The exit code of a command whose reader has gone: 128 and the number of SIGPIPE. */
export const UNREAD = 141;

/** Nobody reads our output any more. Goes up to `runCli`, so that what was begun is ended on the way. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";

  constructor() {
    super("nobody reads the output");
  }
}

/**
 * Prints a line.
 * @throws OutputClosed
 */
export function print(text: string): void {
  write(`${text}\n`);
}

/**
 * Writes a text as it is.
 * @throws OutputClosed
 */
export function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let from = 0; from < bytes.length;) from += Deno.stdout.writeSync(bytes.subarray(from));
  } catch (thrown) {
    throw thrown instanceof Deno.errors.BrokenPipe ? new OutputClosed() : thrown;
  }
}

/** A line beside the answer, to stderr. */
export function remark(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  } catch {
    // Closed, or nobody reads it: there is no other place to say so.
  }
}

/** Trouble that is nobody's answer: to stderr, the same one only once in a row. */
export function complain(text: string): void {
  if (text === complaint) return;
  complaint = text;
  remark(`skein: ${text}`);
}
let complaint = "";
