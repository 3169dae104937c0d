"""What a user sees of an error that nobody foresaw: one sentence, and a file with the rest."""

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from gatepost import __version__
from gatepost.redact import redacted


def crash_sentence(error: Exception, home: Path | None) -> str:
    """Write the traceback to a file and say where it is. Never raises."""
    kind = type(error).__name__
    reason = f"{kind}: {error.strerror}" if isinstance(error, OSError) and error.strerror else kind
    path = _logged(error, home)
    where = f"details are in {path}" if path else "and no file could be written with the details"
    return f"something went wrong that Gatepost did not foresee ({reason}); {where}"


def _logged(error: Exception, home: Path | None) -> Path | None:
    """The crash file: in the project's home, else where the system keeps temporary files."""
    text = redacted(f"gatepost {__version__}\n" + "".join(traceback.format_exception(error)))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    places = [Path(tempfile.gettempdir())]
    # a folder that is no project stays as it is
    if home is not None and (home.is_dir() or (home.parent / "gatepost.yaml").is_file()):
        places.insert(0, home)
    for place in places:
        path = place / f"crash-{stamp}-{os.getpid()}.log"
        try:
            place.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return path
    return None
