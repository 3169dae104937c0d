"""Names of a query: fields of its object and of its parents, as this user sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import no_such_column

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import Field, SObject
    from sandbox.salesforce.soql_tree import Query

    Read = Callable[[dict[str, Any]], Any]


class Scope:
    """Resolves paths such as `Account.Owner.Name` from one object."""

    def __init__(self, org: Org, obj: SObject, user: str) -> None:
        self.org = org
        self.obj = obj
        self.user = user
        self.today: date = org.clock.today()
        self.fields = org.fields(obj, user)

    def resolve(self, path: str) -> tuple[Field, Read]:
        """The field at the end of `path`, and a reader of it. Raises ApiError INVALID_FIELD."""
        *relationships, name = path.split(".")
        if relationships and relationships[0].lower() == self.obj.name.lower():
            relationships = relationships[1:]  # SELECT Account.Name FROM Account
        if not relationships:
            return self._own(name)
        return self._through(relationships, name)

    def _own(self, name: str) -> tuple[Field, Read]:
        field = self.obj.find(name)
        if field is None or field.name not in self.fields:
            raise no_such_column(name, self.obj.name)
        org, obj, api_name = self.org, self.obj, field.name
        if field.formula is None:
            return field, lambda values: values.get(api_name)
        return field, lambda values: org.calculated(obj, values, api_name)

    def _through(self, relationships: list[str], name: str) -> tuple[Field, Read]:
        link = self.obj.parent(relationships[0])
        if link is None or link.name not in self.fields:
            raise no_such_relationship(relationships[0], self.obj.name)
        parent = self.org.sobject(link.reference_to)
        field, read_parent = Scope(self.org, parent, self.user).resolve(
            ".".join([*relationships[1:], name])
        )
        key = link.name

        def read(values: dict[str, Any]) -> Any:
            row = parent.rows.get(values.get(key) or "")
            return None if row is None else read_parent(row.now)

        return field, read

    def parent_of(
        self, relationship: str, values: dict[str, Any]
    ) -> tuple[SObject, dict[str, Any] | None]:
        """The parent record that `relationship` leads to, None where there is none."""
        link = self.obj.parent(relationship)
        if link is None:
            raise no_such_relationship(relationship, self.obj.name)
        parent = self.org.sobject(link.reference_to)
        row = parent.rows.get(values.get(link.name) or "")
        return parent, None if row is None else row.now

    def semi_join(self, query: Query) -> set[Any]:
        from sandbox.salesforce.soql_run import matching  # it needs this module

        scope = Scope(self.org, self.org.sobject(query.entity), self.user)
        _, read = scope.resolve(query.items[0].path)
        return {read(values) for values in matching(scope, query, include_deleted=False)}


def no_such_relationship(name: str, entity: str) -> Exception:
    """INVALID_FIELD for the first step of a path."""
    from sandbox.salesforce.errors import ApiError

    return ApiError(
        "INVALID_FIELD",
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a "
        "custom relationship, be sure to append the '__r' after the custom relationship name. "
        f"Please reference your WSDL or the describe call for the appropriate names. ({entity})",
    )
