"""The ASGI application: reads a request, finds its vendor, plays the faults, writes the log."""

from __future__ import annotations

import asyncio
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.core.http import BadBody, Call, Reply, Route
from sandbox.core.log import Entry, RequestLog, body_text
from sandbox.core.wire import Send, compress, reset, send_reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sandbox.core.clock import Clock
    from sandbox.core.faults import Fault, Faults
    from sandbox.core.schedule import Schedule
    from sandbox.core.vendor import Vendor

CONTROL_PREFIX = "/_sandbox"


class Application:
    """All vendors behind one address, told apart by Host or by path."""

    def __init__(
        self,
        vendors: Sequence[Vendor],
        clock: Clock,
        faults: Faults,
        log: RequestLog,
        schedule: Schedule,
    ) -> None:
        self._schedule = schedule
        self.vendors = {vendor.name: vendor for vendor in vendors}
        self.clock = clock
        self.faults = faults
        faults.routes = frozenset(
            f"{one.name}.{name}" for one in vendors for name in one.router.names()
        )
        self.log = log
        self.control: Callable[[Call], Reply] | None = None

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] != "http":
            return
        call = await _read(scope, receive)
        self._schedule.run_until(self.clock.now())
        if call.path.startswith(CONTROL_PREFIX) and self.control is not None:
            await send_reply(scope, send, self.control(call), None, None)
            return
        vendor = self._vendor(call)
        if vendor is None:
            reply = Reply.of_json({"error": "no vendor of the sandbox has this path"}, 404)
            await send_reply(scope, send, reply, None, None)
            return
        await self._serve(vendor, call, scope, send)

    def _vendor(self, call: Call) -> Vendor | None:
        for vendor in self.vendors.values():
            if any(call.host == h or call.host.endswith("." + h) for h in vendor.hosts):
                return vendor
        for vendor in self.vendors.values():
            if call.path.startswith(vendor.prefixes):
                return vendor
        return None

    async def _serve(self, vendor: Vendor, call: Call, scope: Any, send: Send) -> None:
        number = self.log.next_number()
        found = vendor.router.find(call)
        call.vendor = vendor.name
        call.route = found.name if isinstance(found, Route) else "unknown"
        fired: list[Fault] = []
        call.take = self._taker(f"{vendor.name}.{call.route}", fired)
        try:
            slow = call.take("slow")
            if slow is not None:
                await asyncio.sleep(float(slow.get("seconds", 1)))
            reply = None if call.take("reset") else self._answer(vendor, call, found)
            broken = reply is None or call.take("reset_after") is not None
            cut, drips = (None, None) if broken else (call.take("cut"), call.take("slow_body"))
            # Noted before it leaves: whoever has the answer finds the request in the log.
            self._note(number, call, reply, fired)
            if broken or reply is None:
                reset(scope)
                return
            compress(call, reply)
            reply.headers.setdefault("date", format_datetime(self.clock.now(), usegmt=True))
            await send_reply(scope, send, reply, cut, drips)
        finally:
            vendor.finish(call)

    def _taker(self, route: str, fired: list[Fault]) -> Callable[..., Fault | None]:
        def take(*kinds: str, **about: object) -> Fault | None:
            fault = self.faults.take(route, *kinds, **about)
            if fault is not None:
                fired.append(fault)
            return fault

        return take

    def _answer(self, vendor: Vendor, call: Call, found: Route | set[str]) -> Reply:
        early = call.take("status", "html")
        if early is not None:
            return self._bad_day(vendor, call, early)
        reply = self._handled(vendor, call, found)
        vendor.leave(call, reply)
        late = call.take("status_after")
        return self._bad_day(vendor, call, late) if late is not None else reply

    def _handled(self, vendor: Vendor, call: Call, found: Route | set[str]) -> Reply:
        try:
            refused = vendor.enter(call)
            if refused is not None:
                return refused
            if isinstance(found, Route):
                unknown = sorted(set(call.query) - found.known)
                if unknown:
                    call.notes["unknown_parameters"] = unknown
                return found.handler(call)
        except BadBody as broken:
            return vendor.bad_body(call, str(broken))
        except (AttributeError, KeyError, TypeError, ValueError) as strange:
            # JSON of a shape that the vendor does not read trips whoever looks at it first.
            call.notes["stumbled"] = repr(strange)
            return vendor.bad_body(call, "Unexpected shape of the request")
        if found:
            return vendor.not_allowed(call, found)
        return vendor.not_found(call)

    def _bad_day(self, vendor: Vendor, call: Call, fault: Fault) -> Reply:
        status = int(fault.get("status", 503))
        if fault.kind == "html":
            reply = Reply.of_text(
                f"<html><body><h1>{status}</h1></body></html>", status, "text/html"
            )
        elif "body" in fault.settings:
            body = fault.settings["body"]
            reply = (
                Reply.of_text(body, status)
                if isinstance(body, str)
                else Reply.of_json(body, status)
            )
        else:
            reply = vendor.refusal(call, status, fault)
        wait = fault.get("retry_after")
        if wait is not None:
            reply.headers["retry-after"] = str(wait)
        return reply

    def _note(self, number: int, call: Call, reply: Reply | None, fired: list[Fault]) -> None:
        secret = call.notes.pop("secret", False)
        self.log.add(
            Entry(
                number=number,
                at=self.clock.now().isoformat(),
                vendor=call.vendor,
                route=call.route,
                method=call.method,
                path=call.path,
                query=call.query,
                status=reply.status if reply is not None else 0,
                request_bytes=len(call.body),
                fault=",".join(f.kind for f in fired),
                notes=call.notes,
                body="" if secret else body_text(call.body),
            )
        )


async def _read(scope: Any, receive: Callable[[], Awaitable[Any]]) -> Call:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    # A proxy that ended TLS for us keeps the vendor's name in Host; links go back the same way.
    host = headers.get("host", "127.0.0.1")
    scheme = "http" if host.startswith(("127.", "localhost")) else "https"
    return Call(
        method=scope["method"],
        # An address with a slash at its end makes two of them: the sf program sends that.
        path="/" + scope["raw_path"].decode("latin-1").lstrip("/"),
        query=parse_qs(query, keep_blank_values=True),
        headers=headers,
        body=b"".join(pieces),
        base_url=f"{scheme}://{host}",
    )
