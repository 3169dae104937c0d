"""Sandboxes for tests, and a plain HTTP client that hides nothing."""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox.testing import Running, running


@dataclass
class Answer:
    """One response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Plain:
    """Requests with the credentials of one vendor, nothing retried and nothing followed."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, Any] | None = None,
        **headers: str,
    ) -> Answer:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        target = path + ("?" + urlencode(query, doseq=True) if query else "")
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        raw = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
        try:
            connection.request(method, target, raw, {**self.headers, **named})
            response = connection.getresponse()
            return Answer(
                response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
            )
        finally:
            connection.close()


@pytest.fixture
def world():
    with running(accounts=30, days=60) as started:
        yield started


@pytest.fixture
def nobody(world: Running) -> Plain:
    return Plain(world.url)


@pytest.fixture
def salesforce(world: Running) -> Plain:
    token = world.ready["salesforce"]["token"]
    return Plain(
        world.url, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    )


@pytest.fixture
def hubspot(world: Running) -> Plain:
    token = world.ready["hubspot"]["token"]
    return Plain(
        world.url, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    )


@pytest.fixture
def mixpanel(world: Running) -> Plain:
    import base64

    known = world.ready["mixpanel"]
    coded = base64.b64encode(f"{known['username']}:{known['secret']}".encode()).decode()
    return Plain(world.url, {"Authorization": f"Basic {coded}"})
