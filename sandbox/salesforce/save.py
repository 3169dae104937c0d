"""Saving records, in Salesforce's order: values, rules, locks, save, automation; in chunks of 200.

Where records of a chunk fail, the others are run again, at most three times in all, and triggers
fire each time: the org counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.derive import derived
from sandbox.salesforce.errors import row_error
from sandbox.salesforce.history import keep_history
from sandbox.salesforce.ids import normal
from sandbox.salesforce.save_faults import chosen, fault_error, same
from sandbox.salesforce.values import BadValue, from_csv, from_json

if TYPE_CHECKING:
    from sandbox.core.http import Call, JsonDict
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import Field, SObject

CHUNK = 200
_ATTEMPTS = 3


@dataclass
class Wanted:
    """One record as it was sent. `record_id` None: insert. Texts come from CSV."""

    obj: SObject
    record_id: str | None
    changes: dict[str, Any]
    texts: bool = False


@dataclass
class Saved:
    """The outcome for one record; a failed one has no id in REST's answers."""

    success: bool = True
    record_id: str | None = None
    created: bool = False
    errors: list[JsonDict] = field(default_factory=list)

    def shown(self) -> JsonDict:
        if not self.success:
            return {"success": False, "errors": self.errors}
        return {"id": self.record_id, "success": True, "errors": []}


def save_all(
    org: Org, call: Call, wanted: list[Wanted], *, all_or_none: bool = False
) -> list[Saved]:
    """Save in chunks; one outcome per record, in order. All or none applies to the whole list."""
    outcomes: list[Saved] = []
    for start in range(0, len(wanted), CHUNK):
        outcomes += _Chunk(org, call, wanted[start : start + CHUNK], all_or_none).save()
    return outcomes


