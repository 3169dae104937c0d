"""Whether anything of an object changed, in one request that is never answered with nothing."""

from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described
from connectors.salesforce.query import whole

_LATE = timedelta(minutes=10)
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
"""What tells that a record was touched, best first: records of history are only ever made."""


def stamp(client: Client, described: Described) -> str:
    """Differs whenever a record of an object was made, touched or deleted; formulas aside.

    Empty for ten minutes after a change: stamps become visible out of order, so that the newest one
    proves nothing about those shortly before it.
    """
    field = next((one for one in STAMPS if one in described.fields), None)
    if field is None:
        return ""
    query, everything = whole(described.name, ["Id"])
    found: Any = client.query(query.stamped(field), include_deleted=everything)
    for row in found["records"]:
        return settled(client, row["n"], row["m"])
    return ""  # an answer that cannot be: counts have a row even where there is nothing


def settled(client: Client, number: int, newest: str | None) -> str:
    """What a count and a newest stamp say of records. Empty for ten minutes after the stamp."""
    if newest is None:
        return f"{number}"
    return "" if client.now() - datetime.fromisoformat(newest) < _LATE else f"{number} {newest}"
