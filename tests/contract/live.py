"""Accounts that the harmless part of the contract is run against, as the environment tells them.

README.md beside this file says which variables. Nothing here makes or deletes a record.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.project_file import Connection
from connectors.base import Connector
from connectors.registry import connect

_USUAL = {"salesforce": ("Account", "Id"), "hubspot": ("companies", "hs_object_id")}
_GENTLE = {
    "salesforce": {"max_requests": 200, "bulk_read_from": 10**9},
    "hubspot": {"max_requests": 200},
    "mixpanel": {},
}


@dataclass(frozen=True)
class Account:
    """Records of `object` have their ids in `id`. `field`: a text field that may be written, ""
    where none may; `record`: the record to do that to, "" for the first that is there."""

    connector: Connector
    object: str = ""
    id: str = ""
    field: str = ""
    record: str = ""


def variable(vendor: str, what: str) -> str:
    """GATEPOST_LIVE_HUBSPOT_OPTIONS and so on. Secrets are named by the same rule as any
    connection's: this one is called live_hubspot."""
    return f"GATEPOST_LIVE_{vendor.upper()}_{what}"


def is_given(vendor):
    """Whether the environment has an account of a vendor."""
    return bool(os.environ.get(variable(vendor, "OPTIONS")))


def opened(vendor, folder):
    """The account that the environment has of a vendor."""
    options = {**_GENTLE[vendor], **json.loads(os.environ[variable(vendor, "OPTIONS")])}
    if vendor == "mixpanel":
        options.setdefault("since", str(datetime.now(UTC).date() - timedelta(days=2)))
    url = options.pop("url", None)
    connection = Connection(type=vendor, url=url, options=options)
    connector = connect(f"live_{vendor}", connection, folder)
    if vendor == "mixpanel":
        return Account(connector)
    usual_object, usual_id = _USUAL[vendor]
    return Account(
        connector,
        os.environ.get(variable(vendor, "OBJECT")) or usual_object,
        usual_id,
        os.environ.get(variable(vendor, "FIELD")) or "",
        os.environ.get(variable(vendor, "RECORD")) or "",
    )
