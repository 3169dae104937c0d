"""The project that `init` writes: three accounts and some weeks of usage, ending yesterday."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

TEMPLATES = Path(__file__).parent / "starter"
_YAML = ("gatepost.yaml", "mapping.yaml", "journeys/customer.yaml")
_COLUMNS = (
    "Id,Name,Type,Workspace,Signed,Contract_End,Seats,Kickoff_Held,"
    "Stage,Stage_Entered,TTV_Days,Health,Health_Band,Alerts,Missing"
)
_EMPTY = "," * 7  # what Gatepost fills


@dataclass(frozen=True)
class _Story:
    """An account of the example. Days are counted back from the day of `init`."""

    id: str
    name: str
    signed: int
    seats: int
    kickoff: int | None
    people: int
    """how many log in on working days, one more a fortnight from the first week on"""
    first_use: int
    shared: int | None
    """when the first report was shared"""
    last_use: int = 1


_STORIES = (
    _Story("A-1", "Northgate Mills", 75, 8, kickoff=71, people=2, first_use=70, shared=52),
    _Story("A-2", "Blue Harbour", 48, 20, kickoff=None, people=1, first_use=40, shared=None),
    _Story(
        "A-3", "Cedar and Daughters", 90, 6, kickoff=85, people=5, first_use=88, shared=80,
        last_use=11,
    ),
)  # fmt: skip


def starter_files(today: date, crm: str = "files") -> dict[str, str]:
    """Path within the project: text. The same day gives the same files. Only with files as the
    CRM are there accounts and usage; salesforce and hubspot have their own."""
    files = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in _YAML}
    journey = files["journeys/customer.yaml"]
    files["journeys/customer.yaml"] = journey.replace("SINCE_DAY", f"{today.year - 1}-01-01")
    files[".gitignore"] = ".gatepost/\n"
    if crm != "files":
        return files | {
            name: (TEMPLATES / crm / name).read_text(encoding="utf-8") for name in _YAML[:2]
        }
    files["crm/Account.csv"] = "\n".join([_COLUMNS, *(_row(one, today) for one in _STORIES), ""])
    events = sorted(event for story in _STORIES for event in _events(story, today))
    files["product/events/usage.jsonl"] = "".join(line for _, line in events)
    return files


def _row(story: _Story, today: date) -> str:
    kickoff = "" if story.kickoff is None else str(today - timedelta(story.kickoff))
    signed = today - timedelta(story.signed)
    end = signed + timedelta(365)
    known = (story.id, story.name, "Customer", _workspace(story), signed, end, story.seats, kickoff)
    return ",".join(map(str, known)) + _EMPTY


def _workspace(story: _Story) -> str:
    return story.name.split()[0].lower()


def _events(story: _Story, today: date) -> Iterator[tuple[str, str]]:
    """Time and line of each event: people log in on working days, and make and share reports."""
    for ago in range(story.first_use, story.last_use - 1, -1):
        day = today - timedelta(ago)
        if day.weekday() >= 5 and ago != story.shared:
            continue
        people = min(story.people + (story.first_use - ago) // 14, story.seats)
        for person in range(people):
            yield _event(story, day, 9 + person % 8, "Logged In", person)
        if ago % 5 == 0:
            kind = "scheduled" if story.shared and ago < story.shared else "ad hoc"
            yield _event(story, day, 18, "Report Created", 0, report_type=kind)
        if ago == story.shared:
            yield _event(story, day, 19, "Report Shared", 0)


def _event(
    story: _Story, day: date, hour: int, name: str, person: int, **properties: str
) -> tuple[str, str]:
    time = f"{day}T{hour:02}:{10 + person:02}:00Z"
    workspace = _workspace(story)
    line = {
        "event": name, "time": time, "user": f"person{person + 1}@{workspace}.example",
        "workspace": workspace, **properties,
    }  # fmt: skip
    return time, json.dumps(line) + "\n"
