"""gatepost.yaml as it is written: connections, schedule, engine, guards."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from config.cron import check_cron
from config.kinds import AS_MAP, Text, Whole, described, fail, unmarked
from config.problem import quoted
from config.shape import Shape
from config.timezone import Timezone

_CONNECTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
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


def _cron(value: Any) -> Any:
    if not isinstance(value, str):
        raise fail(f"a schedule is expected here, not {described(value)}", 'such as "*/30 * * * *"')
    if wrong := check_cron(value):
        raise fail(f"{quoted(value)} is no schedule: {wrong}", 'such as "*/30 * * * *"')
    return value


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
    """When `gatepost run` does a cycle."""

    sync: Annotated[str, BeforeValidator(_cron)] = Field(
        "*/30 * * * *", description="five cron fields: minute, hour, day, month, weekday"
    )
    timezone: Timezone = Field("UTC", description="whose clock the schedule speaks of (IANA name)")


class Engine(Shape):
    """What the computation may use."""

    threads: Annotated[Whole, BeforeValidator(_threads)] = Field(2, description="1 or more")
    memory: Annotated[str, BeforeValidator(_memory)] = Field(
        "2GB", description="above this, work is spilled to disk"
    )


class Gatepost(Shape):
    """gatepost.yaml. `guards` are kept as given."""

    connections: Annotated[dict[ConnectionName, Connection], AS_MAP] = Field(
        description="name: the system behind it"
    )
    schedule: Schedule = Field(default_factory=Schedule, description="when to sync")
    engine: Engine = Field(default_factory=Engine, description="threads and memory")
    guards: Annotated[dict[str, Any], BeforeValidator(unmarked), AS_MAP] = Field(
        default_factory=dict, description="limits that stop a run"
    )
