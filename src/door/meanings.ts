// What the fields of operations mean, for the command line's help alone: the list of tools, which every
// session of a model pays for, says it in one line a tool. A test holds these against the catalogue.

/** Fields that mean the same wherever they are. */
const SHARED: Readonly<Record<string, string>> = {
  attempt: "number of the attempt",
  before: "only what is older than this: the cursor of the page before",
  cost_usd: "what it has cost so far, in US dollars",
  id: "id of the task, such as t3",
  limit: "how many at most",
  paths: "files, folders (dir/) or globs (src/**/*.ts)",
  peer: "name of the peer",
  plan: "how to go about it",
  query: 'words to look for; "in quotes" together',
  run: "id of the run, such as r1",
  summary: "what was done, for whoever goes on with it",
  task: "id of the task that it is about",
  tokens: "how many tokens it has used so far",
  turns: "how many turns it has taken so far",
  why: "the reason, for the history",
};

/** Fields of one operation. */
const OWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  join: {
    name: "what the others call you",
    role: "architect plans and decides, worker does, observer reads",
    summary: "what you are at, in one line",
    run: "id of the run that your tasks, messages and memory belong to",
  },
  send: {
    to: "names of peers, a role (architect, worker), or * for the project",
    content: "what to say",
    category: "what kind of message (status_update)",
    reply_to: "id of the message that this answers",
  },
  check: {
    wait_ms: "wait so many milliseconds for a message; exit code 3 if none came",
    id: "id of a message of yours: who has seen it",
  },
  create_task: {
    title: "what is to be done, in one line",
    tasks: "many at once, each with key, title and the fields below",
    description: "all that whoever does it needs to know",
    priority: "1 (first) to 10, or critical, high, normal, low (normal)",
    blocked_by: "ids of tasks that have to be done before",
    run: "id of the run that it belongs to (the one you are in)",
    files: "files that matter, or that it will change",
    hints: "how to do it",
    accept: "when it is done: what has to hold",
    assign_to: "name of the only peer who may claim it",
  },
  list_tasks: {
    status: "only tasks in this state (open)",
    ready: "only those that can be claimed now",
    mine: "only those that you have claimed",
    run: "only those of this run",
    cursor: "go on behind a page: its next",
  },
  claim_task: { id: "id of the task (the best ready one)" },
  complete_task: {
    files: "files that were changed",
    created: "files that are new",
    tests: "which tests were run, with what result",
    risks: "what may be wrong, or is left to do",
    epoch: "the claim's number: refused if somebody else has it by now",
  },
  lock_file: {
    mode: "exclusive: nobody else; shared: others may share it (exclusive)",
    ttl_s: "seconds until it is free by itself",
    task: "id of the task that needs it",
    wait_ms: "wait so many milliseconds for whoever holds it",
  },
  unlock_file: {
    paths: "what to release (everything of yours)",
    holder: "release what this peer holds; for the architect and the operator",
  },
  set_memory: {
    key: "its name, such as api.port; a new value is a new version",
    value: "what to remember",
    type: "what kind of entry; only the architect sets decision and constraint",
    confidence: "how sure you are (high)",
    supersedes: "key of the entry that this one replaces",
  },
  get_memory: {
    key: "only this entry",
    type: "only entries of this kind",
    history: "all versions, not only the newest",
    tags: "only entries with these tags",
  },
  list_peers: { scope: "who is in this folder, this project, or on this machine (project)" },
  get_task: {},
  update_task: {
    note: "a note for its history",
    progress: "how far it is; whoever takes over after you reads it",
    priority: "1 (first) to 10, or critical, high, normal, low",
    action: "what to do with it",
    assign_to: "with --action assign: name of the only peer who may claim it",
    epoch: "the claim's number: refused if somebody else has it by now",
  },
  review_task: {
    verdict: "approve completes it, request_changes gives it back",
    findings: "what is to be changed, and what was good",
  },
  list_locks: { path: "only those in the way of this path" },
  run: {
    action: "what to do; a first word that is none of these is a new goal",
    id: "id of the run (the active one)",
    goal: "what is to be reached",
    above: "give the new run a number above this one",
  },
  spawn_worker: {
    name: "what the others call it (generated)",
    task: "id of the task that it begins with",
    folder: "where it works (the project)",
    how: "in a window of its own, in tmux, or without a terminal",
    model: "its model (the agent's default)",
  },
  control: {
    action: "what to do with it",
    peer: "name of the peer, or * for all",
    value: "with budget: tokens=N, tool_calls=N, cost_usd=N or none",
  },
  log_conversation: { turn: "whose turn, or what kind", content: "what was said" },
  get_conversation: {
    peer: "whose (yours)",
    last: "how many turns at most",
  },
  search: {},
  report_usage: {
    tokens: "tokens used since the last report",
    turns: "turns taken since the last report",
    cost_usd: "what was spent since the last report, in US dollars",
  },
  policy: {
    mode: "strict: the architect decides; open: workers, too; lite: workers only do",
    messages_per_minute: "how many messages a minute each peer may send",
  },
  issue_token: { ttl_s: "seconds that it is good for" },
  list_messages: {
    peer: "only from or to this peer",
    task: "only those about this task",
    category: "only this kind of message",
    thread: "only answers to this message, and itself",
  },
  task_graph: {
    run: "only tasks of this run",
    ids: "only these tasks",
    done: "finished tasks, too",
  },
  timeline: {
    run: "only tasks of this run",
    peer: "only what this peer did",
    minutes: "only the last minutes",
  },
  list_audit: {
    actor: "only what this peer did",
    op: "only this operation, such as claim_task",
    subject: "only what concerns this, such as task/t3",
    before: "only rows with a smaller number",
    scope: "rows of this project, or of every project of this home (default: machine)",
  },
  export_audit: { after: "only rows with a larger number" },
  why: { what: "a task, path, message, memory key, run or peer" },
  guard_edit: { look_only: "only look: take no lock" },
  guard_shell: {
    command: "the command that is about to be run",
    cwd: "where it is run (the current folder)",
  },
  report_touched: { paths: "files that the command has changed" },
  report_waiting: {
    tool: "the tool that your human is asked to permit",
    where: "where its terminal is",
    unsure: "whether the permission may have been given since",
  },
  conduct_run: {
    id: "id of the run",
    action: "set how it is driven, stop it, or let it go on (set)",
    repo: "the repository that it works in",
    worktrees: "whether each attempt has a git worktree of its own",
    base: "the commit that it began from",
    target: "the branch that gets its work at the end",
    workers: "how many work at the same time",
    models: "model of the first attempt, of the second, and so on",
    permission_mode: "the mode of permission of its agents",
    allowed_tools: "a tool that its agents use unasked",
    skip_permissions: "its agents ask for nothing: in a sandbox only",
    attempts: "attempts at each task",
    task_ms: "milliseconds that one attempt may take",
    check: "the command that has to succeed before work is merged",
    check_ms: "milliseconds that the check may take",
    first_output_ms: "milliseconds to the agent's first output",
    quiet_ms: "milliseconds of silence that mean stuck",
    each: "what one attempt may use: cost_usd, tokens, turns",
    all: "what the whole run may use: cost_usd, tokens, turns",
    plan: "id of the task that plans it",
    plan_only: "wait for acceptance of the plan",
    left: "why the result is not on the user's branch",
  },
  accept_plan: { planned: "only what the planner has proposed" },
  begin_attempt: {},
  note_attempt: {
    folder: "where it works",
    branch: "the branch that it works on",
    base: "the commit that it began from",
    process: "the agent's process: its number and when it began",
    session: "the agent's session",
    log: "the file of its log",
    output: "whether the agent has said anything yet",
  },
  end_attempt: {
    outcome: "what became of it",
    reason: "why, in words for people",
    files: "files that were changed",
    head: "the last commit of its branch",
    merged: "the commit that merged it",
    parked: "the ref that keeps what was not committed",
    cause: "why, as one word",
    again: "whether it is tried again",
    delay_ms: "after how many milliseconds it is tried again",
    counts: "whether it counts as an attempt",
    limit_until_ms: "when the usage limit ends, in milliseconds since 1970",
    limit_known: "whether the service told that end; else it is a guess",
  },
  list_attempts: {
    run: "only attempts of this run",
    task: "only attempts at this task",
    open: "only those that go on",
    after: "only attempts with a larger number",
  },
  stop_attempt: { task: "id of the task" },
  note_cleaning: { refs: "the refs, each with its commit" },
  export_project: {
    part: "which part of it",
    after: "go on behind a page: its next",
    run: "only what belongs to this run",
  },
  note_copy: {
    what: "whether the home is about to be backed up, or was restored",
    folder: "where the backup is",
  },
  take_findings: { discoveries: "the findings, each with its text" },
  import_project: {
    goal: "what is to be reached",
    tasks: "the tasks, with their states",
    discoveries: "the findings, each with its text",
  },
};

/** What a field of an operation means, in a few words; null for one that nobody has described. */
export function meaningOf(operation: string, field: string): string | null {
  return OWN[operation]?.[field] ?? SHARED[field] ?? null;
}

/** Every field that is described for one operation alone, as `operation.field`. */
export function describedFields(): string[] {
  return Object.entries(OWN).flatMap(([operation, fields]) =>
    Object.keys(fields).map((field) => `${operation}.${field}`)
  );
}
