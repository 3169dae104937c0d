"""GET /api/2.0/export: whole days, no cursor, no count, no end marker."""

from __future__ import annotations

import json
import zlib
from datetime import date, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, Reply, accepts_gzip
from sandbox.mixpanel.errors import ApiError
from sandbox.mixpanel.render import imported_line, lines, odd_lines
from sandbox.mixpanel.where import BadExpression, compile_where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.core.faults import Fault
    from sandbox.mixpanel.project import Project, Settings

PARAMETERS = ("from_date", "to_date", "project_id", "event", "where", "limit", "time_in_ms")
_GZIP_FROM_BYTES = 1400
_CHUNK_BYTES = 65_536
_MOST_EVENTS = 100_000
_MOST_CACHED_BYTES = 1 << 30
_SETTLED_DAYS = 9  # after that nothing arrives late any more and all identities are merged


class Export:
    """Builds the body as it is sent, in chunks, compressed if asked for and worth it."""

    def __init__(self, project: Project, settings: Callable[[], Settings]) -> None:
        self._project = project
        self._settings = settings
        self._cache: dict[tuple[object, ...], list[bytes]] = {}
        self._cached_bytes = 0

    def run(self, call: Call) -> Reply:
        first, last = self._days(call)
        found = self._lines(call, first, last)
        call.notes["days"] = (last - first).days + 1
        if call.take("empty"):
            found = iter(())
        early = call.take("terminated_early")
        if early is not None:
            found = _terminated(found, early)
            return self._reply(call, found, None)
        if call.take("odd_rows"):
            noon = datetime.combine(first, datetime.min.time()).timestamp() + 43_200
            return self._reply(call, chain(found, odd_lines(int(noon))), None)
        return self._reply(call, found, self._cache_key(call, last))

    def _cache_key(self, call: Call, last: date) -> tuple[object, ...] | None:
        """Windows that cannot change any more are kept compressed: benchmarks read them often."""
        today = self._project.today(self._settings())
        if last + timedelta(days=_SETTLED_DAYS) > today or not accepts_gzip(call):
            return None
        asked = tuple(call.one(name) for name in PARAMETERS)
        settings = self._settings()
        return (asked, settings.project_time, settings.id_merge, len(self._project.imported))

    def _days(self, call: Call) -> tuple[date, date]:
        days = []
        for name in ("from_date", "to_date"):
            if not call.one(name):
                raise ApiError(400, f"{name} is a required parameter")
            try:
                days.append(date.fromisoformat(call.one(name)))
            except ValueError:
                raise ApiError(400, f"{name} is not a valid date: {call.one(name)}") from None
        first, last = days
        if last > self._project.today(self._settings()):
            raise ApiError(400, "to_date cannot be later than today", plain=True)
        if first > last:
            raise ApiError(400, "from_date cannot be later than to_date", plain=True)
        return first, last

    def _lines(self, call: Call, first: date, last: date) -> Iterator[bytes]:
        names = self._names(call)
        test = self._test(call)
        limit = self._limit(call)
        settings, milliseconds = self._settings(), call.one("time_in_ms") == "true"
        rows = self._project.rows_between(first, last, settings)
        if names is not None and self._project.columns is not None:
            heads = [json.loads(head) in names for head in self._project.heads]
            tails = self._project.columns.tail[rows]
            rows = rows[[heads[tail] for tail in tails.tolist()]]
        texts: Iterator[str] = lines(self._project, rows, settings, milliseconds=milliseconds)
        extra = (
            imported_line(event, settings, milliseconds=milliseconds)
            for event in self._project.imported_between(first, last, settings)
            if names is None or event["event"] in names
        )
        texts = chain(texts, extra)
        if test is not None:
            texts = (text for text in texts if test(json.loads(text)) is True)
        return (text.encode() for text in islice(texts, limit))

    def _names(self, call: Call) -> set[str] | None:
        if not call.one("event"):
            return None
        try:
            names = json.loads(call.one("event"))
        except json.JSONDecodeError:
            names = None
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise ApiError(400, "event must be a JSON array of strings")
        return set(names)

    def _test(self, call: Call) -> Callable[[dict[str, Any]], Any] | None:
        if not call.one("where"):
            return None
        try:
            return compile_where(call.one("where"))
        except BadExpression as wrong:
            raise ApiError(400, f"Invalid where clause: {wrong}") from None

    def _limit(self, call: Call) -> int | None:
        text = call.one("limit")
        if not text:
            return None
        if not text.isdigit() or not 1 <= int(text) <= _MOST_EVENTS:
            raise ApiError(400, f"limit must be between 1 and {_MOST_EVENTS}")
        return int(text)

    def _reply(self, call: Call, found: Iterable[bytes], key: tuple[object, ...] | None) -> Reply:
        headers = {"content-type": "text/plain; charset=utf-8"}
        if key is not None and key in self._cache:
            return Reply(200, iter(self._cache[key]), {**headers, "content-encoding": "gzip"})
        pieces = _pieces(found)
        start = b"".join(islice(pieces, 1))
        if not accepts_gzip(call) or len(start) <= _GZIP_FROM_BYTES:
            return Reply(200, chain([start], pieces) if start else iter(()), headers)
        packed = _packed(chain([start], pieces))
        if key is not None:
            packed = self._kept(key, packed)
        return Reply(200, packed, {**headers, "content-encoding": "gzip"})

    def _kept(self, key: tuple[object, ...], packed: Iterator[bytes]) -> Iterator[bytes]:
        kept = []
        for piece in packed:
            kept.append(piece)
            yield piece
        size = sum(map(len, kept))
        if self._cached_bytes + size <= _MOST_CACHED_BYTES:
            self._cache[key] = kept
            self._cached_bytes += size


def _pieces(found: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in pieces of some 64 KiB."""
    held: list[bytes] = []
    size = 0
    for line in found:
        held.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _terminated(found: Iterator[bytes], fault: Fault) -> Iterator[bytes]:
    """Stops in the middle and says so, in one of the ways that were seen: as the last line (with or
    without a newline), or as the whole body."""
    how = fault.get("how", "line")
    if how == "only":
        return iter([b"export terminated early"])
    every = list(found)
    kept = every[: int(len(every) * float(fault.get("at", 0.5)))]
    return iter([*kept, b"terminated early\n" if how == "newline" else b"terminated early"])
