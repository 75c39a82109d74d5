// The tables of skein as they were in the beginning; what has become of them since: schema.ts.

export const FIRST = {
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
};
