"""Writing by collections: 200 records a call, each with a result of its own.

A call that got no answer is not repeated blindly, since saving a record again makes its automation
run again: the records are read, and only those that do not show their values are sent once more.
"""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.errors import GatepostError, StopCycle
from connectors import http
from connectors.base import WriteResult
from connectors.salesforce.answers import Refused, Unsettled
from connectors.salesforce.bearing import Bearing, half
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described, from_record
from connectors.salesforce.outcomes import (
    ENDS,
    NOT_SENT,
    Kind,
    error_in,
    kind_of,
    rejected,
    unknown,
    written,
)
from connectors.salesforce.values import Json, same

MOST = 200
_RETRIEVED = 2000
_ALONE = (50, 10, 1, 1)
"""How many locked records go together at the first, second … further attempt."""
_LATE_PAUSES = (5.0, 20.0, 60.0)
_CALLS_A_ROUND = 50
"""Where very many are locked, more go together: one by one they would take hours."""

Records = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one call, what was tried with them, and why they come again."""

    ids: tuple[str, ...]
    tries: int = 0
    looked: bool = False
    suspect: bool = False
    """others of their batch were written, so what refuses all of these is no matter of size"""


class Collections:
    """Settles records of one object. `bearing` remembers what its automation bears."""

    def __init__(
        self,
        client: Client,
        described: Described,
        records: Records,
        bearing: Bearing,
        *,
        batch_size: int = MOST,
    ) -> None:
        self.settled: dict[str, WriteResult] = {}
        self.touched = False
        self._client = client
        self._described = described
        self._records = records
        self._bearing = bearing
        self._most = min(batch_size, MOST)
        self._queue: deque[Chunk] = deque()
        self._waiting: dict[int, list[str]] = {}  # further attempts made → records for the next

    def write(self, ids: Iterable[str]) -> None:
        """Send records until each is settled. Raises only if nothing was sent by this object; what
        cannot be sent later on is left `unknown`, for the next run to read."""
        self._queue.extend(Chunk(part) for part in _parts(list(ids), self._size))
        while self._queue or self._waiting:
            if not self._queue:
                self._next_round()
            chunk = self._queue.popleft()
            if len(chunk.ids) > self._size:
                smaller = [replace(chunk, ids=part) for part in _parts(chunk.ids, self._size)]
                self._queue.extendleft(reversed(smaller))
                continue
            try:
                self._send(chunk)
            except GatepostError as error:
                if not self.touched:
                    raise
                self.leave(chunk.ids, error)
                self._end(error)

    def _end(self, error: GatepostError) -> None:
        self.leave([one for left in self._queue for one in left.ids], error)
        self.leave([one for left in self._waiting.values() for one in left], error)
        self._queue.clear()
        self._waiting.clear()

    def leave(self, ids: Iterable[str], error: GatepostError) -> None:
        """Note that these were not sent."""
        for one in ids:
            self.settled[one] = unknown(one, f"not sent: {error}", NOT_SENT)

    def look(self, ids: Sequence[str], why: str, *, again: bool, late: bool = False) -> None:
        """Read records of which nobody knows: those that show their values are written. The others
        are sent (once more) if `again`, else they stay unknown. `late`: they may still be being
        saved, so they are read several times before."""
        self.touched = True
        for part in _parts(ids, _RETRIEVED):
            try:
                left = [one for one, shown in self._shown(part) if not shown]
                for pause in _LATE_PAUSES if late else ():
                    if left:
                        self._client.sleep(pause)
                        left = [one for one, shown in self._shown(left) if not shown]
            except GatepostError as error:
                said = f"{why}; reading it failed as well: {error}"
                code = error.code if isinstance(error, Refused) else ""
                self._note(unknown(one, said, code) for one in part)
                continue
            self._note(written(one) for one in set(part) - set(left))
            if not again:
                self._note(unknown(one, why) for one in left)
                continue
            self._client.sleep(1.0)
            self._queue.extend(Chunk(few, looked=True) for few in _parts(left, self._size))

    # -- one call

    @property
    def _size(self) -> int:
        return min(self._most, self._bearing.most or self._most)

    def _send(self, chunk: Chunk) -> None:
        name = self._described.name
        body = {
            "allOrNone": False,
            "records": [
                {"attributes": {"type": name}, "Id": one, **self._records[one]} for one in chunk.ids
            ],
        }
        try:
            answers = self._client.json(
                "PATCH", "composite/sobjects", what=f"write of {len(chunk.ids)} {name}", json=body,
                # Else assignment rules would give records to new owners.
                headers={"Sforce-Auto-Assign": "FALSE"},
            )  # fmt: skip
        except (http.Lost, Unsettled) as error:
            if isinstance(error, http.Lost) and not error.sent:
                raise
            self.look(chunk.ids, str(error), again=not chunk.looked, late=error.late)
            return
        self.touched = True
        found = answers if isinstance(answers, list) else []
        found = [one for one in found if isinstance(one, dict)]
        if len(found) != len(chunk.ids):
            said = f"{len(found)} results came for {len(chunk.ids)} records"
            self.look(chunk.ids, said, again=not chunk.looked)
            return
        self._judge(chunk, found)

    def _judge(self, chunk: Chunk, answers: Sequence[Mapping[str, object]]) -> None:
        open_: dict[Kind, list[WriteResult]] = {}
        if any(answer.get("success") is True for answer in answers):
            self._bearing.wrote(len(chunk.ids))
        for one, answer in zip(chunk.ids, answers, strict=True):
            if answer.get("success") is True:
                other = str(answer.get("id") or one)
                right = other[:15] == one[:15]
                self.settled[one] = written(one) if right else unknown(one, f"answered for {other}")
                continue
            code, message = error_in(answer)
            open_.setdefault(kind_of(code, message), []).append(rejected(one, message, code))
        never = open_.pop(Kind.NEVER, [])
        self._note(never)
        if end := next((one for one in never if one.code in ENDS), None):
            self._end(StopCycle(f"{end.code}: {end.reason}"))
            self._note(one for some in open_.values() for one in some)  # trying again is in vain
            return
        self._smaller(chunk, open_.pop(Kind.SMALLER, []))
        self._later(chunk, [*open_.get(Kind.LOCKED, ()), *open_.get(Kind.AGAIN, ())])

    def _smaller(self, chunk: Chunk, refused: Sequence[WriteResult]) -> None:
        """Half as many together; where that is one record, it is the record's own trouble."""
        if not refused:
            return
        together, suspect = len(chunk.ids), chunk.suspect or len(refused) < len(chunk.ids)
        if together == 1:
            self._bearing.refused_one(suspect=suspect)
        if together == 1 or self._bearing.hopeless:
            self._note(refused)
            return
        suspect = suspect or not self._bearing.refused_all(together)
        ids = [one.id for one in refused]
        parts = _parts(ids, half(together))
        self._queue.extendleft(replace(chunk, ids=part, suspect=suspect) for part in parts)

    def _later(self, chunk: Chunk, refused: Sequence[WriteResult]) -> None:
        """Without their neighbours, when the others are through, at most four times."""
        if not refused:
            return
        if chunk.tries >= len(_ALONE):
            self._note(refused)
            return
        self._waiting.setdefault(chunk.tries, []).extend(one.id for one in refused)

    def _next_round(self) -> None:
        """All that wait for the same attempt, after one pause."""
        tries = min(self._waiting)
        ids = self._waiting.pop(tries)
        self._client.sleep(2.0**tries * (0.5 + random.random() / 2))  # noqa: S311 - a pause
        size = min(max(_ALONE[tries], -(-len(ids) // _CALLS_A_ROUND)), self._size)
        self._queue.extend(Chunk(part, tries + 1) for part in _parts(ids, size))

    def _note(self, results: Iterable[WriteResult]) -> None:
        self.settled.update((one.id, one) for one in results)

    # -- reading back

    def _shown(self, ids: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Whether each record shows what it shall."""
        fields = sorted({name for one in ids for name in self._records[one]})
        found = retrieved(self._client, self._described.name, ids, fields)
        now = {str(one["Id"]): one for one in found}
        known = {name: self._described.field(name) for name in fields}
        for one in ids:
            record = now.get(one)
            yield (
                one,
                record is not None
                and all(
                    same(value, from_record(record, name, known[name].type), known[name])
                    for name, value in self._records[one].items()
                ),
            )


def retrieved(
    client: Client, entity: str, ids: Sequence[str], fields: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Records with `Id` and `fields`, of those of `ids` that are there."""
    asked = list(dict.fromkeys(["Id", *fields]))
    for part in _parts(ids, _RETRIEVED):
        what = f"reading {len(part)} of {entity}"
        body = {"ids": list(part), "fields": asked}
        path = f"composite/sobjects/{entity}"
        found = client.json("POST", path, what=what, repeat=True, json=body)
        yield from (one for one in found if one)


def _parts(ids: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(ids), size):
        yield tuple(ids[start : start + size])
