-- Fields with history, the lake's register, runs, the ledger, checkpoints.
--
-- No IF NOT EXISTS, here and later: a table that is there although its step was never noted means
-- that something else wrote into the file, and that should be heard of.

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    command         TEXT NOT NULL,
    state           TEXT NOT NULL DEFAULT 'running' CHECK (
        state IN ('running', 'done', 'partly', 'failed', 'stopped', 'interrupted')),
    as_of           TEXT,
    started_at      TEXT NOT NULL,
    finished_at     TEXT,
    config_hash     TEXT,
    read_hash       TEXT,
    started_by      TEXT,
    override_reason TEXT,
    summary         TEXT NOT NULL DEFAULT '{}',
    error           TEXT
);

CREATE TABLE pulls (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    object      TEXT NOT NULL,
    seen        TEXT NOT NULL,
    fingerprint TEXT,
    accounts    INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    gone        INTEGER NOT NULL,
    came_back   INTEGER NOT NULL
);
CREATE INDEX pulls_by_object ON pulls (object, id);

CREATE TABLE sightings (
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    number     INTEGER NOT NULL,
    seen       TEXT NOT NULL,
    data       TEXT,
    PRIMARY KEY (object, account_id, number)
) WITHOUT ROWID;

CREATE TABLE lake_parts (
    source         TEXT NOT NULL,
    part           TEXT NOT NULL,
    fingerprint    TEXT NOT NULL,
    rows           INTEGER NOT NULL,
    rejected       INTEGER NOT NULL DEFAULT 0,
    duplicates     INTEGER NOT NULL DEFAULT 0,
    no_key         INTEGER NOT NULL DEFAULT 0,
    no_key_events  TEXT NOT NULL DEFAULT '{}',
    first_day      TEXT,
    last_day       TEXT,
    pulled_at      TEXT,
    PRIMARY KEY (source, part)
) WITHOUT ROWID;

CREATE TABLE match_counts (
    run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    source  TEXT NOT NULL,
    event   TEXT NOT NULL,
    events  INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    PRIMARY KEY (run_id, source, event)
) WITHOUT ROWID;

CREATE TABLE checkpoints (
    journey  TEXT NOT NULL,
    as_of    TEXT NOT NULL,
    path     TEXT NOT NULL,
    key      TEXT NOT NULL,
    lake_seq INTEGER NOT NULL,
    made_at  TEXT,
    PRIMARY KEY (journey, as_of)
) WITHOUT ROWID;

CREATE TABLE writes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      INTEGER NOT NULL REFERENCES runs (id),
    object      TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    changes     TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'intended' CHECK (
        state IN ('intended', 'sent', 'confirmed', 'failed', 'unknown', 'forgotten')),
    code        TEXT,
    message     TEXT,
    intended_at TEXT NOT NULL,
    sent_at     TEXT,
    settled_at  TEXT
);
CREATE INDEX writes_by_account ON writes (object, account_id, id);
CREATE INDEX writes_by_run ON writes (run_id);
CREATE INDEX writes_unsettled ON writes (id) WHERE state IN ('intended', 'sent', 'unknown');
