"""The open connections of a cycle, and what they cost."""

from collections.abc import Iterable

from config.errors import FixConfig
from config.folder import PROJECT
from config.load import Project
from config.problem import Problem
from connectors.base import Budgeted, Connector, NeedsSecrets
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

    def check_secrets(self, names: Iterable[str]) -> None:
        """FixConfig with all secrets that these connections need and lack, so that nobody adds one
        and is asked for the next."""
        missing: list[Problem] = []
        for name in dict.fromkeys(names):
            connector = self.of(name)
            if isinstance(connector, NeedsSecrets):
                try:
                    connector.check_secrets()
                except FixConfig as error:
                    missing += (self._placed(name, one) for one in error.problems)
        if missing:
            raise FixConfig(set(missing))  # the folder of all of them may not be there

    def _placed(self, name: str, problem: Problem) -> Problem:
        """With the line of the connection, where the problem has none."""
        if problem.file != PROJECT or problem.line:
            return problem
        file = self._project.files[PROJECT]
        return file.problem(("connections", name), problem.message, problem.hint)

    def requests(self) -> dict[str, dict[str, int | None]]:
        """What each connection that counts its requests sent so far, and may still send."""
        found: dict[str, dict[str, int | None]] = {}
        for name, connector in self.opened.items():
            if isinstance(connector, Budgeted) and (budget := connector.budget()) is not None:
                # requests of a day ago leave the count while we look: never less than none
                sent = max(0, budget.used - self._used.get(name, 0))
                found[name] = {"sent": sent, "left": budget.left}
        return found
