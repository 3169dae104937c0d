"""Write a simulated company as a project folder of plain files.

Usage lies in one file per week in which it arrived, the CRM in one CSV per object, as an export
on the evening of a day would have it.
"""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.world_shapes import Account, World, end_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.world_shapes import Events

TEMPLATES = Path(__file__).parent / "demo_project"
# Made by an admin for Gatepost to fill; `gatepost provision` makes them in a real CRM.
OUTPUT_FIELDS = (
    "Lifecycle_Stage__c",
    "Stage_Entered__c",
    "TTV_Days__c",
    "Health_Score__c",
    "Health_Band__c",
    "Usage_Cliff__c",
    "Alerts__c",
    "Next_Step__c",
    "Next_Step_Due__c",
)
ACCOUNT_FIELDS = {
    "Id": "crm_id",
    "Name": "name",
    "Type": "type",
    "Segment__c": "segment",
    "Industry": "industry",
    "Workspace_Id__c": "workspace",
    "Champion__c": "champion",
    "CSM__c": "csm",
    "Contract_Signed__c": "signed_on",
    "Contract_End__c": "contract_end",
    "Licensed_Seats__c": "licensed_seats",
    "Kickoff_Held__c": "kickoff_on",
    "Last_Renewed__c": "renewed_on",
}


def write_project(world: World, folder: Path, until: date | None = None) -> None:
    """Write `folder`: configuration, CRM and usage as they were known at the end of `until` (UTC).

    Safe to repeat, also with a later day, as a company grows: fields that Gatepost fills keep
    their values, weeks that are over stay as they are. gatepost.yaml comes last, so a folder
    that has one is whole.
    """
    until = until or world.last_day
    for name in ("crm", "product/events", "journeys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_accounts(world.accounts_on(until), folder / "crm" / "Account.csv")
    _write_cases(world, folder / "crm" / "Case.csv", until)
    _write_surveys(world, folder / "crm" / "Survey__c.csv", until)
    _write_events(world, folder / "product" / "events", until)
    journey = (TEMPLATES / "journeys" / "onboarding.yaml").read_text(encoding="utf-8")
    journey = journey.replace("since: 2000-01-01", f"since: {world.first_day}")
    _replace(folder / "journeys" / "onboarding.yaml", journey)
    for name in ("mapping.yaml", "gatepost.yaml"):
        _replace(folder / name, (TEMPLATES / name).read_text(encoding="utf-8"))


def _replace(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, and not if it says this already."""
    data = content if isinstance(content, bytes) else content.encode()
    if path.exists() and path.read_bytes() == data:
        return
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(data)
    draft.replace(path)


def _write_accounts(accounts: Sequence[Account], path: Path) -> None:
    kept: dict[str, dict[str, str]] = {}
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            kept = {row["Id"]: row for row in csv.DictReader(file)}
    rows = []
    for account in accounts:
        own = [_text(getattr(account, attribute)) for attribute in ACCOUNT_FIELDS.values()]
        filled = [kept.get(account.crm_id, {}).get(field, "") for field in OUTPUT_FIELDS]
        rows.append(own + filled)
    _write_csv(path, (*ACCOUNT_FIELDS, *OUTPUT_FIELDS), rows)


def _write_cases(world: World, path: Path, until: date) -> None:
    rows = [
        [
            case.crm_id,
            case.account_id,
            _text(case.created_at),
            case.priority,
            "Closed" if case.closed_at and case.closed_at <= end_of(until) else "New",
            case.subject,
        ]
        for case in world.cases
        if case.created_at <= end_of(until)
    ]
    _write_csv(path, ("Id", "AccountId", "CreatedDate", "Priority", "Status", "Subject"), rows)


def _write_surveys(world: World, path: Path, until: date) -> None:
    rows = [
        [survey.crm_id, survey.account_id, _text(survey.answered_at), str(survey.score)]
        for survey in world.surveys
        if survey.answered_at <= end_of(until)
    ]
    _write_csv(path, ("Id", "Account__c", "Answered_At__c", "Score__c"), rows)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    draft = path.with_name(path.name + ".new")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    draft.replace(path)


def _write_events(world: World, folder: Path, until: date) -> None:
    arrived = world.events.take(world.events.arrived <= int(end_of(until).timestamp()))
    if not len(arrived):
        return
    # Weeks by the Monday on which they begin; the epoch was a Thursday.
    week = (arrived.arrived // 86_400 + 3) // 7
    for number in np.unique(week).tolist():
        monday = date(1970, 1, 1) + timedelta(days=number * 7 - 3)
        _write_week(world, arrived.take(week == number), folder / f"{monday}.jsonl.gz")


def _write_week(world: World, events: Events, path: Path) -> None:
    lines = (json.dumps(row, separators=(",", ":")) for row in world.rows(events))
    text = "\n".join(lines) + "\n"
    # No time of writing in the header: the same events are the same bytes.
    _replace(path, gzip.compress(text.encode(), compresslevel=3, mtime=0))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
