// Exit codes of `skein hook`: a protocol with the client, which takes 2 for the wish to begin a turn (and
// a turn costs money), and with the shell that waits. They have nothing to do with those of the command
// line, where 2 is a wrong input: whatever goes wrong in a hook, it has only failed.

import { asRefusal } from "../core/errors.ts";

export const HOOK_EXIT = {
  /** Nothing more to do. */
  done: 0,
  /** It failed: the client goes on without it, and stderr says why to whoever looks. */
  failed: 1,
  /** Begins a turn of an idle session: its text on stderr is what the model is shown. */
  wake: 2,
  /** Tells the shell that waits to wait on. */
  again: 3,
} as const;
export type HookExit = typeof HOOK_EXIT[keyof typeof HOOK_EXIT];

/** Runs all of a hook, from its first look at the environment, and gives its exit code. Never throws. */
export async function hookExit(
  event: string,
  say: (text: string) => void,
  body: () => Promise<HookExit>,
): Promise<HookExit> {
  try {
    return await body();
  } catch (thrown) {
    say(`skein hook ${event}: ${asRefusal(thrown).message}`);
    return HOOK_EXIT.failed;
  }
}
