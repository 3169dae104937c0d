"""The simulated world put into the three vendors' stores; the one place that knows both."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.hubspot.properties import iso
from sandbox.mixpanel.project import Columns, Profile
from sandbox.salesforce.history import keep_history
from sandbox.salesforce.org import PERSON
from sandbox.world_shapes import EVENT_NAMES, PLANS, PRODUCTS, REPORT_TYPES

if TYPE_CHECKING:
    from sandbox.core.schedule import Schedule
    from sandbox.hubspot.vendor import HubSpot
    from sandbox.mixpanel.vendor import Mixpanel
    from sandbox.salesforce.vendor import Salesforce
    from sandbox.world_shapes import Account, Case, FieldChange, Survey, World

SALESFORCE_FIELDS = {
    "name": "Name", "type": "Type", "segment": "Segment__c", "industry": "Industry",
    "workspace": "Workspace_Id__c", "champion": "Champion__c", "csm": "CSM__c",
    "signed_on": "Contract_Signed__c", "contract_end": "Contract_End__c",
    "licensed_seats": "Licensed_Seats__c", "kickoff_on": "Kickoff_Held__c",
    "renewed_on": "Last_Renewed__c",
}  # fmt: skip
HUBSPOT_PROPERTIES = {
    "name": "name", "type": "type", "segment": "segment", "industry": "industry",
    "workspace": "workspace_id", "champion": "champion", "csm": "csm", "domain": "domain",
    "signed_on": "contract_signed", "contract_end": "contract_end",
    "licensed_seats": "licensed_seats", "kickoff_on": "kickoff_held", "renewed_on": "last_renewed",
}  # fmt: skip
_ANONYMOUS_ONE_IN = 40


class Seed:
    """Plays the world into the vendors: what has happened by now at once, the rest as it comes."""

    def __init__(
        self,
        world: World,
        salesforce: Salesforce,
        hubspot: HubSpot,
        mixpanel: Mixpanel,
        schedule: Schedule,
    ) -> None:
        self._world = world
        self._later = schedule
        self._salesforce = salesforce
        self._hubspot = hubspot
        self._mixpanel = mixpanel
        self.company_ids: dict[str, str] = {}  # Salesforce id -> HubSpot id

    def play(self) -> None:
        schedule = self._later
        first = _first_values(self._world)
        for account in self._world.accounts:
            schedule.add(account.created_at, partial(self._account, first[account.crm_id]))
        for contact in self._world.contacts:
            schedule.add(contact.created_at, partial(self._contact, contact))
        for change in self._world.changes:
            schedule.add(change.at, partial(self._change, change))
        for case in self._world.cases:
            schedule.add(case.created_at, partial(self._case, case))
        for survey in self._world.surveys:
            schedule.add(survey.answered_at, partial(self._survey, survey))
        self._owners()
        _fill_project(self._world, self._mixpanel)

    def truth(self) -> list[dict[str, Any]]:
        """What really happened, with each vendor's key of the account."""
        found = []
        for truth, account in zip(self._world.truth, self._world.accounts, strict=True):
            shown = {k: _text(v) if isinstance(v, date) else v for k, v in asdict(truth).items()}
            keys = {"name": account.name, "workspace": account.workspace,
                    "hubspot_id": self.company_ids.get(account.crm_id)}  # fmt: skip
            found.append({**shown, **keys})
        return found

    # -- the two CRMs

    def _account(self, account: Account) -> None:
        org, portal = self._salesforce.org, self._hubspot.portal
        values: dict[str, Any] = {f: getattr(account, a) for a, f in SALESFORCE_FIELDS.items()}
        if account.licensed_seats is not None:
            values["Licensed_Seats__c"] = float(account.licensed_seats)
        values |= {"OwnerId": PERSON, "Website": f"https://{account.domain}"}
        org.insert("Account", values, account.created_at, PERSON, account.crm_id)
        texts = {p: _property(a, getattr(account, a)) for a, p in HUBSPOT_PROPERTIES.items()}
        texts["lifecyclestage"] = "customer" if account.type == "Customer" else "opportunity"
        record = portal.add(portal.types["companies"], texts, account.created_at)
        self.company_ids[account.crm_id] = record.id

    def _change(self, change: FieldChange) -> None:
        org, portal = self._salesforce.org, self._hubspot.portal
        field = SALESFORCE_FIELDS.get(change.field)
        if field is not None:
            obj = org.objects["Account"]
            new = float(change.new) if isinstance(change.new, int) else change.new
            before = obj.rows[change.crm_id].now
            org.touch(obj, change.crm_id, {field: new}, PERSON, change.at)
            keep_history(org, obj, before, {field: new}, PERSON, change.at)
        name = HUBSPOT_PROPERTIES.get(change.field)
        if name is not None:
            kind = portal.types["companies"]
            record = kind.records[self.company_ids[change.crm_id]]
            text = _property(change.field, change.new) or ""
            portal.change(kind, record, {name: text}, "CRM_UI", change.at)

    def _contact(self, contact: Any) -> None:
        org, portal = self._salesforce.org, self._hubspot.portal
        given, _, family = contact.name.partition(" ")
        org.insert(
            "Contact",
            {"AccountId": contact.account_id, "FirstName": given, "LastName": family or given,
             "Name": contact.name, "Email": contact.email, "Title": contact.title,
             "OwnerId": PERSON},
            contact.created_at, PERSON, contact.crm_id,
        )  # fmt: skip
        texts: dict[str, str | None] = {
            "email": contact.email, "firstname": given, "lastname": family,
            "jobtitle": contact.title,
        }  # fmt: skip
        record = portal.add(portal.types["contacts"], texts, contact.created_at)
        self._link("contacts", record.id, contact.account_id)

    def _link(self, kind: str, record_id: str, account_id: str) -> None:
        company = self.company_ids.get(account_id)
        if company is not None:
            self._hubspot.portal.link((kind, record_id), ("companies", company))

    def _case(self, case: Case) -> None:
        org, portal = self._salesforce.org, self._hubspot.portal
        org.insert(
            "Case",
            {"AccountId": case.account_id, "Subject": case.subject, "Priority": case.priority,
             "Status": "New", "Origin": "Web", "OwnerId": PERSON,
             "CaseNumber": f"{org.objects['Case'].numbers + 1:08d}"},
            case.created_at, PERSON, case.crm_id,
        )  # fmt: skip
        ticket = portal.add(
            portal.types["tickets"],
            {"subject": case.subject, "hs_ticket_priority": case.priority.upper(),
             "hs_pipeline": "0", "hs_pipeline_stage": "1"},
            case.created_at,
        )  # fmt: skip
        self._link("tickets", ticket.id, case.account_id)
        if case.closed_at is not None:
            self._later.add(case.closed_at, partial(self._close, case, ticket.id))

    def _close(self, case: Case, ticket_id: str) -> None:
        org, portal = self._salesforce.org, self._hubspot.portal
        closed = {"Status": "Closed", "IsClosed": True, "ClosedDate": case.closed_at}
        org.touch(org.objects["Case"], case.crm_id, closed, PERSON, case.closed_at)
        kind = portal.types["tickets"]
        when = case.closed_at or portal.now()
        texts = {"hs_pipeline_stage": "4", "closed_date": iso(when)}
        portal.change(kind, kind.records[ticket_id], texts, "CRM_UI", when)

    def _survey(self, survey: Survey) -> None:
        org, portal = self._salesforce.org, self._hubspot.portal
        number = org.objects["Survey__c"].numbers + 1
        org.insert(
            "Survey__c",
            {"Name": f"S-{number:05d}", "Account__c": survey.account_id,
             "Answered_At__c": survey.answered_at, "Score__c": float(survey.score)},
            survey.answered_at, PERSON, survey.crm_id,
        )  # fmt: skip
        record = portal.add(
            portal.types["surveys"],
            {"survey_name": f"S-{number:05d}", "answered_at": iso(survey.answered_at),
             "score": str(survey.score)},
            survey.answered_at,
        )  # fmt: skip
        self._link("surveys", record.id, survey.account_id)

    def _owners(self) -> None:
        for number, name in enumerate(sorted({a.csm for a in self._world.accounts})):
            given, _, family = name.partition(" ")
            self._hubspot.portal.owners.append({
                "id": str(900 + number), "email": f"{given.lower()}@brightloop.example",
                "type": "PERSON", "firstName": given, "lastName": family, "userId": 9000 + number,
                "userIdIncludingInactive": 9000 + number, "archived": False, "teams": [],
                "createdAt": "2020-01-01T00:00:00.000Z", "updatedAt": "2020-01-01T00:00:00.000Z",
            })  # fmt: skip


