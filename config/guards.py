"""`guards` of gatepost.yaml: the brakes that stop a run before it writes, and how it writes.

Every brake has a default and is on; `never` takes it off.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from config.kinds import Delay, Flag, Text, Whole, Window, as_written, described, fail
from config.problem import quoted
from config.shape import Shape

NEVER = "never"
_SHARE = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s?%\Z")
_SAMPLE = re.compile(r"sample ([1-9]\d{0,5})\Z")
SHARE_PATTERN = r"^(\d+(\.\d+)?\s?%|never)$"
AGE_PATTERN = r"^(\d+\s*[dw]|never)$"


def _share(value: Any) -> float | None:
    # Code gives shares as floats of its own; a file's numbers know how they were written.
    if type(value) is float or value is None:
        return value
    if value == NEVER:
        return None
    text = as_written(value) if isinstance(value, str | int | float) else ""
    found = _SHARE.match(text)
    if not found:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        hint = f"write {text}%, or {float(text) * 100:g}%" if number else "such as 20%, or never"
        raise fail(f"a share is expected here, not {described(value)}", hint)
    return _limit(float(found[1]), text) / 100


def _limit(percent: float, text: str) -> float:
    if percent > 100:
        raise fail(f"{quoted(text)} is more than everything", "100% is the most")
    return percent


def _some(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        raise fail(f"{described(value)} is too few: 1 is the least")
    return value


def _or_never(value: Any) -> Any:
    return None if value == NEVER else value


def _read_back(value: Any) -> Any:
    if value in ("all", "none") or (isinstance(value, str) and _SAMPLE.match(value)):
        return value
    raise fail(
        f"all, none or a sample is expected here, not {described(value)}", "such as sample 100"
    )


Share = Annotated[
    float | None,
    BeforeValidator(_share),
    WithJsonSchema({"type": "string", "pattern": SHARE_PATTERN}),
]
"""A share from 0 to 1, written as `20%`; None is `never`."""
Age = Annotated[
    Window | None,
    BeforeValidator(_or_never),
    WithJsonSchema({"type": "string", "pattern": AGE_PATTERN}),
]
"""Whole days, 1 or more; None is `never`."""
ReadBack = Annotated[
    str,
    BeforeValidator(_read_back),
    WithJsonSchema({"type": "string", "pattern": r"^(all|none|sample [1-9]\d*)$"}),
]


class Guards(Shape):
    """Limits that stop a run before it writes, and how carefully it writes."""

    segment: Text | None = Field(
        None, description="the name under `fields` that tells segments apart; `segment`, if there"
    )
    max_changed: Share = Field(0.2, description="accounts that one run may change")
    max_backward: Share = Field(0.05, description="accounts whose stage may go backwards")
    max_blanked: Share = Field(0.1, description="accounts whose value of a field may be emptied")
    max_mix: Share = Field(0.2, description="accounts of a segment that may change their stage")
    min_volume: Share = Field(0.3, description="a day's events against the usual of that weekday")
    min_matched: Share = Field(0.8, description="events that find an account, against the last run")
    max_stale: Age = Field(3, description="how old a source's last event may be")
    organisation: Flag = Field(True, description="whether the CRM must be that of the last run")
    at_least: Annotated[Whole, BeforeValidator(_some)] = Field(
        5, description="a share of accounts never stops a run over fewer accounts than these"
    )
    canary: Flag = Field(
        True, description="a journey's first run: 1 record, then 10, then the rest"
    )
    read_back: ReadBack | None = Field(
        None,
        description="all, none or `sample N`; absent: none of files, else sample 100",
    )
    dwell: Delay = Field(
        0, description="how long before a stage or alert goes out to a record a second time"
    )

    def told(self, key: str) -> bool:
        """Whether a limit stands in the file, or is the default."""
        return key in self.model_fields_set
