"""Files that say which account a key means, for keys that stand nowhere in the CRM.

    key,account
    legacy-17,0015f00000XyZAAA

A CSV in the project's folder, with a header; other columns are for people. Lines without a key or
an account are passed over.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from config.account_key import where
from config.errors import FixConfig
from config.mapping_file import Mapping
from config.problem import Problem, quoted
from config.reading import Finding, Findings

COLUMNS = ("key", "account")
_WANTED = "a CSV with the columns key and account"


class _BadMapError(Exception):
    """A sentence that goes on from the file's name."""


def check_key_maps(mapping: Mapping, folder: Path) -> Findings:
    """What is wrong with the files that `map:` names, at the place that names them."""
    for index, entry in enumerate(mapping.events):
        for number, way in enumerate(entry.ways):
            if way.map is None:
                continue
            try:
                for _ in _pairs(folder / way.map):
                    pass
            except _BadMapError as bad:
                place = ("events", index, *where(number, entry.ways), "map")
                yield Finding(place, f"{quoted(way.map)} {bad}", _WANTED)


def key_map_files(mapping: Mapping, folder: Path) -> list[Path]:
    """The files that `map:` names, each once."""
    named = [way.map for entry in mapping.events for way in entry.ways if way.map is not None]
    return [folder / name for name in dict.fromkeys(named)]


def read_key_map(folder: Path, name: str) -> list[tuple[str, str]]:
    """Keys and account ids, in the file's order; a key may come twice. FixConfig if it is gone or
    cannot be read any more."""
    try:
        return list(_pairs(folder / name))
    except _BadMapError as bad:
        raise FixConfig([Problem(name, 0, 0, "", str(bad), _WANTED)]) from None


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = [cell.strip().lower() for cell in next(rows, [])]
            missing = [name for name in COLUMNS if header.count(name) != 1]
            if missing:
                raise _BadMapError(f"has no column {quoted(missing[0])}, or has it twice")
            key, account = (header.index(name) for name in COLUMNS)
            for cells in rows:
                if len(cells) > max(key, account) and cells[key] and cells[account].strip():
                    yield cells[key], cells[account].strip()
    except FileNotFoundError:
        raise _BadMapError("is missing") from None
    except UnicodeDecodeError:
        raise _BadMapError("is not UTF-8 text") from None
    except csv.Error as error:
        raise _BadMapError(f"is no CSV: {error}") from None
    except OSError as error:
        raise _BadMapError(f"cannot be read: {error.strerror}") from None
