"""What Mixpanel says of us: whether the service account sees the project, and its time zone."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from config.errors import FixConfig, StopCycle
from config.problem import Problem
from connectors import http
from connectors.facts import Access, Estimate, FieldFacts, Lack, ObjectFacts

if TYPE_CHECKING:
    from connectors.mixpanel.connector import MixpanelConnector


_READ_ONLY = "nothing is ever written to Mixpanel"


class MixpanelInspector:
    """Inspector of one project. It keeps events, and profiles of groups to be read."""

    def __init__(self, connector: "MixpanelConnector") -> None:
        self._connector = connector

    def access(self, reads: Sequence[str], writes: Sequence[str]) -> Access:
        """FixConfig too where `project_time` names another zone than the project's: every event
        would be hours off."""
        options = self._connector.options
        try:
            me = http.retrying(self._connector.sleep, attempts=options.tries)(
                self._connector.client.me
            )
        except StopCycle as error:  # not served to everybody; a wrong secret is FixConfig
            return Access(f"project {options.project_id}, as far as is known ({error})")
        projects = me.get("projects") if isinstance(me, dict) else None
        if not isinstance(projects, dict):
            return Access(f"project {options.project_id}, as far as is known")
        projects = {number: one for number, one in projects.items() if isinstance(one, dict)}
        mine = projects.get(options.project_id)
        if mine is None:
            others = [f"{number} ({one.get('name')})" for number, one in projects.items()]
            hint = f"it sees {', '.join(others)}" if others else "give it a role in the project"
            said = f"the service account does not see project {options.project_id}"
            return Access(str(me.get("user_name") or ""), (Lack(said, hint),))
        zone = str(mine.get("timezone") or "")
        if options.zone and zone and options.zone != zone:
            raise FixConfig([_other_zone(options.name, options.zone, zone)])
        return Access(f"project {mine.get('name') or options.project_id}")

    def describe(self, object_name: str, names: Sequence[str] = ()) -> ObjectFacts:
        """A group type, with the properties of its first thousand profiles: there is no list."""
        fields = {
            name: FieldFacts(name, "property", "any", frozenset(), refusal=_READ_ONLY)
            for name in self._connector.accounts().columns(object_name)
        }
        return ObjectFacts(object_name, fields, refusal=_READ_ONLY)

    def last_day(self, object_name: str, at: str) -> date | None:
        raise StopCycle(f"{self._connector.name} has no object {object_name}")

    def estimate(
        self, accounts: str | None, events: Sequence[str], *, writes: bool
    ) -> Estimate | None:
        windows = len(self._connector.events(None).parts())
        recent = min(windows, self._connector.options.late_days + 1)
        return Estimate(recent, windows, meaning="pulls the whole past")


def _other_zone(name: str, said: str, found: str) -> Problem:
    where = f"connections.{name}.project_time"
    message = f"local({said}) is said, and the project's time zone is {found}"
    return Problem("gatepost.yaml", 0, 0, where, message, f"say local({found})")
