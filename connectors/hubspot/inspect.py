"""What an account says of itself: its scopes as they are tried, properties, records in number."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from config.errors import FixConfig, StopCycle
from config.problem import quoted
from connectors.facts import Access, Estimate, FieldFacts, Kind, Lack, ObjectFacts, Takes
from connectors.hubspot.errors import Json, Refused
from connectors.hubspot.records import LINKS
from connectors.hubspot.schema import MOST_TEXT, RECORD_ID
from connectors.hubspot.wire import MOST

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

_MILLISECONDS_FROM = 1e11
_ANY_TEXT: frozenset[Takes] = frozenset({"text", "number", "date", "boolean", "list"})
_TAKES: Mapping[str, frozenset[Takes]] = {
    "string": _ANY_TEXT,
    "number": frozenset({"number"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),  # as midnight in UTC
    "bool": frozenset({"boolean"}),
    "phone_number": frozenset({"text"}),
}
_KINDS: Mapping[str, Kind] = {
    "number": "number", "date": "date", "datetime": "date", "bool": "boolean",
}  # fmt: skip
_CANARY = 4
"""Calls more where the first records are written before the others: two writes, each read back."""
SCOPES = (
    "add it to the service key (Development > Keys) or the private app (Settings > Integrations > "
    "Private Apps > Scopes)"
)


class HubSpotInspector:
    """Inspector of one account."""

    def __init__(self, connector: "HubSpotConnector") -> None:
        self._connector = connector

    def access(self, reads: Sequence[str], writes: Sequence[str]) -> Access:
        """Each scope is tried: one record is asked for, and a batch of no records is written."""
        wire = self._connector.wire
        self._connector.need_portal()
        who = f"account {wire.portal_id()}"
        found: list[Lack] = []
        for name in dict.fromkeys(reads):
            lacks = self._tried("GET", f"/crm/v3/objects/{name}?limit=1")
            found += [replace(lack, unreadable=name) for lack in lacks]
        for name in dict.fromkeys(writes):
            found += self._tried("POST", f"/crm/v3/objects/{name}/batch/update", {"inputs": []})
        return Access(who, tuple(dict.fromkeys(found)))

    def _tried(self, method: str, path: str, body: Json | None = None) -> list[Lack]:
        try:
            self._connector.wire.ask(method, path, body)
        except FixConfig as error:  # the token itself was found to be good
            return [Lack(problem.message, SCOPES) for problem in error.problems]
        except Refused:
            pass  # the scope is there; of the object more is said elsewhere
        return []

    def describe(self, object_name: str, names: Sequence[str] = ()) -> ObjectFacts:
        try:
            raw = self._connector.wire.properties(object_name)
        except Refused as error:
            said = f"the account has no object {quoted(object_name)} that this token sees"
            raise StopCycle(f"{said}: {error}") from None
        fields = {str(one["name"]): facts(one) for one in raw if one.get("name")}
        for name in names:
            if name.startswith(LINKS) and self._is_object(name.removeprefix(LINKS)):
                fields[name] = FieldFacts(name, "association", "any", frozenset())
        unique = {str(one["name"]) for one in raw if one.get("hasUniqueValue")}
        return ObjectFacts(object_name, fields, ids=frozenset({RECORD_ID, *unique}))

    def _is_object(self, name: str) -> bool:
        try:
            self._connector.wire.properties(name)
        except Refused:
            return False
        except FixConfig:
            pass  # it is there, and its scope is another matter
        return True

    def last_day(self, object_name: str, at: str) -> date | None:
        found = self._connector.wire.newest(object_name, at)
        if found is None or not found[1]:
            return None
        if (day := _day(found[1])) is None:
            said = f"{at} of {object_name} says {quoted(found[1])}, which is no time"
            raise StopCycle(said, "`at` is a property with days or instants, such as createdate")
        return day

    def estimate(
        self, accounts: str | None, events: Sequence[str], *, writes: bool
    ) -> Estimate | None:
        counts: dict[str, int] = {}
        quiet = 0
        for name in dict.fromkeys([*([accounts] if accounts else []), *events]):
            known = self._connector.wire.newest(name, RECORD_ID)  # which every object has
            counts[name] = known[0] if known else 0
            # Its properties, a look at whether anything changed, its records by the hundred.
            quiet += 2 + max(1, -(-counts[name] // MOST))
        number = counts[accounts] if accounts else 0
        if number > MOST:
            quiet += 2  # search goes through what changed, and begins where it ended
        full = quiet
        if writes:
            # Whose account it is; what is written is looked at just before, and read back after.
            full += 1 + 2 * -(-number // MOST) + -(-number // self._connector.options.batch_size)
            full += _CANARY
        return Estimate(quiet, full, counts)


def _day(text: str) -> date | None:
    """The day of a time as a pull reads it: ISO, or a number since 1970. None if it is none."""
    try:
        if text.isdigit():
            seconds = float(text) / (1000 if float(text) >= _MILLISECONDS_FROM else 1)
            return datetime.fromtimestamp(seconds, UTC).date()
        return datetime.fromisoformat(text).date()
    except (ValueError, OverflowError, OSError):
        return None


def facts(raw: Json) -> FieldFacts:
    """A property's facts, of its definition."""
    kind, way = str(raw.get("type") or "string"), str(raw.get("fieldType") or "")
    metadata = raw.get("modificationMetadata") or {}
    refusal = ""
    if raw.get("calculated") or way == "calculation_equation":
        refusal = "HubSpot calculates it"
    elif metadata.get("readOnlyValue"):
        refusal = "HubSpot keeps it, and nobody can write it"
    options = _options(raw) if kind == "enumeration" else None
    return FieldFacts(
        str(raw["name"]), f"{kind} ({way})", _kind(kind, options), _takes(kind, way),
        label=str(raw.get("label") or ""), length=MOST_TEXT if kind == "string" else None,
        options=options, restricted=options is not None, refusal=refusal,
        remedy="write another property" if refusal else "",
        can_extend="its options are HubSpot's own" if metadata.get("readOnlyOptions") else "",
    )  # fmt: skip


def _options(raw: Json) -> tuple[str, ...] | None:
    if raw.get("externalOptions"):
        return None
    return tuple(str(one.get("value")) for one in raw.get("options") or [])


def _kind(kind: str, options: tuple[str, ...] | None) -> Kind:
    if options is not None and {*options} == {"true", "false"}:
        return "boolean"
    return _KINDS.get(kind, "text")


def _takes(kind: str, way: str) -> frozenset[Takes]:
    if kind == "enumeration":
        several: frozenset[Takes] = frozenset({"list"} if way == "checkbox" else set())
        return frozenset[Takes]({"text", "boolean"}) | several
    return _TAKES.get(kind, frozenset())
