"""One call of write(): batches, what came of each record, and what to do where nobody can say.

HubSpot answers 2xx to batches that failed in part or, without a word, as a whole, and one bad value
fails a batch of a hundred. So nothing is concluded from a status: a record is written if the answer
shows its new values, or if a later read does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from config.errors import PartlyDone, RetryLater, StopCycle
from connectors.base import WriteResult
from connectors.http import LONGEST_PAUSE, Lost
from connectors.hubspot.errors import Json, Refused, TooSlow
from connectors.hubspot.refusals import Pair, Refusals
from connectors.hubspot.schema import MERGED, Schema

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

Texts = Mapping[str, Mapping[str, str]]
"""Record id → property → the text that it shall hold, "" to clear it."""

LIFECYCLE = "lifecyclestage"
_TRIES = 3
_OF_RECORDS = frozenset({400, 409, 413})  # bad values, values taken already, too much at once
_PAUSE_SECONDS = 2.0


@dataclass
class Writing:
    """`refusals`: what HubSpot refused before in this run."""

    connector: "HubSpotConnector"
    schema: Schema
    refusals: Refusals
    results: dict[str, WriteResult] = field(default_factory=dict)
    touched: bool = False
    """whether anything may have been written"""
    _backwards: dict[str, str] = field(default_factory=dict)

    def run(self, texts: Texts) -> None:
        """Write them all; raises where going on makes no sense, with `results` of those before."""
        suspect = {one: of for one, of in texts.items() if self.refusals.suspects(of.items())}
        clean = {one: of for one, of in texts.items() if one not in suspect}
        for group in (clean, suspect):
            for batch in _pieces(group, self.connector.options.batch_size):
                self._send(batch)
        if self._backwards:
            from connectors.hubspot.lifecycle import set_backwards  # rare

            for batch in _pieces(self._lifecycles(), self.connector.options.batch_size):
                set_backwards(self, batch)

    def _lifecycles(self) -> Texts:
        return {one: {LIFECYCLE: text} for one, text in self._backwards.items()}

    def update(self, batch: Texts) -> Json:
        """One call. What is written is said in the answer, or in no answer at all."""
        inputs = [
            {"id": one, "properties": dict(of), "objectWriteTraceId": one}
            for one, of in batch.items()
        ]
        try:
            answer = self.connector.wire.update(self.schema.object_name, inputs)
        except Lost as error:
            self.touched |= error.sent
            raise
        self.touched = True
        return answer

    def _send(self, batch: Texts, tries: int = 1) -> None:
        try:
            answer = self.update(batch)
        except Refused as error:
            self._split(batch, error)
        except Lost as error:
            if not error.sent:
                raise
            pieces = 2 if isinstance(error, TooSlow) else 1
            self._look(batch, str(error), tries, pieces=pieces, wait=error.wait_seconds or 0.0)
        else:
            self._reconcile(batch, answer, tries)

    def _reconcile(self, batch: Texts, answer: Json, tries: int) -> None:
        """Settle each record as confirmed or failed by the answer; the rest is looked at."""
        open_ones = dict(batch)
        for one in _dicts(answer.get("results")):
            wanted, held = open_ones.get(str(one.get("id"))), one.get("properties") or {}
            if wanted is not None and wanted.keys() <= held.keys():  # else it shows too little
                self.compare(str(one["id"]), wanted, held)
                del open_ones[str(one["id"])]
        groups = _dicts(answer.get("errors"))
        for group in groups:
            code = str(group.get("category") or "")
            for record_id in _named(group):
                if open_ones.pop(record_id, None) is not None:
                    self.settle(record_id, "rejected", str(group.get("message") or code), code)
        if open_ones:
            said = "; ".join(str(group.get("message")) for group in groups)
            self._look(open_ones, said or "HubSpot's answer does not mention it", tries)

    def compare(self, one: str, wanted: Mapping[str, str], held: Mapping[str, object]) -> None:
        """Settle a record by what HubSpot shows. A value that is not there was ignored, or changed
        back at once by somebody's automation."""
        other = [name for name in wanted if not self._same(name, wanted, held)]
        if not other:
            self.refusals.note_taken(wanted.items())
            self.settle(one, "written")
            return
        if (
            other == [LIFECYCLE]
            and self.connector.options.lifecycle_backwards
            and wanted[LIFECYCLE]
        ):
            self._backwards[one] = wanted[LIFECYCLE]
            return
        shown = self.schema.shown
        said = "; ".join(
            f"{name} says {shown(name, held.get(name)) or 'nothing'!s}, "
            f"not {shown(name, wanted[name]) or 'nothing'!s}"
            for name in other
        )
        if LIFECYCLE in other:
            said += " (HubSpot moves it forward only; see lifecycle_backwards)"
        outcome: Literal["rejected", "unknown"] = (
            "rejected" if len(other) == len(wanted) else "unknown"
        )
        self.settle(one, outcome, said, "VALUE_NOT_KEPT")

    def _same(self, name: str, wanted: Mapping[str, str], held: Mapping[str, object]) -> bool:
        return self.schema.same(name, wanted[name], held.get(name))

    def settle(
        self,
        one: str,
        outcome: Literal["written", "rejected", "unknown"],
        reason: str = "",
        code: str = "",
    ) -> None:
        """Note what became of a record."""
        self.results[one] = WriteResult(one, outcome, reason, code)

    # -- nobody knows

    def _look(
        self, batch: Texts, why: str, tries: int, *, pieces: int = 1, wait: float = 0.0
    ) -> None:
        """Read what nobody knows, and send again what is proven not to be there, in `pieces`.
        `wait`: seconds that HubSpot asked for."""
        self.connector.wire.sleep(max(_PAUSE_SECONDS * tries, min(wait, LONGEST_PAUSE)))
        try:
            held = self.held(batch)
        except (RetryLater, PartlyDone) as error:
            for one in batch:
                self.settle(one, "unknown", f"{why}; and it could not be read: {error}")
            return
        again: dict[str, Mapping[str, str]] = {}
        for one, wanted in batch.items():
            if one not in held:
                self._settle_missing(one, held)
            elif all(self._same(name, wanted, held[one]) for name in wanted):
                self.refusals.note_taken(wanted.items())
                self.settle(one, "written")
            else:
                again[one] = wanted
        if again and tries < _TRIES:
            for piece in _pieces(again, -(-len(again) // pieces)):
                self._send(piece, tries + 1)
            return
        for one in again:
            self.settle(one, "unknown", f"{why}; tried {tries} times")

    def _settle_missing(self, one: str, held: Mapping[str, Mapping[str, object]]) -> None:
        """Asked for by the id of a record that was merged away, HubSpot answers with the other."""
        for other, shown in held.items():
            if one in str(shown.get(MERGED) or "").split(";"):
                said = f"it was merged into {other}, which the next run compares anew"
                self.settle(one, "rejected", said, "MERGED")
                return
        self.settle(one, "rejected", "the record is not there (any more)", "NOT_FOUND")

    def held(self, batch: Texts) -> dict[str, Mapping[str, object]]:
        """What the written properties of these records hold now."""
        names = list(dict.fromkeys(name for of in batch.values() for name in of))
        names += [MERGED] if MERGED in self.schema.properties else []
        found = self.connector.wire.read(self.schema.object_name, list(batch), names)
        return {str(one.get("id")): one.get("properties") or {} for one in found}

    # -- refused as a whole

    def _split(self, batch: Texts, error: Refused) -> None:
        """Find the records for which a batch was refused: by name if the error says, else by
        halving. The others are written."""
        if error.status not in _OF_RECORDS:
            raise StopCycle(f"HubSpot refused a batch of {self.schema.object_name}: {error}")
        same = self._same_values(batch, error)
        if len(batch) == 1 or _is_of_all(batch, error, same):
            self._refuse(batch, error, same)
            return
        if same and self.refusals.are_likely(same):
            # Each of the first was refused. If the last is too, those between would be.
            *others, last = batch
            self._send({last: batch[last]})
            rest = {one: batch[one] for one in others}
            if self.refusals.are_likely(same):
                self._refuse(rest, error, ())
            else:
                self._send(rest)
            return
        named = {one: of for one, of in batch.items() if _is_blamed(of, error)}
        if 0 < len(named) < len(batch):
            self._send({one: of for one, of in batch.items() if one not in named})
            self._send(named)
            return
        for half in _pieces(batch, (len(batch) + 1) // 2):
            self._send(half)

    def _same_values(self, batch: Texts, error: Refused) -> Sequence[Pair]:
        """The values that the error must be about: all records want the same of each property that
        it names. None where they do not."""
        if not _all_have(batch, error):
            return ()
        pairs = {(name, of[name]) for of in batch.values() for name in error.names}
        return sorted(pairs) if len(pairs) == len(error.names) else ()

    def _refuse(self, batch: Texts, error: Refused, values: Sequence[Pair]) -> None:
        self.refusals.note(values, error)
        for one in batch:
            self.settle(one, "rejected", str(error), error.code)


def _all_have(batch: Texts, error: Refused) -> bool:
    return all(name in of for of in batch.values() for name in error.names)


def _is_of_all(batch: Texts, error: Refused, same: Sequence[Pair]) -> bool:
    """Whether each record of the batch would be refused for it alone."""
    if error.about == "property":
        return bool(error.names) and _all_have(batch, error)
    return error.about == "value" and bool(same)


def _is_blamed(of: Mapping[str, str], error: Refused) -> bool:
    """Whether a record has a property that the error names, with a value that it quotes."""
    mine = [name for name in error.names if name in of]
    if error.about == "property":
        return bool(mine)
    said = str(error)
    return any(f"{name}: {of[name]} " in said or f'"{of[name]}"' in said for name in mine)


def _named(group: Json) -> Sequence[str]:
    """The records that a group of errors speaks of."""
    context = group.get("context")
    if not isinstance(context, dict):
        return []
    lists = (context.get("ids"), context.get("objectWriteTraceId"))
    return [str(one) for found in lists if isinstance(found, list) for one in found]


def _pieces(batch: Texts, size: int) -> Iterator[Texts]:
    ids = list(batch)
    for start in range(0, len(ids), size):
        yield {one: batch[one] for one in ids[start : start + size]}


def _dicts(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
