"""Names of time zones, checked against the database that computes with them."""

from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, WithJsonSchema

from config.kinds import described, fail
from config.problem import nearest, quoted

# Machine-dependent copies of the database; the engine does not know them.
_FOREIGN = ("posix/", "right/", "localtime", "Factory")


@cache
def _exists(name: str) -> bool:
    if name.startswith(_FOREIGN):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _timezone(value: Any) -> str:
    if not isinstance(value, str):
        raise fail(f"a time zone is expected here, not {described(value)}", "such as Europe/Berlin")
    if not _exists(value):
        hint = nearest(value, available_timezones()) or "such as Europe/Berlin or UTC"
        raise fail(f"no time zone is called {quoted(value)}", hint)
    return value


Timezone = Annotated[
    str,
    BeforeValidator(_timezone),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]}),
]
