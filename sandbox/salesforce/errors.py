"""The error bodies of REST: an array of objects, whatever the status."""

from __future__ import annotations

from sandbox.core.http import JsonDict, Reply


class ApiError(Exception):
    """Ends a request with one error. Codes are Salesforce's own."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def reply(self) -> Reply:
        return error(self.code, self.message, self.status)


def error(code: str, message: str, status: int = 400) -> Reply:
    """One error as a whole reply."""
    return Reply.of_json([{"message": message, "errorCode": code}], status)


def row_error(code: str, message: str, fields: list[str] | None = None) -> JsonDict:
    """One error of one record in a batch; here the key is statusCode."""
    return {"statusCode": code, "message": message, "fields": fields or []}


def not_found() -> ApiError:
    """No such record or path."""
    return ApiError("NOT_FOUND", "The requested resource does not exist", 404)


def no_such_object(name: str) -> ApiError:
    """INVALID_TYPE, as the vendor words it."""
    return ApiError(
        "INVALID_TYPE",
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be "
        "sure to append the '__c' after the entity name. Please reference your WSDL or the "
        "describe "
        "call for the appropriate names.",
    )


def no_such_column(field: str, entity: str) -> ApiError:
    """INVALID_FIELD: not there, or not visible to this user."""
    return ApiError(
        "INVALID_FIELD",
        f"No such column '{field}' on entity '{entity}'. If you are attempting to use a custom "
        "field, be sure to append the '__c' after the custom field name. Please reference your "
        "WSDL or the describe call for the appropriate names.",
    )
