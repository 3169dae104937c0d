"""Connection type → the module that speaks to it, imported on first use.

A vendor's client may take half a second to import: only whoever connects to it pays that.
"""

from importlib import import_module
from pathlib import Path

from config.errors import StopCycle
from config.problem import nearest, quoted
from config.project_file import Connection
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
