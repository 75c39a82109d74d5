// The bounds of skein, each with its reason; what only one file can mean stands there. Sizes are in characters unless the
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
  /** Hints may quote whole files; a claimer is shown their beginning, get_task has the rest. */
  hintsChars: 256 * 1024,
  /** Summaries, notes and findings are copied into briefings. */
  noteChars: 8_000,
  /** A memory value is read whole. */
  valueChars: 50_000,
  keyChars: 256,
  /** Where a page ended: a key and a number. */
  cursorChars: 280,
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
  /** A file, or standard input, that the command line reads: more is not typed by anybody. */
  fileBytes: 1024 * 1024,
  /** A mirror that is taken over holds every task of a project. */
  importBytes: 32 * 1024 * 1024,
  /** Tasks and findings taken over in one transaction. */
  importTasks: 10_000,
  importDiscoveries: 5_000,
  /** Finished tasks and findings that a mirror shows; it is written whole at each act. */
  mirrorTasks: 5_000,
  mirrorDiscoveries: 1_000,
  /** Journal rows that a mirror's logs begin with. */
  mirrorActs: 5_000,
  /** Rows in one page of an export, which a program reads. */
  exportRows: 500,
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
  /**
   * From here on a limit is none, since no machine commits so many: where it cannot run dry, no
   * bucket is written, which would be one more page for every message.
   */
  boundlessPerMinute: 6_000_000,
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
  /** Agents that skein runs on one machine at the same time, over all runs. */
  agents: 24,
  /** Workers of one run. */
  workers: 64,
  /** The longest a worker waits before it asks for work again; a ring wakes it earlier. */
  attemptPollMs: 5_000,
  /** What a merge waits for is written down at most so often, should git say it in new words each time. */
  waitingNoteMs: 60_000,
  /** After a usage limit, agents start again one after the other, this far apart. */
  limitStaggerMs: 3_000,
  /** How long after a usage limit's end starting is staggered. */
  limitRecoveryMs: 120_000,
  /** Files of a conflict or a result that are named. */
  attemptFiles: 200,
  /** Attempts that a listing shows. */
  attemptRows: 1_000,
  /** First delay before a failed task is tried again; doubles each time. */
  retryDelayS: 30,
  /** So often a task's attempts may fail by the agent's service before they count: some hours, with delays. */
  serviceFailures: 20,
  retryDelayMaxS: 600,
  /** How long a peer without a process keeps claims and locks after its last act. */
  leaseS: 900,
  /** What is assigned to a worker that was started waits for it: its human may have to trust the folder. */
  beginS: 300,
  /** How long an explicit lock lasts unless renewed. */
  lockTtlS: 3_600,
  lockTtlMaxS: 86_400,
  /** How long a lock that was taken for an editor lasts, unless its turn ends before. */
  automaticLockS: 600,
  /** A gap between the two clocks of more than this means that the machine slept. */
  sleptS: 5,
  /** Steps of indexing in one tick; more would take the machine from those who work. */
  indexSteps: 5,
  /** Tool calls of a peer without a budget that are counted together. */
  uncountedCalls: 50,
  /** After the machine slept, nobody's lease ends for this long. */
  graceS: 60,
  /** How long a peer may be stalled before others may take its claims and locks. */
  stalledGraceS: 300,
  /** Idempotency keys are remembered for a day. */
  idempotencyDays: 1,
  /** One line of an agent's stream: a tool's result may hold a picture. */
  agentLineBytes: 4 * 1024 * 1024,
  /** What is handed on of a text that an agent says; the log has all of it. */
  agentTextChars: 16_000,
  /** What is shown of a tool's input or answer, and of a line that means nothing. */
  agentExcerptChars: 400,
  /** One argument of a command: Linux takes 128 KiB, and a character may be four bytes. */
  argumentChars: 32_000,
  /** A log of an attempt; the file before it is kept, too, so twice that. */
  agentLogBytes: 16 * 1024 * 1024,
  /** What may wait to be read by an agent that reads nothing. */
  agentUnreadBytes: 1024 * 1024,
  /** A command that checks work (more is a script), and what of it and of its last words is told. */
  checkCommandChars: 2_000,
  checkNamedChars: 100,
  checkTailChars: 400,
  /** So many workers' processes may die in one check: then it is the check that kills them. */
  checkDeaths: 3,
  /** A check of a run's work that takes longer hangs, unless its run says otherwise. */
  checkMs: 1_800_000,
  /** The same call with the same answer this many times in a row, and an agent is stuck. */
  agentRepeats: 6,
  /** Jitter of a delay before another attempt, in percent of it: a crowd does not come back at once. */
  retryJitterPercent: 20,
  /** After a usage limit that does not tell its end, an agent is tried again after this. */
  limitUnknownS: 900,
  /** After one whose end is past already: each try costs a request, and no attempt that would end it. */
  limitPastS: 60,
  /** A limit's end further away than this is a misreading: weekly limits are the longest. */
  limitFurthestS: 8 * 86_400,
  /** Parked work that nobody fetched is kept so long: as git keeps what only its reflog knows. */
  parkedDays: 30,
  /** Seen messages, ended peers and details of the journal are kept for a week. */
  retentionDays: 7,
  /** Rows of the journal are kept for a month; a signed base replaces the older ones. */
  journalDays: 30,
  /** Mail for a peer that is gone waits so long for it to come back, and is undelivered then. */
  undeliveredDays: 30,
  /** Rows that retention takes between two looks at its time: about a millisecond. */
  forgetRows: 20,
} as const;

