-- What the CRM showed last in the fields that are written.

CREATE TABLE shown (
    object   TEXT NOT NULL,
    field    TEXT NOT NULL,
    accounts TEXT NOT NULL,
    "values" TEXT NOT NULL,
    PRIMARY KEY (object, field)
) WITHOUT ROWID;
