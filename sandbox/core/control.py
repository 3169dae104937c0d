"""`/_sandbox`: how tests and people move the clock, make bad days and look at what was asked."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from sandbox.core.app import CONTROL_PREFIX
from sandbox.core.clock import parse_instant
from sandbox.core.faults import UnknownFault
from sandbox.core.http import BadBody, Call, JsonDict, Reply, Route, Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.core.app import Application


class Control:
    """The sandbox's own routes. Errors are `{"error": sentence}` with 400 or 404."""

    def __init__(
        self, app: Application, ready: Callable[[], JsonDict], truth: Callable[[], Any]
    ) -> None:
        self._app = app
        self._ready = ready
        self._truth = truth
        paths: list[tuple[str, str, Callable[[Call], Reply]]] = [
            ("GET", "", lambda _: Reply.of_json(self._ready())),
            ("GET", "/clock", self._clock),
            ("POST", "/clock", self._set_clock),
            ("GET", "/faults", lambda _: Reply.of_json(self._app.faults.listed())),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", lambda _: self._removed(None)),
            ("DELETE", "/faults/{number}", lambda call: self._removed(call.params["number"])),
            ("GET", "/requests", self._requests),
            ("DELETE", "/requests", self._clear_requests),
            ("GET", "/truth", lambda _: Reply.of_json(self._truth())),
            ("GET", "/settings", self._settings),
            ("POST", "/settings", self._set_settings),
            ("GET", "/records/{vendor}/{kind}", self._records),
            ("PATCH", "/records/{vendor}/{kind}/{record}", self._edit),
        ]
        self._router = Router(
            [Route(f"{m} {p}", m, CONTROL_PREFIX + p, handler) for m, p, handler in paths]
        )

    def __call__(self, call: Call) -> Reply:
        route = self._router.find(call)
        if not isinstance(route, Route):
            return _error(f"{call.method} {call.path} is nothing that the sandbox knows", 404)
        try:
            return route.handler(call)
        except (BadBody, UnknownFault, ValueError, TypeError) as wrong:
            return _error(str(wrong), 400)
        except KeyError as missing:
            return _error(f"there is no {missing}", 404)

    def _clock(self, _: Call) -> Reply:
        clock = self._app.clock
        return Reply.of_json({"now": clock.now().isoformat(), "frozen": clock.frozen})

    def _set_clock(self, call: Call) -> Reply:
        asked = dict(call.json())
        if "frozen" in asked:
            self._app.clock.freeze(bool(asked.pop("frozen")))
        if "now" in asked:
            self._app.clock.set(parse_instant(asked.pop("now")))
        if "advance_seconds" in asked:
            self._app.clock.advance(float(asked.pop("advance_seconds")))
        if asked:
            raise ValueError(f"the clock takes now, advance_seconds, frozen; not {sorted(asked)}")
        return self._clock(call)

    def _add_fault(self, call: Call) -> Reply:
        asked = call.json()
        several = asked if isinstance(asked, list) else [asked]
        added = []
        for one in several:
            fault = self._app.faults.add(one)
            for vendor in self._app.vendors.values():
                if fault.route == "*" or fault.route.startswith(vendor.name):
                    vendor.switched_on(fault)
            added.append(fault.shown())
        return Reply.of_json(added if isinstance(asked, list) else added[0], 201)

    def _removed(self, number: str | None) -> Reply:
        removed = self._app.faults.remove(None if number is None else int(number))
        return Reply.of_json({"removed": removed})

    def _requests(self, call: Call) -> Reply:
        log = self._app.log
        limit = int(call.one("limit", "1000"))
        entries = log.entries(call.one("vendor"), call.one("route"), limit)
        return Reply.of_json({"counts": log.counts(), "requests": entries})

    def _clear_requests(self, _: Call) -> Reply:
        self._app.log.clear()
        return Reply(204)

    def _settings(self, _: Call) -> Reply:
        return Reply.of_json({n: asdict(v.settings) for n, v in self._app.vendors.items()})

    def _set_settings(self, call: Call) -> Reply:
        for name, values in call.json().items():
            vendor = self._app.vendors[name]
            known = {f.name for f in fields(vendor.settings)}
            unknown = sorted(set(values) - known)
            if unknown:
                raise ValueError(f"{name} has no setting {unknown}; known: {sorted(known)}")
            vendor.settings = replace(vendor.settings, **values)
        return self._settings(call)

    def _records(self, call: Call) -> Reply:
        vendor = self._app.vendors[call.params["vendor"]]
        return Reply.of_json(vendor.records(call.params["kind"]))

    def _edit(self, call: Call) -> Reply:
        vendor = self._app.vendors[call.params["vendor"]]
        vendor.edit(call.params["kind"], call.params["record"], call.json())
        return Reply(204)


def _error(sentence: str, status: int) -> Reply:
    return Reply.of_json({"error": sentence}, status)
