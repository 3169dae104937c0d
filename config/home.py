"""Where a project keeps what it pulled and remembers. Imports nothing heavy."""

import os
from pathlib import Path

from config.errors import UsageError

HOME_VARIABLE = "GATEPOST_HOME"


def home_of(folder: Path) -> Path:
    """The home of the project in `folder`: what GATEPOST_HOME names, or `.gatepost` in it.
    UsageError if that is the home of a user whom nobody knows."""
    given = os.environ.get(HOME_VARIABLE)
    if not given:
        return folder / ".gatepost"
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{HOME_VARIABLE} is {given}, and there is no such user here") from error
