"""Projects on the sandbox, for `check --live` and `provision`: the program as people call it."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sandbox.testing import running

JOURNEY = """
journey: Care
timezone: UTC
since: 2020-01-01
start: signed_on
features:
  reports: [Report Made]
signals:
  cases: {count: Case Opened}
  logins: {count: Logged In, within: 30d}
  made_30d: {count: reports, within: 30d}
stages:
  - {stage: Onboarding, enter: signed_on <= day, exit: cases >= 1,
     touchpoints: [{touchpoint: Kick-off, due: 7d, done: logins >= 1, owner: CSM}]}
  - {stage: Adoption, exit: made_30d >= 100}
health:
  components:
    - {name: use, value: logins, points: [[0, 0], [10, 100]]}
  bands: {red: 0, green: 50}
moments:
  - {moment: quiet, when: logins = 0, owner: CSM, play: Call them}
"""
EVENTS = """
  - from: product
    account: {property: company, equals: workspace}
    user: user
"""
WRITES = {
    "stage": "stage", "entered": "stage_entered_on", "days": "days_in_stage",
    "score": "health_score", "band": "health_band", "quiet": "moment.quiet", "alerts": "alerts",
    "next": "next_step",
}  # fmt: skip


class World:
    """`names`: short name → the field that holds it. `invoke` runs a command."""

    def __init__(self, started, folder, invoke, mapping, names, gatepost):
        self.started, self.folder, self._invoke = started, folder, invoke
        self.names = names
        self.mapping = mapping
        (folder / "journeys").mkdir(parents=True)
        (folder / "journeys" / "care.yaml").write_text(JOURNEY)
        (folder / "gatepost.yaml").write_text(
            f"connections:\n  crm: {gatepost}\n  product: {{type: files, path: product}}\n"
        )
        self.write(dict(names))
        self.usage("Logged In", "Report Made")

    def write(self, names):
        """mapping.yaml, writing these: short name → field."""
        lines = [f"      {field}: {WRITES[name]}" for name, field in names.items()]
        (self.folder / "mapping.yaml").write_text(
            "\n".join([self.mapping, "write:", "  - fields:", *lines, ""])
        )

    def usage(self, *names, ago=2):
        events = self.folder / "product" / "events"
        events.mkdir(parents=True, exist_ok=True)
        at = (datetime.now(UTC) - timedelta(ago)).isoformat()
        rows = [{"event": name, "time": at, "company": "acme", "user": "u"} for name in names]
        (events / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def replace(self, file, old, new):
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run(self, command, *words, **options):
        done = self._invoke(command, "--project", self.folder, *words, **options)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def check(self, code=None):
        """`check --live` as objects; its exit code, which must be `code` if that is given."""
        done = self.run("check", "--live", "--format", "json")
        assert done.exit_code < 2 or '"severity"' in done.stdout, done.output
        if code is not None:
            assert done.exit_code == code, done.output
        return [SimpleNamespace(**json.loads(line)) for line in done.stdout.splitlines()]

    def errors(self):
        return [one for one in self.check() if one.severity == "error"]

    def provision(self, *words, code=0):
        done = self.run("provision", "--format", "json", *(words or ("--yes",)))
        assert done.exit_code == code, done.output
        return [SimpleNamespace(**json.loads(line)) for line in done.stdout.splitlines()]

    def line_of(self, text, file="mapping.yaml"):
        lines = (self.folder / file).read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


def salesforce(tmp_path, invoke, monkeypatch):
    """An org in which none of the fields is there yet."""
    with running(accounts=6, days=60, end=None) as started:
        known = started.ready["salesforce"]
        monkeypatch.setenv("GATEPOST_CRM_CLIENT_SECRET", known["client_secret"])
        mapping = (
            "accounts: {from: crm, object: Account, id: Id, name: Name}\n"
            "fields:\n  signed_on: {field: Contract_Signed__c, type: date}\n"
            "  workspace: Workspace_Id__c\n  owner: Owner.Name\n"
            f"events:{EVENTS}"
            "  - {from: crm, object: Case, event: Case Opened, at: CreatedDate,"
            " account: {field: AccountId, equals: id}, id: Id}\n"
        )
        names = {name: f"GP_{name.capitalize()}__c" for name in WRITES}
        connection = f'{{type: salesforce, url: "{known["url"]}", client_id: {known["client_id"]}}}'
        yield World(started, tmp_path / "p", invoke, mapping, names, connection)


def hubspot(tmp_path, invoke, monkeypatch, version="2026-09"):
    """A portal in which none of the properties is there yet, nor their group."""
    with running(accounts=6, days=60, end=None) as started:
        monkeypatch.setenv("GATEPOST_CRM_TOKEN", started.ready["hubspot"]["token"])
        mapping = (
            "accounts: {from: crm, object: companies, id: hs_object_id, name: name}\n"
            "fields:\n  signed_on: {field: contract_signed, type: date}\n"
            "  workspace: workspace_id\n"
            f"events:{EVENTS}"
            "  - {from: crm, object: tickets, event: Case Opened, at: createdate,"
            " account: {property: associations.companies, equals: id}, id: hs_object_id}\n"
        )
        names = {name: f"made_{name}" for name in WRITES}
        connection = f'{{type: hubspot, url: "{started.url}", api_version: {version}}}'
        vendor: Any = started.sandbox.app.vendors["hubspot"]
        vendor.portal.types["companies"].groups.pop("gatepost")
        yield World(started, tmp_path / "p", invoke, mapping, names, connection)


def files(tmp_path, invoke):
    """A folder whose Account.csv has none of the columns yet."""
    crm = tmp_path / "p" / "crm"
    crm.mkdir(parents=True)
    today = datetime.now(UTC).date()
    signed = today - timedelta(20)
    (crm / "Account.csv").write_text(f"Id,Name,Signed,Workspace\n1,Acme,{signed},acme\n")
    (crm / "Case.csv").write_text(f"Id,AccountId,Opened\n7,1,{today}T00:00:00Z\n")
    mapping = (
        "accounts: {from: crm, object: Account, id: Id, name: Name}\n"
        "fields:\n  signed_on: {field: Signed, type: date}\n  workspace: Workspace\n"
        f"events:{EVENTS}"
        "  - {from: crm, object: Case, event: Case Opened, at: Opened,"
        " account: {field: AccountId, equals: id}, id: Id}\n"
    )
    names = {name: name.capitalize() for name in WRITES}
    return World(None, tmp_path / "p", invoke, mapping, names, "{type: files, path: crm}")


def mixpanel(tmp_path, invoke, monkeypatch):
    """Accounts in files, events in a project."""
    with running(accounts=6, days=60, end=None) as started:
        known = started.ready["mixpanel"]
        monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", known["secret"])
        world = files(tmp_path, invoke)
        world.write({"stage": "Name"})
        world.started = started
        world.replace(
            "gatepost.yaml", "{type: files, path: product}",
            f'{{type: mixpanel, url: "{known["url"]}", project_id: {known["project_id"]}, '
            f"username: {known['username']}}}",
        )  # fmt: skip
        yield world
