"""A company's project, as its RevOps team would write it, and a way to put one on disk."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from config.load import load_project
from config.problem import Problem

GATEPOST = """\
connections:
  crm: {type: salesforce, url: https://harbour.my.salesforce.com}
  product: {type: mixpanel, project_id: 4711, region: eu}
  desk: {type: files, path: exports}
schedule: {sync: "15 */2 * * 1-5", timezone: Europe/Lisbon}
engine: {threads: 4, memory: 3GB}
guards: {max_changed: 25%, max_stale: 2w, segment: segment}
"""

MAPPING = """\
accounts:
  from: crm
  object: Account
  id: Id
  name: Name
  where: "type = 'Customer'"
fields:
  type:           Type
  signed_on:      {field: Signed__c, type: date}
  contract_end:   {field: Term_End__c, type: date}
  licensed_seats: {field: Seats__c, type: number}
  segment:        Segment__c
  tenant:         Tenant__c
  kickoff_on:     {field: Kickoff__c, type: date}
  renewed_on:     {field: Renewed__c, type: date}
  champion:       Champion__c
events:
  - from: product
    account: {property: tenant_id, equals: tenant}
    user: distinct_id
    keep: [plan, format]
  - from: crm
    object: Case
    event: Ticket Raised
    at: CreatedDate
    account: {field: AccountId, equals: id}
    keep: {priority: Priority}
  - from: desk
    object: Survey
    event: Survey Returned
    at: answered
    account: {field: tenant, equals: tenant}
    id: survey_id
    keep: {score: {field: nps, type: number}}
write:
  - journey: Landing
    fields:
      Lifecycle__c:   stage
      Health__c:      {output: health_score, write: always, null: clear}
      First_Value__c: {output: first_value_on, write: if_empty}
      Drop__c:        moment.usage_drop
      Drop_Since__c:  moment.usage_drop.since
      Users__c:       weekly_users
"""

JOURNEY = """\
journey: Landing
timezone: America/New_York
accounts: "segment = 'Enterprise'"
events: "plan <> 'trial' and user not like '%@harbour.example'"
start: signed_on
since: 2025-01-01
first_value: first_export

features:
  mapping:   [Map Drawn, Map Shared]
  exporting: [Map Exported]
  alerting:  [Alert Set]

signals:
  first_export:  {first: Map Exported}
  third_share:   {nth: 3, of: Map Shared}
  last_seen:     {last: any}
  weekly_users:  {users: any, within: 7d}
  exports_30d:   {count: exporting, where: "format = 'pdf'", within: 30d}
  active_days:   {days: [Map Drawn, Alert Set], within: 4w}
  breadth:       {features: [mapping, exporting], within: 7d, used_by: 0.6 * licensed_seats}
  urgent_14d:    {count: Ticket Raised, where: "priority = 'High'", within: 14d}
  nps:           {last: Survey Returned, property: score}
  mean_nps:      {average: Survey Returned, property: score, within: 90d}
  total_nps:     {sum: Survey Returned, property: score}
  new_champion:  {changed: champion, within: 30d}
  trend:         {ratio: weekly_users, to: 28d}

stages:
  - stage: Setup
    enter: signed_on <= day
    exit: first_export is not null
    target: 30d
    metric: ttv_days
    owner: Onboarding
    play: https://harbour.example/setup
    touchpoints:
      - {touchpoint: Kick-off, due: 0d, done: kickoff_on <= day, owner: CSM, escalate: Director}
      - {touchpoint: First review, due: 2w, done: exports_30d > 3}
  - stage: Adoption
    exit: breadth >= 2
    metric: weekly_users / licensed_seats
  - stage: Renewal
    enter: days_until(contract_end) <= 90
    from: any
    exit: >-
      renewed_on between stage_entered_on
      and day
    then: Adoption
  - stage: Rescue
    enter: trend < 0.5
    from: [Setup, Adoption]
    exit: trend > 0.8
    then: Adoption
  - stage: Gone
    enter: contract_end < day
    ends: true

health:
  components:
    - {name: use, value: weekly_users / licensed_seats, points: [[0, 0], [0.6, 100]], weight: 3}
    - {name: calm, value: urgent_14d, points: [[0, 100], [3, 0]], missing: 100}
    - name: start
      value: active_days
      points: [[0, 0], [10, 100]]
      stages: [Setup]
      after: 7d
      missing: skip
  bands: {green: 70, yellow: 40, red: 0}
  margin: 3

moments:
  - {moment: usage_drop, when: trend < 0.6, for: 3d, after: 30d, owner: CSM, play: call them}
  - {moment: fire, when: urgent_14d >= 3, owner: Support, play: https://harbour.example/fire}
"""

LANDING = "journeys/landing.yaml"
FILES = {"gatepost.yaml": GATEPOST, "mapping.yaml": MAPPING, LANDING: JOURNEY}

Write = Callable[[Mapping[str, str | bytes]], Path]
Problems = Callable[[str, str, str], list[Problem]]


@pytest.fixture
def files() -> dict[str, str]:
    """The good project's files, by name."""
    return dict(FILES)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files to a project folder and return it."""

    def put(files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return put


@pytest.fixture
def after(write: Write, files: dict[str, str]) -> Problems:
    """The problems of the good project after one text in one file was replaced by another."""

    def replace(file: str, old: str, new: str) -> list[Problem]:
        assert files[file].count(old) == 1, f"{old!r} stands {files[file].count(old)} times"
        return load_project(write(files | {file: files[file].replace(old, new)}))[1]

    return replace
