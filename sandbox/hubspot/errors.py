"""HubSpot's error bodies: one object, with a correlation id."""

from __future__ import annotations

import json
import uuid
from itertools import count
from typing import Any

from sandbox.core.http import JsonDict, Reply

_NUMBERS = count(1)


class ApiError(Exception):
    """Ends a request with one error."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(category, message, **more)

    def reply(self) -> Reply:
        return Reply.of_json(self.body, self.status)


def correlation_id() -> str:
    """A new id; running numbers keep recordings equal."""
    return str(uuid.UUID(int=next(_NUMBERS) + (0x5AB << 100)))


def error_body(category: str, message: str, **more: Any) -> JsonDict:
    """The object that every error has, with what the case adds."""
    return {
        "status": "error", "message": message, "correlationId": correlation_id(),
        "category": category, **more,
    }  # fmt: skip


def error(status: int, category: str, message: str, **more: Any) -> Reply:
    """An error as a whole reply."""
    return Reply.of_json(error_body(category, message, **more), status)


def invalid_values(problems: list[JsonDict]) -> ApiError:
    """One bad value fails the whole request; the detail is JSON inside the message."""
    detail = json.dumps(problems, separators=(",", ":"))
    return ApiError(400, "VALIDATION_ERROR", f"Property values were not valid: {detail}")


def invalid_input(why: str) -> ApiError:
    """JSON that is not what the route wants."""
    return ApiError(400, "VALIDATION_ERROR", f"Invalid input JSON on line 1, column 1: {why}")


def resource_not_found() -> ApiError:
    """No record and no path of that name."""
    return ApiError(404, "OBJECT_NOT_FOUND", "resource not found")
