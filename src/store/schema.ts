// The tables of skein and how they came to be. A migration is additive (older writers go on) or
// breaking (`min_writer` rises, and older sessions have to be restarted first). Every query has
// its index here; every index is for a query that exists.

/** The schema this code writes. */
export const SCHEMA_VERSION = 7;

/** One step from the version before. */
export interface Migration {
  readonly version: number;
  /** True if an older writer would do harm afterwards. */
  readonly breaking: boolean;
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [{
  version: 1,
  breaking: true,
  sql: `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- The change feed and the audit log in one. mac chains each row to the one before.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, op TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL, mac TEXT NOT NULL
);
-- Not of messages: their rows tell themselves, and sends are the most frequent of all acts.
CREATE INDEX journal_subject ON journal (subject, seq) WHERE op <> 'send';

-- One row. epoch rises with every change of leader and fences whoever led before.
CREATE TABLE leader (
  one INTEGER PRIMARY KEY CHECK (one = 1), incarnation TEXT, peer TEXT, epoch INTEGER NOT NULL,
  since TEXT, url TEXT
);

-- A peer is an identity; incarnation is its present life, null when it has none.
CREATE TABLE peer (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, wanted_role TEXT,
  pinned INTEGER NOT NULL DEFAULT 0, project TEXT NOT NULL, folder TEXT NOT NULL, tree TEXT NOT NULL,
  kind TEXT NOT NULL, session TEXT, summary TEXT NOT NULL DEFAULT '', state TEXT NOT NULL,
  incarnation TEXT, bell INTEGER NOT NULL DEFAULT 0, watch INTEGER NOT NULL DEFAULT 0,
  pid INTEGER NOT NULL DEFAULT 0, version TEXT NOT NULL DEFAULT '', schema INTEGER NOT NULL DEFAULT 0,
  run TEXT, joined_at TEXT NOT NULL, seen_at TEXT NOT NULL, ended_at TEXT, end_reason TEXT,
  lease_until_s INTEGER, stalled_since_s INTEGER,
  rate_tokens REAL NOT NULL DEFAULT -1, rate_at_s REAL NOT NULL DEFAULT 0,
  git TEXT, git_at TEXT
);
CREATE UNIQUE INDEX peer_name ON peer (name);
CREATE UNIQUE INDEX peer_incarnation ON peer (incarnation) WHERE incarnation IS NOT NULL;
CREATE INDEX peer_session ON peer (session) WHERE session IS NOT NULL;
CREATE INDEX peer_live ON peer (project, role) WHERE state = 'live';
CREATE INDEX peer_ended ON peer (ended_at) WHERE state = 'gone';
CREATE INDEX peer_watch ON peer (watch) WHERE watch = 1;
CREATE INDEX peer_leased ON peer (lease_until_s) WHERE state = 'live' AND kind = 'leased';

-- What an ended peer held, so that the same session gets it back if nobody took it.
CREATE TABLE lost (
  peer TEXT NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (peer, kind, ref)
) WITHOUT ROWID;

CREATE TABLE message (
  id INTEGER PRIMARY KEY, sender TEXT NOT NULL, sender_name TEXT NOT NULL, sender_role TEXT NOT NULL,
  project TEXT NOT NULL, category TEXT NOT NULL, content TEXT NOT NULL, task TEXT, run TEXT,
  reply_to INTEGER, chain INTEGER, recipients TEXT NOT NULL, at TEXT NOT NULL,
  up_s INTEGER NOT NULL, resolved_at TEXT
);
CREATE INDEX message_open ON message (project, id)
  WHERE resolved_at IS NULL AND category IN ('blocker', 'review_request', 'error');
CREATE INDEX message_chain ON message (chain, up_s) WHERE chain IS NOT NULL;
CREATE INDEX message_run ON message (run, id) WHERE run IS NOT NULL;

-- state: 0 queued, 1 offered, 2 seen. It is part of the key: what is unread stands together, and
-- a send writes one tree. Who got a message stands in the message (recipients, a JSON list).
CREATE TABLE delivery (
  peer TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, message INTEGER NOT NULL,
  offered_to TEXT, offered_at TEXT, seen_at TEXT,
  PRIMARY KEY (peer, state, message)
) WITHOUT ROWID;

CREATE TABLE task (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL, project TEXT NOT NULL, run TEXT, title TEXT NOT NULL,
  description TEXT NOT NULL, accept TEXT NOT NULL, files TEXT NOT NULL, status TEXT NOT NULL,
  priority INTEGER NOT NULL, open_deps INTEGER NOT NULL, assigned_to TEXT NOT NULL DEFAULT '',
  created_by TEXT NOT NULL, creator TEXT NOT NULL, created_at TEXT NOT NULL, claimed_by TEXT,
  claim_incarnation TEXT,
  claim_epoch INTEGER NOT NULL DEFAULT 0, claimed_at TEXT, attempts INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL, not_before_s INTEGER NOT NULL DEFAULT 0,
  progress TEXT NOT NULL DEFAULT '', summary TEXT, artifacts TEXT, failure TEXT, reviewer TEXT,
  completed_by TEXT, updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX task_id ON task (id);
CREATE INDEX task_ready ON task (project, assigned_to, priority, n)
  WHERE status = 'pending' AND open_deps = 0;
CREATE INDEX task_list ON task (project, status, priority, n);
CREATE INDEX task_run ON task (run, status, n) WHERE run IS NOT NULL;
CREATE INDEX task_claim ON task (claim_incarnation) WHERE claim_incarnation IS NOT NULL;
CREATE INDEX task_mine ON task (claimed_by, status) WHERE claimed_by IS NOT NULL;

CREATE TABLE dependency (
  task TEXT NOT NULL, on_task TEXT NOT NULL, PRIMARY KEY (task, on_task)
) WITHOUT ROWID;
CREATE INDEX dependency_on ON dependency (on_task, task);

CREATE TABLE note (
  id INTEGER PRIMARY KEY, task TEXT NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL,
  text TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX note_task ON note (task, id);

-- space: what the path is relative to (a repository, or the file system).
CREATE TABLE lock (
  id INTEGER PRIMARY KEY, space TEXT NOT NULL, path TEXT NOT NULL, shown TEXT NOT NULL,
  mode TEXT NOT NULL, peer TEXT NOT NULL, incarnation TEXT NOT NULL, task TEXT,
  since TEXT NOT NULL, expires_s INTEGER NOT NULL
);
CREATE UNIQUE INDEX lock_path ON lock (space, path, peer);
CREATE INDEX lock_peer ON lock (peer);
CREATE INDEX lock_incarnation ON lock (incarnation);
CREATE INDEX lock_expires ON lock (expires_s);

CREATE TABLE lock_wait (
  peer TEXT NOT NULL, incarnation TEXT NOT NULL, space TEXT NOT NULL, path TEXT NOT NULL,
  mode TEXT NOT NULL, until_s INTEGER NOT NULL, PRIMARY KEY (incarnation, space, path)
) WITHOUT ROWID;
CREATE INDEX lock_wait_space ON lock_wait (space);

CREATE TABLE memory (
  project TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL,
  type TEXT NOT NULL, confidence TEXT NOT NULL, author TEXT NOT NULL, run TEXT, supersedes TEXT,
  superseded_by TEXT, current INTEGER NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (project, key, version)
) WITHOUT ROWID;
CREATE INDEX memory_current ON memory (project, type, at, key) WHERE current = 1;
CREATE INDEX memory_recent ON memory (project, at, key) WHERE current = 1;
CREATE INDEX memory_key ON memory (key) WHERE current = 1;
CREATE INDEX memory_run ON memory (run, at) WHERE run IS NOT NULL AND current = 1;

CREATE TABLE run (
  id TEXT PRIMARY KEY, project TEXT NOT NULL, goal TEXT NOT NULL, plan TEXT NOT NULL,
  status TEXT NOT NULL, created_by TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  ended_at TEXT, outcome TEXT
) WITHOUT ROWID;
CREATE INDEX run_project ON run (project, created_at);

CREATE TABLE idempotency (
  peer TEXT NOT NULL, key TEXT NOT NULL, op TEXT NOT NULL, request TEXT NOT NULL,
  answer TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (peer, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);

-- The search index follows the journal: meta 'search_seq' says how far it has come.
CREATE TABLE search_doc (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, ref TEXT NOT NULL, project TEXT NOT NULL, at TEXT NOT NULL
);
CREATE UNIQUE INDEX search_doc_ref ON search_doc (project, kind, ref);
CREATE VIRTUAL TABLE search_text USING fts5(title, body, tokenize = 'porter unicode61');

INSERT INTO leader (one, incarnation, peer, epoch, since, url) VALUES (1, NULL, NULL, 0, NULL, NULL);
`,
}, {
  version: 2,
  // Older writers know neither pause nor kill: they would let through what control has stopped.
  breaking: true,
  sql: `
-- The client process behind a peer (pid and start time): whose shell a command line runs in.
ALTER TABLE peer ADD COLUMN client_pid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN client_start TEXT NOT NULL DEFAULT '';
CREATE INDEX peer_client ON peer (client_pid) WHERE client_pid > 0;

-- What control did. It belongs to the identity, so a new life changes nothing about it.
ALTER TABLE peer ADD COLUMN paused_at TEXT;
ALTER TABLE peer ADD COLUMN paused_by TEXT;
ALTER TABLE peer ADD COLUMN paused_why TEXT;
ALTER TABLE peer ADD COLUMN killed_at TEXT;
ALTER TABLE peer ADD COLUMN killed_by TEXT;
-- budget: JSON, null without one. used_*: as reported, calls as counted.
ALTER TABLE peer ADD COLUMN budget TEXT;
ALTER TABLE peer ADD COLUMN budget_by TEXT;
ALTER TABLE peer ADD COLUMN used_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN used_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN used_cost_usd REAL NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN used_turns INTEGER NOT NULL DEFAULT 0;

-- Refusals by filter or rate, decaying; and the bucket of escalations, apart from that of messages.
ALTER TABLE peer ADD COLUMN strikes REAL NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN strikes_at_s REAL NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN urgent_tokens REAL NOT NULL DEFAULT -1;
ALTER TABLE peer ADD COLUMN urgent_at_s REAL NOT NULL DEFAULT 0;

-- The working tree of a lock that was taken for an editor; null for one that somebody asked for.
ALTER TABLE lock ADD COLUMN tree TEXT;

-- Refusals since the last journal row about them; one row of the journal for each minute.
CREATE TABLE refusal (
  actor TEXT NOT NULL, op TEXT NOT NULL, code TEXT NOT NULL, minute INTEGER NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (actor, op, code)
) WITHOUT ROWID;
CREATE INDEX refusal_minute ON refusal (minute);

CREATE TABLE conversation (
  id INTEGER PRIMARY KEY, peer TEXT NOT NULL, project TEXT NOT NULL, run TEXT, turn TEXT NOT NULL,
  content TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX conversation_peer ON conversation (peer, id);
`,
}, {
  version: 3,
  // Older writers pass over these tables and columns: what they do stays right.
  breaking: false,
  sql: `
-- How a run is driven by worker processes, as JSON; null where nobody drives it.
ALTER TABLE run ADD COLUMN conduct TEXT;

-- The run whose tasks the peer's process does one after another; null for every other peer.
ALTER TABLE peer ADD COLUMN hosts TEXT;
CREATE INDEX peer_hosts ON peer (hosts) WHERE hosts IS NOT NULL AND state = 'live';

-- One try of one worker at one task: where it works, which process does it, what it has cost, what
-- became of it. report: what the agent said when it was done, until its work is merged.
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY, run TEXT NOT NULL, task TEXT NOT NULL, number INTEGER NOT NULL,
  kind TEXT NOT NULL, worker TEXT NOT NULL, peer TEXT NOT NULL, incarnation TEXT NOT NULL,
  claim_epoch INTEGER NOT NULL, model TEXT, state TEXT NOT NULL, stop TEXT, folder TEXT, branch TEXT,
  base TEXT, head TEXT, merged TEXT, parked TEXT, process TEXT, session TEXT, log TEXT,
  started_at TEXT NOT NULL, started_ms INTEGER NOT NULL, first_output_at TEXT, ended_at TEXT,
  ended_ms INTEGER, turns INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0,
  cost_usd REAL NOT NULL DEFAULT 0, report TEXT, reason TEXT, cause TEXT
);
CREATE INDEX attempt_run ON attempt (run, id);
CREATE INDEX attempt_task ON attempt (task, id);
CREATE INDEX attempt_open ON attempt (state, run) WHERE state IN ('running', 'review');
`,
}, {
  version: 4,
  // Older writers leave the column alone: what it says counts for one life, which they end as ever.
  breaking: false,
  sql: `
-- What a session waits for at its terminal, as JSON; null if nothing is known.
ALTER TABLE peer ADD COLUMN waits TEXT;

-- The page of a task shows what was said of it, however long ago.
CREATE INDEX message_task ON message (task, id) WHERE task IS NOT NULL;
`,
}, {
  version: 5,
  // An index, and a state of attempts that older readers take for an end.
  breaking: false,
  sql: `
-- What runs, waits for a review or for its merge is asked for by its state alone, too: no list of
-- states in the index would answer that.
DROP INDEX attempt_open;
CREATE INDEX attempt_state ON attempt (state, run);
`,
}, {
  version: 6,
  // Older writers leave the column and the indexes alone, and carry out again what is repeated, as before.
  breaking: false,
  sql: `
-- What is to be carried out after the commit: null when nothing is (left), '' before it was begun, else
-- the presence of the process that is at it.
ALTER TABLE idempotency ADD COLUMN carrying TEXT;

-- Whose tasks wait for a peer that is forgotten.
CREATE INDEX task_assigned ON task (assigned_to) WHERE assigned_to <> '';

-- Turns that were forgotten stayed searchable.
DELETE FROM search_text WHERE rowid IN (SELECT d.id FROM search_doc d WHERE d.kind = 'conversation'
  AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = CAST(d.ref AS INTEGER)));
DELETE FROM search_doc WHERE kind = 'conversation'
  AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = CAST(ref AS INTEGER));

-- Who took over the name of a peer that had got the same message had it twice, and could never mark it.
DELETE FROM delivery WHERE state < 2 AND EXISTS (SELECT 1 FROM delivery further
  WHERE further.peer = delivery.peer AND further.state IN (1, 2) AND further.state > delivery.state
    AND further.message = delivery.message);
UPDATE message SET recipients = (SELECT json_group_array(DISTINCT value) FROM json_each(recipients))
  WHERE recipients LIKE '%,%' AND json_array_length(recipients) >
    (SELECT count(DISTINCT value) FROM json_each(recipients));

-- What failed and waits for its next attempt, to be counted apart from what is ready.
CREATE INDEX task_delayed ON task (project, not_before_s, assigned_to)
  WHERE status = 'pending' AND open_deps = 0 AND not_before_s > 0;

-- Reserved names that nobody has begun yet, by when they are waited for no longer.
CREATE INDEX peer_reserved ON peer (lease_until_s) WHERE state = 'gone' AND lease_until_s IS NOT NULL;

-- How many tasks were made, and how many of them have ended and how: what only grows is counted when it
-- happens. run: '' for none; status: 'made' for all. (Each claim asks the triggers, too: a list of states
-- would be built for it every time.)
CREATE TABLE task_count (
  project TEXT NOT NULL, run TEXT NOT NULL, status TEXT NOT NULL, total INTEGER NOT NULL,
  PRIMARY KEY (project, run, status)
) WITHOUT ROWID;
INSERT INTO task_count SELECT project, coalesce(run, ''), 'made', count(*) FROM task GROUP BY 1, 2;
INSERT INTO task_count SELECT project, coalesce(run, ''), status, count(*) FROM task
  WHERE status IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2, 3;
CREATE TRIGGER task_made AFTER INSERT ON task BEGIN
  INSERT INTO task_count VALUES (new.project, coalesce(new.run, ''), 'made', 1)
    ON CONFLICT DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER task_made_ended AFTER INSERT ON task
  WHEN new.status = 'completed' OR new.status = 'failed' OR new.status = 'cancelled' BEGIN
  INSERT INTO task_count VALUES (new.project, coalesce(new.run, ''), new.status, 1)
    ON CONFLICT DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER task_ends AFTER UPDATE OF status ON task
  WHEN new.status = 'completed' OR new.status = 'failed' OR new.status = 'cancelled' BEGIN
  INSERT INTO task_count VALUES (new.project, coalesce(new.run, ''), new.status, 1)
    ON CONFLICT DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER task_goes_on AFTER UPDATE OF status ON task
  WHEN old.status = 'completed' OR old.status = 'failed' OR old.status = 'cancelled' BEGIN
  UPDATE task_count SET total = total - 1
    WHERE project = old.project AND run = coalesce(old.run, '') AND status = old.status;
END;
CREATE TRIGGER task_gone AFTER DELETE ON task BEGIN
  UPDATE task_count SET total = total - 1
    WHERE project = old.project AND run = coalesce(old.run, '') AND status IN ('made', old.status);
END;
`,
}, {
  version: 7,
  // The same columns in another order of the key: what older writers ask begins with a state, too.
  breaking: false,
  sql: `
-- What is unread stands together, whoever it is for: a send and what rides on its answer touch the same
-- few pages, and each page is read anew whenever another process has written.
CREATE TABLE delivery_by_state (
  peer TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, message INTEGER NOT NULL,
  offered_to TEXT, offered_at TEXT, seen_at TEXT,
  PRIMARY KEY (state, peer, message)
) WITHOUT ROWID;
INSERT INTO delivery_by_state (peer, state, message, offered_to, offered_at, seen_at)
  SELECT peer, state, message, offered_to, offered_at, seen_at FROM delivery
  ORDER BY state, peer, message;
DROP TABLE delivery;
ALTER TABLE delivery_by_state RENAME TO delivery;
`,
}];
