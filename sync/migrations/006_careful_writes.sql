-- Whom we give way to, who gives no way to us, quarantine, first runs, what was read back.
-- `wanted` and `theirs` hold values as `write_records.changes` has them.

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
