"""Whether the packages that we import are ours: `config` and `sync` are names that others use too.

The standard library only, and none of those packages: it is asked when importing one has failed.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("config", "connectors", "mapping", "sandbox", "sync")
_ROOT = Path(__file__).resolve().parent.parent


def strangers() -> Iterator[tuple[str, str]]:
    """Each of our names under which Python finds something else, and where that lies."""
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        if found is None:
            yield name, "nowhere"
            continue
        places = [found.origin] if found.origin else list(found.submodule_search_locations or ())
        if not any(Path(place).resolve().is_relative_to(_ROOT / name) for place in places):
            yield name, str(places[0] if places else "nowhere")


def namesakes() -> Iterator[tuple[str, str]]:
    """Each of our names that another installed distribution has as well, and that distribution's
    name: which of the two is there depends on who was installed last."""
    from importlib.metadata import packages_distributions  # slow, and not for every failure

    owners = packages_distributions()
    for name in ("gatepost", *PACKAGES):
        for owner in sorted(set(owners.get(name, ()))):
            if owner.lower() != "gatepost":
                yield name, owner


def sentence() -> str:
    """What to tell about strangers; "" if there are none."""
    found = ", ".join(f"{name} is {place}" for name, place in strangers())
    if not found:
        return ""
    return (
        f"a stranger's package has the name of one of ours: {found}. Run the command `gatepost`,"
        " or `python -P -m gatepost`, in an environment of its own"
    )
