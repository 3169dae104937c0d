"""How an event finds its account: one way, or several that are tried in order."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    WrapValidator,
    model_validator,
)

from config.kinds import AS_LIST, Text, described, fail
from config.shape import Shape

ID = "id"
"""`equals: id` speaks of the record's own id."""

_DOMAIN = re.compile(r"(?!-)[^\s@/:,;]+\.[^\s@/:,;.]+\Z")


def _domain(value: Any) -> str:
    text = str(value).strip().lower() if isinstance(value, str) else ""
    if not _DOMAIN.match(text):
        raise fail(f"a domain is expected here, not {described(value)}", "such as acme.example")
    return text


def _file(value: Any) -> str:
    # Relative and within the folder, so that a project stays one thing to move and to mount.
    path = PurePosixPath(value) if isinstance(value, str) else PurePosixPath()
    if path.suffix.lower() != ".csv" or path.is_absolute() or ".." in path.parts or "\\" in value:
        raise fail(
            f"a CSV in the project's folder is expected here, not {described(value)}",
            "such as keys.csv",
        )
    return str(path)


Domain = Annotated[str, BeforeValidator(_domain)]


class AccountKey(Shape):
    """One way: what the event carries equals something of the account, or stands in a file.

    `property` is what is looked at in the event, also where `email` says that it is an address.
    """

    property: Text = Field(description="the event's property; `field` means the same")
    email: Text | None = Field(
        None, description="instead of `property`: one with an e-mail address, whose domain counts"
    )
    equals: Text | None = Field(None, description="id, or a name from `fields`")
    map: Annotated[Text, BeforeValidator(_file)] | None = Field(
        None, description="instead of `equals`: a CSV with the columns key and account"
    )
    except_: Annotated[tuple[Domain, ...], AS_LIST] = Field(
        (), validation_alias="except", description="domains that tell nothing, besides free mail"
    )

    def text(self) -> str:
        """The way in a few words: `company_id = workspace`, `domain of email = website`."""
        what = f"domain of {self.property}" if self.email else self.property
        return f"{what} in {self.map}" if self.map else f"{what} = {self.equals}"

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """A child record has fields rather than properties: both words are understood."""
        if not isinstance(data, dict):
            return data
        given = [key for key in ("property", "field", "email") if data.get(key) is not None]
        if given == ["property", "field"]:
            raise fail("names both a property and a field: one is enough")
        if len(given) > 1:
            raise fail(f"names both a {given[0]} and an email: make two ways of them")
        if given == ["email"]:
            email = data["email"]
            # What is no text is told once, at `email`.
            return {"property": email if isinstance(email, str) and email.strip() else "?", **data}
        return {("property" if key == "field" else key): value for key, value in data.items()}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.equals is None and self.map is None:
            raise fail("'equals' is missing", "name id, a field, or a file (map: keys.csv)")
        if self.equals is not None and self.map is not None:
            raise fail("names both equals and a map: make two ways of them")
        if self.email is not None and self.equals == ID:
            raise fail("a domain never equals an id", "name the field with the account's website")
        if self.except_ and self.email is None:
            raise fail("'except' belongs to an email: it names domains that tell nothing")
        return self


def _ways(value: Any, handler: ModelWrapValidatorHandler[tuple[AccountKey, ...]]) -> Any:
    if isinstance(value, AccountKey):
        return (value,)
    if not isinstance(value, list | tuple):
        # Not as a list of one: its problems stand at `account` itself.
        return (AccountKey.model_validate(value, by_alias=True, by_name=False),)
    if not value:
        raise fail("is an empty list")
    return handler(value)


Ways = Annotated[tuple[AccountKey, ...], WrapValidator(_ways)]
"""At least one way."""


def repeated(ways: tuple[AccountKey, ...]) -> int | None:
    """The number of a way that another one before it says already; None if there is none."""
    seen = []
    for number, way in enumerate(ways):
        said = way.model_copy(update={"except_": ()})
        if said in seen:
            return number
        seen.append(said)
    return None


def where(index: int, ways: tuple[AccountKey, ...]) -> tuple[str | int, ...]:
    """Where a way stands within its events entry."""
    return ("account", index) if len(ways) > 1 else ("account",)
