-- Where our value met somebody else's, or was held back.

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
