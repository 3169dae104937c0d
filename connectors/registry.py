"""Connection type → the module that speaks to it, imported on first use.

A vendor's client may take half a second to import: only whoever connects to it pays that.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from config.connection_types import CONNECTION_TYPES
from config.errors import FixConfig, StopCycle
from config.problem import nearest, quoted
from config.project_file import Connection
from config.reading import Finding
from connectors.base import Connector

CONNECTORS: dict[str, str] = {
    "files": "connectors.files:FilesConnector",
    "salesforce": "connectors.salesforce.connector:SalesforceConnector",
    "hubspot": "connectors.hubspot.connector:HubSpotConnector",
    "mixpanel": "connectors.mixpanel.connector:MixpanelConnector",
}
"""type → module:class; the class takes (name, connection, project folder) and opens nothing yet."""


def connect(name: str, connection: Connection, folder: Path) -> Connector:
    """The connector of a connection of gatepost.yaml; `folder` is the project's."""
    try:
        module, _, maker = CONNECTORS[connection.type].partition(":")
    except KeyError:
        raise StopCycle(
            f"connection {name}: no type {quoted(connection.type)} is known to this version",
            nearest(connection.type, CONNECTORS),
        ) from None
    connector: Connector = getattr(import_module(module), maker)(name, connection, folder)
    return connector


def option_findings(name: str, connection: Connection) -> Iterator[Finding]:
    """What is wrong with the options of a connection, each by itself: one that makes no sense hides
    no other. Opens nothing, and imports no vendor's client. For `config.load.load_project`."""
    read = _reader(name, connection.type)
    options = connection.options
    known = CONNECTION_TYPES[connection.type]
    needed = {key: options[key] for key in known.needed if key in options}
    parts = [connection.model_copy(update={"options": needed})]
    parts += [
        connection.model_copy(update={"options": {**needed, key: value}, "url": None})
        for key, value in options.items()
    ]
    told = {"url", *(key for key, _ in known.choices)}  # config has looked at these
    for part in parts:
        try:
            read(part)
        except FixConfig as wrong:
            for problem in wrong.problems:
                key = problem.where.rpartition(".")[2]
                if key not in told:
                    told.add(key)
                    path = ("connections", name, key)
                    yield Finding(path, problem.message, problem.hint)


def _reader(name: str, kind: str) -> Callable[[Connection], object]:
    """What reads the options of a connection, and raises FixConfig for the first that is wrong."""
    match kind:
        case "files":
            from connectors.rejected import max_rejected

            return lambda one: max_rejected(name, one)
        case "salesforce":
            from connectors.salesforce import options as salesforce

            return lambda one: salesforce.options_of(name, one)
        case "hubspot":
            from connectors.hubspot import options as hubspot

            return lambda one: hubspot.options_of(name, one)
        case "mixpanel":
            from connectors.mixpanel import options as mixpanel

            def read(one: Connection) -> object:
                # Without a day of its own it would look for the journeys', which say it elsewhere.
                day = {"since": "2025-01-01", **one.options}
                return mixpanel.options_of(name, one.model_copy(update={"options": day}), Path())

            return read
        case _:
            raise TypeError(kind)
