"""Write the project folder of a company whose CRM and product are the sandbox's own."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.world import DEMO_DAYS
from sandbox.world_files import TEMPLATES

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_LATEST_ARRIVAL_DAYS = 8  # see world_events
_URL = re.compile(r"http://127\.0\.0\.1:[0-9]+")


def last_day() -> date:
    """The last day of a company that is simulated today: the latest of which all events have
    arrived, so that a later look finds what the first one found."""
    return datetime.now(UTC).date() - timedelta(days=_LATEST_ARRIVAL_DAYS)


def write_connected(folder: Path, crm: str, ready: dict[str, Any], end: date) -> None:
    """Write a project for the sandbox that printed `ready`; `crm` is salesforce or hubspot.

    Safe to repeat: what is there stays as people left it, but for the sandbox's address and the
    secrets. gatepost.yaml comes last, so a folder that has one is whole.
    """
    first = end - timedelta(days=DEMO_DAYS - 1)
    journey = (TEMPLATES / "journeys" / "onboarding.yaml").read_text(encoding="utf-8")
    journey = journey.replace("since: 2000-01-01", f"since: {first}")
    if crm == "hubspot":  # tickets have their own words
        journey = journey.replace("priority = 'High'", "priority = 'HIGH'")
    _once(folder / "journeys" / "onboarding.yaml", journey)
    mapping = (TEMPLATES / crm / "mapping.yaml").read_text(encoding="utf-8")
    _once(folder / "mapping.yaml", mapping)
    _secrets(folder / "secrets", crm, ready)
    said = {
        "URL": ready[crm]["url"], "PROJECT_ID": str(ready["mixpanel"]["project_id"]),
        "USERNAME": ready["mixpanel"]["username"], "FIRST_DAY": str(first),
        "CLIENT_ID": ready[crm].get("client_id", ""),
    }  # fmt: skip
    connections = (TEMPLATES / crm / "gatepost.yaml").read_text(encoding="utf-8")
    for word, value in said.items():
        connections = re.sub(rf"\b{word}\b", value, connections)
    path = folder / "gatepost.yaml"
    if path.exists():
        connections = _URL.sub(ready[crm]["url"], path.read_text(encoding="utf-8"))
    path.write_text(connections, encoding="utf-8")


def port_in(folder: Path) -> int | None:
    """The port that the folder's connections name; None if there is none."""
    try:
        found = _URL.search((folder / "gatepost.yaml").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[0].rpartition(":")[2]) if found else None


def _secrets(folder: Path, crm: str, ready: dict[str, Any]) -> None:
    """Everybody's, on loopback: no secrets at all, but laid out as real ones are."""
    folder.mkdir(parents=True, exist_ok=True)
    option = {"salesforce": "client_secret", "hubspot": "token"}[crm]
    for name, secret in (
        (f"gatepost_crm_{option}", ready[crm][option]),
        ("gatepost_product_secret", ready["mixpanel"]["secret"]),
    ):
        (folder / name).write_text(secret, encoding="utf-8")


def _once(path: Path, text: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
