"""The open connections of a cycle, and what they cost."""

from config.load import Project
from connectors.base import Budgeted, Connector
from connectors.registry import connect


class Connections:
    """The connections of gatepost.yaml, each opened when it is first asked for."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.opened: dict[str, Connector] = {}
        self._used: dict[str, int] = {}

    def of(self, name: str) -> Connector:
        """The open connection of that name."""
        if name not in self.opened:
            connection = self._project.gatepost.connections[name]
            made = connect(name, connection, self._project.folder)
            self.opened[name] = made
            if isinstance(made, Budgeted) and (budget := made.budget()) is not None:
                self._used[name] = budget.used
        return self.opened[name]

    def requests(self) -> dict[str, dict[str, int | None]]:
        """What each connection that counts its requests sent so far, and may still send."""
        found: dict[str, dict[str, int | None]] = {}
        for name, connector in self.opened.items():
            if isinstance(connector, Budgeted) and (budget := connector.budget()) is not None:
                # requests of a day ago leave the count while we look: never less than none
                sent = max(0, budget.used - self._used.get(name, 0))
                found[name] = {"sent": sent, "left": budget.left}
        return found
