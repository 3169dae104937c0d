"""A brute-force reading of the journey specification: the answers that the product must give too.

Every day of every account, in plain Python; README.md tells what was read where the page is silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from tests.oracle.outputs import Row, evaluation, happenings
from tests.oracle.project import Account, Config, Project, Sighting
from tests.oracle.walk import Walk


def evaluate(
    project_dir: Path,
    as_of: date,
    sightings: Sequence[Sighting] | None = None,
    *,
    complete: bool = True,
) -> list[Row]:
    """The rows of `gatepost evaluate --format json`, by account and then by the journey's file.

    `sightings` are (day, account id, {field: raw value}), oldest first; without them the fields are
    as the CRM's file has them now. `complete` false means that the last day is today and still
    going on.
    """
    rows = [
        evaluation(account, journey, walk)
        for account, journey, walk in walks(project_dir, as_of, sightings, complete=complete)
    ]
    return sorted(rows, key=lambda row: row["account"])


def history(
    project_dir: Path,
    as_of: date,
    sightings: Sequence[Sighting] | None = None,
    *,
    complete: bool = True,
) -> list[Row]:
    """The rows of `gatepost history --format json`: by account, `from`, kind, and as they
    happened."""
    rows = [
        row
        for account, journey, walk in walks(project_dir, as_of, sightings, complete=complete)
        for row in happenings(account, journey, walk)
    ]
    kinds = ("stage", "moment", "touchpoint")
    return sorted(rows, key=lambda row: (row["account"], row["from"], kinds.index(row["kind"])))


def walks(
    project_dir: Path,
    as_of: date,
    sightings: Sequence[Sighting] | None,
    *,
    complete: bool,
) -> Iterator[tuple[Account, Config, Walk]]:
    """Every account's walk, journey by journey."""
    project = Project(Path(project_dir), sightings)
    for journey in project.journeys:
        for account in project.travellers(journey, as_of):
            yield account, journey, Walk(project, journey, account, as_of, complete=complete)