class _Chunk:
    def __init__(self, org: Org, call: Call, wanted: list[Wanted], all_or_none: bool) -> None:  # noqa: FBT001 - reads well at its callers
        self.org = org
        self.call = call
        self.wanted = wanted
        self.all_or_none = all_or_none
        self.fields = {w.obj.name: org.fields(w.obj, call.user) for w in wanted}
        self.outcomes: dict[int, Saved] = {}

    def save(self) -> list[Saved]:
        seen: set[str] = set()
        clean: dict[int, dict[str, Any]] = {}
        for index, one in enumerate(self.wanted):
            values = self._checked(one, seen)
            if isinstance(values, Saved):
                self.outcomes[index] = values
            else:
                clean[index] = values
        self._attempts(clean)
        if self.all_or_none and any(not o.success for o in self.outcomes.values()):
            self._roll_back(clean)
        else:
            for index, values in clean.items():
                if index not in self.outcomes:
                    self.outcomes[index] = self._commit(self.wanted[index], values)
        return [self.outcomes[i] for i in range(len(self.wanted))]

    def _attempts(self, clean: dict[int, dict[str, Any]]) -> None:
        for attempt in range(_ATTEMPTS):
            remaining = [i for i in clean if i not in self.outcomes]
            self.org.trigger_fires += len(remaining)
            failed = self._refused(remaining, clean)
            if failed and attempt == _ATTEMPTS - 1:
                text = (
                    "Too many batch retries in the presence of Apex triggers and partial failures."
                )
                failed = {
                    i: failed.get(i) or row_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)
                    for i in remaining
                }
            for index, problem in failed.items():
                self.outcomes[index] = Saved(success=False, errors=[problem])
            if not failed:
                return

    def _roll_back(self, clean: dict[int, dict[str, Any]]) -> None:
        problem = row_error(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using "
            "AllOrNone header",
        )
        for index in clean:
            self.outcomes.setdefault(index, Saved(success=False, errors=[problem]))

    # -- what the record itself says

    def _checked(self, one: Wanted, seen: set[str]) -> dict[str, Any] | Saved:
        """The new values in the fields' own types, or the failure."""
        if one.record_id is not None:
            problem = self._bad_id(one, seen)
            if problem is not None:
                return Saved(success=False, errors=[problem])
        values: dict[str, Any] = {}
        for name, raw in one.changes.items():
            found = one.obj.find(name)
            known = self.fields[one.obj.name].get(found.name) if found else None
            if known is None:
                text = f"No such column '{name}' on sobject of type {one.obj.name}"
                return Saved(success=False, errors=[row_error("INVALID_FIELD", text)])
            try:
                values[known.name] = self._value(one, known, raw)
            except BadValue as bad:
                return Saved(success=False, errors=[row_error(bad.code, bad.message, [known.name])])
        missing = self._missing(one, values)
        if missing:
            text = f"Required fields are missing: [{', '.join(missing)}]"
            return Saved(success=False, errors=[row_error("REQUIRED_FIELD_MISSING", text, missing)])
        return values

    def _bad_id(self, one: Wanted, seen: set[str]) -> JsonDict | None:
        record_id = normal(one.record_id)
        if record_id is None:
            return row_error("MALFORMED_ID", f"bad id {one.record_id}", ["Id"])
        row = one.obj.rows.get(record_id)
        if row is None:
            return row_error("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if row.now["IsDeleted"]:
            return row_error("ENTITY_IS_DELETED", "entity is deleted")
        if record_id in seen:
            return row_error("DUPLICATE_VALUE", f"duplicate id in the request: {record_id}", ["Id"])
        seen.add(record_id)
        one.record_id = record_id
        return None

    def _value(self, one: Wanted, known: Field, raw: Any) -> Any:
        allowed = known.createable if one.record_id is None else known.updateable
        if not allowed:
            raise BadValue(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {known.name}. Please check the security settings "
                "of this field and verify that it is read/write for your profile or permission "
                "set.",
            )
        value = from_csv(known, raw) if one.texts and raw is not None else from_json(known, raw)
        if known.type == "reference" and value is not None:
            target = self.org.objects.get(known.reference_to)
            if target is not None and value not in target.rows:
                raise BadValue(
                    "INVALID_CROSS_REFERENCE_KEY", f"{known.name}: invalid cross reference id"
                )
        if known.unique and value is not None:
            self._unique(one, known, value)
        return value

    def _unique(self, one: Wanted, known: Field, value: Any) -> None:
        for other_id, row in one.obj.rows.items():
            if row.now.get(known.name) == value and other_id != one.record_id:
                raise BadValue(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {known.name} duplicates value on record "
                    f"with id: {other_id}",
                )

    def _missing(self, one: Wanted, values: dict[str, Any]) -> list[str]:
        required = [
            f.name
            for f in one.obj.fields.values()
            if not f.nillable and f.createable and f.default is None and f.name != "OwnerId"
        ]
        if one.record_id is None:
            return [name for name in required if values.get(name) is None]
        return [name for name in required if name in values and values[name] is None]

    # -- what the org says

    def _refused(
        self, remaining: list[int], clean: dict[int, dict[str, Any]]
    ) -> dict[int, JsonDict]:
        failed: dict[int, JsonDict] = {}
        for index in remaining:
            one, values = self.wanted[index], clean[index]
            problem = self._record_type(one, values) or self._rule(one, values)
            if problem is not None:
                failed[index] = problem
        for kind in ("partial", "locked"):
            fault = self.call.take(kind, object=self.wanted[0].obj.name) if remaining else None
            if fault is not None:
                for index in chosen(fault, [(i, self.wanted[i].record_id) for i in remaining]):
                    failed.setdefault(index, fault_error(fault, self.wanted, remaining))
        if remaining and self._over_governor(len(remaining)):
            text = "GatepostTrigger: System.LimitException: Too many SOQL queries: 101"
            failed = {i: row_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text) for i in remaining}
        return self._poisoned(remaining) or failed

    def _poisoned(self, remaining: list[int]) -> dict[int, JsonDict]:
        """A trigger that throws for one record has saved none of those that it was given."""
        for fault in self.org.faults.standing("poison", "salesforce"):
            bad = chosen(fault, [(i, self.wanted[i].record_id) for i in remaining])
            if bad and fault.fires():
                text = str(fault.get("message", "GatepostTrigger: System.NullPointerException"))
                problem = row_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)
                return dict.fromkeys(remaining, problem)
        return {}

    def _over_governor(self, size: int) -> bool:
        for fault in self.org.faults.standing("governor", "salesforce"):
            if size > int(fault.get("over", 50)):
                return fault.fires()
        return False

    def _record_type(self, one: Wanted, values: dict[str, Any]) -> JsonDict | None:
        """A picklist value that is not among what the record's type `offers`, though describe lists
        it. `ids`: of which records; unsaid all."""
        for fault in self.org.faults.standing("record_type", "salesforce"):
            name = str(fault.get("field"))
            ids = fault.get("ids")
            if fault.get("object") not in (None, one.obj.name) or values.get(name) is None:
                continue
            if ids is not None and one.record_id not in ids:
                continue
            if values[name] not in fault.get("offers", ()) and fault.fires():
                text = f"bad value for restricted picklist field: {values[name]}"
                return row_error("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, [name])
        return None

    def _rule(self, one: Wanted, values: dict[str, Any]) -> JsonDict | None:
        for fault in self.org.faults.standing("validation_rule", "salesforce"):
            name = str(fault.get("field"))
            if fault.get("object") not in (None, one.obj.name) or name not in values:
                continue
            if "value" in fault.settings and not same(values[name], fault.get("value")):
                continue
            if fault.fires():
                text = str(fault.get("message", "This value is not allowed by an admin's rule"))
                return row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", text, [name])
        return None

    # -- the save itself

    def _commit(self, one: Wanted, values: dict[str, Any]) -> Saved:
        now = self.org.now()
        if one.record_id is None:
            extra = derived(one.obj.name, values, now)
            owner = {"OwnerId": self.call.user} if "OwnerId" in one.obj.fields else {}
            made = self.org.insert(one.obj.name, {**owner, **values, **extra}, now, self.call.user)
            return Saved(record_id=made, created=True)
        before = one.obj.rows[one.record_id].now
        extra = derived(one.obj.name, {**before, **values}, now)
        self.org.touch(one.obj, one.record_id, {**values, **extra}, self.call.user)
        keep_history(self.org, one.obj, before, values, self.call.user)
        self._automation(one.obj, one.record_id, before, values)
        return Saved(record_id=one.record_id)

    def _automation(
        self, obj: SObject, record_id: str, before: dict[str, Any], values: dict[str, Any]
    ) -> None:
        """A flow that puts a field back, or to what its author thinks right."""
        for fault in self.org.faults.standing("workflow", "salesforce"):
            name = str(fault.get("field"))
            if fault.get("object") in (None, obj.name) and name in values and fault.fires():
                self.org.touch(
                    obj, record_id, {name: fault.get("to", before.get(name))}, self.call.user
                )
