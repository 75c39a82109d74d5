// The environment that an agent gets: ours, without what says who we are and where git works, and with
// who the agent is. Pure.

/** What tells an agent's skein who it is; absent ones are not set. */
export interface Identity {
  readonly home: string;
  readonly name: string;
  readonly role: string;
  readonly folder: string;
  /** Token by which its command line acts. */
  readonly token?: string;
}

/** Of what begins like a session's own, the user's settings: how to reach the model, with which rights. */
const SETTINGS =
  /^CLAUDE_CODE_(USE|SKIP|OAUTH|MAX|DISABLE|ENABLE|API_KEY|CLIENT|EFFORT|SUBAGENT_MODEL|SHELL|EXTRA_BODY|GIT_BASH|PROXY)(_|$)/;

/** The environment without what says who its parent is: a child is nobody else's session. */
export function inherited(env: Readonly<Record<string, string>>): Record<string, string> {
  const own = /^(CLAUDECODE|CLAUDE_CODE_|CLAUDE_PROJECT_DIR|CLAUDE_PID|AI_AGENT|SKEIN_|PEER_)/;
  const kept = /^SKEIN_(RATE|POLICY|SECRET|AGENTS?|LEASE_S|STALLED_S)$/;
  return Object.fromEntries(
    Object.entries(env).filter(([name]) =>
      !own.test(name) || kept.test(name) || SETTINGS.test(name)
    ),
  );
}

/** Variables by which git is bound to a repository: a hook of git sets them for all it starts. */
const GIT =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|CEILING_DIRECTORIES|QUARANTINE_PATH|REFLOG_ACTION|EDITOR|SEQUENCE_EDITOR)$/;

/** The environment of a command that is nobody's session, in a working tree of its own. */
export function commandEnvironment(
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(inherited(env)).filter(([name]) => !GIT.test(name))),
    // Nobody sits there to answer.
    GIT_TERMINAL_PROMPT: "0",
    GIT_EDITOR: "true",
  };
}

/** The whole environment of an agent. `more` wins over what is inherited, the identity over all. */
export function agentEnvironment(
  env: Readonly<Record<string, string>>,
  identity: Identity,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...commandEnvironment(env),
    ...more,
    SKEIN_HOME: identity.home,
    SKEIN_NAME: identity.name,
    SKEIN_ROLE: identity.role,
    SKEIN_DIR: identity.folder,
    ...(identity.token === undefined ? {} : { SKEIN_TOKEN: identity.token }),
  };
}
