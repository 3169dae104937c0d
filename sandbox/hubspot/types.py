"""The object types of the sandbox's portal and their properties."""

from __future__ import annotations

from datetime import date
from typing import Any

from sandbox.hubspot.portal import MERGED, ObjectType
from sandbox.hubspot.properties import Property

LIFECYCLE = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity",
    "customer", "evangelist", "other",
)  # fmt: skip
STAGES = ("onboarding", "adoption", "value", "expansion", "renewal", "churned")
BANDS = ("green", "yellow", "red")


def text(name: str, **more: Any) -> Property:
    """A line of text."""
    return Property(name, "string", "text", **more)


def number(name: str, **more: Any) -> Property:
    """A number."""
    return Property(name, "number", "number", **more)


def day(name: str, **more: Any) -> Property:
    """A date without a time."""
    return Property(name, "date", "date", **more)


def instant(name: str, **more: Any) -> Property:
    """A date and time."""
    return Property(name, "datetime", "date", **more)


def select(name: str, *options: str, **more: Any) -> Property:
    """One of some options."""
    return Property(name, "enumeration", "select", options=options, **more)


def own(made: Property) -> Property:
    """A property that the portal's admin made."""
    from dataclasses import replace

    return replace(made, defined_by_hubspot=False, group="gatepost")


def _days_to_renewal(values: dict[str, Any], today: date) -> str | None:
    """Calculated: another value every day, and no stamp moves."""
    end = values.get("contract_end")
    return str((date.fromisoformat(end) - today).days) if end else None


def _system(modified: str) -> list[Property]:
    return [
        number("hs_object_id", read_only=True),
        instant("createdate", read_only=True),
        instant(modified, read_only=True),
        Property(MERGED, "enumeration", "checkbox", read_only=True),
        Property("hubspot_owner_id", "enumeration", "select", label="Owner", external_options=True),
    ]


def _type(
    name: str, singular: str, type_id: str, properties: list[Property], **more: Any
) -> ObjectType:
    modified = more.pop("modified", "hs_lastmodifieddate")
    group = f"{singular}information"
    every = [*_system(modified), *properties]
    from dataclasses import replace

    named = {p.name: p if p.group else replace(p, group=group) for p in every}
    return ObjectType(
        name, singular, type_id, modified,
        properties=named,
        groups={group: f"{singular.capitalize()} information", "gatepost": "Gatepost"},
        **more,
    )  # fmt: skip


def companies() -> ObjectType:
    """Companies, with the admin's own properties."""
    properties = [
        text("name"), text("domain"), text("website"), text("industry"), text("city"),
        number("numberofemployees"), select("lifecyclestage", *LIFECYCLE),
        instant("hs_v2_date_entered_current_stage", read_only=True),
        text("hs_pipeline", read_only=True),
        select("type", "PROSPECT", "CUSTOMER", "PARTNER"),
        own(select("segment", "Enterprise", "Mid-market", "Small")),
        own(text("workspace_id")), own(text("champion")), own(text("csm")),
        own(day("contract_signed")), own(day("contract_end")), own(number("licensed_seats")),
        own(day("kickoff_held")), own(day("last_renewed")),
        own(text("external_key", unique=True)),
        own(number("days_to_renewal", calculated=True, compute=_days_to_renewal)),
        own(select("gp_journey_stage", *(stage.capitalize() for stage in STAGES))),
        own(select("gp_stage", *STAGES)), own(day("gp_stage_entered")), own(number("gp_ttv_days")),
        own(number("gp_health_score")), own(select("gp_health_band", *BANDS)),
        own(Property("gp_usage_cliff", "bool", "booleancheckbox", options=("true", "false"))),
        own(text("gp_alerts")), own(text("gp_next_step")), own(day("gp_next_step_due")),
    ]  # fmt: skip
    return _type(
        "companies", "company", "0-2", properties, defaults=("name", "domain"),
        scope="crm.objects.companies",
    )  # fmt: skip


# What every portal has besides; the simulated company uses none of it.
_OTHERS = (
    ("calls", "call", "0-48"), ("emails", "email", "0-49"), ("meetings", "meeting", "0-47"),
    ("notes", "note", "0-46"), ("communications", "communication", "0-18"),
    ("postal_mail", "postal_mail", "0-116"), ("line_items", "line_item", "0-8"),
    ("products", "product", "0-7"), ("quotes", "quote", "0-14"), ("leads", "lead", "0-136"),
    ("goal_targets", "goal_target", "0-74"),
    ("feedback_submissions", "feedback_submission", "0-19"),
)  # fmt: skip


def _without_records(one: tuple[str, str, str]) -> ObjectType:
    name, singular, type_id = one
    properties = [text(f"hs_{singular}_title"), instant("hs_timestamp")]
    return _type(name, singular, type_id, properties, defaults=(), scope="crm.objects.custom")


def all_types() -> list[ObjectType]:
    """Every object type of the portal."""
    return [
        companies(),
        _type(
            "contacts", "contact", "0-1",
            [text("email", unique=True), text("firstname"), text("lastname"), text("jobtitle"),
             select("lifecyclestage", *LIFECYCLE)],
            modified="lastmodifieddate", defaults=("email", "firstname", "lastname"),
            scope="crm.objects.contacts",
        ),
        _type(
            "deals", "deal", "0-3",
            [text("dealname"), number("amount"), instant("closedate"),
             Property("dealstage", "enumeration", "radio", external_options=True),
             Property("pipeline", "enumeration", "select", external_options=True),
             Property("hs_is_closed_won", "bool", "booleancheckbox", options=("true", "false"),
                      calculated=True,
                      compute=lambda v, _: str(v.get("dealstage") == "closedwon").lower())],
            defaults=("dealname", "amount", "closedate", "dealstage", "pipeline"),
            scope="crm.objects.deals",
        ),
        _type(
            "tickets", "ticket", "0-5",
            [text("subject"), text("content"),
             select("hs_ticket_priority", "LOW", "MEDIUM", "HIGH"),
             Property("hs_pipeline", "enumeration", "select", external_options=True),
             Property("hs_pipeline_stage", "enumeration", "select", external_options=True),
             instant("closed_date", read_only=True)],
            defaults=("subject", "content", "hs_pipeline", "hs_pipeline_stage",
                      "hs_ticket_priority"),
            scope="tickets",
        ),
        _type(
            "tasks", "task", "0-27",
            [text("hs_task_subject"), instant("hs_timestamp"),
             select("hs_task_status", "NOT_STARTED", "IN_PROGRESS", "COMPLETED", "WAITING")],
            defaults=("hs_task_subject", "hs_task_status", "hs_timestamp"),
            scope="crm.objects.contacts",
        ),
        _type(
            "surveys", "survey", "2-1001",
            [own(text("survey_name")), own(instant("answered_at")), own(number("score"))],
            defaults=("survey_name",), scope="crm.objects.custom",
        ),
        *map(_without_records, _OTHERS),
    ]  # fmt: skip
