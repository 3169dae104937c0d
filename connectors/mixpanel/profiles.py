"""Group profiles through Engage, as records of accounts.

Only the first page of a query counts against the hour; the others belong to its session, which
sees one state of all profiles. How many there are is said on the first page, so that a session that
ends early is not taken for the end.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from config.errors import RetryLater, StopCycle
from config.problem import nearest, quoted
from connectors.base import Raw, Rejected
from connectors.mixpanel.options import Options
from connectors.mixpanel.queries import Queries

ID = "$distinct_id"
"""The column that holds a group's id: the value that events carry."""


class GroupProfiles:
    """AccountSource of one project; an object is a group type. Nothing cheap tells a change."""

    def __init__(self, queries: Queries, options: Options) -> None:
        self._queries, self._options = queries, options
        self._bad: list[Rejected] = []

    def columns(self, object_name: str) -> Sequence[str]:
        """Properties of the first thousand profiles: Mixpanel keeps no list of them."""
        page = self._page(self._asked(object_name, None))
        names = {name for one in page["results"] for name in _properties(one)}
        return [ID, *sorted(names)]

    def fingerprint(self, object_name: str) -> str:
        """Nothing cheap is to be had."""
        return ""

    def read(self, object_name: str, columns: Sequence[str]) -> Iterator[dict[str, Raw]]:
        """Numbers and truth values as they are, lists and objects as JSON text. StopCycle at the
        end if no profile has a property of such a name."""
        wanted = [name for name in columns if name != ID]
        missing, known = set(wanted), set[str]()
        rows, self._bad = 0, []
        for profile in self._all(object_name, wanted):
            rows += 1
            properties = _properties(profile)
            missing.difference_update(properties)
            if profile.get(ID) in (None, ""):
                self._bad.append(Rejected(rows, "it has no id", json.dumps(profile)[:200]))
                continue
            values = {**properties, ID: str(profile[ID])}
            yield {name: _raw(values.get(name)) for name in columns}
        if rows and missing:
            known = set(self.columns(object_name))
            raise StopCycle(
                f"{self._options.name}: no group profile of {object_name} has a property"
                f" {', '.join(map(quoted, sorted(missing)))}",
                nearest(min(missing), known),
            )

    def rejected(self, object_name: str) -> tuple[int, Sequence[Rejected]]:
        """Profiles without an id, of the last `read`."""
        return len(self._bad), self._bad[:1000]

    def _asked(self, object_name: str, names: Sequence[str] | None) -> dict[str, str]:
        groups = self._options.groups
        if object_name not in groups:
            known = f"known are {', '.join(groups)}" if groups else "none is named there"
            raise StopCycle(
                f"{self._options.name} has no group type {quoted(object_name)}: {known}",
                f"say connections.{self._options.name}.groups: {object_name}=NUMBER with the"
                " data group id of Project Settings, Group Keys",
            )
        asked = {"data_group_id": groups[object_name]}
        if names is not None:
            asked["output_properties"] = json.dumps(list(names))
        return asked

    def _all(self, object_name: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        asked = self._asked(object_name, names)
        page = self._page(asked)
        total, session, number, got = page.get("total"), page.get("session_id"), 0, 0
        while True:
            results = page["results"]
            got += len(results)
            yield from results
            whole = page.get("page_size")
            if not results or session is None or (isinstance(whole, int) and len(results) < whole):
                break
            number += 1
            page = self._page(asked | {"session_id": str(session), "page": str(number)}, free=True)
        if isinstance(total, int) and got < total:
            raise RetryLater(
                f"{self._options.name}: of {total:,} group profiles only {got:,} came",
                hint="the next run asks for all of them again",
            )

    def _page(self, form: dict[str, str], *, free: bool = False) -> dict[str, Any]:
        page = self._queries.ask("engage", form=form, free=free)
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise RetryLater(f"{self._options.name}: a page of group profiles has no results")
        if not all(isinstance(one, dict) for one in page["results"]):
            raise RetryLater(f"{self._options.name}: a page of group profiles holds something else")
        return page


def _properties(profile: dict[str, Any]) -> dict[str, Any]:
    found = profile.get("$properties")
    return found if isinstance(found, dict) else {}


def _raw(value: Any) -> Raw:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return json.dumps(value, ensure_ascii=False)
