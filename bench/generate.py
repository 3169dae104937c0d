"""Make the project that the benchmark runs: many accounts, skewed sizes, one Parquet file per day.

At full scale 50,000 accounts and 20 million events over 180 days. Drawn by hashing row numbers,
so the same scale is the same data, whatever the number of threads.

    python -m bench.generate --out DIR [--scale 0.01]
"""

from __future__ import annotations

import argparse
import csv
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb

ACCOUNTS = 50_000
EVENTS = 20_000_000
DAYS = 180
SITTING = 5  # events of one user on one day, in a row: people do not come for a single click
FIRST_DAY = date(2026, 1, 1)
NAMES = (
    "Page Viewed", "Dashboard Viewed", "Report Opened", "Search Run", "Logged In",
    "Report Created", "Filter Changed", "Comment Added", "Dashboard Created", "Export Started",
    "Report Shared", "Alert Opened", "Invite Sent", "Alert Created", "Segment Built",
    "Schedule Set", "Goal Set", "Integration Added", "Key Created", "Plan Viewed",
)  # fmt: skip

GATEPOST = """\
connections:
  crm: {type: files, path: crm}
  product: {type: files, path: product}
engine: {threads: 2, memory: 2GB}
# A company that nobody runs changes more in a day than a real one, and journeys are swapped here.
# 100% judges all the same, and stops nothing.
guards: {max_changed: 100%, max_backward: 100%, max_blanked: 100%, max_mix: 100%}
"""
MAPPING = """\
accounts: {from: crm, object: Account, id: Id, name: Name, where: "type = 'Customer'"}
fields:
  type:           Type
  signed_on:      {field: Contract_Signed__c, type: date}
  contract_end:   {field: Contract_End__c, type: date}
  licensed_seats: {field: Licensed_Seats__c, type: number}
  workspace:      Workspace_Id__c
events:
  - from: product
    account: {property: company_id, equals: workspace}
    user: user
    keep: [plan]
write:
  - fields:
      Lifecycle_Stage__c: stage
      Stage_Entered__c:   stage_entered_on
      TTV_Days__c:        ttv_days
      Health_Score__c:    health_score
      Health_Band__c:     health_band
      Usage_Cliff__c:     moment.usage_cliff
      Alerts__c:          alerts
"""
# Ten signals, six of them distinct counts. SHORT and LONG are 7 and 28 days, TARGET changes with
# every version so that the past must be told anew.
JOURNEY = """\
journey: Lifecycle
timezone: America/New_York
start: signed_on
since: {since}
features:
  reporting:  [Report Created, Report Shared, Report Opened]
  dashboards: [Dashboard Viewed, Dashboard Created]
  alerting:   [Alert Created, Alert Opened]
  sharing:    [Comment Added, Invite Sent, Export Started]
signals:
  first_share:   {{first: Report Shared}}
  last_seen:     {{last: any}}
  shares:        {{count: Report Shared, within: {long}d}}
  usage_trend:   {{ratio: weekly_users, to: {long}d}}
  weekly_users:  {{users: any, within: {short}d}}
  monthly_users: {{users: any, within: {long}d}}
  weekly_days:   {{days: any, within: {short}d}}
  monthly_days:  {{days: any, within: {long}d}}
  core_weekly:   {{features: [reporting, dashboards, alerting, sharing], within: {short}d, used_by: 0.1 * licensed_seats}}
  core_monthly:  {{features: [reporting, dashboards, alerting, sharing], within: {long}d, used_by: 0.1 * licensed_seats}}
stages:
  - {{stage: Onboarding, enter: signed_on <= day, exit: first_share is not null, target: {target}d, metric: monthly_days}}
  - {{stage: Adoption, exit: core_monthly >= 3 and monthly_days >= 8, metric: monthly_users / licensed_seats}}
  - {{stage: Value, exit: weekly_users / licensed_seats >= 0.5, metric: core_weekly}}
  - {{stage: Expansion, exit: monthly_users >= licensed_seats}}
  - {{stage: Renewal, enter: "days_until(contract_end) between 0 and 60", from: any, exit: days_until(contract_end) <= 0, then: Value}}
  - {{stage: Churned, enter: last_seen < day - 90, ends: true}}
health:
  components:
    - {{name: breadth, value: monthly_users / licensed_seats, points: [[0, 0], [0.3, 50], [0.6, 100]], weight: 3}}
    - {{name: depth, value: core_monthly, points: [[0, 0], [4, 100]], weight: 2}}
    - {{name: rhythm, value: weekly_days, points: [[0, 0], [5, 100]], weight: 1}}
    - {{name: trend, value: usage_trend, points: [[0.3, 0], [1, 100]], weight: 2}}
  bands: {{green: 70, yellow: 40, red: 0}}
  margin: 3
moments:
  - {{moment: usage_cliff, when: usage_trend < 0.5, for: 3d, after: 30d, owner: CSM, play: Call}}
  - {{moment: silence, when: weekly_days = 0, for: 7d, owner: CSM, play: Find out}}
"""  # noqa: E501 - YAML rows read best in one line
# A number in [0, 1) that hangs on its argument alone. DuckDB's hash of two arguments only xors
# theirs, so columns drawn with it would follow each other; hence one number per row and column.
UNIT = "CREATE MACRO unit(x) AS (hash((x)::BIGINT) >> 12) / 4503599627370496.0"
# Account sizes fall with the cube, people per account with a root of its size.
EVENTS_OF_DAY = """
COPY (
    WITH drawn AS (
        SELECT
            n,
            unit((n // {sitting}) * 4) AS u1,
            unit(n * 4 + 1) AS u2,
            unit(n * 4 + 2) AS u3,
            unit((n // {sitting}) * 4 + 3) AS u4
        FROM (SELECT {start} + i AS n FROM range({count}) AS rows(i))
    ), owned AS (
        SELECT *, least({accounts} - 1, floor({accounts} * u1 * u1 * u1))::BIGINT AS a FROM drawn
    ), sized AS (
        SELECT *,
            {events} * (cbrt((a + 1) / {accounts}) - cbrt(a / {accounts})) AS size
        FROM owned
    )
    SELECT
        list_value({names})[1 + floor({kinds} * u2 * u2)::INT] AS event,
        {midnight} + floor(86400 * (0.35 + 0.5 * u3))::BIGINT AS time,
        'u' || a || '-' || floor(greatest(3, 0.6 * pow(size, 0.6)) * u4 * u4)::BIGINT AS "user",
        'ws-' || a AS company_id,
        printf('%016x', hash(n)) AS "$insert_id",
        CASE WHEN a % 3 = 0 THEN 'team' ELSE 'starter' END AS plan
    FROM sized
) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 200000)
"""


