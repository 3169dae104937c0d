"""Whether the daemon in this container is alive: 0 or 1, with a word. For HEALTHCHECK and probes.

Asks the page /healthz where gatepost.yaml has it. Without one (`listen: none`) the process is all
that can be asked, and the container ends with it.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import yaml

DEFAULT = "127.0.0.1:8787"
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)


def address(folder: Path) -> str:
    """What `server.listen` says, `none` included."""
    try:
        said = yaml.safe_load((folder / "gatepost.yaml").read_text(encoding="utf-8"))
        return str(said["server"]["listen"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return DEFAULT  # a file that is being edited does not stop the daemon


def main() -> str | None:
    """None if it is alive, else what is wrong."""
    host, _, port = address(Path(os.environ.get("GATEPOST_PROJECT", "."))).rpartition(":")
    if not host:
        return None
    bare = host.strip("[]")
    try:
        connection = HTTPConnection(ANY.get(bare, bare), int(port), timeout=8)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
    except (OSError, ValueError, HTTPException) as error:
        return f"no answer from {host}:{port}: {error}"
    return None if answer.status == 200 else f"/healthz answers {answer.status}"


if __name__ == "__main__":
    sys.exit(main())
