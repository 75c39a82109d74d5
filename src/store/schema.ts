// The tables of skein and how they came to be. A migration is additive (older writers go on) or
// breaking (`min_writer` rises, and older sessions have to be restarted first). Every query has
// its index here; every index is for a query that exists.

import { FIRST } from "./first_schema.ts";

/** The schema this code writes. */
export const SCHEMA_VERSION = 7;

/** One step from the version before. */
export interface Migration {
  readonly version: number;
  /** True if an older writer would do harm afterwards. */
  readonly breaking: boolean;
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [FIRST, {
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
  // The same columns in another order of the key. What older writers ask by peer and a range of states goes
  // through everybody's unread mail, and what they ask by peer or by claim alone through the table: slower
  // beside a large backlog, and as right as before.
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

-- What a life has claimed is found by its peer: one page less to write with each claim and completion.
DROP INDEX task_claim;

-- Each message that is stored asks the index: a list of categories would be built for it every time.
DROP INDEX message_open;
CREATE INDEX message_open ON message (project, id)
  WHERE resolved_at IS NULL AND (category = 'blocker' OR category = 'review_request' OR category = 'error');
`,
}];
