-- Accounts read by what changed: what a source said to ask from next time; which records were merged
-- into others; of which fields the vendor's own history was read.

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
