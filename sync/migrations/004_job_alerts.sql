-- What the daemon told somebody about the job itself, so that a restart does not repeat it.

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
