"""Properties made in a group of their own, and options added to those that are there."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from config.errors import FixConfig, GatepostError, StopCycle
from connectors.facts import Done, FieldWish, Progress, Todo
from connectors.hubspot.errors import Json, Refused
from connectors.hubspot.inspect import SCOPES

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

GROUP = "gatepost"
_LABEL = "Gatepost"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = "hs_"
_LONGEST_NAME = 100
_CONFLICT = 409
_YES_NO = (("Yes", "true"), ("No", "false"))


class HubSpotProvisioner:
    """Provisioner of one account."""

    def __init__(self, connector: "HubSpotConnector") -> None:
        self._connector = connector

    def name_problem(self, name: str) -> tuple[str, str] | None:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
        better = plain.removeprefix(_RESERVED)[:_LONGEST_NAME].rstrip("_")
        if not _NAME.fullmatch(name):
            said = "a property's name begins with a lower-case letter"
            return f"{said} and goes on with lower-case letters, digits and _", better
        if name.startswith(_RESERVED):
            return f"names that begin with {_RESERVED} are HubSpot's own", better
        if len(name) > _LONGEST_NAME:
            said = f"a property's name has at most {_LONGEST_NAME} characters"
            return f"{said}, and this one has {len(name)}", better
        return None

    def made_of(self, wish: FieldWish) -> str:
        made = definition_of(wish)
        count = len(made.get("options", ())) if wish.kind != "boolean" else 0
        more = f" of {count} {'option' if count == 1 else 'options'}" if count else ""
        return f"{made['type']} ({made['fieldType']}){more}"

    def by_hand(self, object_name: str, todo: Todo) -> str:
        page = f"Settings > Properties > (select {object_name})"
        match todo.action:
            case "create":
                made = self.made_of(todo.wish)
                return f"{page} > Create property: {made}, internal name {todo.wish.name}"
            case "options":
                return f"{page} > {todo.wish.name} > Edit > Options: {', '.join(todo.options)}"
            case "grant":
                return f"{page} > {todo.wish.name} > Manage access"

    def carry_out(self, object_name: str, todos: Sequence[Todo], tick: Progress) -> list[Done]:
        done: list[Done] = []
        over: GatepostError | None = None
        grouped = False
        for number, todo in enumerate(todos):
            tick("making properties", number, len(todos))
            try:
                if over is not None:
                    raise over
                if todo.action == "create":
                    grouped = grouped or self._group(object_name)
                    self._create(object_name, todo)
                else:
                    self._add_options(object_name, todo)
            except GatepostError as error:
                if not isinstance(error, Refused | StopCycle):
                    over = error  # a missing scope, a limit: the next would hear the same
                done.append(self._failed(object_name, todo, error))
            else:
                done.append(Done(done=True))
        return done

    def _failed(self, object_name: str, todo: Todo, error: GatepostError) -> Done:
        if isinstance(error, FixConfig):
            said = "; ".join(problem.message for problem in error.problems)
            hint = f"{SCOPES}, or by hand: {self.by_hand(object_name, todo)}"
            return Done(done=False, reason=said, by_hand=hint)
        return Done(done=False, reason=str(error), by_hand=self.by_hand(object_name, todo))

    def _group(self, object_name: str) -> bool:
        path = f"/crm/v3/properties/{object_name}/groups"
        found = self._connector.wire.ask("GET", path).get("results") or []
        if not any(one.get("name") == GROUP for one in found):
            body = {"name": GROUP, "label": _LABEL, "displayOrder": -1}
            try:
                self._connector.wire.ask("POST", path, body)
            except Refused as refused:
                if refused.status != _CONFLICT:  # by a request whose answer was lost it is there
                    raise
        return True

    def _create(self, object_name: str, todo: Todo) -> None:
        path = f"/crm/v3/properties/{object_name}"
        body = definition_of(todo.wish)
        try:
            self._connector.wire.ask("POST", path, body)
        except Refused as refused:
            if refused.status != _CONFLICT:
                raise
            self._need_like(f"{path}/{todo.wish.name}", body, refused)

    def _need_like(self, path: str, wanted: Json, conflict: Refused) -> None:
        """The name is taken, perhaps by a request of ours whose answer was lost. Refused if it is
        not to be seen, such as that of an archived property, or not what it should be."""
        try:
            held = self._connector.wire.ask("GET", path)
        except Refused:
            raise conflict from None
        if (held.get("type"), held.get("fieldType")) != (wanted["type"], wanted["fieldType"]):
            said = f"somebody made it meanwhile, and it is a {held.get('type')}"
            raise Refused(_CONFLICT, "CONFLICT", f"{said} ({held.get('fieldType')})")

    def _add_options(self, object_name: str, todo: Todo) -> None:
        """HubSpot takes the list whole, so it is read right before."""
        path = f"/crm/v3/properties/{object_name}/{todo.wish.name}"
        held = self._connector.wire.ask("GET", path).get("options") or []
        known = {str(one.get("value")) for one in held}
        fresh = [name for name in todo.options if name not in known]
        more = _options([(name, name) for name in fresh], len(held))
        self._connector.wire.ask("PATCH", path, {"options": [*held, *more]})


def definition_of(wish: FieldWish) -> dict[str, Any]:
    """The property as HubSpot wants it."""
    made: dict[str, Any] = {
        "name": wish.name, "label": wish.label, "description": wish.description,
        "groupName": GROUP,
    }  # fmt: skip
    match wish.kind:
        case "text" | "list" if wish.options:
            way = "checkbox" if wish.kind == "list" else "select"
            made |= {"type": "enumeration", "fieldType": way}
            made["options"] = _options([(name, name) for name in wish.options])
        case "list":
            made |= {"type": "string", "fieldType": "textarea"}
        case "text":
            made |= {"type": "string", "fieldType": "text"}
        case "boolean":
            made |= {"type": "bool", "fieldType": "booleancheckbox", "options": _options(_YES_NO)}
        case kind:
            made |= {"type": kind, "fieldType": kind}
    return made


def _options(pairs: Sequence[tuple[str, str]], first: int = 0) -> list[Json]:
    return [
        {"label": label, "value": value, "displayOrder": order, "hidden": False}
        for order, (label, value) in enumerate(pairs, first)
    ]
