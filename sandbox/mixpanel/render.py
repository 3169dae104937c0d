"""Lines of the raw export: one JSON object each, as of now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.mixpanel.project import DAY_SECONDS, GROUP_KEY, Project, Settings, offset_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

_PAGE = 20_000


def lines(
    project: Project, rows: NDArray[np.int64], settings: Settings, *, milliseconds: bool
) -> Iterator[str]:
    """Rows of the world, in order of arrival. A row that was sent before its user logged in carries
    the device until the merge is done, up to a day later; then it is rewritten."""
    columns = project.columns
    if columns is None:
        return
    now = project.clock.now().timestamp()
    for start in range(0, len(rows), _PAGE):
        page = rows[start : start + _PAGE]
        at = columns.at[page]
        shown_at = at + project.offsets(settings.project_time, at)
        for time, arrived, user, key, insert_id, tail, anonymous in zip(
            shown_at.tolist(), columns.arrived[page].tolist(), columns.user[page].tolist(),
            columns.key[page].tolist(), columns.insert_id[page].tolist(),
            columns.tail[page].tolist(), columns.anonymous[page].tolist(), strict=True,
        ):  # fmt: skip
            merged = not anonymous or arrived + (insert_id >> 8) % DAY_SECONDS <= now
            shown = f"{time}{insert_id % 1000:03d}" if milliseconds else str(time)
            yield (
                f'{{"event":{project.heads[tail]},"properties":{{"time":{shown},'
                f"{_identity(project, settings, user, anonymous, merged)}"
                f'"$insert_id":"{insert_id:016x}","$mp_api_endpoint":"api.mixpanel.com",'
                f'"$mp_api_timestamp_ms":{arrived}{insert_id % 1000:03d},'
                f'"mp_processing_time_ms":{arrived + 1}{insert_id % 997:03d},'
                f"{_group(project, key, insert_id)}{project.tails[tail]}}}}}\n"
            )


def _identity(
    project: Project,
    settings: Settings,
    user: int,
    anonymous: bool,  # noqa: FBT001 - reads well at its callers
    merged: bool,  # noqa: FBT001 - reads well at its callers
) -> str:
    if user < 0:
        return '"distinct_id":"",'
    name, device = project.users[user], device_of(user)
    if not anonymous:
        shown = device if settings.id_merge == "original" and user % 7 == 0 else name
        return f'"distinct_id":"{shown}","$device_id":"{device}","$user_id":"{name}",'
    if not merged:
        return f'"distinct_id":"$device:{device}","$device_id":"{device}",'
    return (
        f'"distinct_id":"{name}","$device_id":"{device}",'
        f'"$distinct_id_before_identity":"$device:{device}","$is_reshuffled":true,'
    )


def device_of(user: int) -> str:
    """The id of a user's one device."""
    scattered = (user + 1) * 0x9E3779B97F4A7C15 % 2**64
    return f"{scattered:016x}-{user:08x}"


def _group(project: Project, key: int, insert_id: int) -> str:
    """The group key of an event is a string or a list of strings."""
    if key < 0:
        return ""
    name = project.keys[key]
    return f'"{GROUP_KEY}":["{name}"],' if insert_id % 4 == 0 else f'"{GROUP_KEY}":"{name}",'


def imported_line(event: dict[str, Any], settings: Settings, *, milliseconds: bool) -> str:
    """An imported event: time as the export gives it, keys that the server adds."""
    from zoneinfo import ZoneInfo

    from sandbox.mixpanel.project import seconds_of

    properties = dict(event["properties"])
    seconds = seconds_of(properties["time"])
    if settings.project_time != "utc":
        seconds += offset_seconds(ZoneInfo(settings.project_time), seconds)
    properties["time"] = round(seconds * 1000) if milliseconds else int(seconds)
    properties["$import"] = True
    shown = {"event": event["event"], "properties": properties}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")) + "\n"


def odd_lines(time: int) -> list[bytes]:
    """What real exports were seen to hold. Each is one line; the third is no valid UTF-8."""
    stamp = f'"time":{time},"distinct_id":"odd-1"'

    def row(rest: str, event: str = "Report Created") -> bytes:
        return f'{{"event":"{event}","properties":{{{stamp}{rest}}}}}\n'.encode()

    twice = row(f',"{GROUP_KEY}":42,"$insert_id":"odd-6"')
    hot = (
        f'{{"event":"$hotshard_events","properties":{{"time":{time},"distinct_id":"",'
        f'"mp_original_event_name":"Report Created","mp_original_distinct_id":"odd-2",'
        f'"$insert_id":"odd-hot","{GROUP_KEY}":"odd"}}}}\n'
    ).encode()
    return [
        row(f',"$insert_id":"odd-1","{GROUP_KEY}":"odd","title":"two\u2028lines\u0085here"'),
        row(',"$insert_id":"odd-1","company_id":"odd","title":"sent twice"'),
        twice,
        twice,
        twice.replace(b'"distinct_id":"odd-1"', b'"distinct_id":"odd-3"'),  # as after a merge
        b'{"event":"Report Created","properties":{'
        + stamp.encode()
        + b',"$insert_id":"odd-2","title":"\xff\xfe"}}\n',
        row(f',"{GROUP_KEY}":["odd","even"],"$insert_id":"odd-3"'),
        row(f',"{GROUP_KEY}":null,"$insert_id":"odd-4"'),
        row(f',"{GROUP_KEY}":[],"$insert_id":"odd-5"'),
        row(',"title":"no insert id"'),
        row(',"$insert_id":"odd-7","Id":1,"id":2,"userName":"a","username":"b"'),
        row(',"$insert_id\\u0000":"odd-8"'),
        row(',"$insert_id":"odd-9","size":123456789012345678901234567890'),
        row(f',"$insert_id":"odd-10","blob":"{"x" * 300_000}"'),
        row(',"$insert_id":"odd-11","$identified_id":"u-1","$anon_id":"d-1"', "$identify"),
        hot,
        row(',"$insert_id":"odd-hs"', "$hotshard_record"),
        f'{{"event":"Report Created","properties":{{"time":{time + 86_400 * 400},'
        f'"distinct_id":"odd-1","$insert_id":"odd-12"}}}}\n'.encode(),
    ]
