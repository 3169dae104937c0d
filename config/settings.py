"""Secrets: from the environment or a folder of files, never from the project's files.

The option `client_secret` of the connection `crm` is looked for in the variable
GATEPOST_CRM_CLIENT_SECRET, then in the file gatepost_crm_client_secret of the folder that
GATEPOST_SECRETS_DIR names (as container platforms mount them). What is empty counts as absent.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from config.errors import FixConfig
from config.problem import Problem

FOLDER_VARIABLE = "GATEPOST_SECRETS_DIR"
PREFIX = "GATEPOST_"


class Secrets(BaseSettings):
    """The secrets of one connection, of whatever type; None where one was not given.

    Printing shows asterisks; `get_secret_value()` gives the text to whoever sends it.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    username: SecretStr | None = None
    password: SecretStr | None = None
    secret: SecretStr | None = None
    token: SecretStr | None = None
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    private_key: SecretStr | None = None
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None
    security_token: SecretStr | None = None

    def get(self, option: str) -> str | None:
        """The text of a secret, None if it was not given."""
        found = getattr(self, option, None) if option in type(self).model_fields else None
        return found.get_secret_value() if isinstance(found, SecretStr) else None

    def all_values(self) -> frozenset[str]:
        """The texts of all secrets given, for those who must keep them out of what they print."""
        texts = (self.get(option) for option in type(self).model_fields)
        return frozenset(text for text in texts if text)


class OwnSecrets(BaseSettings):
    """What `gatepost run` itself keeps secret: GATEPOST_TOKEN and so on; None where not given."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    token: SecretStr | None = None
    """what those must show who ask the daemon"""
    webhook: SecretStr | None = None
    """the address that alerts are sent to, as JSON"""
    slack_webhook: SecretStr | None = None
    """the same for Slack, in its words"""

    def get(self, name: str) -> str | None:
        """The text of a secret, None if it was not given."""
        found = getattr(self, name)
        return found.get_secret_value().strip() or None if isinstance(found, SecretStr) else None


def secrets_of(connection: str) -> Secrets:
    """What the environment and the secrets folder hold for a connection.

    Raises FixConfig if the folder is named but cannot be read.
    """
    found = _read(Secrets, variable(connection, ""), connection)
    blank = {name: None for name in Secrets.model_fields if not (found.get(name) or "").strip()}
    return found.model_copy(update=blank)


def own_secrets() -> OwnSecrets:
    """What they hold for the daemon; raises as `secrets_of`."""
    return _read(OwnSecrets, PREFIX, "the daemon")


_S = TypeVar("_S", bound=BaseSettings)


def _read(kind: type[_S], prefix: str, whose: str) -> _S:
    folder = os.environ.get(FOLDER_VARIABLE) or None
    if folder is not None and not Path(folder).is_dir():
        raise FixConfig([Problem(FOLDER_VARIABLE, 0, 0, "", f"names no folder: {folder}")])
    try:
        return kind(_env_prefix=prefix, _secrets_dir=folder)
    except (OSError, UnicodeDecodeError, SettingsError) as error:
        # The library's words may quote the file; only its kind of trouble is told.
        cause = type(error.__cause__ or error).__name__
        message = f"a secret of {whose} cannot be read ({cause})"
        raise FixConfig([Problem(folder or FOLDER_VARIABLE, 0, 0, "", message)]) from None


def need(secrets: Secrets, connection: str, option: str) -> str:
    """The text of a secret that this connection cannot do without.

    Raises FixConfig that says where it was looked for.
    """
    if text := secrets.get(option):
        return text
    raise FixConfig([_missing(connection, option)])


def need_all(secrets: Secrets, connection: str, options: Iterable[str]) -> None:
    """As `need`, of several: FixConfig names every one that is missing."""
    if missing := [_missing(connection, one) for one in options if not secrets.get(one)]:
        raise FixConfig(missing)


def _missing(connection: str, option: str) -> Problem:
    name = variable(connection, option)
    folder = os.environ.get(FOLDER_VARIABLE)
    looked = f"the variable {name} is not set" + (
        f", and there is no file {name.lower()} in {folder}"
        if folder
        else f", and {FOLDER_VARIABLE} names no folder"
    )
    where = f"connections.{connection}"
    return Problem("gatepost.yaml", 0, 0, where, f"needs the secret {option!r}: {looked}")


def variable(connection: str, option: str) -> str:
    """The variable that holds an option of a connection."""
    return f"{PREFIX}{connection}_{option}".upper()
