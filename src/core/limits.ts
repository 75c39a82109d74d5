// Every bound of skein, in one place, each with its reason. Sizes are in characters unless the
// name says bytes; times carry their unit.

export const LIMITS = {
  /** A name must fit a table column and a tmux window. */
  nameChars: 64,
  /** One line about what a peer is doing; every join shows everyone's. */
  summaryChars: 200,
  /** A message is read by a model: more than this belongs in a file. */
  messageBytes: 10 * 1024,
  /** One line; the description has the rest. */
  titleChars: 200,
  /** A task's text is copied into the claimer's context. */
  descriptionChars: 16_000,
  /** Summaries, notes and findings are copied into briefings. */
  noteChars: 8_000,
  /** A memory value is read whole. */
  valueChars: 50_000,
  keyChars: 256,
  pathChars: 1_024,
  /** A plan is read by every session that resumes the run. */
  planChars: 50_000,
  goalChars: 4_000,
  queryChars: 400,
  /** Files, tests, risks of one task. */
  listItems: 200,
  /** The longest item of such a list. */
  itemChars: 1_024,
  /** One transaction, one answer: a larger plan is several batches. */
  tasksPerBatch: 1_000,
  /** More dependencies than this is a plan that nobody can read. */
  dependenciesPerTask: 1_000,
  pathsPerLock: 64,
  /** A peer that holds more reserves by folder or glob. */
  locksPerPeer: 1_000,
  recipientsPerMessage: 64,
  /** Ids named one by one in an answer; past that, the count says the rest. */
  idsPerAnswer: 1_000,
  /** A request through any door, its JSON counted in bytes. */
  requestBytes: 2 * 1024 * 1024,
  /** Rows in one page of any list. */
  pageRows: 200,
  pageRowsDefault: 50,
  /** Messages in one check. */
  checkMessages: 50,
  checkMessagesDefault: 20,
  /** Characters of messages in one check: a client's own cut is at 20 KB. */
  checkChars: 16_000,
  /** Mail that rides on other answers: the first few, the count says the rest. */
  mailMessages: 3,
  mailMessageChars: 500,
  /** Clients give up on a call after a minute; a long poll ends before. */
  waitMs: 50_000,
  /** What a claimer is told of other things than its task. */
  briefingChars: 6_000,
  /** Files of a peer's dirty list that are stored. */
  dirtyFiles: 100,
  /** Versions of one memory key that are kept. */
  memoryVersions: 50,
  /** Replies in one chain for each pair and hour, before it is called a storm. */
  repliesPerHour: 20,
  /** Messages a minute for each peer, unless SKEIN_RATE says otherwise. */
  messagesPerMinute: 10,
  /** Escalations have a bucket of their own: messages cannot use it up, nor it be without end. */
  escalationsPerMinute: 30,
  /** Refusals by filter or rate after which a peer is paused, and how many are forgiven a minute. */
  strikes: 20,
  strikesDecayPerMinute: 1,
  /** A token lives a day; who holds the secret renews it halfway. Its peer's life ends it anyway. */
  tokenS: 86_400,
  tokenMinS: 60,
  /** A link that signs a browser in is used at once or never. */
  linkS: 120,
  /** A page stays signed in for a working day. */
  pageTokenS: 43_200,
  /** Pages and programs that follow events at the same time. */
  eventStreams: 64,
  /** Unsent bytes of a stream: whoever is further behind is read to from the journal later. */
  eventBytes: 1024 * 1024,
  /** Rows that are told one by one to who comes back; past that it reads everything anew. */
  eventRows: 10_000,
  /** Tasks of one graph. */
  graphTasks: 5_000,
  /** Projects in one list. */
  projects: 200,
  /** Rows of one timeline. */
  timelineRows: 2_000,
  timelineMinutes: 60,
  timelineMinutesMax: 10_080,
  /** Take-overs that are remembered. */
  takeovers: 50,
  /** Ports above the preferred one that are tried. */
  portTries: 20,
  /** A turn of a conversation, and how many a peer keeps: a transcript is not an archive. */
  conversationChars: 50_000,
  conversationTurns: 1_000,
  conversationPage: 200,
  conversationDefault: 20,
  /** What a listing shows of one turn. */
  turnChars: 500,
  /** Keys of a project's memory: more is a database. */
  memoryKeys: 10_000,
  /** Open tasks of a project. */
  openTasks: 100_000,
  /** Notes on one task. */
  notesPerTask: 1_000,
  /** Peers that live at the same time in one home. */
  livePeers: 1_000,
  /** Attempts at a task before it fails for good. */
  attempts: 3,
  /** First delay before a failed task is tried again; doubles each time. */
  retryDelayS: 30,
  retryDelayMaxS: 600,
  /** How long a peer without a process keeps claims and locks after its last act. */
  leaseS: 900,
  /** How long an explicit lock lasts unless renewed. */
  lockTtlS: 3_600,
  lockTtlMaxS: 86_400,
  /** How long a lock that was taken for an editor lasts, unless its turn ends before. */
  automaticLockS: 600,
  /** After the machine slept, nobody's lease ends for this long. */
  graceS: 60,
  /** How long a peer may be stalled before others may take its claims and locks. */
  stalledGraceS: 300,
  /** Idempotency keys are remembered for a day. */
  idempotencyDays: 1,
  /** Seen messages, ended peers and details of the journal are kept for a week. */
  retentionDays: 7,
  /** Rows of the journal are kept for a month; a signed base replaces the older ones. */
  journalDays: 30,
} as const;

/** Times of the node, in milliseconds. */
export const TIMES = {
  /** The leader probes every presence lock this often: half of what noticing a death may take. */
  reapMs: 500,
  /** The tick of a node: safety poll, stall watch, touch of the own presence. */
  tickMs: 1_000,
  /** Whether the parent is still there is looked at this often; every wake of a session costs. */
  parentMs: 2_000,
  /** A tick later than this says nothing about others: we were the ones who slept. */
  lateTickMs: 2_000,
  /** How often a node shows that its event loop turns. */
  pulseMs: 5_000,
  /** Ticks without a pulse before a peer is called stalled, and before a leader is usurped. */
  stalledTicks: 10,
  /** Rings to one bell within this time become one. */
  ringMs: 1,
  /** A busy store is tried again for this long. */
  busyMs: 10_000,
  /** How long a wait for the store may sleep the whole thread, in naps: short. */
  busySleepMs: 5,
  /** One nap: a few transactions long. */
  busyNapUs: 300,
  /** Tries before the first nap. */
  busySpins: 2,
  /** The longest timer between two tries. */
  busyDelayMs: 8,
  /** A duty works in chunks of at most this, so that calls are not held up. */
  chunkMs: 5,
  /** A client that only lists tools leaves no trace: it is gone before this. */
  joinMs: 1_000,
  /** Leaving has to be over before the client's SIGKILL. */
  leaveMs: 100,
  /** A stream shows that it lives, and its token is looked at again. */
  beatMs: 10_000,
  /** A stream that takes nothing for so long is cut. */
  slowMs: 10_000,
  /** The body of a request has to be there within this time. */
  bodyMs: 10_000,
  /** A stopped leader is usurped within 15 s; a link waits for the next one a bit longer. */
  leaderMs: 20_000,
  /** Git state is read at most this often. */
  gitMs: 5_000,
  gitTimeoutMs: 5_000,
} as const;
