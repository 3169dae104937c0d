"""Run clients that others wrote against a sandbox, each as it comes, and say how each fared.

    python -m tests.judges.run

Installs npm packages and Singer taps into folders of their own under build/judges; what cannot be
installed or run is reported as such. Returns 1 if a judge found fault.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.judges import prism, sf, singer
from tests.judges.proxy import LOOPBACK, Authority, Proxy
from tests.judges.tools import HERE, ROOT, WORK, Failed, NotRun, command, node_packages

if TYPE_CHECKING:
    from collections.abc import Callable

NODE_PACKAGES = ("jsforce@3.10.16", "@hubspot/api-client@13.5.0")
PRISM = "@stoplight/prism-cli@5.14.2"


def python_clients() -> str:
    """simple-salesforce, hubspot-api-client and mixpanel-utils, in tests of their own."""
    said = command(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "tests/sandbox/test_foreign_clients.py", folder=ROOT)  # fmt: skip
    return said.strip().splitlines()[-1]


def node(script: str, ready: dict[str, Any]) -> str:
    """Run one of the .mjs files beside this one."""
    home = node_packages("clients", *NODE_PACKAGES)
    shutil.copy(HERE / script, home / script)
    said = command("node", script, env={"SANDBOX": json.dumps(ready)}, folder=home)
    return said.strip()


def described(descriptions: list[Path], ready: dict[str, Any]) -> str:
    """HubSpot's own descriptions of companies, where somebody has them."""
    if not descriptions:
        raise NotRun(
            "HubSpot's description is not ours to pass on: put a copy of companies.json (v3, "
            f"2026-09 or both, by any name) into {prism.PLACE.relative_to(ROOT)}, or name it with "
            "--hubspot-description"
        )
    program = node_packages("prism", PRISM) / "node_modules" / ".bin" / "prism"
    try:
        said = [prism.judge(program, one, ready, WORK / "prism.log") for one in descriptions]
    except (AssertionError, OSError) as wrong:
        raise Failed(str(wrong)) from wrong
    return "; ".join([PRISM, *said])


def judges(
    ready: dict[str, Any], proxied: dict[str, str], descriptions: list[Path]
) -> dict[str, Callable[[], str]]:
    """What to run, by name."""
    start = (datetime.now(UTC) - timedelta(days=10)).strftime("%Y-%m-%dT00:00:00Z")
    long_ago = "2000-01-01T00:00:00Z"
    salesforce, mixpanel = ready["salesforce"], ready["mixpanel"]
    common = {"start_date": start, "user_agent": "judge", "select_fields_by_default": "true"}
    for_salesforce = {
        **{k: salesforce[k] for k in ("client_id", "client_secret", "refresh_token")},
        **common, "api_type": "REST", "start_date": long_ago,
    }  # fmt: skip
    for_mixpanel = {
        **common, "project_timezone": "UTC", "api_secret": mixpanel["project_secret"],
        "attribution_window": "2", "date_window_size": "3",
    }  # fmt: skip
    for_hubspot = {"access_token": ready["hubspot"]["token"], "start_date": long_ago}
    streams = ("companies", "contacts", "tickets", "owners", "properties")
    return {
        "Python clients": python_clients,
        "jsforce": lambda: node("salesforce.mjs", ready),
        "@hubspot/api-client": lambda: node("hubspot.mjs", ready),
        "sf": lambda: sf.judge(ready, proxied),
        "tap-salesforce": lambda: singer.judge(
            singer.SALESFORCE, for_salesforce, ("Account", "Case"), proxied
        ),
        "tap-hubspot": lambda: singer.judge_twice(
            singer.HUBSPOT, for_hubspot, streams, "companies", proxied
        ),
        "Prism": lambda: described(descriptions, ready),
        "tap-mixpanel": lambda: singer.judge(
            singer.MIXPANEL, for_mixpanel, ("export", "engage"), proxied
        ),
    }


def main() -> int:
    """Start a sandbox and the proxy, run every judge, print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.judges.run")
    parser.add_argument(
        "--hubspot-description", type=Path, nargs="*", default=sorted(prism.PLACE.glob("*.json")),
        metavar="FILE", help="HubSpot's companies.json, v3 or of a date version",
    )  # fmt: skip
    parser.add_argument("--only", nargs="*", metavar="NAME", help="only these judges")
    asked = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "sandbox", "--accounts", "120", "--days", "60"]
    failures = 0
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        authority = Authority(WORK)
        address = Proxy(authority, int(ready["salesforce"]["url"].rsplit(":", 1)[1])).url
        proxied = {
            "HTTPS_PROXY": address, "REQUESTS_CA_BUNDLE": str(authority.path),
            "SSL_CERT_FILE": str(authority.path), "NO_PROXY": LOOPBACK,
        }  # fmt: skip
        for name, run in judges(ready, proxied, asked.hubspot_description).items():
            if asked.only and name not in asked.only:
                continue
            failures += tell(name, run)
        process.terminate()
    return 1 if failures else 0


def tell(name: str, run: Callable[[], str]) -> bool:
    """Run a judge and print how it fared; whether it found fault."""
    try:
        print(f"{name}: ran: {run()}", flush=True)  # noqa: T201 - a program that tells
    except NotRun as why:
        print(f"{name}: not run: {why}", flush=True)  # noqa: T201 - as above
    except Failed as why:
        print(f"{name}: FAILED: {why}", flush=True)  # noqa: T201 - as above
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
