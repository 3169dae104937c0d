"""Mixpanel's error bodies: JSON here, plain text there, even on one endpoint."""

from __future__ import annotations

from sandbox.core.http import Call, Reply


class ApiError(Exception):
    """Ends a request. `plain` errors are text, as the export's often are."""

    def __init__(self, status: int, message: str, *, plain: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.plain = plain

    def reply(self, call: Call) -> Reply:
        if self.plain:
            return Reply.of_text(self.message, self.status)
        return Reply.of_json({"request": asked(call), "error": self.message}, self.status)


def asked(call: Call) -> str:
    """The request as Mixpanel repeats it."""
    project = call.one("project_id")
    return f"https://mixpanel.com{call.path}" + (f"?project_id={project}" if project else "")


def app_error(message: str, status: int) -> Reply:
    """The form of the App API."""
    return Reply.of_json({"status": "error", "error": message}, status)