def generate(folder: Path, scale: float = 1.0) -> None:
    """Write the project as it stands after DAYS days; days that exist already are kept.

    What an earlier run added (state, later days, written fields) is taken back.
    """
    for name in ("crm", "journeys", "product/events"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "gatepost.yaml").write_text(GATEPOST, encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    write_journey(folder, version=0)
    _write_accounts(folder / "crm" / "Account.csv", round(ACCOUNTS * scale))
    shutil.rmtree(folder / ".gatepost", ignore_errors=True)
    wanted = {_path(folder, number) for number in range(DAYS)}
    for path in set((folder / "product" / "events").iterdir()) - wanted:
        path.unlink()
    with _engine() as connection:
        for number in range(DAYS):
            if not _path(folder, number).exists():
                _write_day(connection, folder, number, scale)


def add_day(folder: Path, number: int, scale: float = 1.0) -> None:
    """Add the events of one more day, number 0 being FIRST_DAY."""
    with _engine() as connection:
        _write_day(connection, folder, number, scale)


def write_journey(folder: Path, version: int, short: int = 7, long: int = 28) -> None:
    """Write the journey; another `version` changes a target, and with it the whole past."""
    text = JOURNEY.format(since=FIRST_DAY, short=short, long=long, target=30 + version)
    (folder / "journeys" / "lifecycle.yaml").write_text(text, encoding="utf-8")


def _engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(UNIT)
    return connection


def _path(folder: Path, number: int) -> Path:
    day = FIRST_DAY + timedelta(days=number)
    return folder / "product" / "events" / f"{day}.parquet"


def _weight(number: int) -> float:
    return 0.25 if (FIRST_DAY + timedelta(days=number)).weekday() >= 5 else 1.0


def _write_day(
    connection: duckdb.DuckDBPyConnection, folder: Path, number: int, scale: float
) -> None:
    share = _weight(number) / sum(map(_weight, range(DAYS)))
    path = _path(folder, number)
    draft = path.with_name(path.name + ".new")
    start = number * EVENTS
    connection.execute(
        EVENTS_OF_DAY.format(
            start=start,
            sitting=SITTING,
            count=round(EVENTS * scale * share),
            accounts=f"{round(ACCOUNTS * scale)}.0",
            events=EVENTS * scale,
            names=", ".join(f"'{name}'" for name in NAMES),
            kinds=len(NAMES),
            midnight=f"epoch(DATE '{FIRST_DAY + timedelta(days=number)}')::BIGINT",
            path=draft,
        )
    )
    draft.replace(path)


def _write_accounts(path: Path, count: int) -> None:
    outputs = ["Lifecycle_Stage__c", "Stage_Entered__c", "TTV_Days__c", "Health_Score__c"]
    outputs += ["Health_Band__c", "Usage_Cliff__c", "Alerts__c"]
    fields = ["Id", "Name", "Type", "Contract_Signed__c", "Contract_End__c", "Licensed_Seats__c"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*fields, "Workspace_Id__c", *outputs])
        for number in range(count):
            # Some signed before history begins; some seats are missing.
            signed = FIRST_DAY + timedelta(days=number * 7919 % 300 - 150)
            size = (
                EVENTS
                / ACCOUNTS
                * count
                * (((number + 1) / count) ** (1 / 3) - (number / count) ** (1 / 3))
            )
            seats = "" if number % 25 == 0 else max(3, round(0.7 * size**0.6))
            end = signed + timedelta(days=365)
            row = [f"001{number:012d}AAA", f"Company {number}", "Customer", signed, end, seats]
            writer.writerow([*row, f"ws-{number}", *[""] * len(outputs)])


def main() -> None:
    """Generate from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="0.01 makes a hundredth of it")
    parser.add_argument("--add-day", type=int, metavar="N", help="only add day N; 180 is new")
    parser.add_argument("--journey", type=int, metavar="N", help="only write version N of it")
    parser.add_argument("--short", type=int, default=7, help="days of the journey's short windows")
    parser.add_argument("--long", type=int, default=28, help="days of its long ones")
    options = parser.parse_args()
    if options.add_day is not None:
        add_day(options.out, options.add_day, options.scale)
    elif options.journey is not None:
        write_journey(options.out, options.journey, options.short, options.long)
    else:
        generate(options.out, options.scale)


if __name__ == "__main__":
    main()
