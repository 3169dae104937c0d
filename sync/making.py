"""A plan is made: computed values against what the CRM shows, judged by policy and brakes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from config.errors import StopCycle
from config.load import Project
from config.mapping_file import WriteEntry
from connectors.base import ReadsSome
from sync.brakes import Facts, Pulled
from sync.brakes import judge as judge_brakes
from sync.cycle import Cycle
from sync.diff import Diff, Observed, diff
from sync.facts import journey_facts, source_facts, with_organisation
from sync.knowledge import knowledge
from sync.ledger import value_text as json_of
from sync.meanwhile import Meanwhile
from sync.outcome import left_over
from sync.plan import Plan, make_plan
from sync.policy import judge, written
from sync.shown import certain
from sync.state import instant_text
from sync.uncollected import uncollected

if TYPE_CHECKING:
    from sync.compute import Computed

PLAN_HOLDS = timedelta(days=1)
_NO_RUN = 1 << 62


def config_hash(project: Project) -> str:
    """A hash of everything that decides what is computed and written."""
    parts = [
        project.mapping.model_dump_json(),
        *(one.model_dump_json() for one in project.journeys),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@uncollected()
def make(cycle: Cycle, run_id: int | None = None) -> Plan:
    """The plan of one cycle: computed values against what the CRM shows. Nothing is written.
    `run_id`: the run that it is made for, where there is one already.

    Where the pull looked at all that may have changed, only those records are read of which nobody
    knows what they show, and those that would be written.
    """
    mapping = cycle.project.mapping
    cycle.pull()
    from sync.desired import desired  # with all that computes: a pull has had time to import it

    entries = [written(entry) for entry in mapping.write]
    travelling = [cycle.accounts(one) for one in cycle.journeys if one.journey.name in {
        entry.journey for entry in mapping.write}]  # fmt: skip
    ids = list(dict.fromkeys(one for found in travelling for one in found.accounts.ids.tolist()))
    fields = [name for entry in mapping.write for name in entry.targets()]
    shown = cycle.shown()
    known = shown.records(ids, fields) if shown and cycle.looked else {}
    missing = [one for one in ids if one not in known]
    look = partial(_look, cycle, fields)
    unread: dict[str, Observed] = {}
    # Nothing that is read here depends on what is computed, and neither waits for the other: a CRM
    # answers while the engine works.
    with Meanwhile(lambda: look(missing) if missing or not known else unread) as reading:
        pairs = [
            (entry, computed)
            for entry in entries
            for computed in cycle.compute(journey=entry.journey)
        ]
        wishes = [desired(computed, entry) for entry, computed in pairs]
        fresh = reading.result()

    def differences(observed: Mapping[str, Observed]) -> list[Diff]:
        return [
            diff(
                mapping.accounts.object, wish.against(observed, cycle.summary.doubled), observed,
                wish.policies, names=wish.names, why=wish.why, never=cycle.summary.doubled,
            )
            for wish in wishes
        ]  # fmt: skip

    diffs = certain(known, fresh, differences, look)
    last = max((cycle.day(journey) for journey in cycle.journeys), default=cycle.now.date())
    plan = make_plan(
        diffs, as_of=last, made_at=instant_text(cycle.now), config_hash=config_hash(cycle.project)
    )
    return judged(cycle, plan, pairs, run_id)


def read(cycle: Cycle, fields: list[str], ids: Sequence[str] | None = None) -> dict[str, Observed]:
    """What the CRM shows in `fields` now, by record; of `ids` at least, where they are given."""
    spec = cycle.project.mapping.accounts
    sink = cycle.connector(spec.from_).sink()
    with cycle.timed("read"):
        if ids is not None and isinstance(sink, ReadsSome):
            records = sink.read_some(spec.object, spec.id, fields, ids)
        else:
            records = sink.read(spec.object, spec.id, fields)
        return {record.id: record.values for record in records}


def _look(cycle: Cycle, fields: list[str], ids: Sequence[str]) -> dict[str, Observed]:
    """As `read`, and known from then on where the CRM is mirrored."""
    shown = cycle.shown()
    look = partial(read, cycle, fields)
    return look(ids) if shown is None else shown.look(ids, look)


def judged(
    cycle: Cycle, plan: Plan, pairs: Sequence[tuple[WriteEntry, "Computed"]], run_id: int | None
) -> Plan:
    """The plan without what is held back, and with what its brakes judge it by."""
    if not plan.changes:
        return plan
    project = cycle.project
    guards = project.gatepost.guards
    fields = {name: spec for entry, _ in pairs for name, spec in entry.fields.items()}
    known = knowledge(cycle.state, cycle.last_confirmed(), plan.changes, fields, guards, plan.as_of)
    found = judge(plan.changes, fields, guards, known, today=plan.as_of, now=plan.made_at)
    journeys, segments = journey_facts(cycle, pairs, found.changes)
    facts = Facts(journeys)
    if found.changes:
        facts = replace(facts, sources=source_facts(cycle, run_id or _NO_RUN))
        facts = with_organisation(cycle, facts)
    return replace(
        plan, changes=tuple(found.changes),
        notes=tuple(found.notes), facts=facts, segments=segments,
    )  # fmt: skip


def brakes_of(cycle: Cycle, plan: Plan) -> list[Pulled]:
    """The brakes that the plan pulls. What an earlier run was allowed to write and did not get to
    was judged then."""
    if not plan.changes:
        return []
    allowed = left_over(cycle.state, cycle.project.mapping.accounts.object)
    changes = [
        one
        for one in plan.changes
        if not allowed or (one.account_id, one.field, json_of(one.to)) not in allowed
    ]
    return judge_brakes(plan.facts, changes, plan.segments, cycle.project.gatepost.guards)


def check_plan(cycle: Cycle, plan: Plan) -> None:
    """StopCycle unless the plan was made for this project as it is now, within the last day."""
    if plan.config_hash != config_hash(cycle.project):
        raise StopCycle(
            "the plan was made for another mapping or another journey than this project has now",
            "make a new plan; nothing was written",
        )
    age = cycle.now - datetime.fromisoformat(plan.made_at)
    if age > PLAN_HOLDS:
        hours = age // timedelta(hours=1)
        raise StopCycle(
            f"the plan was made at {plan.made_at}, {hours:,} hours ago, and a plan holds for a day",
            "make a new plan; nothing was written",
        )
    if -age > PLAN_HOLDS:
        raise StopCycle(
            f"the plan says that it was made at {plan.made_at}, which is yet to come",
            "see whether the clock is right, and make a new plan; nothing was written",
        )


def check_organisation(cycle: Cycle, plan: Plan, now: str) -> None:
    """StopCycle if the plan was made for another organisation than the CRM is now, where both are
    known: a copy of a CRM has the same records, and the same values."""
    planned = plan.facts.organisation
    if cycle.project.gatepost.guards.organisation and planned and now and planned != now:
        raise StopCycle(
            f"the plan was made for the organisation {planned}, and the CRM is {now}",
            "see where the connection leads; nothing was written",
        )
