"""gatepost.yaml as it is written: connections, schedule, server, alerts, engine, guards."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from config.cron import check_cron
from config.guards import Guards
from config.kinds import AS_MAP, Text, Whole, Window, described, fail, unmarked
from config.problem import quoted
from config.shape import Shape
from config.timezone import Timezone

_CONNECTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_SECONDS = re.compile(r"(\d{1,4})\s?([sm])\Z")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)\s?%\Z")
LONGEST_JITTER = 1800
"""seconds"""
NEVER = "never"
OFF = "none"  # `off` would be a boolean to YAML
_MEMORY = re.compile(r"[1-9]\d{0,5}(\.\d{1,3})?\s?(MB|GB|TB|MiB|GiB|TiB)\Z", re.IGNORECASE)


def _connection_name(value: Any) -> Any:
    # It becomes part of a variable's name (GATEPOST_CRM_TOKEN) and of a folder's.
    if not isinstance(value, str) or not _CONNECTION_NAME.match(value):
        raise fail(
            f"{described(value)} cannot be a connection's name: it must begin with a letter "
            "and go on with letters, digits and _"
        )
    return value


def _memory(value: Any) -> Any:
    if not isinstance(value, str) or not _MEMORY.match(value):
        raise fail(f"an amount of memory is expected here, not {described(value)}", "such as 2GB")
    return value


def _threads(value: Any) -> Any:
    if isinstance(value, int) and not 1 <= value <= 1024:
        raise fail(f"{described(value)} lies outside 1 to 1024")
    return value


def _keep(value: Any) -> Any:
    if isinstance(value, int) and not 1 <= value <= 1000:
        raise fail(f"{described(value)} lies outside 1 to 1000")
    return value


def _cron(value: Any) -> Any:
    if not isinstance(value, str):
        raise fail(f"a schedule is expected here, not {described(value)}", 'such as "*/30 * * * *"')
    if value == NEVER:
        return NEVER
    if wrong := check_cron(value):
        raise fail(f"{quoted(value)} is no schedule: {wrong}", 'such as "*/30 * * * *"')
    return value


def _seconds(value: Any) -> int:
    if type(value) is int:  # ours: what a file says is a WrittenInt
        return value
    found = _SECONDS.match(value) if isinstance(value, str) else None
    if not found:
        raise fail(f"a short time is expected here, not {described(value)}", "such as 30s or 5m")
    seconds = int(found[1]) * (60 if found[2] == "m" else 1)
    if seconds > LONGEST_JITTER:
        raise fail(f"{described(value)} is too long: {LONGEST_JITTER // 60}m is the most")
    return seconds


def _listen(value: Any) -> str:
    if value == OFF:
        return OFF
    if not isinstance(value, str) or listen_address(value) is None:
        raise fail(
            f"an address and a port are expected here, not {described(value)}",
            f"such as 127.0.0.1:8787, or {OFF}",
        )
    return value


def listen_address(text: str) -> tuple[str, int] | None:
    """Host and port of `127.0.0.1:8787` or `[::1]:8787`; None if it is neither."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not re.fullmatch(r"[0-9A-Za-z.:-]+", bare) or (":" in bare) != (bare != host):
        return None
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        return None
    return bare, int(port)


def _share(value: Any) -> float:
    if type(value) is float:  # ours: what a file says is a WrittenFloat
        return value
    found = _SHARE.match(value) if isinstance(value, str) else None
    if not found or not 0 < float(found[1]) <= 100:
        raise fail(f"a share is expected here, not {described(value)}", "such as 10%")
    return float(found[1]) / 100


Cron = Annotated[
    str,
    BeforeValidator(_cron),
    WithJsonSchema({"type": "string", "examples": ["*/30 * * * *", "never"]}),
]
Seconds = Annotated[
    int,
    BeforeValidator(_seconds),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s?[sm]$"}),
]
Points = Annotated[
    float, BeforeValidator(_share), WithJsonSchema({"type": "string", "pattern": r"^[\d.]+\s?%$"})
]
ConnectionName = Annotated[str, BeforeValidator(_connection_name)]


