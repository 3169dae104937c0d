"""Singer taps: discovery, then a sync of some streams, by way of the proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.judges.tools import WORK, Failed, command, python_package


@dataclass(frozen=True)
class Tap:
    """A tap: its package, its program, and by which option it takes the catalog."""

    package: str
    program: str
    catalog: str = "--catalog"


SALESFORCE = Tap("tap-salesforce==2.8.1", "tap-salesforce", "--properties")
MIXPANEL = Tap("tap-mixpanel==1.8.0", "tap-mixpanel")
HUBSPOT = Tap("meltano-tap-hubspot==0.10.1", "tap-hubspot")


class Runs:
    """One tap with one configuration."""

    def __init__(self, tap: Tap, config: dict[str, Any], proxied: dict[str, str]) -> None:
        self._tap, self._proxied = tap, proxied
        home = python_package(tap.program, tap.package)
        _trust(home, Path(proxied["REQUESTS_CA_BUNDLE"]))
        self._settings = WORK / f"{tap.program}.json"
        self._settings.write_text(json.dumps(config))
        self._words = (str(home / "bin" / tap.program), "--config", str(self._settings))

    def discover(self, streams: tuple[str, ...]) -> Path:
        """A catalog of these streams with all that they have."""
        catalog = json.loads(command(*self._words, "--discover", env=self._proxied))
        chosen = [_choose(s) for s in catalog["streams"] if s["tap_stream_id"] in streams]
        if len(chosen) != len(streams):
            raise Failed(f"discovered {len(catalog['streams'])} streams, not all of {streams}")
        path = WORK / f"{self._tap.program}.catalog.json"
        path.write_text(json.dumps({"streams": chosen}))
        return path

    def sync(self, catalog: Path, state: Any = None) -> tuple[dict[str, int], Any]:
        """Records by stream, and the state to go on from."""
        more: tuple[str, ...] = ()
        if state is not None:
            path = WORK / f"{self._tap.program}.state.json"
            path.write_text(json.dumps(state))
            more = ("--state", str(path))
        counts: dict[str, int] = {}
        said = command(*self._words, self._tap.catalog, str(catalog), *more, env=self._proxied)
        for line in said.splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                counts[message["stream"]] = counts.get(message["stream"], 0) + 1
            elif message["type"] == "STATE":
                state = message["value"]
        return counts, state


def judge(
    tap: Tap, config: dict[str, Any], streams: tuple[str, ...], proxied: dict[str, str]
) -> str:
    """Every one of `streams` brings records. Raises Failed."""
    runs = Runs(tap, config, proxied)
    counts, _ = runs.sync(runs.discover(streams))
    return f"{tap.package}: {_all(streams, counts)}"


def judge_twice(
    tap: Tap, config: dict[str, Any], streams: tuple[str, ...], once: str, proxied: dict[str, str]
) -> str:
    """The same, and a second sync from the first one's state, which reads few of stream `once`."""
    runs = Runs(tap, config, proxied)
    catalog = runs.discover(streams)
    first, state = runs.sync(catalog)
    again, _ = runs.sync(catalog, state)
    if not again.get(once, 0) < first.get(once, 0) / 2:
        raise Failed(f"{once}: {first.get(once)} at first, {again.get(once)} the second time")
    return f"{tap.package}: {_all(streams, first)}; then {again.get(once, 0)} {once}"


def _all(streams: tuple[str, ...], counts: dict[str, int]) -> str:
    if not all(counts.get(one) for one in streams):
        raise Failed(f"records: {counts}")
    return ", ".join(f"{counts[one]} {one}" for one in streams)


def _choose(stream: dict[str, Any]) -> dict[str, Any]:
    for entry in stream["metadata"]:
        if entry["metadata"].get("inclusion") != "unsupported":
            entry["metadata"]["selected"] = True
    return stream


def _trust(home: Path, authority: Path) -> None:
    """Have the tap's own environment trust the throwaway authority: Meltano's do not ask
    REQUESTS_CA_BUNDLE."""
    for bundle in home.glob("lib/python*/site-packages/certifi/cacert.pem"):
        original = bundle.with_suffix(".original")
        if not original.exists():
            original.write_bytes(bundle.read_bytes())
        bundle.write_bytes(original.read_bytes() + authority.read_bytes())
