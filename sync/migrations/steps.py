"""Numbered steps that bring HOME/state.sqlite3 to the tables that this version reads.

A step is the SQL file of its name. One that has been released is never edited: a change of a table
is a new step at the end. Every step runs in one transaction together with the note that it ran, so
a killed upgrade leaves the file at a whole step. docs/state.md says what each table and column
means.
"""

from importlib.resources import files

from sqlite_utils import Database, Migrations

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
    _steps().apply(db)
    db.execute(f"PRAGMA user_version = {len(NAMES)}")


def _steps() -> Migrations:
    """The steps as sqlite-utils wants them. Files are read when a step is applied, not before."""
    steps = Migrations("gatepost")
    for name in NAMES:

        @steps(name=name)
        def apply(db: Database, name: str = name) -> None:
            db.executescript((files(__package__) / f"{name}.sql").read_text("utf-8"))

    return steps
