"""Sending replies, whole or the way that connections break."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.core.http import Call, Reply, accepts_gzip

if TYPE_CHECKING:
    from sandbox.core.faults import Fault

Send = Any  # an ASGI send; its messages are dictionaries
_GZIP_FROM_BYTES = 1400
_SLICES = 10


class Protocol(H11Protocol):
    """Lets the application find the connection under a request, which ASGI hides."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state.setdefault("transports", {})[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.app_state.get("transports", {}).pop(self.client, None)
        super().connection_lost(exc)


def transport_of(scope: Any) -> asyncio.Transport | None:
    """The connection under a request; None once it is gone."""
    found: asyncio.Transport | None = (
        scope.get("state", {}).get("transports", {}).get(tuple(scope.get("client") or ()))
    )
    return found


def reset(scope: Any) -> None:
    """End the connection with RST, so that the client sees a reset and not an end."""
    transport = transport_of(scope)
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def compress(call: Call, reply: Reply) -> None:
    """Content-Encoding gzip where the client asks for it and the body is worth it."""
    if (
        isinstance(reply.body, bytes)
        and len(reply.body) > _GZIP_FROM_BYTES
        and accepts_gzip(call)
        and "content-encoding" not in reply.headers
    ):
        reply.body = gzip.compress(reply.body, 1)
        reply.headers["content-encoding"] = "gzip"


async def send_reply(
    scope: Any, send: Send, reply: Reply, cut: Fault | None, slow: Fault | None
) -> None:
    """Send `reply`; `cut` breaks it off, `slow` spreads its body over `seconds`."""
    if cut is not None:
        await _send_cut(scope, send, reply, cut)
        return
    if isinstance(reply.body, bytes):
        length = None if reply.status in (204, 304) else len(reply.body)
        await _start(send, reply, length)
        await _send_body(send, reply.body, float(slow.get("seconds", 2)) if slow else 0.0)
        return
    await _start(send, reply, None)
    for piece in reply.body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(float(slow.get("seconds", 2)) / _SLICES if slow else 0)
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, reply: Reply, length: int | None) -> None:
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _send_body(send: Send, body: bytes, seconds: float) -> None:
    if seconds and body:
        step = max(len(body) // _SLICES, 1)
        for at in range(0, len(body), step):
            piece = body[at : at + step]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(seconds / _SLICES)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _send_cut(scope: Any, send: Send, reply: Reply, cut: Fault) -> None:
    """Break the body off at `at` (a fraction, or `bytes`), in the way that `how` names."""
    whole = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    how = str(cut.get("how", "between_chunks"))
    end = int(cut.get("bytes") or len(whole) * float(cut.get("at", 0.5)))
    if how == "clean":  # framed and ended as it should be; only the content is short
        await _send_short(send, reply, whole, cut)
        return
    if how == "gzip":  # chunks end well, the gzip stream has no trailer
        await _start(send, reply, None)
        await send({"type": "http.response.body", "body": whole[: min(end, len(whole) - 8)]})
        return
    await _start(send, reply, len(whole) if how == "short_length" else None)
    await send({"type": "http.response.body", "body": whole[:end], "more_body": True})
    transport = transport_of(scope)
    if transport is None:
        return
    if how == "inside_chunk":
        rest = whole[end : end + 20] or b"x"
        transport.write(b"%x\r\n%s" % (len(rest) + 1000, rest))
    if how == "stall":
        await asyncio.sleep(float(cut.get("seconds", 2)))
    if how == "reset":
        reset(scope)
    else:
        transport.close()


async def _send_short(send: Send, reply: Reply, whole: bytes, cut: Fault) -> None:
    packed = reply.headers.get("content-encoding") == "gzip"
    text = gzip.decompress(whole) if packed else whole
    end = int(cut.get("bytes") or len(text) * float(cut.get("at", 0.5)))
    short = gzip.compress(text[:end], 1) if packed else text[:end]
    await _start(send, reply, len(short))
    await _send_body(send, short, 0.0)
