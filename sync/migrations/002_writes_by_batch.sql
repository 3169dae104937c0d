-- The ledger in batches: what is sent together is marked together.
--
-- A year of daily runs is ten million writes. An index by account would be touched all over by every
-- run, and a state in each row would have it written three times: both cost more than the rows.

CREATE TABLE write_batches (
    first_id    INTEGER PRIMARY KEY,
    last_id     INTEGER NOT NULL,
    run_id      INTEGER NOT NULL REFERENCES runs (id),
    state       TEXT NOT NULL CHECK (
        state IN ('intended', 'sent', 'confirmed', 'failed', 'unknown', 'forgotten')),
    code        TEXT,
    message     TEXT,
    intended_at TEXT NOT NULL,
    sent_at     TEXT,
    settled_at  TEXT
);
CREATE INDEX write_batches_by_run ON write_batches (run_id);
CREATE INDEX write_batches_open ON write_batches (first_id)
    WHERE state IN ('intended', 'sent', 'unknown');

CREATE TABLE write_records (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    batch      INTEGER NOT NULL REFERENCES write_batches (first_id),
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    changes    TEXT NOT NULL,
    state      TEXT CHECK (
        state IN ('intended', 'sent', 'confirmed', 'failed', 'unknown', 'forgotten')),
    code       TEXT,
    message    TEXT,
    settled_at TEXT
);
CREATE INDEX write_records_open ON write_records (id) WHERE state IS NOT NULL;

INSERT INTO write_batches (first_id, last_id, run_id, state, intended_at, sent_at)
SELECT min(id), max(id), run_id, 'forgotten', min(intended_at), min(sent_at)
FROM writes GROUP BY run_id;
INSERT INTO write_records
SELECT w.id, b.first_id, w.object, w.account_id, w.changes, w.state, w.code, w.message, w.settled_at
FROM writes w JOIN write_batches b ON b.run_id = w.run_id ORDER BY w.id;
DROP TABLE writes;

CREATE VIEW writes AS
SELECT r.id, b.run_id, r.object, r.account_id, r.changes,
       CASE WHEN r.state IS NULL THEN b.state ELSE r.state END AS state,
       CASE WHEN r.state IS NULL THEN b.code ELSE r.code END AS code,
       CASE WHEN r.state IS NULL THEN b.message ELSE r.message END AS message,
       b.intended_at, b.sent_at,
       CASE WHEN r.state IS NULL THEN b.settled_at ELSE r.settled_at END AS settled_at
FROM write_batches b
JOIN write_records r ON r.id BETWEEN b.first_id AND b.last_id AND b.first_id = r.batch;

CREATE TABLE confirmed_accounts (
    object   TEXT PRIMARY KEY,
    up_to    INTEGER NOT NULL,
    accounts TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE last_confirmed (
    object   TEXT NOT NULL,
    field    TEXT NOT NULL,
    "values" TEXT NOT NULL,
    writes   TEXT NOT NULL,
    PRIMARY KEY (object, field)
) WITHOUT ROWID;
