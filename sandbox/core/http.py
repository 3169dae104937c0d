"""Requests, replies and routes: the little that the vendors' handlers need of HTTP."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from sandbox.core.faults import Fault

JsonDict = dict[str, Any]


class BadBody(ValueError):
    """The body is not what its content type says."""


@dataclass
class Call:
    """One request, and what the pipeline learns about it on the way."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]  # names in lower case
    body: bytes
    base_url: str  # as the client sees us: scheme, host and port
    params: dict[str, str] = field(default_factory=dict)  # from the route's pattern
    vendor: str = ""
    route: str = ""
    user: Any = None  # whom the vendor's login found
    notes: JsonDict = field(default_factory=dict)  # for the request log
    take: Callable[..., Fault | None] = lambda *_kinds, **_about: None

    @property
    def host(self) -> str:
        return self.headers.get("host", "").split(":")[0].lower()

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def content(self) -> bytes:
        """The body without its content encoding. Raises BadBody."""
        if self.headers.get("content-encoding", "").lower() != "gzip":
            return self.body
        try:
            return gzip.decompress(self.body)
        except (OSError, EOFError, zlib.error) as broken:
            raise BadBody(str(broken)) from broken

    def json(self) -> Any:
        """The body as JSON. Raises BadBody with where it went wrong."""
        try:
            return json.loads(self.content())
        except (json.JSONDecodeError, UnicodeDecodeError) as broken:
            raise BadBody(str(broken)) from broken

    def form(self) -> dict[str, str]:
        """A form body, last value of each name; blank values are kept."""
        text = self.content().decode("utf-8", "replace")
        return {k: v[-1] for k, v in parse_qs(text, keep_blank_values=True).items()}


@dataclass
class Reply:
    """A response. A body that is an iterator is sent in chunks and without Content-Length."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(
        cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Reply:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(
            status, body, {"content-type": "application/json;charset=UTF-8", **(headers or {})}
        )

    @classmethod
    def of_text(
        cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8"
    ) -> Reply:
        return cls(status, text.encode(), {"content-type": content_type})


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """`pattern` holds `{name}` for one path segment; a trailing slash is always allowed.
    `known` are the query parameters that the vendor reads; others are noted in the log."""

    name: str
    method: str
    pattern: str
    handler: Handler
    known: frozenset[str] = frozenset()

    def compiled(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.pattern) + "/?")


class Router:
    """Finds the route of a path. Earlier routes win."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = [(route, route.compiled()) for route in routes]

    def names(self) -> set[str]:
        """What routes are called; those that no route fits are `unknown`."""
        return {route.name for route, _ in self._routes} | {"unknown"}

    def find(self, call: Call) -> Route | set[str]:
        """The route, with `call.params` filled in; or the methods that the path does allow."""
        methods: set[str] = set()
        for route, pattern in self._routes:
            match = pattern.fullmatch(call.path)
            if match is None:
                continue
            if route.method == call.method:
                call.params = {k: unquote(v) for k, v in match.groupdict().items()}
                return route
            methods.add(route.method)
        return methods


def accepts_gzip(call: Call) -> bool:
    """Tell whether the client asks for a compressed body."""
    return "gzip" in call.headers.get("accept-encoding", "").lower()