/** The store's write-ahead log. A checkpoint costs a sync: rather seldom than small. */
export const LOG = {
  /** What is not in the store's file yet is moved there from here on. */
  fromBytes: 16 * 1024 * 1024,
  /** A log of this size begins anew, though writers wait for it. */
  restartFromBytes: 64 * 1024 * 1024,
} as const;

/** Times of the node, in milliseconds. */
export const TIMES = {
  /** The leader probes every presence lock this often: half of what noticing a death may take. */
  reapMs: 500,
  /** The tick of a node in which somebody waits, or that leads: safety poll, stall watch, own presence. */
  tickMs: 1_000,
  /** A node in which nobody waits lets so many ticks become one. */
  quietTicks: 2,
  /** Whether the parent is still there is looked at this often; every wake of a session costs. */
  parentMs: 2_000,
  /** A tick later than this says nothing about others: we were the ones who slept. */
  lateTickMs: 2_000,
  /** How often a node shows that its event loop turns. */
  pulseMs: 5_000,
  /** Ticks without a pulse before a peer is called stalled, and before a leader is usurped. */
  stalledTicks: 10,
  /** Ticks after which a missing presence is not made again by an owner that could: a pulse and one. */
  lostTicks: 6,
  /** Rings to one bell within this time become one. */
  ringMs: 1,
  /** What another call is carrying out under the same key is waited for: a spawn takes a second. */
  carryMs: 30_000,
  /** How often it is looked at. */
  carryLookMs: 25,
  /** A busy store is tried again for this long. */
  busyMs: 10_000,
  /** How long a look at the store may sleep the whole thread: short. */
  busySleepMs: 3,
  /** The same of the upkeep of its log, which has to find a gap between writers. */
  upkeepSleepMs: 20,
  /** A writer that finds the store taken looks again after so many microseconds, then twice and three times that. */
  busySpinUs: 50,
  /** Then it stands in line, and the first there looks about this often: who writes many gets some done. */
  busyLookMs: 3,
  /** A line that did not move for so long has somebody in it who is stopped. */
  lineMs: 500,
  /**
   * Who writes for so long without a pause lets the first in line look, who mostly found a gap long before; a
   * pause is longer than that: only loops make none.
   */
  turnMs: 100,
  turnGapUs: 100,
  /** Without a line everybody looks about this often. */
  busyDelayMs: 12,
  /** Who has waited so long looks as often as a timer lets it. */
  busyLongMs: 1_000,
  busyEagerMs: 1,
  /** A presence that is being made is given its name long before this. */
  presenceMadeMs: 60_000,
  /** What is due although nothing was written is looked for this often. */
  quietDutyMs: 10_000,
  /** History is forgotten this often: what is kept for days need not go within the minute. */
  retentionMs: 600_000,
  /** Marks of delivery wait this long, so that many become one write, or go along with another. */
  marksMs: 5,
  /** Repeats of a refusal are told together after this. */
  refusalsMs: 5_000,
  /** How often a waiting command line looks: it has no bell. */
  visitorMs: 25,
  /** A duty works in chunks of at most this, so that calls are not held up. */
  chunkMs: 5,
  /** A client that only lists tools leaves no trace: it is gone before this. */
  joinMs: 1_000,
  /** Leaving has to be over before the client's SIGKILL. */
  leaveMs: 100,
  /** Who closes its end still gets the answers that are ready within this; a first call has to join. */
  answerMs: 200,
  /** A cancellation that crosses the answer comes within this; later ones are about what was read. */
  crossingMs: 1_000,
  /** A stream shows that it lives, and its token is looked at again. */
  beatMs: 10_000,
  /** A stream that takes nothing for so long is cut. */
  slowMs: 10_000,
  /** A page's request is taken so long after it was signed: it may wait for one of the browser's connections. */
  signedMs: 30_000,
  /** The body of a request has to be there within this time. */
  bodyMs: 10_000,
  /** A stopped leader is usurped within 15 s; a link waits for the next one a bit longer. */
  leaderMs: 20_000,
  /** Git state is read at most this often. */
  gitMs: 5_000,
  gitTimeoutMs: 5_000,
  /** One git command of a run; a checkout of a huge repository with filters takes minutes. */
  gitLongMs: 600_000,
  /** A lock file of another git is waited for this long: it holds one for a moment. */
  gitLockMs: 3_000,
  /** How long an agent has to leave after SIGTERM before SIGKILL: it may save its session. */
  agentGraceMs: 5_000,
  /** How long processes may take to die of SIGKILL: one that writes to a slow disk does. */
  agentKillMs: 3_000,
  /** Between two looks whether a group is gone. */
  agentLookMs: 50,
  /** An agent has its result and the end of its input: it leaves within this, or is ended. */
  agentLeaveMs: 15_000,
  /** What an agent has left behind gets less time than it had itself. */
  agentLeftMs: 500,
  /** Output that others of an agent's group still hold open after its end is waited for so long. */
  agentDrainMs: 1_000,
  /** A step of an agent's clock counts at most this: what is longer, we slept and not the agent. */
  agentStepMs: 5_000,
  /** How often a log is looked at by who follows it. */
  logLookMs: 150,
} as const;
