"""Prism between hubspot-api-client and the sandbox: HubSpot's own description judges both.

The description is HubSpot's and not ours to pass on; whoever has a copy of companies.json (v3)
names it on the command line. Without one this judge is not run.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import hubspot
from hubspot.crm import companies as hs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Where the description asks for more than the vendor sends or takes: seen in recordings.
OVER_STRICT = {
    "Request query parameter archived must be boolean": "the client writes False, not false",
    "Response body property errors.0 must have required property 'errors'": "recorded without",
    "Response body property errors.0 must have required property 'links'": "recorded without",
}
_START_SECONDS = 60.0


def judge(program: Path, description: Path, ready: dict[str, Any], log: Path) -> str:
    """Every call of the list through Prism. Raises AssertionError naming what it objected to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [str(program), "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port),
             str(description), str(ready["hubspot"]["url"])]  # fmt: skip
    with log.open("w") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            _wait(port)
            return _calls(f"http://127.0.0.1:{port}", ready)
        finally:
            process.terminate()


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


def _calls(address: str, ready: dict[str, Any]) -> str:
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
    objections = {name: _objections(run) for name, run in calls.items()}
    unknown = {
        n: found - set(OVER_STRICT) for n, found in objections.items() if found - set(OVER_STRICT)
    }
    assert not unknown, unknown
    strict = sorted({text for found in objections.values() for text in found})
    return f"{len(calls)} calls; known over-strictness met: {strict}"


def _objections(run: Callable[[], Any]) -> set[str]:
    """What Prism had against a call and its answer."""
    try:
        run()
    except hs.exceptions.ApiException as refused:
        body = json.loads(refused.body)
        return {str(one["message"]) for one in body.get("validation", [{"message": body}])}
    return set()
