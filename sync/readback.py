"""Reading again what was written: is it there, did an automation change it, was it never taken?

Pure, but for what is noted: the caller reads.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.base import Raw, Value
from sync.diff import Change, Observed, same
from sync.ledger import value_text as json_of
from sync.plain import value_text
from sync.state import State

Verdict = Literal["kept", "changed", "refused", "gone"]
Record = tuple[Change, ...]

_SAID = {
    "changed": "was written as {ours} and shows {shown}: an automation may have changed it",
    "refused": "was written as {ours} and still shows {shown}: the CRM did not take it",
    "gone": "was written as {ours}, and the record is gone",
}


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A field that does not show what was written."""

    change: Change
    verdict: Verdict
    shown: Value

    def __str__(self) -> str:
        """`Acme (001) stage was written as Adoption and still shows Onboarding: …`."""
        change = self.change
        who = f"{change.name} ({change.account_id})" if change.name else change.account_id
        ours, shown = (value_text(one) or "nothing" for one in (change.to, self.shown))
        return f"{who} {change.field} {_SAID[self.verdict].format(ours=ours, shown=shown)}"


def chosen(records: Sequence[Record], read_back: str, run_id: int) -> list[Record]:
    """Which of the written records are read again: `all`, `none` or `sample N`. The sample is
    another one in every run."""
    if read_back == "none" or not records:
        return []
    most = len(records) if read_back == "all" else int(read_back.removeprefix("sample "))
    if most >= len(records):
        return list(records)
    return random.Random(run_id).sample(list(records), most)  # noqa: S311 - it is no secret


def compared(records: Iterable[Record], observed: Mapping[str, Observed]) -> list[ReadBack]:
    """The fields that do not show what was written, in order."""
    found: list[ReadBack] = []
    for record in records:
        for change in record:
            now = observed.get(change.account_id)
            shown = None if now is None else now.get(change.field)
            verdict = _verdict(change, shown, gone=now is None)
            if verdict != "kept":
                found.append(ReadBack(change, verdict, shown))
    return found


def _verdict(change: Change, shown: "Raw | Value", *, gone: bool) -> Verdict:
    if gone:
        return "gone"
    there = ";".join(shown) if isinstance(shown, tuple) else shown
    if same(change.to, there):
        return "kept"
    return "refused" if same(change.from_, there) else "changed"


def note_read_back(state: State, run_id: int, found: Iterable[ReadBack]) -> None:
    """Keep what was found with the run. Safe to repeat."""
    with state.transaction() as connection:
        connection.executemany(
            "REPLACE INTO read_backs (run_id, object, account_id, field, verdict, ours, shown)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (run_id, one.change.object, one.change.account_id, one.change.field, one.verdict,
                 json_of(one.change.to), json_of(one.shown))
                for one in found
            ],
        )  # fmt: skip
