"""The interpreter, libraries, strangers with our names, zones, and what others say the time is."""

import importlib.metadata
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gatepost.doctor.checks import Patient, Said
from gatepost.ours import namesakes, strangers

TESTED = {"duckdb": "2.0", "ibis-framework": "12.0", "sqlglot": "30"}
"""Whose changes change results: the beginning of the versions that the test suite ran with."""
_SKEW_SECONDS, _MOST_SKEW_SECONDS = 30, 150
_ASK_SECONDS = 10.0
_ADDRESSES = {
    "salesforce": "https://login.salesforce.com",
    "hubspot": "https://api.hubapi.com",
    "mixpanel": "https://mixpanel.com",
}


def versions(_: Patient) -> Iterator[Said]:
    """Python, and the libraries that compute."""
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == (3, 11):
        yield Said("python", "ok", python)
    else:
        yield Said("python", "warning", f"{python} was not tested", "use Python 3.11")
    for name, tested in TESTED.items():
        found = importlib.metadata.version(name)
        if f"{found}.".startswith(f"{tested}."):
            yield Said(name, "ok", found)
        else:
            do = "install what requirements.lock names"
            yield Said(name, "warning", f"{found}; {tested} was tested", do)


def packages() -> Iterator[Said]:
    """Whether `config`, `sync` and so on are ours."""
    found = list(strangers())
    for name, place in found:
        do = "run the command `gatepost`, or `python -P -m gatepost`, in an environment of its own"
        yield Said("packages", "problem", f"{name} is not ours but {place}", do)
    for name, owner in namesakes():
        do = f"uninstall {owner}, or give Gatepost an environment of its own"
        yield Said("packages", "problem", f"{owner} is installed and has a package {name} too", do)
        found.append((name, owner))
    if not found:
        yield Said("packages", "ok", "all of them are ours")


def zones(patient: Patient) -> Iterator[Said]:
    """Whether the zones that the project names can be computed with."""
    names = {"Europe/Berlin", "America/New_York"}
    if patient.project is not None:
        names = {journey.timezone for journey in patient.project.journeys}
        names.add(patient.project.gatepost.schedule.timezone)
    for name in sorted(names):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield Said("zones", "problem", f"{name} is not known here", "install tzdata")
            return
    yield Said("zones", "ok", f"{', '.join(sorted(names))} can be computed with")


def skew(patient: Patient) -> Iterator[Said]:
    """This machine's clock against those of the connections, as their answers tell it."""
    if patient.project is None or not patient.ask_others:
        return
    from config.errors import GatepostError
    from connectors import http

    for name, connection in patient.project.gatepost.connections.items():
        address = connection.url or _ADDRESSES.get(connection.type)
        if connection.type not in _ADDRESSES or address is None:
            continue
        check = f"clock of {name}"
        try:
            with http.session(read_seconds=_ASK_SECONDS) as through:
                begun = datetime.now(UTC)
                answer = http.send(through, "HEAD", address)
                ended = datetime.now(UTC)
        except GatepostError as error:
            yield Said(check, "warning", str(error), "see the network, or use --offline")
            continue
        yield _skewed(check, answer.headers.get("Date", ""), begun, ended)


def _skewed(check: str, said: str, begun: datetime, ended: datetime) -> Said:
    """What the date of an answer says, sent between two instants by our clock. Its seconds are
    whole, so one of them proves nothing."""
    try:
        theirs = parsedate_to_datetime(said)
    except ValueError:
        return Said(check, "warning", "its answer has no date that can be read")
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    early, late = (begun - theirs).total_seconds(), (ended - theirs).total_seconds()
    off = 0.0 if early <= 1 and late >= -1 else min(early, late, key=abs)
    told = "agrees with ours" if not off else f"ours is {off:+.0f} s beside it"
    if abs(off) > _MOST_SKEW_SECONDS:
        return Said(check, "problem", told, "set the clock by NTP: logins by signature will fail")
    if abs(off) > _SKEW_SECONDS:
        return Said(check, "warning", told, "set the clock by NTP")
    return Said(check, "ok", told)


def server(patient: Patient) -> Iterator[Said]:
    """Whether `gatepost run` would be let answer where it should."""
    if patient.project is None:
        return
    from config.errors import GatepostError
    from config.settings import own_secrets
    from gatepost.daemon.inforce import address_of, guarded

    try:
        address = address_of(patient.project.gatepost.server.listen)
        guarded(address, own_secrets())
    except GatepostError as error:
        yield Said("server", "problem", str(error), error.hint)
        return
    where = "nowhere" if address is None else f"at {address[0]}, port {address[1]}"
    yield Said("server", "ok", f"`gatepost run` would answer {where}")
