"""Run clients that others wrote against a sandbox, each as it comes, and say how each fared.

    python -m tests.judges.run

Installs jsforce and @hubspot/api-client with npm, and the Singer taps into environments of their
own, all under build/judges; what cannot be installed or run is reported as such. Returns 1 if a
judge found fault.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.judges.proxy import LOOPBACK, Authority, Proxy

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "judges"
if TYPE_CHECKING:
    from collections.abc import Callable

NODE_PACKAGES = ("jsforce@3.10.16", "@hubspot/api-client@13.5.0")
PRISM = "@stoplight/prism-cli@5.14.2"
TAPS = {"tap-salesforce": "2.8.1", "tap-mixpanel": "1.8.0"}
_SECONDS = 300


class Failed(Exception):
    """A judge found fault, or could not be made to run."""


class NotRun(Exception):
    """Something that is not ours to provide is missing."""


def command(*words: str, env: dict[str, str] | None = None, folder: Path = WORK) -> str:
    """Standard output of a program that ended well. Raises Failed with the end of what it said."""
    try:
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True,
            check=False, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise Failed(f"{words[0]}: {wrong}") from wrong
    if done.returncode:
        raise Failed((done.stderr or done.stdout)[-1500:])
    return done.stdout


def node(script: str, ready: dict[str, Any]) -> str:
    """Run one of the .mjs files beside this one."""
    if shutil.which("npm") is None:
        raise NotRun("there is no npm here")
    if not (WORK / "node_modules" / "jsforce").exists():
        (WORK / "package.json").write_text('{"private": true}')
        command("npm", "install", "--no-audit", "--no-fund", *NODE_PACKAGES)
    shutil.copy(HERE / script, WORK / script)
    return command("node", script, env={"SANDBOX": json.dumps(ready)}).strip()


def tap(
    name: str, config: dict[str, Any], streams: tuple[str, ...], proxied: dict[str, str]
) -> str:
    """Discover, choose `streams`, sync them; return how many records came of each."""
    home = WORK / name
    program = home / "bin" / name
    if not program.exists():
        command(sys.executable, "-m", "venv", str(home))
        command(str(home / "bin" / "pip"), "install", "--quiet", f"{name}=={TAPS[name]}")
    settings = WORK / f"{name}.json"
    settings.write_text(json.dumps(config))
    catalog = json.loads(command(str(program), "-c", str(settings), "--discover", env=proxied))
    chosen = [choose(s) for s in catalog["streams"] if s["tap_stream_id"] in streams]
    if len(chosen) != len(streams):
        raise Failed(f"discovered {len(catalog['streams'])} streams, not all of {streams}")
    path = WORK / f"{name}.catalog.json"
    path.write_text(json.dumps({"streams": chosen}))
    lines = command(
        str(program), "-c", str(settings), "--catalog", str(path), "--properties", str(path),
        env=proxied,
    ) if name == "tap-mixpanel" else command(
        str(program), "-c", str(settings), "--properties", str(path), env=proxied
    )  # fmt: skip
    counts = dict.fromkeys(streams, 0)
    for line in lines.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            counts[message["stream"]] += 1
    if not all(counts.values()):
        raise Failed(f"records: {counts}")
    return ", ".join(f"{number} {stream}" for stream, number in counts.items())


def choose(stream: dict[str, Any]) -> dict[str, Any]:
    """Select a stream and every field that can be."""
    for entry in stream["metadata"]:
        if entry["metadata"].get("inclusion") != "unsupported":
            entry["metadata"]["selected"] = True
    return stream


def prism(description: Path | None, ready: dict[str, Any]) -> str:
    """HubSpot's own description of companies, where somebody has it."""
    if description is None:
        raise NotRun("no --hubspot-description FILE, and HubSpot's is not ours to pass on")
    from tests.judges.prism import judge

    home = WORK / "prism"
    program = home / "node_modules" / ".bin" / "prism"
    if not program.exists():
        home.mkdir(exist_ok=True)
        (home / "package.json").write_text('{"private": true}')
        command("npm", "install", "--no-audit", "--no-fund", PRISM, folder=home)
    try:
        return judge(program, description, ready, WORK / "prism.log")
    except (AssertionError, OSError) as wrong:
        raise Failed(str(wrong)) from wrong


def judges(
    ready: dict[str, Any], proxied: dict[str, str], description: Path | None
) -> dict[str, Callable[[], str]]:
    """What to run, by name."""
    start = (datetime.now(UTC) - timedelta(days=10)).strftime("%Y-%m-%dT00:00:00Z")
    salesforce, mixpanel = ready["salesforce"], ready["mixpanel"]
    common = {"start_date": start, "user_agent": "judge", "select_fields_by_default": "true"}
    for_salesforce = {
        **{k: salesforce[k] for k in ("client_id", "client_secret", "refresh_token")},
        **common, "api_type": "REST", "start_date": "2000-01-01T00:00:00Z",
    }  # fmt: skip
    for_mixpanel = {
        **common, "project_timezone": "UTC", "api_secret": mixpanel["project_secret"],
        "attribution_window": "2", "date_window_size": "3",
    }  # fmt: skip
    return {
        "jsforce": lambda: node("salesforce.mjs", ready),
        "@hubspot/api-client": lambda: node("hubspot.mjs", ready),
        "tap-salesforce": lambda: tap(
            "tap-salesforce", for_salesforce, ("Account", "Case"), proxied
        ),
        "Prism": lambda: prism(description, ready),
        "tap-mixpanel": lambda: tap("tap-mixpanel", for_mixpanel, ("export", "engage"), proxied),
    }


def main() -> int:
    """Start a sandbox and the proxy, run every judge, print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.judges.run")
    parser.add_argument("--hubspot-description", type=Path, help="HubSpot's companies.json, v3")
    description = parser.parse_args().hubspot_description
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
        for name, run in judges(ready, proxied, description).items():
            try:
                print(f"{name}: ran: {run()}", flush=True)  # noqa: T201 - a program that tells
            except NotRun as why:
                print(f"{name}: not run: {why}", flush=True)  # noqa: T201 - as above
            except Failed as why:
                failures += 1
                print(f"{name}: FAILED: {why}", flush=True)  # noqa: T201 - as above
        process.terminate()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
