// A terminal for interactive clients: a tmux server with a socket of its own in a folder of the
// test's, which ends with the test, failed or not.

import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { endProcess, searchPath } from "./program.ts";

const [WIDTH, HEIGHT] = [160, 50];
/** The client takes an Enter that comes with the text as part of a paste. */
const BEFORE_ENTER_MS = 300;
const END_MS = 2_000;
/** A terminal ends itself after this long: the test's process may have been killed. */
const LIMIT_S = 300;

export interface Tmux {
  /** Process id of the client. */
  readonly pid: number;
  /** Types text as it is, without Enter. */
  type(text: string): Promise<void>;
  /** Presses Enter, a moment after what was typed. */
  enter(): Promise<void>;
  /** Presses keys by tmux's names: Escape, Up, C-c. */
  press(...keys: string[]): Promise<void>;
  screen(): Promise<string>;
  /** Waits until the screen matches and returns it; throws with the last screen. */
  waitForScreen(pattern: RegExp, withinMs?: number): Promise<string>;
  /** Whether the client still runs. */
  lives(): Promise<boolean>;
  /** Sends the client a signal, SIGKILL unless given. */
  kill(signal?: Deno.Signal): void;
  /** Ends the terminal and whatever is left of the client. */
  end(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TmuxOptions {
  /** For the socket. */
  readonly folder: string;
  readonly command: readonly string[];
  readonly cwd: string;
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a command in a terminal of its own. */
export async function tmuxSession(options: TmuxOptions): Promise<Tmux> {
  const tmux = (...args: string[]): Promise<string> => run(options.folder, args);
  const config = join(options.folder, "tmux.conf");
  Deno.writeTextFileSync(config, "set -g remain-on-exit on\nset -g status off\n");
  const variables = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const size = ["-x", String(WIDTH), "-y", String(HEIGHT), "-c", options.cwd];
  const command = ["env", "-i", ...variables, ...options.command];
  await tmux("-f", config, "new-session", "-d", ...size, "--", ...command);
  await tmux("run-shell", "-b", "-d", String(LIMIT_S), "-C", "kill-server").catch(() => {
    // A tmux before 3.2 has no such clock.
  });
  const show = async (what: string): Promise<string> =>
    (await tmux("display-message", "-p", `#{${what}}`)).trim();
  const pid = Number(await show("pane_pid"));
  const screen = (): Promise<string> => tmux("capture-pane", "-p");
  const end = async (): Promise<void> => {
    await tmux("kill-server").catch(() => {});
    await eventually(() => !processLives(pid), { withinMs: END_MS }).catch(() => endProcess(pid));
  };
  return {
    pid,
    type: async (text) => void await tmux("send-keys", "-l", text),
    enter: async () => {
      await new Promise((wake) => setTimeout(wake, BEFORE_ENTER_MS));
      await tmux("send-keys", "Enter");
    },
    press: async (...keys) => void await tmux("send-keys", ...keys),
    screen,
    waitForScreen: async (pattern, withinMs = 15_000) => {
      let last = "";
      await eventually(async () => {
        last = await screen();
        return new RegExp(pattern).test(last);
      }, { withinMs, what: `a screen with ${pattern}` }).catch((thrown) => {
        throw new Error(`${thrown.message}\n${last.trimEnd()}`);
      });
      return last;
    },
    lives: async () => await show("pane_dead").catch(() => "1") === "0",
    kill: (signal) => endProcess(pid, signal),
    end,
    [Symbol.asyncDispose]: end,
  };
}

async function run(folder: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("tmux", {
    args: ["-L", "skein-test", ...args],
    env: { PATH: searchPath(), LANG: "C.UTF-8", TMUX_TMPDIR: folder, HOME: folder },
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`tmux ${args[0]}: ${decoder.decode(stderr)}`);
}

function processLives(pid: number): boolean {
  try {
    Deno.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
