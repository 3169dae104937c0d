"""Profiles of users and groups, paged by session; and the writes of profiles."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.core.http import BadBody, Call, JsonDict, Reply
from sandbox.mixpanel.errors import ApiError
from sandbox.mixpanel.project import GROUP_ID, GROUP_KEY, Profile, Project
from sandbox.mixpanel.where import BadExpression, compile_where

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.mixpanel.project import Settings

_PAGE_SIZE = 1000
_MOST_PAGE_SIZE = 50_000
_SESSION_SECONDS = 3600


@dataclass
class Session:
    """What the first page found; later pages are cut from it."""

    profiles: list[Profile]
    page_size: int
    names: list[str] | None
    used_at: float


class Engage:
    """Only the first page counts against the hour; `total` can be trusted only there."""

    def __init__(self, project: Project, settings: Callable[[], Settings]) -> None:
        self._project = project
        self._settings = settings
        self._sessions: dict[str, Session] = {}

    def query(self, call: Call) -> Reply:
        asked = {**{k: v[-1] for k, v in call.query.items()}, **call.form()}
        page = self._page_number(asked)
        session_id = asked.get("session_id", "")
        if not session_id:
            if page:
                raise ApiError(400, "session_id is required for page > 0")
            session_id, session = self._opened(asked)
        else:
            session = self._known(session_id)
        if call.take("empty"):
            session.profiles = []
        return self._shown(call, session_id, session, page)

    def _page_number(self, asked: dict[str, str]) -> int:
        text = asked.get("page", "0") or "0"
        if not text.isdigit():
            raise ApiError(400, f"page must be a number: {text}")
        return int(text)

    def _known(self, session_id: str) -> Session:
        now = self._project.clock.elapsed()
        session = self._sessions.get(session_id)
        if session is None or now - session.used_at > _SESSION_SECONDS:
            raise ApiError(400, "request for page in uncached query for params")
        session.used_at = now
        return session

    def _opened(self, asked: dict[str, str]) -> tuple[str, Session]:
        chosen = self._members(asked, self._chosen(asked))
        behaviors = asked.get("behaviors")
        if behaviors and not asked.get("as_of_timestamp") and len(chosen) > _PAGE_SIZE:
            raise ApiError(400, "request for page in uncached query for params")
        size = asked.get("page_size", str(_PAGE_SIZE))
        if not size.isdigit() or not 1 <= int(size) <= _MOST_PAGE_SIZE:
            raise ApiError(400, f"page_size must be between 1 and {_MOST_PAGE_SIZE}")
        names = _json_list(asked, "output_properties")
        session = Session(chosen, int(size), names, self._project.clock.elapsed())
        session_id = f"1608064000-{len(self._sessions):06d}"
        self._sessions[session_id] = session
        return session_id, session

    def _members(self, asked: dict[str, str], chosen: list[Profile]) -> list[Profile]:
        """Of a cohort, if one is asked for: unless told otherwise also those without a profile."""
        if not asked.get("filter_by_cohort"):
            return chosen
        if asked.get("behaviors"):
            raise ApiError(400, "filter_by_cohort cannot be used with behaviors")
        try:
            wanted = json.loads(asked["filter_by_cohort"])["id"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise ApiError(400, "filter_by_cohort must be a JSON object with an id") from None
        found = [one for one in self._project.cohorts if one.id == wanted]
        if not found:
            raise ApiError(400, "cohort not found")
        members = dict.fromkeys(found[0].members)
        there = [one for one in chosen if str(one.id) in members]
        if asked.get("include_all_users", "true") == "false":
            return there
        known = {str(one.id) for one in there}
        return [*there, *(Profile(name, {}) for name in members if name not in known)]

    def _chosen(self, asked: dict[str, str]) -> list[Profile]:
        group = asked.get("data_group_id", "")
        if group and group != GROUP_ID:
            raise ApiError(400, f"invalid data_group_id: {group}")
        chosen = list((self._project.groups if group else self._project.profiles).values())
        ids = _json_list(asked, "distinct_ids") or (
            [asked["distinct_id"]] if asked.get("distinct_id") else None
        )
        if ids is not None:
            chosen = [p for p in chosen if str(p.id) in {str(i) for i in ids}]
        if asked.get("where"):
            try:
                test = compile_where(asked["where"])
            except BadExpression as wrong:
                raise ApiError(400, f"Invalid where clause: {wrong}") from None
            chosen = [p for p in chosen if test({"properties": p.properties}) is True]
        return chosen

    def _shown(self, call: Call, session_id: str, session: Session, page: int) -> Reply:
        start = page * session.page_size
        part = session.profiles[start : start + session.page_size]
        pages = math.ceil(len(session.profiles) / session.page_size)
        call.notes["records"] = len(part)
        names = session.names
        results = [
            {
                "$distinct_id": p.id,
                "$properties": {
                    k: v for k, v in p.properties.items() if names is None or k in names
                },
            }
            for p in part
        ]
        return Reply.of_json({
            "page": page, "page_size": session.page_size, "results": results,
            "session_id": session_id if page + 1 < pages else None, "status": "ok",
            "total": len(session.profiles) if page == 0 else len(part),
        })  # fmt: skip

    def property_names(self, _: Call) -> Reply:
        found: dict[str, JsonDict] = {}
        for profile in self._project.profiles.values():
            for name, value in profile.properties.items():
                kind = "number" if isinstance(value, int | float) else "string"
                entry = found.setdefault(name, {"count": 0, "type": kind})
                entry["count"] += 1
        return Reply.of_json({"results": found, "status": "ok"})

    # -- writes

    def update(self, call: Call) -> Reply:
        """/engage: $set, $set_once, $unset and $delete of user profiles."""
        return self._written(call, self._project.profiles, "$distinct_id")

    def update_groups(self, call: Call) -> Reply:
        """/groups: the same for group profiles. `1` does not prove that the token was right."""
        return self._written(call, self._project.groups, "$group_id")

    def _written(self, call: Call, profiles: dict[str, Profile], key: str) -> Reply:
        for one in _updates(call):
            if key == "$group_id" and one.get("$group_key") != GROUP_KEY:
                continue  # accepted, and not kept: nobody defined that key
            profile_id = one.get(key)
            if profile_id is None:
                return _verdict(call, 0, f"{key} is missing")
            if "$delete" in one:
                profiles.pop(str(profile_id), None)
                continue
            profile = profiles.setdefault(str(profile_id), Profile(profile_id, {}))
            profile.properties.update(one.get("$set") or {})
            for name, value in (one.get("$set_once") or {}).items():
                profile.properties.setdefault(name, value)
            for name in one.get("$unset") or []:
                profile.properties.pop(name, None)
        return _verdict(call, 1, None)


def _verdict(call: Call, status: int, problem: str | None) -> Reply:
    if call.one("verbose") == "1":
        return Reply.of_json({"status": status, "error": problem})
    return Reply.of_text(str(status))


def _updates(call: Call) -> list[JsonDict]:
    """A JSON body, or a form whose field `data` is JSON."""
    if "json" in call.headers.get("content-type", ""):
        found: Any = call.json()
    else:
        try:
            found = json.loads(call.form().get("data", ""))
        except json.JSONDecodeError as broken:
            raise BadBody(str(broken)) from broken
    several = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in several):
        raise BadBody("updates must be objects")
    return several


def _json_list(asked: dict[str, str], name: str) -> list[Any] | None:
    if not asked.get(name):
        return None
    try:
        found = json.loads(asked[name])
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise ApiError(400, f"{name} must be a JSON array")
    return found
