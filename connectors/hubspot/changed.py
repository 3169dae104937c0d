"""Records that may have changed: found by search, read by their ids.

Search is late, shows no more than 10,000 results of one question, and its pages shift while they
are read. So it is only asked for ids, from a while before the last time, each question beginning
where the answer before it ended; and what it cannot have told shows when records are counted.
Where any of that does not add up, and now and then anyway, everything is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from connectors.base import Changed, Raw, Sight
from connectors.hubspot.errors import Json
from connectors.hubspot.records import all_records, next_page, some_records
from connectors.hubspot.schema import MERGED, RECORD_ID
from connectors.hubspot.wire import MOST

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

LATE = timedelta(hours=2)
"""How late the search index may be; an hour was seen."""
WHOLE_DAYS = 7
"""After so many days everything is read, whatever search says."""

_PAGE = 200
_ARCHIVED_PAGES = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Watermark:
    """Whose account it is, from when on its changes are not known, how many records there were, and
    the day on which everything was read last."""

    whose: str
    since: datetime
    total: int
    whole: date

    @property
    def text(self) -> str:
        return f"{self.whose} {self.since.isoformat()} {self.total} {self.whole}"

    @classmethod
    def of(cls, text: str | None) -> "Watermark | None":
        """None for what this did not write."""
        try:
            whose, since, total, whole = (text or "").split(" ")
            return cls(whose, datetime.fromisoformat(since), int(total), date.fromisoformat(whole))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Hit:
    """What search says of a record: milliseconds since 1970, and how many were merged into it."""

    modified: int
    created: int
    merged: int


class ChangedRecords:
    """One look for what changed in an object. Made anew for each."""

    def __init__(
        self, connector: "HubSpotConnector", object_name: str, columns: Sequence[str]
    ) -> None:
        self._connector, self._wire = connector, connector.wire
        self._name, self._columns = object_name, list(columns)
        self._schema = connector.schema(object_name)
        more = [MERGED] if MERGED in self._schema.properties else []
        self._asked = list(dict.fromkeys([*columns, *more]))
        self._now = self._wire.now()
        self._total = 0

    def read(self, id_field: str, since: str | None) -> Changed:
        """As ReadsChanged says. Only HubSpot's own ids can be followed: another property may be
        given to another record, and an archived record's is not told."""
        self._schema.need([id_field, *self._columns])
        last = Watermark.of(since)
        found = self._since(last) if last is not None and id_field == RECORD_ID else None
        today = self._now.date()
        if last is None or found is None:
            return Changed(True, self._all(id_field), lambda: self._mark(today))
        return Changed(False, self._some(*found), lambda: self._mark(last.whole))

    def _mark(self, whole: date) -> str:
        return Watermark(self._wire.whose, self._now - LATE, self._total, whole).text

    def _all(self, id_field: str) -> Iterator[Sight]:
        self._total = 0
        columns = dict.fromkeys([id_field, *self._asked])
        for one, row in all_records(self._connector, self._name, list(columns)):
            self._total += 1
            if id_field == RECORD_ID:
                yield from self._sights(one, row)
            elif row[id_field] is not None:
                yield Sight(str(row[id_field]), {name: row[name] for name in self._columns})

    def _some(self, changed: Sequence[str], archived: Sequence[str]) -> Iterator[Sight]:
        yield from (Sight(one, None) for one in archived)
        missing = dict.fromkeys(changed)
        for one, row in some_records(self._connector, self._name, self._asked, changed):
            for sight in self._sights(one, row):
                missing.pop(sight.id, None)
                yield sight
        yield from (Sight(one, None) for one in missing)  # gone since they were found

    def _sights(self, one: str, row: Mapping[str, Raw]) -> Iterator[Sight]:
        """A record, and those that were merged into it."""
        yield Sight(one, {name: row[name] for name in self._columns})
        for old in filter(None, str(row.get(MERGED) or "").split(";")):
            yield Sight(old, None, one)

    # -- what changed

    def _since(self, last: Watermark) -> tuple[list[str], list[str]] | None:
        """Ids to read and ids that are gone. None where everything is to be read: what changes is
        not told, reading it costs less, or what was told cannot be all."""
        told = all(self._schema.moves_stamp(name) for name in self._columns)
        fresh = (self._now.date() - last.whole).days < WHOLE_DAYS
        ours = last.whose == self._wire.whose
        if not (told and fresh and ours) or last.total <= MOST:
            return None
        known = self._wire.newest(self._name, self._schema.modified)
        self._total = known[0] if known else 0
        since = max(1, _milliseconds(last.since))  # search fails over the beginning of time
        hits = self._hits(since, _milliseconds(_instant(known[1]))) if known else None
        if hits is None:
            return None
        made = sum(hit.created >= since for hit in hits.values())
        if self._total == last.total and not made:
            return list(hits), []
        archived = self._archived(last.since)
        if archived is None:
            return None
        gone = len(archived) + sum(hit.merged for hit in hits.values())
        if not -gone <= self._total - last.total <= made:
            return None  # somebody is there or gone of whom nothing was told
        return [one for one in hits if one not in archived], list(archived)

    def _hits(self, begin: int, newest: int) -> dict[str, Hit] | None:
        """What search knows to have changed from `begin` on. None if reading everything costs less,
        or if it showed fewer than it said that there are, or not the `newest`."""
        hits: dict[str, Hit] = {}
        last, expected = newest if newest >= begin else 0, None
        while True:
            page, total = self._page({"operator": "GTE", "value": str(begin)})
            expected = total if expected is None else expected
            if 3 * expected > 2 * self._total:
                return None
            hits |= page
            if len(page) < _PAGE:
                shown = max((hit.modified for hit in hits.values()), default=0)
                return hits if len(hits) >= expected and shown >= last else None
            end = max(hit.modified for hit in page.values())
            if end <= begin:  # a whole page of one millisecond: an import
                hits |= self._of_millisecond(begin)
                end = begin + 1
            begin = end

    def _of_millisecond(self, stamp: int) -> dict[str, Hit]:
        """All that was changed in one millisecond, in order of id, however many questions it is."""
        hits: dict[str, Hit] = {}
        last = "0"
        while True:
            page, _ = self._page({"operator": "EQ", "value": str(stamp)}, after_id=last)
            hits |= page
            if len(page) < _PAGE:
                return hits
            last = max(page, key=int)

    def _page(self, wanted: Json, after_id: str = "") -> tuple[dict[str, Hit], int]:
        modified = self._schema.modified
        filters = [{"propertyName": modified, **wanted}]
        if after_id:
            filters.append({"propertyName": RECORD_ID, "operator": "GT", "value": after_id})
        body = self._wire.search(self._name, {
            "filterGroups": [{"filters": filters}],
            "sorts": [
                {"propertyName": RECORD_ID if after_id else modified, "direction": "ASCENDING"}
            ],
            "properties": [modified, "createdate", MERGED],
            "limit": _PAGE,
        })  # fmt: skip
        results = [one for one in body.get("results") or [] if isinstance(one, dict)]
        return {str(one["id"]): self._hit(one) for one in results}, int(body.get("total") or 0)

    def _hit(self, one: Json) -> Hit:
        held = one.get("properties") or {}
        merged = str(held.get(MERGED) or "").split(";")
        return Hit(
            _milliseconds(_instant(held.get(self._schema.modified))),
            _milliseconds(_instant(one.get("createdAt") or held.get("createdate"))),
            sum(map(bool, merged)),
        )

    def _archived(self, since: datetime) -> dict[str, None] | None:
        """Ids of the records that were archived since. None if it takes too many calls to tell."""
        ids: dict[str, None] = {}
        after = None
        for _ in range(_ARCHIVED_PAGES):
            body = self._wire.page(self._name, [RECORD_ID], after, archived=True)
            for one in body.get("results") or []:
                if _instant(one.get("archivedAt")) >= since:
                    ids[str(one["id"])] = None
            after = next_page(body)
            if not after:
                return ids
        return None


def _instant(text: object) -> datetime:
    """What HubSpot writes for a time, in either of its ways. Unsaid is the end of time, so that it
    counts as new."""
    if not isinstance(text, str) or not text:
        return datetime.max.replace(tzinfo=UTC)
    if text.isdigit():
        return _EPOCH + int(text) * _MILLISECOND
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND
