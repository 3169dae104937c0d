"""Fields that Salesforce fills in from others when a record is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


def derived(name: str, values: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What follows from `values` for a record of the object `name`."""
    match name:
        case "Opportunity":
            stage = values.get("StageName")
            return {"IsWon": stage == "Closed Won", "IsClosed": str(stage).startswith("Closed")}
        case "Case":
            closed = values.get("Status") == "Closed"
            when = (values.get("ClosedDate") or now) if closed else None
            return {"IsClosed": closed, "ClosedDate": when}
        case "Task":
            done = values.get("Status") == "Completed"
            when = (values.get("CompletedDateTime") or now) if done else None
            return {"IsClosed": done, "CompletedDateTime": when, "AccountId": values.get("WhatId")}
        case "Contact":
            names = [values.get("FirstName"), values.get("LastName")]
            return {"Name": " ".join(n for n in names if n)}
        case _:
            return {}
