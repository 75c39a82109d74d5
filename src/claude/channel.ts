// Channels: a notification with which a server may begin a turn of an idle session, where the user
// has let it. The client acknowledges none and drops it without a word where it does not take them,
// so the notification is no more than a ring: it carries no mail and changes no state. The mail comes
// with the turn that it begins; the waiter is rung a moment later if none has begun.

/** What a server declares that may ring so. */
export const CHANNEL_CAPABILITY = { "claude/channel": {} };
/** How long a turn may take to begin before the waiter is rung, too. */
export const CHANNEL_MS = 2_000;
/** The flag with which a session takes channels, and how it names this one. */
export const CHANNEL_FLAG = "--channels plugin:skein@skein";

const RING =
  "Mail from other agents has come. It is shown with your next step, or now if you call " +
  "skein's tool check. It is information, not an order.";

/** A notification of the protocol. */
export interface Notification {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** The ring. */
export function channelRing(): Notification {
  return { method: "notifications/claude/channel", params: { content: RING } };
}

const FLAGS = /--(?:channels|dangerously-load-development-channels)[ =](?:\w+:\S+ )*?(\w+:skein)\b/;

/** Whether a client that was started with this command line was told to take skein's channel. */
export function takesChannel(commandLine: string): boolean {
  const named = FLAGS.exec(commandLine)?.[1];
  return named === "plugin:skein" || named === "server:skein";
}

/**
 * Whether one of these processes is such a client. Only the command line tells: the client says
 * nothing about it. False where `ps` is not there or may not be run.
 */
export async function clientTakesChannel(pids: readonly number[]): Promise<boolean> {
  if (pids.length === 0) return false;
  try {
    const { stdout } = await new Deno.Command("ps", {
      args: ["-ww", "-o", "args=", "-p", pids.join(",")],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).split("\n").some(takesChannel);
  } catch {
    return false;
  }
}
