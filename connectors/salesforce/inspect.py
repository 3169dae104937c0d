"""What an org says of itself: who we are to it, its objects and fields, its records in number.

Describe is asked anew, since it is looked at once and in more detail than a sync needs.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

from simple_salesforce.format import format_soql

from config.errors import StopCycle
from config.problem import quoted
from connectors.facts import Access, Estimate, FieldFacts, Kind, ObjectFacts, Takes
from connectors.salesforce import bulk_query, soql
from connectors.salesforce.answers import Refused
from connectors.salesforce.client import Client
from connectors.salesforce.options import Options

_TEXTS = frozenset({"string", "textarea", "url", "phone", "combobox", "encryptedstring"})
_NUMBERS = frozenset({"double", "currency", "percent", "int"})
_LISTS = frozenset({"picklist", "multipicklist"})
_ANY_TEXT: frozenset[Takes] = frozenset({"text", "number", "date", "boolean", "list"})
_TAKES: Mapping[str, frozenset[Takes]] = {
    **dict.fromkeys(_TEXTS, _ANY_TEXT),
    **dict.fromkeys(_NUMBERS, frozenset[Takes]({"number"})),
    "email": frozenset({"text"}),
    "reference": frozenset({"text"}),
    "date": frozenset({"date"}),
    "boolean": frozenset({"boolean"}),
    "picklist": frozenset({"text", "boolean"}),
    "multipicklist": frozenset({"text", "list"}),
}
"""A day is no instant: `datetime` takes none of what is computed."""
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(_NUMBERS, "number"), "date": "date", "datetime": "date", "boolean": "boolean",
    **dict.fromkeys(("address", "location", "base64"), "none"),
}  # fmt: skip
_PAGE = 2000
_BULK_JOB = 5  # requests of a job besides its pages: make it, send, close, look, results
_BULK_BATCH = 10_000
_MERGES = 2  # found by a query, and counted where there are none
_CANARY = 4  # the first records are written before the others: two writes, each read back
_PARENTS = 2  # objects whose fields are read along: a bulk query does not tell their types
GRANT = (
    "grant edit access to it in a permission set of the API user: Setup > Permission Sets > "
    "(the set) > Object Settings > (the object) > Edit > Field Permissions"
)


class SalesforceInspector:
    """Inspector of one org."""

    def __init__(self, client: Client, options: Options) -> None:
        self._client = client
        self._options = options
        self._described: dict[str, Mapping[str, Any]] = {}

    def access(self, reads: Sequence[str], writes: Sequence[str]) -> Access:
        """Logs in. What the user may do with objects and fields is what describe says."""
        user_id, name = self.user
        return Access(name or user_id or "a user that the org does not name")

    @cached_property
    def user(self) -> tuple[str, str]:
        """Id and name of the user that we are; "" where the org tells neither."""
        try:
            found = self._client.json(
                "GET", "/services/oauth2/userinfo", what="who the API user is"
            )
        except Refused:  # the app was not given the scope for it
            name = self._options.username
            if name is None:
                return "", ""
            query = format_soql("SELECT Id FROM User WHERE Username = {}", name)
            rows = self._client.json("GET", "query", what="who the API user is",
                                     params={"q": query})["records"]  # fmt: skip
            return (str(rows[0]["Id"]), name) if rows else ("", name)
        return str(found.get("user_id") or ""), str(found.get("preferred_username") or "")

    def describe(self, object_name: str, names: Sequence[str] = ()) -> ObjectFacts:
        raw = self._ask(object_name)
        fields = {one["name"]: _facts(one) for one in raw["fields"]}
        for path in names:
            if "." in path and (found := self._parent(raw, path)) is not None:
                fields[path] = found
        missing = [one for one in names if one not in fields and one.endswith("__c")]
        return ObjectFacts(
            str(raw["name"]), fields, self._hidden(object_name, missing), invisible=True,
            ids=frozenset({"Id"}),
            refusal="" if raw.get("updateable", True) else "this user may not change its records",
        )  # fmt: skip

    def _ask(self, name: str) -> Mapping[str, Any]:
        if name not in self._described:
            try:
                soql.name(name)
                found = self._client.json(
                    "GET", f"sobjects/{name}/describe", what=f"describe of {name}"
                )
            except ValueError:
                raise StopCycle(f"{quoted(name)} is no object of Salesforce") from None
            except Refused as refused:
                if refused.code not in ("NOT_FOUND", "INVALID_TYPE"):
                    raise
                raise StopCycle(
                    f"the org has no object {quoted(name)}, or this user may not see it",
                    "objects made by an administrator end in __c; access is granted in a "
                    "permission set",
                ) from refused
            self._described[name] = found
        return self._described[name]

    def forget(self, name: str) -> None:
        """Describe it anew next time: something was made."""
        self._described.pop(name, None)

    def _parent(self, raw: Mapping[str, Any], path: str) -> FieldFacts | None:
        """The field at the end of `Owner.Name`; only what its first steps lead to for certain."""
        first, _, rest = path.partition(".")
        link = next((one for one in raw["fields"] if one.get("relationshipName") == first), None)
        if link is None:
            return None
        targets = link.get("referenceTo") or []
        if len(targets) != 1:  # of several kinds of parents: what they share is not told
            return FieldFacts(path, "reference", "any", frozenset())
        parent = self._ask(targets[0])
        if "." in rest:
            return self._parent(parent, rest)
        found = next((one for one in parent["fields"] if one["name"] == rest), None)
        return None if found is None else _facts(found)

    def _hidden(self, entity: str, missing: Sequence[str]) -> Mapping[str, str]:
        """Custom fields that are there for others. Only an administrator may look: none if not."""
        if not missing:
            return {}
        try:
            found = self.custom_fields(entity, missing)
        except Refused:
            return {}
        return dict.fromkeys(
            found, "it exists, and this user may not see it (field-level security)"
        )

    def custom_fields(self, entity: str, names: Iterable[str]) -> dict[str, str]:
        """Field → Tooling's id, of those of `names` that exist. Refused without the right.

        By the object's name, since TableEnumOrId is an id where the object is a custom one; and
        without the fields of packages, which have the same names but for a prefix.
        """
        plain = tuple(one.removesuffix("__c") for one in names)
        query = format_soql(
            "SELECT Id, DeveloperName FROM CustomField WHERE "
            "EntityDefinition.QualifiedApiName = {} AND NamespacePrefix = null "
            "AND DeveloperName IN {}",
            entity, plain,
        )  # fmt: skip
        found = self._client.json("GET", "tooling/query", what="custom fields", params={"q": query})
        return {f"{one['DeveloperName']}__c": str(one["Id"]) for one in found["records"]}

    def last_day(self, object_name: str, at: str) -> date | None:
        query = soql.Query(["Id"], object_name).stamped(at)
        (row,) = self._client.json("GET", "query", what=query, params={"q": query})["records"]
        if row["m"] is None:
            return None
        try:
            return datetime.fromisoformat(str(row["m"])).date()
        except ValueError:
            said = f"{at} of {object_name} says {quoted(str(row['m']))}, which is no time"
            hint = "`at` is a field with days or instants, such as CreatedDate"
            raise StopCycle(said, hint) from None

    def estimate(
        self, accounts: str | None, events: Sequence[str], *, writes: bool
    ) -> Estimate | None:
        names = list(dict.fromkeys([*([accounts] if accounts else []), *events]))
        found = self._client.json(
            "GET", "limits/recordCount", what="counting records",
            params={"sObjects": ",".join(names)},
        )  # fmt: skip
        counts = {str(one["name"]): int(one["count"]) for one in found["sObjects"]}
        login = 0 if self._options.auth == "token" else 1
        # Each object: describe it, look whether anything changed, read.
        quiet = login + sum(2 + self._reading(counts.get(one, 0)) for one in names)
        if accounts:
            quiet += _MERGES
        number = counts.get(accounts or "", 0)
        full = quiet
        if writes:  # what is written is looked at just before, and read back after
            full += _CANARY + self._looking(number) + self._writing(number)
            full += self._looking(number)
        return Estimate(quiet, full, counts)

    def _reading(self, number: int) -> int:
        if number >= self._options.bulk_read_from:
            return 1 + _PARENTS + _BULK_JOB + -(-number // bulk_query.PAGE)
        return max(1, -(-number // _PAGE))

    def _looking(self, number: int) -> int:
        if number >= self._options.bulk_read_from:
            return self._reading(number)
        return -(-number // _PAGE)

    def _writing(self, number: int) -> int:
        if number > self._options.bulk_from:
            return _BULK_JOB * -(-number // _BULK_BATCH)
        return -(-number // self._options.batch_size)


def _facts(raw: Mapping[str, Any]) -> FieldFacts:
    kind = str(raw["type"])
    options = None
    if kind in _LISTS:
        options = tuple(one["value"] for one in raw.get("picklistValues") or () if one["active"])
    precision, scale = int(raw.get("precision") or 0), int(raw.get("scale") or 0)
    digits = int(raw.get("digits") or 0) if kind == "int" else precision - scale
    refusal, remedy = _refusal(raw)
    return FieldFacts(
        str(raw["name"]), kind, _KINDS.get(kind, "text"),
        _TAKES.get(kind, frozenset()),
        label=str(raw.get("label") or ""),
        length=int(raw.get("length") or 0) or None if kind not in _NUMBERS else None,
        digits=digits or None if kind in _NUMBERS else None,
        decimals=scale if kind in _NUMBERS else None,
        options=options, restricted=bool(raw.get("restrictedPicklist")),
        refusal=refusal, remedy=remedy, grantable=remedy == GRANT,
        can_be_empty=bool(raw.get("nillable", True)) and kind != "boolean",
        can_extend="" if raw.get("custom") else "it is a standard field",
    )  # fmt: skip


def _refusal(raw: Mapping[str, Any]) -> tuple[str, str]:
    if raw.get("updateable"):
        return "", ""
    if raw.get("calculated"):
        return "it is a formula, which the org computes", "write another field"
    if not raw.get("permissionable", True):
        return "the system keeps it, and nobody can write it", "write another field"
    return "it is read-only for this user", GRANT
