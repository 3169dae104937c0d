"""Take out of an environment what never runs in it: tests of packages, stubs, sources of C.

12 MB of files when it was measured, and as much again that would be compiled of them.
"""

import shutil
import sys
from pathlib import Path

FOLDERS = (
    "numpy/**/tests",
    "numpy/_core/include",
    "numpy/random/_examples",
    "lxml/includes",
    "lxml/isoschematron/resources",
    "duckdb/experimental",
    "apscheduler/**/tests",
)
FILES = ("**/*.pyi", "**/*.pxd", "**/*.c", "**/*.h", "**/*.a")


def main() -> None:
    """The environment's folder is the only argument."""
    [packages] = Path(sys.argv[1]).glob("lib/python3*/site-packages")
    for pattern in FOLDERS:
        for folder in list(packages.glob(pattern)):
            shutil.rmtree(folder, ignore_errors=True)
    for pattern in FILES:
        for path in list(packages.glob(pattern)):
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
