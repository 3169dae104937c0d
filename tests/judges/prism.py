"""Prism between clients and the sandbox: HubSpot's own description judges what both send.

The description is HubSpot's and not ours to pass on. Whoever has a copy of companies.json, of v3 or
of a date version, puts it into build/judges/hubspot or names it on the command line. hubspot-api-
client speaks v3 alone; our own connector speaks whatever the description does.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import hubspot
from hubspot.crm import companies as hs

from config.errors import GatepostError
from config.project_file import Connection
from connectors import http
from connectors.hubspot.connector import HubSpotConnector
from tests.judges.tools import WORK

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

PLACE = WORK / "hubspot"

# Where the description asks for more than the vendor sends or takes: seen in recordings.
OVER_STRICT = {
    "Request body property sorts.0 must be string": "the vendor's own pages show objects",
    "Request query parameter archived must be boolean": "the client writes False, not false",
    "Response body property errors.0 must have required property 'errors'": "recorded without",
    "Response body property errors.0 must have required property 'links'": "recorded without",
}
_START_SECONDS = 60.0


def judge(program: Path, description: Path, ready: dict[str, Any], log: Path) -> str:
    """Every call of the list through Prism. Raises AssertionError naming what it objected to."""
    version = _version(description)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [str(program), "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port),
             str(description), str(ready["hubspot"]["url"])]  # fmt: skip
    with log.open("a") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            _wait(port)
            address = f"http://127.0.0.1:{port}"
            calls = _ours(address, ready, version)
            if version == "v3":
                calls |= _theirs(address, ready)
            return f"{version}: {_objected(calls)}"
        finally:
            process.terminate()


def _version(description: Path) -> str:
    paths = json.loads(description.read_text())["paths"]
    found = {m[0] for path in paths for m in re.finditer(r"v3|20\d\d-\d\d", path)}
    assert len(found) == 1, f"{description} describes {found or 'no version'}"
    return found.pop()


def _objected(calls: dict[str, Callable[[], set[str]]]) -> str:
    objections = {name: run() for name, run in calls.items()}
    unknown = {
        name: found - set(OVER_STRICT)
        for name, found in objections.items()
        if found - set(OVER_STRICT)
    }
    assert not unknown, unknown
    strict = sorted({text for found in objections.values() for text in found})
    return f"{len(calls)} calls; known over-strictness met: {strict}"


def _wait(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _ours(address: str, ready: dict[str, Any], version: str) -> dict[str, Callable[[], set[str]]]:
    """What the connector asks for, in its own words."""
    os.environ["GATEPOST_JUDGED_TOKEN"] = ready["hubspot"]["token"]
    options = {"api_version": version, "retries": 0, "api_budget": 1}
    connection = Connection(type="hubspot", url=address, options=options)
    wire = HubSpotConnector("judged", connection, WORK).wire
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE",
             "value": str(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000))}  # fmt: skip
    search = {
        "filterGroups": [{"filters": [since]}],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
        "properties": ["hs_lastmodifieddate", "createdate"], "limit": 200,
    }  # fmt: skip
    one, two = (r["id"] for r in wire.page("companies", ["name"], None)["results"][:2])

    def change(*ids: str) -> list[dict[str, Any]]:
        return [{"id": i, "properties": {"gp_stage": "value"}, "objectWriteTraceId": i}
                for i in ids]  # fmt: skip

    calls: dict[str, Callable[[], Any]] = {
        "our page": lambda: wire.page("companies", ["name", "domain"], None, ["contacts"]),
        "our next page": lambda: wire.page("companies", ["name"], two),
        "our history": lambda: wire.page("companies", ["name"], None, histories=["name"]),
        "our archived": lambda: wire.page("companies", ["name"], None, archived=True),
        "our read": lambda: wire.read("companies", [one, two], ["name"]),
        "our read, one gone": lambda: wire.read("companies", [one, "9"], ["name"]),
        "our newest": lambda: wire.newest("companies", "hs_lastmodifieddate"),
        "our search": lambda: wire.search("companies", search),
        "our update": lambda: wire.update("companies", change(one, two)),
        "our update, one gone": lambda: wire.update("companies", change(one, "9")),
        "our update, refused": lambda: wire.update(
            "companies", [{"id": one, "properties": {"gp_stage": "no"}}]
        ),
    }
    return {name: partial(_watched, run) for name, run in calls.items()}


def _watched(run: Callable[[], Any]) -> set[str]:
    """What Prism had against the requests of a call of ours and their answers."""
    found: set[str] = set()
    sent = http.send

    def watching(*words: Any, **options: Any) -> requests.Response:
        # Prism resets a connection over which it has objected.
        options["headers"] = {**(options.get("headers") or {}), "Connection": "close"}
        response = sent(*words, **options)
        if "problem+json" in response.headers.get("Content-Type", ""):
            body = response.json()
            told = body.get("validation") or [{"message": body.get("title", "objected")}]
            found.update(str(one["message"]) for one in told)
        return response

    with patch.object(http, "send", watching):
        try:
            run()
        except GatepostError as error:
            if not found and "no was not one of" not in str(error):
                found.add(str(error))
    return found


def _theirs(address: str, ready: dict[str, Any]) -> dict[str, Callable[[], set[str]]]:
    """hubspot-api-client as it comes."""
    api = hubspot.HubSpot(access_token=ready["hubspot"]["token"], host=address).crm.companies
    one, two = (r.id for r in api.basic_api.get_page(limit=2).results)

    def update(*inputs: dict[str, Any]) -> Any:
        return api.batch_api.update(hs.BatchInputSimplePublicObjectBatchInput(inputs=list(inputs)))

    def read(*ids: str) -> Any:
        asked = hs.BatchReadInputSimplePublicObjectId(
            inputs=[{"id": i} for i in ids], properties=["domain"], properties_with_history=[]
        )
        return api.batch_api.read(asked)

    def search() -> Any:
        wanted = {"propertyName": "type", "operator": "EQ", "value": "CUSTOMER"}
        request = hs.PublicObjectSearchRequest(
            filter_groups=[{"filters": [wanted]}], limit=3, properties=["domain"],
            sorts=["createdate"], after="0", query="",
        )  # fmt: skip
        return api.search_api.do_search(request)

    value = {"gp_stage": "value"}
    calls: dict[str, Callable[[], Any]] = {
        "page": lambda: api.basic_api.get_page(limit=5, properties_with_history=["name"]),
        "page, all named": lambda: api.basic_api.get_page(limit=5, archived=False),
        "one": lambda: api.basic_api.get_by_id(one),
        "one, changed": lambda: api.basic_api.update(one, hs.SimplePublicObjectInput(value)),
        "read": lambda: read(one, two),
        "read, one gone": lambda: read(one, "9"),
        "update": lambda: update({"id": one, "properties": {"gp_stage": "adoption"}}),
        "update, one gone": lambda: update(
            {"id": one, "properties": value}, {"id": "9", "properties": value}
        ),
        "search": search,
    }  # fmt: skip
    return {name: partial(_objections, run) for name, run in calls.items()}


def _objections(run: Callable[[], Any]) -> set[str]:
    """What Prism had against a call and its answer."""
    try:
        run()
    except hs.exceptions.ApiException as refused:
        body = json.loads(refused.body)
        return {str(one["message"]) for one in body.get("validation", [{"message": body}])}
    return set()
