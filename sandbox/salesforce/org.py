"""The org: its records, who sees what, and what was deleted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.versions import Versions
from sandbox.salesforce.errors import no_such_object
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.objects import all_objects

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.clock import Clock
    from sandbox.core.faults import Fault, Faults
    from sandbox.salesforce.schema import Field, SObject

API_USER = make_id("005", 1)
PERSON = make_id("005", 2)  # who edits records by hand
ORG_ID = make_id("00D", 1)
USERNAME = "gatepost@acme.example"


@dataclass
class Settings:
    """What tests turn; seconds are `Clock.elapsed()` seconds."""

    token_seconds: float = 7200
    rotation: bool = False
    soap_login: bool = True
    approved: bool = True  # the app is approved for the JWT user
    run_as_user: bool = True  # client credentials have a user
    app_blocked: bool = False
    daily_requests: int = 100_000
    app_requests: int | None = None  # this app's own share of them
    page_size: int = 2000
    bulk_seconds: float = 0.0
    late_visibility_seconds: float = 0.0
    bulk_query_jobs: int = 10_000
    may_customize: bool = True  # the API user's right Customize Application
    may_grant: bool = True  # its rights to make, fill and assign permission sets
    propagation_seconds: float = 0.0  # until a new field can be granted


class Org:
    """All rows of all objects. Values are replaced whole, so that running queries keep theirs."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.clock = clock
        self.faults = faults
        self.objects: dict[str, SObject] = all_objects()
        self.deleted_at: dict[str, datetime] = {}
        self.trigger_fires = 0
        self._seed_setup()

    def _seed_setup(self) -> None:
        now = self.clock.now()
        profile = self.insert("Profile", {"Name": "Integration"}, now)
        common = {
            "IsActive": True, "UserType": "Standard", "TimeZoneSidKey": "GMT",
            "LanguageLocaleKey": "en_US", "LocaleSidKey": "en_US", "ProfileId": profile,
        }  # fmt: skip
        for username, name in ((USERNAME, "Gatepost"), ("pat@acme.example", "Pat Person")):
            person = {"Username": username, "Name": name, "LastName": name, "Email": username}
            self.insert("User", {**common, **person}, now)
        self.insert(
            "Organization",
            {"Name": "Acme", "InstanceName": "SBX1", "IsSandbox": True, "TimeZoneSidKey": "GMT",
             "OrganizationType": "Developer Edition", "LanguageLocaleKey": "en_US"},
            now,
        )  # fmt: skip

    # -- schema

    def sobject(self, name: str) -> SObject:
        """By name in any case. Raises ApiError INVALID_TYPE."""
        found = self.objects.get(name)
        if found is None:
            lowered = name.lower()
            found = next((o for n, o in self.objects.items() if n.lower() == lowered), None)
        if found is None:
            raise no_such_object(name)
        return found

    def fields(self, obj: SObject, user: str) -> dict[str, Field]:
        """The fields that `user` can see, with what they may do to each."""
        hidden = self._hidden(obj)
        readable, editable = self._granted(obj, user)
        seen: dict[str, Field] = {}
        for name, field in obj.fields.items():
            fault = hidden.get(name)
            if fault is not None and fault.get("mode", "gone") != "read_only":
                continue
            if not field.granted and name not in readable:
                continue
            may_edit = fault is None and (field.granted or name in editable)
            seen[name] = field if may_edit else replace(field, updateable=False, createable=False)
        return seen

    def _hidden(self, obj: SObject) -> dict[str, Fault]:
        return {
            str(f.get("field")): f
            for f in self.faults.standing("hide_field", "salesforce")
            if f.get("object") in (None, obj.name)
        }

    def _granted(self, obj: SObject, user: str) -> tuple[set[str], set[str]]:
        sets = {
            r.now["PermissionSetId"]
            for r in self.objects["PermissionSetAssignment"].rows.values()
            if r.now["AssigneeId"] == user
        }
        readable, editable = set(), set()
        for row in self.objects["FieldPermissions"].rows.values():
            if row.now["ParentId"] in sets and row.now["SobjectType"] == obj.name:
                name = str(row.now["Field"]).partition(".")[2]
                if row.now["PermissionsRead"]:
                    readable.add(name)
                if row.now["PermissionsEdit"]:
                    editable.add(name)
        return readable, editable

    # -- rows

    def insert(
        self,
        name: str,
        values: dict[str, Any],
        at: datetime,
        user: str = API_USER,
        record_id: str = "",
    ) -> str:
        """Put a new row in without any check; return its id."""
        obj = self.objects[name]
        obj.numbers += 1
        record_id = record_id or make_id(obj.prefix, obj.numbers)
        system = {
            "Id": record_id, "IsDeleted": False, "CreatedDate": at, "CreatedById": user,
            "LastModifiedDate": at, "LastModifiedById": user, "SystemModstamp": at,
        }  # fmt: skip
        defaults = {f.name: f.default for f in obj.fields.values() if f.formula is None}
        obj.rows[record_id] = Versions([(at, {**defaults, **values, **system})])
        return record_id

    def touch(
        self,
        obj: SObject,
        record_id: str,
        changes: dict[str, Any],
        user: str,
        at: datetime | None = None,
    ) -> None:
        """Save changes, even none: the stamps move all the same."""
        now = at or self.now()
        row = obj.rows[record_id]
        stamps = {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": user}
        row.put(now, {**row.now, **changes, **stamps})

    def delete(self, obj: SObject, record_id: str, user: str, master: str | None = None) -> None:
        """Into the recycle bin; `master` is the record that it was merged into."""
        changes: dict[str, Any] = {"IsDeleted": True}
        if master is not None:
            changes["MasterRecordId"] = master
        self.touch(obj, record_id, changes, user)
        self.deleted_at[record_id] = self.now()

    def now(self) -> datetime:
        """Stamps have whole seconds, as CreatedDate and SystemModstamp do."""
        return self.clock.now().replace(microsecond=0)

    def horizon(self, lag_seconds: float) -> datetime | None:
        """What was saved after this instant is not to be seen yet."""
        return self.clock.now() - timedelta(seconds=lag_seconds) if lag_seconds else None

    def calculated(self, obj: SObject, values: dict[str, Any], name: str) -> Any:
        """A stored value, or a formula's as of today."""
        field = obj.fields.get(name)
        if field is not None and field.formula is not None:
            return field.formula(values, self.clock.today())
        return values.get(name)
