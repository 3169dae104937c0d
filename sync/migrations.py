"""Numbered steps that bring HOME/state.sqlite3 to the tables that this version reads.

A step that has been released is never edited: a change of a table is a new step at the end. Every
step runs in one transaction together with the note that it ran, so a killed upgrade leaves the file
at a whole step. docs/state.md says what each table and column means.
"""

from sqlite_utils import Database, Migrations

# Not executed as "CREATE TABLE IF NOT EXISTS": a table that is there although its step was never
# noted means that something else wrote into the file, and that should be heard of.
_FIRST_TABLES = """
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
"""

# A year of daily runs is ten million writes. An index by account would be touched all over by every
# run, and a state in each row would have it written three times: both cost more than the rows.
_WRITES_BY_BATCH = """
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
"""

_PRUNED_AND_FORGOTTEN = """
CREATE TABLE lake_pruned (
    source    TEXT NOT NULL,
    part      TEXT NOT NULL,
    before    TEXT NOT NULL,
    kept      TEXT NOT NULL,
    pulled_at TEXT,
    finished  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, part)
) WITHOUT ROWID;

CREATE TABLE forgotten (
    kind         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    forgotten_at TEXT NOT NULL,
    PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
"""

_JOB_ALERTS = """
CREATE TABLE job_alerts (
    condition  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    open       INTEGER NOT NULL CHECK (open IN (0, 1)),
    since      TEXT NOT NULL,
    text       TEXT NOT NULL,
    told       TEXT NOT NULL DEFAULT '{}',
    baseline   REAL,
    PRIMARY KEY (condition, subject)
) WITHOUT ROWID;
"""

# What a source said to ask from next time; which records were merged into others; of which fields
# the vendor's own history was read.
_READ_CHANGED = """
ALTER TABLE pulls ADD COLUMN watermark TEXT;

CREATE TABLE merged (
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    into_id    TEXT NOT NULL,
    seen       TEXT NOT NULL,
    PRIMARY KEY (object, account_id)
) WITHOUT ROWID;

CREATE TABLE history_read (
    object  TEXT NOT NULL,
    field   TEXT NOT NULL,
    read_at TEXT NOT NULL,
    PRIMARY KEY (object, field)
) WITHOUT ROWID;
"""

# `wanted` and `theirs` hold values as `write_records.changes` has them.
_CAREFUL_WRITES = """
CREATE TABLE fights (
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    field      TEXT NOT NULL,
    times      INTEGER NOT NULL,
    day        TEXT NOT NULL,
    PRIMARY KEY (object, account_id, field)
) WITHOUT ROWID;

CREATE TABLE yielded (
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    field      TEXT NOT NULL,
    theirs     TEXT NOT NULL,
    since      TEXT NOT NULL,
    PRIMARY KEY (object, account_id, field)
) WITHOUT ROWID;

CREATE TABLE quarantine (
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    code       TEXT,
    message    TEXT,
    wanted     TEXT NOT NULL,
    tries      INTEGER NOT NULL,
    first_at   TEXT NOT NULL,
    last_at    TEXT NOT NULL,
    next_at    TEXT NOT NULL,
    PRIMARY KEY (object, account_id)
) WITHOUT ROWID;

CREATE TABLE journeys_run (
    connection TEXT NOT NULL,
    object     TEXT NOT NULL,
    journey    TEXT NOT NULL,
    first_run  INTEGER NOT NULL,
    last_run   INTEGER NOT NULL,
    PRIMARY KEY (connection, object, journey)
) WITHOUT ROWID;

CREATE TABLE read_backs (
    run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    field      TEXT NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('changed', 'refused', 'gone')),
    ours       TEXT NOT NULL,
    shown      TEXT NOT NULL,
    PRIMARY KEY (run_id, object, account_id, field)
) WITHOUT ROWID;
"""

_CONFLICTS = """
CREATE TABLE conflicts (
    run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    object     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    field      TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (
        kind IN ('restored', 'replaced', 'left', 'contested', 'quarantine', 'dwell')),
    ours       TEXT NOT NULL,
    theirs     TEXT NOT NULL,
    why        TEXT NOT NULL,
    PRIMARY KEY (run_id, object, account_id, field)
) WITHOUT ROWID;
"""

_SHOWN = """
CREATE TABLE shown (
    object   TEXT NOT NULL,
    field    TEXT NOT NULL,
    accounts TEXT NOT NULL,
    "values" TEXT NOT NULL,
    PRIMARY KEY (object, field)
) WITHOUT ROWID;
"""

migrations = Migrations("gatepost")


@migrations(name="001_first_tables")
def _first_tables(db: Database) -> None:
    """Fields with history, the lake's register, runs, the ledger, checkpoints."""
    db.executescript(_FIRST_TABLES)


@migrations(name="002_writes_by_batch")
def _writes_by_batch(db: Database) -> None:
    """The ledger in batches: what is sent together is marked together."""
    db.executescript(_WRITES_BY_BATCH)


@migrations(name="003_pruned_and_forgotten")
def _pruned_and_forgotten(db: Database) -> None:
    """What retention took out of the lake, and whom never to pull again."""
    db.executescript(_PRUNED_AND_FORGOTTEN)


@migrations(name="004_job_alerts")
def _job_alerts(db: Database) -> None:
    """What the daemon told somebody about the job itself, so that a restart does not repeat it."""
    db.executescript(_JOB_ALERTS)


@migrations(name="005_read_changed")
def _read_changed(db: Database) -> None:
    """Accounts read by what changed, merged ones, and history from before the first pull."""
    db.executescript(_READ_CHANGED)


@migrations(name="006_careful_writes")
def _careful_writes(db: Database) -> None:
    """Whom we give way to, who gives no way to us, quarantine, first runs, what was read back."""
    db.executescript(_CAREFUL_WRITES)


@migrations(name="007_conflicts")
def _conflicts(db: Database) -> None:
    """Where our value met somebody else's, or was held back."""
    db.executescript(_CONFLICTS)


@migrations(name="008_shown")
def _shown(db: Database) -> None:
    """What the CRM showed last in the fields that are written."""
    db.executescript(_SHOWN)


NAMES: tuple[str, ...] = (
    "001_first_tables",
    "002_writes_by_batch",
    "003_pruned_and_forgotten",
    "004_job_alerts",
    "005_read_changed",
    "006_careful_writes",
    "007_conflicts",
    "008_shown",
)
"""Every step of this version, oldest first; `len(NAMES)` is kept in `PRAGMA user_version`."""


def migrate(db: Database) -> None:
    """Apply what is missing. The caller holds the write lock, so that two processes that start at
    once do not both apply a step. Safe to repeat."""
    migrations.apply(db)
    db.execute(f"PRAGMA user_version = {len(NAMES)}")
