"""/composite: up to 25 requests in one, each with its own answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from sandbox.core.http import BadBody, Call, JsonDict, Reply
from sandbox.salesforce.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_REQUESTS = 25


class Composite:
    """The outer status is 200 whatever happened inside. References between them are beyond it."""

    def __init__(self, dispatch: Callable[[Call], Reply]) -> None:
        self._dispatch = dispatch

    def run(self, call: Call) -> Reply:
        body = call.json()
        asked = body.get("compositeRequest") if isinstance(body, dict) else None
        if not isinstance(asked, list):
            raise BadBody("compositeRequest must be a list")
        if len(asked) > _MOST_REQUESTS:
            raise ApiError(
                "LIMIT_EXCEEDED", f"The limit of {_MOST_REQUESTS} subrequests was exceeded"
            )
        answers: list[JsonDict] = []
        halted = False
        for one in asked:
            if halted:
                status, shown = 400, [_halted()]
            else:
                status, shown = self._one(call, one)
                halted = bool(body.get("allOrNone")) and status >= 400
            answers.append({
                "body": shown, "httpHeaders": {}, "httpStatusCode": status,
                "referenceId": one.get("referenceId"),
            })  # fmt: skip
        return Reply.of_json({"compositeResponse": answers})

    def _one(self, call: Call, one: JsonDict) -> tuple[int, Any]:
        url = urlsplit(str(one.get("url", "")))
        inner = Call(
            method=str(one.get("method", "GET")).upper(), path=url.path,
            query=parse_qs(url.query, keep_blank_values=True), headers={"host": call.host},
            body=json.dumps(one.get("body")).encode() if "body" in one else b"",
            base_url=call.base_url, user=call.user, take=call.take,
        )  # fmt: skip
        reply = self._dispatch(inner)
        content = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
        return reply.status, json.loads(content) if content else None


def _halted() -> JsonDict:
    return {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in it failed.",
    }
