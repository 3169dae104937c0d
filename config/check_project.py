"""What must be right in gatepost.yaml beyond its shape: types, options, no secrets."""

import re
from typing import Any

from config.connection_types import CONNECTION_TYPES, ConnectionType, is_secret
from config.guards import Guards
from config.kinds import described
from config.problem import nearest, quoted
from config.project_file import Connection, Gatepost
from config.reading import Finding, Findings
from config.yaml_nodes import Path

_LOGIN_IN_URL = re.compile(r"//[^/?#]*@")
_IN_THE_OPEN = re.compile(r"http://(?!(127\.0\.0\.1|localhost|\[::1\])([:/?#]|\Z))", re.IGNORECASE)


def check_project(gatepost: Gatepost) -> Findings:
    """Everything that is wrong with the connections."""
    if not gatepost.connections:
        yield Finding(("connections",), "at least one connection is needed")
    for name, connection in gatepost.connections.items():
        path: Path = ("connections", name)
        yield from _name(name, gatepost, path)
        yield from _url(connection, name, path)
        kind = CONNECTION_TYPES.get(connection.type)
        if kind is None:
            hint = nearest(connection.type, CONNECTION_TYPES)
            yield Finding((*path, "type"), f"no connection type {quoted(connection.type)}", hint)
        for option, value in connection.options.items():
            yield from _option(name, kind, option, value, (*path, option))
        for option in kind.needed if kind else ():
            if option not in connection.options:
                yield Finding(
                    path, f"a connection of type {connection.type} needs {quoted(option)}"
                )


def check_guards(guards: Guards, fields: frozenset[str]) -> Findings:
    """Whether `segment` is one of the names under `fields` in mapping.yaml."""
    if guards.segment is not None and guards.segment not in fields:
        message = f"mapping.yaml has no field named {quoted(guards.segment)}"
        yield Finding(("guards", "segment"), message, nearest(guards.segment, fields))


def _name(name: str, gatepost: Gatepost, path: Path) -> Findings:
    for other in gatepost.connections:
        if other != name and f"{name}_".lower().startswith(f"{other}_".lower()):
            yield Finding(
                path,
                f"the names {quoted(name)} and {quoted(other)} would share variables such as "
                f"GATEPOST_{name.upper()}_SECRET",
                "rename one of them",
                at_key=True,
            )


def _url(connection: Connection, name: str, path: Path) -> Findings:
    url = connection.url
    if url is None:
        return
    if not re.match(r"https?://[^\s/]", url, re.IGNORECASE):
        # An address may carry a login, so it is not repeated here.
        yield Finding((*path, "url"), "is no address", "it begins with https:// or http://")
    elif _LOGIN_IN_URL.search(url):
        yield Finding(
            (*path, "url"),
            "holds a login, and secrets must not stand in a file",
            f"set GATEPOST_{name.upper()}_… in the environment",
        )
    elif _IN_THE_OPEN.match(url):
        message = "would carry secrets in the open: https is needed, but on this machine itself"
        yield Finding((*path, "url"), message)


def _option(
    name: str, kind: ConnectionType | None, option: str, value: Any, path: Path
) -> Findings:
    if is_secret(option):
        variable = f"GATEPOST_{name}_{option}".upper().replace("-", "_")
        yield Finding(
            path,
            f"{quoted(option)} is a secret, and secrets must not stand in a file",
            f"set {variable} in the environment, or in the secrets folder",
            at_key=True,
        )
        return
    if kind is None:
        return
    if option not in kind.options:
        yield Finding(
            path,
            f"unknown option {quoted(option)}",
            nearest(option, (*kind.options, "type", "url")),
            at_key=True,
        )
    elif isinstance(value, dict | list):
        yield Finding(path, f"one value is expected here, not {described(value)}")
    else:
        yield from _value(kind, option, value, path)


def _value(kind: ConnectionType, option: str, value: Any, path: Path) -> Findings:
    choices = dict(kind.choices).get(option)
    if choices and value not in choices:
        yield Finding(path, f"{described(value)} is none of {', '.join(choices)}")
    if option == "max_rejected" and not _share(value):
        yield Finding(path, f"a share from 0 to 1 is expected here, not {described(value)}")
    if option == "path" and not isinstance(value, str):
        yield Finding(path, f"a folder is expected here, not {described(value)}")
    if option == "project_id" and (isinstance(value, bool) or not isinstance(value, str | int)):
        yield Finding(path, f"a project's number is expected here, not {described(value)}")


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
