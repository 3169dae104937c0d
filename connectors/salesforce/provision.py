"""Custom fields made through Tooling, seen and edited by way of one permission set.

A field that was just made is invisible to everybody, the API user included, until it is granted;
and for some seconds the rest of the org does not know it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simple_salesforce.format import format_soql

from config.errors import GatepostError, StopCycle
from connectors.facts import Done, FieldWish, Progress, Todo
from connectors.salesforce import provision_rules as rules
from connectors.salesforce.answers import Refused
from connectors.salesforce.client import Client
from connectors.salesforce.inspect import SalesforceInspector

PERMISSION_SET = "Gatepost_Fields"
_LABEL = "Gatepost fields"
_PAUSE_SECONDS = 2.0
_TRIES = 5
_RIGHTS = frozenset(
    {
        "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INVALID_TYPE", "NOT_FOUND",
    }
)  # fmt: skip
_THERE = frozenset({"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"})
_NOT_YET = frozenset({"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INVALID_FIELD"})


class SalesforceProvisioner:
    """Provisioner of one org."""

    def __init__(self, client: Client, inspector: SalesforceInspector) -> None:
        self._client = client
        self._inspector = inspector

    def name_problem(self, name: str) -> tuple[str, str] | None:
        return rules.name_problem(name)

    def made_of(self, wish: FieldWish) -> str:
        return rules.made_of(wish)

    def by_hand(self, object_name: str, todo: Todo) -> str:
        return rules.by_hand(object_name, todo)

    def carry_out(self, object_name: str, todos: Sequence[Todo], tick: Progress) -> list[Done]:
        work = _Work(self._client, self._inspector, object_name, todos, tick)
        work.each("create", work.create)
        work.each("options", work.add_options)
        work.grant()
        work.look()
        return [work.failed.get(number, Done(done=True)) for number in range(len(todos))]


@dataclass
class _Work:
    """One call of carry_out. `failed`: by the number of the todo."""

    client: Client
    inspector: SalesforceInspector
    object_name: str
    todos: Sequence[Todo]
    tick: Progress
    failed: dict[int, Done] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    _over: GatepostError | None = None
    """why nothing more is tried"""
    _parent: str = ""
    """the id of the permission set"""

    def each(self, action: str, do: Callable[[Todo], None]) -> None:
        """Do one kind of thing, whatever becomes of each."""
        for number, todo in enumerate(self.todos):
            if todo.action == action:
                self.tick("making fields", number, len(self.todos))
                self._try(number, todo, do)

    def _try(self, number: int, todo: Todo, do: Callable[[Todo], None], before: str = "") -> None:
        """`before` is what was done already; what `todo` still wants is told if `do` fails."""
        try:
            if self._over is not None:
                raise self._over
            do(todo)
        except GatepostError as error:
            if not isinstance(error, StopCycle):  # busy, used up: the next would hear the same
                self._over = error
            reason = before + (_missing_right(error) or str(error))
            self._fail(number, todo, reason)

    def _fail(self, number: int, todo: Todo, reason: str) -> None:
        how = rules.by_hand(self.object_name, todo)
        self.failed[number] = Done(done=False, reason=reason, by_hand=how)

    def create(self, todo: Todo) -> None:
        name = f"{self.object_name}.{todo.wish.name}"
        body = {"FullName": name, "Metadata": rules.metadata_of(todo.wish)}
        try:
            self.client.json(
                "POST", "tooling/sobjects/CustomField", what=f"making {name}", repeat=True,
                json=body,
            )  # fmt: skip
        except Refused as refused:
            if refused.code not in _THERE:
                raise
        self.made.add(todo.wish.name)

    def add_options(self, todo: Todo) -> None:
        name = todo.wish.name
        found = self.inspector.custom_fields(self.object_name, [name])
        if name not in found:
            raise StopCycle(
                f"{self.object_name}.{name} is no custom field that can be changed here"
            )
        path = f"tooling/sobjects/CustomField/{found[name]}"
        held = self.client.json("GET", path, what=f"the values of {name}")["Metadata"]
        values = held.get("valueSet") or {}
        if values.get("valueSetName"):
            raise StopCycle(
                f"its values are those of the global value set {values['valueSetName']}, which "
                "other fields share: Setup > Picklist Value Sets"
            )
        definition = values.setdefault("valueSetDefinition", {})
        definition["value"] = rules.extended(definition.get("value") or [], todo.options)
        held["valueSet"] = values
        self.client.call(
            "PATCH", path, what=f"adding values to {name}", repeat=True, json={"Metadata": held}
        )

    def grant(self) -> None:
        """Let the API user see and edit what was made, and what was there and hidden."""
        for number, todo in self._visible():
            self.tick("granting", number, len(self.todos))
            before = "it was made, but not granted: " if todo.wish.name in self.made else ""
            self._try(number, Todo("grant", todo.wish), self._grant, before)

    def _visible(self) -> list[tuple[int, Todo]]:
        """What the user must see in the end, of what has gone well so far."""
        return [
            (number, todo) for number, todo in enumerate(self.todos)
            if todo.action != "options" and number not in self.failed
        ]  # fmt: skip

    def _permission_set(self) -> str:
        """The id of our permission set, made and assigned if it is not."""
        user_id, _ = self.inspector.user
        if not user_id:
            raise StopCycle("the org does not tell who the API user is, so nothing was assigned")
        parent = self._ensure(
            "PermissionSet", {"Name": PERMISSION_SET},
            {"Label": _LABEL, "Description": "Lets Gatepost edit the fields that it writes."},
        )[0]  # fmt: skip
        self._ensure("PermissionSetAssignment", {"PermissionSetId": parent, "AssigneeId": user_id})
        return parent

    def _grant(self, todo: Todo) -> None:
        name, entity = todo.wish.name, self.object_name
        self._parent = self._parent or self._permission_set()
        keys = {"ParentId": self._parent, "SobjectType": entity, "Field": f"{entity}.{name}"}
        rights = {"PermissionsRead": True, "PermissionsEdit": True}
        for attempt in range(_TRIES):
            try:
                found, new = self._ensure("FieldPermissions", keys, rights)
            except Refused as refused:
                if refused.code not in _NOT_YET or attempt == _TRIES - 1:
                    raise
                self.client.sleep(_PAUSE_SECONDS)
            else:
                break
        if not new:
            self.client.call(
                "PATCH", f"sobjects/FieldPermissions/{found}", what=f"granting {name}",
                repeat=True, json=rights,
            )  # fmt: skip

    def _ensure(
        self, entity: str, keys: Mapping[str, str], more: Mapping[str, Any] | None = None
    ) -> tuple[str, bool]:
        """The id of the record with these values, and whether it was made just now."""
        if found := self._find(entity, keys):
            return found, False
        try:
            made = self.client.json(
                "POST", f"sobjects/{entity}", what=f"making a {entity}", repeat=True,
                json={**keys, **(more or {})},
            )  # fmt: skip
        except Refused as refused:
            if refused.code in _THERE and (found := self._find(entity, keys)):
                return found, False
            raise
        return str(made["id"]), True

    def _find(self, entity: str, keys: Mapping[str, str]) -> str:
        where = " AND ".join(format_soql(f"{key} = {{}}", value) for key, value in keys.items())
        query = f"SELECT Id FROM {entity} WHERE {where}"  # noqa: S608 - quoted by format_soql
        found = self.client.json("GET", "query", what=f"looking for a {entity}",
                                 params={"q": query})["records"]  # fmt: skip
        return str(found[0]["Id"]) if found else ""

    def look(self) -> None:
        """Whether the user sees now what was made, and may edit it."""
        mine = self._visible()
        said = "it was granted, and the API user does not see it yet, or may not edit it"
        try:
            for attempt in range(_TRIES):
                if attempt:
                    self.client.sleep(_PAUSE_SECONDS)
                mine = self._unseen(mine)
                if not mine:
                    return
        except GatepostError as error:
            said = f"whether the API user sees it now could not be found out: {error}"
        for number, todo in mine:
            self._fail(number, Todo("grant", todo.wish), said)

    def _unseen(self, mine: list[tuple[int, Todo]]) -> list[tuple[int, Todo]]:
        if not mine:
            return []
        self.inspector.forget(self.object_name)
        seen = self.inspector.describe(self.object_name).fields
        return [
            (number, todo) for number, todo in mine
            if todo.wish.name not in seen or seen[todo.wish.name].refusal
        ]  # fmt: skip


def _missing_right(error: GatepostError) -> str:
    if not isinstance(error, Refused) or error.code not in _RIGHTS:
        return ""
    return f"the API user lacks the right to do this ({error.code}); an administrator can"
