-- What retention took out of the lake, and whom never to pull again.

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
