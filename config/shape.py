"""The base of all models of the files: frozen, no unknown keys, every complaint a sentence."""

from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from config.kinds import described, fail
from config.problem import nearest, quoted


class Shape(BaseModel):
    """A map with known keys. A key without a value counts as absent.

    Code builds these with the field's names; a file is read with its own words alone
    (`model_validate(data, by_alias=True, by_name=False)`), so `name:` cannot pass for `stage:`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )

    @classmethod
    def written_keys(cls) -> tuple[str, ...]:
        """The keys that may stand in a file, in the order of the reference."""
        return tuple(
            str(field.validation_alias or name) for name, field in cls.model_fields.items()
        )

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """Spell out a short form; the base has none."""
        return data

    @classmethod
    def why_needed(cls, key: str) -> str:
        """A reason that is added to the complaint about a missing key."""
        del key
        return ""

    @classmethod
    def _knows(cls, key: object) -> bool:
        return key in cls.model_fields or key in cls.written_keys()

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(data, cls):
            return data
        data = cls.long_form(data)
        if not isinstance(data, dict):
            raise fail(f"a map (key: value) is expected here, not {described(data)}")
        try:
            return handler(
                # An unknown key is told even if it has no value.
                {k: v for k, v in data.items() if v is not None or not cls._knows(k)}
            )
        except ValidationError as error:
            details = [cls._sentence(one) for one in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, details) from None

    @classmethod
    def _sentence(cls, error: Any) -> InitErrorDetails:
        """The library's error as one of ours; those from models further in are ours already."""
        own: PydanticCustomError
        key = str(error["loc"][-1]) if error["loc"] else ""
        match error["type"]:
            case "gatepost":
                context = error["ctx"]
                own = fail(context["message"], context["hint"], context["what"])
            case "extra_forbidden":
                own = fail(
                    f"unknown key {quoted(key)}", nearest(key, cls.written_keys()), "unknown"
                )
            case "missing":
                own = fail(f"{quoted(key)} is missing{cls.why_needed(key)}", what="missing")
            case _:
                own = fail(f"{error['msg']}: {described(error['input'])}")
        return InitErrorDetails(type=own, loc=error["loc"], input=None)
