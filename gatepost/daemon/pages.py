"""The daemon's few pages over HTTP: is it alive, is it ready, what are its figures, sync now."""

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from config.errors import Busy, GatepostError, StopCycle
from gatepost.daemon.logs import Logs
from gatepost.daemon.metrics import CONTENT_TYPE


class Asked(Protocol):
    """What the pages ask of the daemon. Everything may be called from any thread."""

    def alive(self) -> bool: ...

    def checks(self) -> dict[str, bool]:
        """What must be true to be ready, by name."""
        ...

    def figures(self) -> bytes:
        """For Prometheus."""
        ...

    def sync(self, by: str) -> int:
        """Begin a sync; the run's id. Busy, or another GatepostError."""
        ...


def application(
    daemon: Asked, token: Callable[[], str | None], logs: Logs, *, open_to_all: bool
) -> Starlette:
    """`token`: what must be shown, None where none was set. `open_to_all`: figures and readiness
    are told without it, since nobody but this machine can ask; a sync always demands it."""

    def guarded(
        answer: Callable[[Request], Response], *, always: bool = False
    ) -> Callable[[Request], Response]:
        def guard(request: Request) -> Response:
            known = token()
            if open_to_all and not always:
                return answer(request)
            if known is None:  # taken away while we run: nobody is let in any more
                said = "no token is set, so nobody can be let in: see GATEPOST_TOKEN"
                return JSONResponse({"error": said}, 403)
            if shown_rightly(request, known):
                return answer(request)
            peer = request.client.host if request.client else "?"
            logs.log.warning("refused: no token, or a wrong one", path=request.url.path, peer=peer)
            headers = {"WWW-Authenticate": "Bearer"}
            return JSONResponse({"error": "a token is needed"}, 401, headers)

        return guard

    def alive(_: Request) -> Response:
        good = daemon.alive()
        return PlainTextResponse("alive\n" if good else "stuck\n", 200 if good else 503)

    def ready(_: Request) -> Response:
        checks = daemon.checks()
        good = all(checks.values())
        return JSONResponse({"ready": good, "checks": checks}, 200 if good else 503)

    def figures(_: Request) -> Response:
        return Response(daemon.figures(), media_type=CONTENT_TYPE)

    def sync(_: Request) -> Response:
        try:
            return JSONResponse({"run": daemon.sync("POST /sync")}, 202)
        except Busy as busy:
            return JSONResponse({"error": str(busy)}, 409, {"Retry-After": "60"})
        except GatepostError as error:
            return JSONResponse({"error": logs.hidden(str(error))}, 503)

    return Starlette(
        routes=[
            Route("/healthz", alive),
            Route("/readyz", guarded(ready)),
            Route("/metrics", guarded(figures)),
            Route("/sync", guarded(sync, always=True), methods=["POST"]),
        ]
    )


def shown_rightly(request: Request, known: str) -> bool:
    """Whether the request carries the token, told in the same time whatever it carries."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(_digest(given.strip()), _digest(known))
    return same and scheme.lower() == "bearer"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def listening(host: str, port: int) -> socket.socket:
    """A socket at that address; port 0 picks one. StopCycle if it is taken or not ours."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(64)
    except OSError as error:
        raise StopCycle(
            f"{host}:{port} cannot be listened at: {error.strerror}",
            "is another daemon there? `server` in gatepost.yaml names the address",
        ) from error
    return opened


class PageServer:
    """uvicorn in a thread, on a socket that is listening already."""

    def __init__(self, app: Starlette, opened: socket.socket) -> None:
        config = uvicorn.Config(
            app, ws="none", lifespan="off", access_log=False, server_header=False, log_config=None,
            limit_concurrency=64, timeout_keep_alive=5, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = _Threaded(config)
        self._opened = opened
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [opened]}, name="pages", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Take no more questions. Returns at once."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Answer what was asked, and end."""
        self.close()
        self._thread.join(timeout=3.0)
        self._opened.close()


class _Threaded(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Signals are the main thread's."""
        return nullcontext()