# No key of a file can be this, so `options:` itself is an unknown key there.
_REST = "\x00rest"


class Connection(Shape):
    """A system that is read or written. In the file, `options` are keys beside `type` and `url`.

    `options` hold plain values (text, numbers, true/false, lists); never a secret.
    """

    type: Text = Field(description="salesforce, hubspot, mixpanel or files")
    url: Text | None = Field(None, description="an address other than the vendor's own")
    options: dict[str, Any] = Field(
        default_factory=dict,
        validation_alias=_REST,
        description="what this type wants to know",
    )

    @classmethod
    def written_keys(cls) -> tuple[str, ...]:
        """Options are no key of their own."""
        return ("type", "url")

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """Gather what stands beside `type` and `url`."""
        if not isinstance(data, dict):
            return data
        own = {key: value for key, value in data.items() if key in ("type", "url", "options")}
        rest = {
            key: unmarked(value)
            for key, value in data.items()
            if key not in own and value is not None
        }
        return own | {_REST: rest} if rest else own


class Schedule(Shape):
    """When `gatepost run` does what."""

    sync: Cron = Field(
        "*/30 * * * *", description="five cron fields: minute, hour, day, month, weekday; or never"
    )
    full: Cron = Field("0 4 * * 0", description="a sync that reads every account anew")
    retention: Cron = Field(NEVER, description="when events that are old enough are pruned")
    backup: Cron = Field(NEVER, description="when a backup is made")
    timezone: Timezone = Field("UTC", description="whose clock the schedule speaks of (IANA name)")
    jitter: Seconds = Field(
        "30s", validate_default=True, description="each start is put off at random by up to this"
    )


class Server(Shape):
    """Where `gatepost run` answers."""

    listen: Annotated[str, BeforeValidator(_listen)] = Field(
        "127.0.0.1:8787", description="address:port, or none; any but loopback demands a token"
    )


class Alerts(Shape):
    """When somebody is told that the job itself needs a look."""

    stale: Window = Field(3, description="a source without an event for longer is stale")
    match_drop: Points = Field(
        "10%",
        validate_default=True,
        description="the match rate fell if it is that far below the usual of the last ten pulls",
    )
    silent: Window = Field(1, description="no sync ended for so long, where `sync` is never")


class Retention(Shape):
    """How long what only grows is kept. A key that is not given: for ever."""

    events: Window | None = Field(
        None, description="older days of the lake keep only what the journeys look at"
    )
    runs: Window | None = Field(None, description="runs are forgotten after so long")
    writes: Window | None = Field(
        None, description="settled writes are forgotten after so long, but each field's last one"
    )


class Backup(Shape):
    """Where `gatepost backup` puts its copies when it is told no place."""

    folder: Text = Field("backups", description="a folder, relative to the project's")
    keep: Annotated[Whole, BeforeValidator(_keep)] = Field(
        7, description="how many are kept; the oldest goes first"
    )


class Engine(Shape):
    """What the computation may use."""

    threads: Annotated[Whole, BeforeValidator(_threads)] = Field(2, description="1 or more")
    memory: Annotated[str, BeforeValidator(_memory)] = Field(
        "2GB", description="above this, work is spilled to disk"
    )


class Gatepost(Shape):
    """gatepost.yaml."""

    connections: Annotated[dict[ConnectionName, Connection], AS_MAP] = Field(
        description="name: the system behind it"
    )
    schedule: Schedule = Field(default_factory=Schedule, description="when to sync")
    server: Server = Field(default_factory=Server, description="where the daemon answers")
    alerts: Alerts = Field(default_factory=Alerts, description="when the daemon calls somebody")
    retention: Retention = Field(default_factory=Retention, description="how long things are kept")
    backup: Backup = Field(default_factory=Backup, description="where copies go")
    engine: Engine = Field(default_factory=Engine, description="threads and memory")
    guards: Guards = Field(default_factory=Guards, description="limits that stop a run")
