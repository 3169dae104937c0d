"""Accounts that changed since they were read, by their stamps: one request where nothing did.

How many there are and the newest stamp tell whether anything may have changed, and never come as an
empty answer, which would prove nothing. Only then those are read that were touched since.

Stamps become visible out of order, so nothing newer than five minutes counts as read, and every
reading begins ten minutes before the end of the last. Formulas and parents' fields change without
a stamp, records that were deleted for good leave none, and a share that was taken back neither: so
where such a field is asked for everything is read each time, and else once a day.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import Changed, Sight
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described
from connectors.salesforce.options import Options
from connectors.salesforce.query import Row, read, whole
from connectors.salesforce.soql import Query, Where
from connectors.salesforce.stamps import stamp

_UNSETTLED = timedelta(minutes=5)
_OVERLAP = timedelta(minutes=10)
_STAMPS = ("SystemModstamp", "LastModifiedDate")
_DELETED, _MASTER = "IsDeleted", "MasterRecordId"


@dataclass(frozen=True, slots=True)
class _Mark:
    """A watermark. `to`: what changed until then was read. `whole`: when everything was. `seen`:
    what `stamp` said before, "" where it said nothing that can be trusted."""

    asked: str
    to: datetime
    whole: datetime
    seen: str = ""

    def __str__(self) -> str:
        said = {"to": self.to.isoformat(), "whole": self.whole.isoformat()}
        return json.dumps({"asked": self.asked, **said, "seen": self.seen})


class Changes:
    """Reads one object for one purpose: these columns, from this org."""

    def __init__(
        self, client: Client, options: Options, described: Described, columns: Sequence[str]
    ) -> None:
        self._client, self._options, self._described = client, options, described
        self._columns = list(dict.fromkeys(["Id", *columns]))
        who = (options.url, options.login_url, options.username, options.client_id)
        said = json.dumps([described.name, *self._columns, *who, client.login.organisation()])
        self._asked = hashlib.sha256(said.encode()).hexdigest()[:16]

    def since(self, watermark: str | None) -> Changed:
        """What changed since a watermark of this class; everything where that cannot be told."""
        now = self._client.now()
        mark = self._usable(watermark, now)
        if mark is None:
            whole_now = _Mark(self._asked, now - _UNSETTLED, now)
            return Changed(True, self._everything(), lambda: str(whole_now))
        seen = stamp(self._client, self._described)
        if seen and seen == mark.seen:
            # As it was: a row that shows up late is looked for when something else has changed.
            return Changed(False, iter(()), lambda: str(mark))
        following = _Mark(self._asked, now - _UNSETTLED, mark.whole, seen)
        return Changed(False, self._changed(mark), lambda: str(following))

    @property
    def _stamp(self) -> str | None:
        fields = self._described.fields
        if _DELETED not in fields or any(map(self._described.silent, self._columns)):
            return None
        return next((one for one in _STAMPS if one in fields), None)

    def _usable(self, watermark: str | None, now: datetime) -> _Mark | None:
        mark = _read(watermark)
        if mark is None or mark.asked != self._asked or self._stamp is None:
            return None
        long_ago = now - timedelta(hours=self._options.reread_hours)
        return mark if mark.whole > long_ago and mark.to <= now else None

    def _everything(self) -> Iterator[Sight]:
        query, everything = whole(self._described.name, self._columns)
        for row in self._rows(query, everything=everything):
            yield self._sight(row)
        if _MASTER in self._described.fields:
            yield from self._merged()

    def _merged(self) -> Iterator[Sight]:
        """Records that were merged away within the days that the recycle bin keeps them."""
        where = (Where(_DELETED, "=", value=True), Where(_MASTER, "!=", None))
        query = Query(["Id", _MASTER], self._described.name, where)
        for one, master in self._rows(query, everything=True):
            yield Sight(str(one), None, str(master))

    def _changed(self, mark: _Mark) -> Iterator[Sight]:
        more = [one for one in (_DELETED, _MASTER) if one in self._described.fields]
        asked = [*self._columns, *(one for one in more if one not in self._columns)]
        assert self._stamp is not None
        where = (Where(self._stamp, ">=", mark.to - _OVERLAP),)
        query = Query(asked, self._described.name, where)
        places = {name: asked.index(name) for name in more}
        for row in self._rows(query, everything=True):
            if row[places[_DELETED]]:
                master = row[places[_MASTER]] if _MASTER in places else None
                yield Sight(str(row[0]), None, None if master is None else str(master))
                continue
            yield self._sight(row)

    def _rows(self, query: Query, *, everything: bool) -> Iterator[Row]:
        return read(
            self._client,
            self._described,
            query,
            everything=everything,
            bulk_from=self._options.bulk_read_from,
        )

    def _sight(self, row: Row) -> Sight:
        return Sight(str(row[0]), dict(zip(self._columns, row, strict=False)))


def _read(watermark: str | None) -> _Mark | None:
    try:
        said: Any = json.loads(watermark or "")
        to, whole_at = (datetime.fromisoformat(said[name]) for name in ("to", "whole"))
        mark = _Mark(said["asked"], to.astimezone(UTC), whole_at.astimezone(UTC), said["seen"])
    except (ValueError, TypeError, KeyError):
        return None  # of another version, so everything is read
    return mark