def _first_values(world: World) -> dict[str, Account]:
    """Each account as it was made, before any change."""
    from dataclasses import replace

    current = {a.crm_id: a for a in world.accounts}
    for change in reversed(world.changes):
        values: dict[str, Any] = {change.field: change.old}
        current[change.crm_id] = replace(current[change.crm_id], **values)
    return current


def _property(attribute: str, value: Any) -> str | None:
    if value is None:
        return None
    return str(value).upper() if attribute == "type" else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


# -- the product


def _fill_project(world: World, mixpanel: Mixpanel) -> None:
    project, events = mixpanel.project, world.events
    project.users = [user.user_id for user in world.users]
    project.keys = list(world.keys)
    project.heads, project.tails = _texts()
    kinds = (events.name.astype(np.int32) * len(PRODUCTS) + events.product) * len(PLANS)
    tails = (kinds + events.plan) * (len(REPORT_TYPES) + 1) + events.report_type + 1
    own = (events.user >= 0) & (events.account >= 0)
    project.columns = Columns(
        at=events.at, arrived=events.arrived, user=events.user, key=events.key,
        insert_id=events.insert_id, tail=tails.astype(np.int32),
        anonymous=own & (events.insert_id % np.uint64(_ANONYMOUS_ONE_IN) == 0),
    )  # fmt: skip
    _fill_profiles(world, mixpanel)
    project.schemas = [_schema(name) for name in EVENT_NAMES[: len(EVENT_NAMES) // 2]]


def _texts() -> tuple[list[str], list[str]]:
    """Event name and fixed properties as JSON, for each combination."""
    heads, tails = [], []
    for name in EVENT_NAMES:
        for product in PRODUCTS:
            for plan in PLANS:
                for report_type in (None, *REPORT_TYPES):
                    heads.append(json.dumps(name))
                    extra = {} if report_type is None else {"report_type": report_type}
                    text = json.dumps(
                        {"mp_country_code": "US", "product": product, "plan": plan, **extra},
                        separators=(",", ":"),
                    )
                    tails.append(text[1:-1])
    return heads, tails


def _fill_profiles(world: World, mixpanel: Mixpanel) -> None:
    project, events = mixpanel.project, world.events
    seen = np.full(len(world.users), -1, dtype=np.int64)
    known = events.user >= 0
    np.maximum.at(seen, events.user[known], events.at[known])
    for user, last in zip(world.users, seen.tolist(), strict=True):
        properties: dict[str, Any] = {"$name": user.name, "$email": user.email}
        if last >= 0:
            properties["$last_seen"] = datetime.fromtimestamp(last, UTC).strftime(
                "%Y-%m-%dT%H:%M:%S"
            )
        project.profiles[user.user_id] = Profile(user.user_id, properties)
    for account in world.accounts:
        if account.workspace is not None:
            properties = {"$name": account.name, "crm_id": account.crm_id, "domain": account.domain}
            project.groups[account.workspace] = Profile(account.workspace, properties)


def _schema(name: str) -> dict[str, Any]:
    return {
        "entityType": "event", "name": name,
        "schemaJson": {
            "$schema": "http://json-schema.org/draft-07/schema", "description": f"{name} by a user",
            "properties": {"product": {"type": "string", "description": "which product"}},
            "metadata": {"com.mixpanel": {
                "displayName": name, "tags": [], "hidden": False, "dropped": False}},
        },
    }  # fmt: skip
