"""The second half of a cycle: diff, plan, push, and what is noted so that the next run is quick."""

import getpass
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

from config.errors import GatepostError
from config.load import Project
from connectors.files import FilesConnector
from sync.cycle import Cycle
from sync.desired import desired
from sync.diff import Diff, Observed, diff
from sync.ledger import Ledger, unsettled_fields
from sync.plan import Plan, make_plan, recheck
from sync.push import PushReport, push
from sync.quick import listing, run_key, seen_files
from sync.runs import begin_run, finish_run
from sync.state import RUN_KEY, instant_text


@dataclass
class Applied:
    """What a run that writes came to: the plan that was carried out, and each record's fate."""

    run_id: int
    plan: Plan
    report: PushReport = field(default_factory=PushReport)
    settled: int = 0
    """writes that an earlier run left open, and that were settled by reading first"""


def config_hash(project: Project) -> str:
    """A hash of everything that decides what is computed and written."""
    parts = [project.mapping.model_dump_json(), *(one.model_dump_json() for one in project.journeys)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def make(cycle: Cycle) -> Plan:
    """The plan of one cycle: computed values against a fresh read. Nothing is written."""
    mapping = cycle.project.mapping
    wishes = [
        desired(computed, entry)
        for entry in mapping.write
        for computed in cycle.compute(journey=entry.journey)
    ]
    fields = [name for wish in wishes for name in wish.policies]
    observed = _read(cycle, fields)
    diffs: list[Diff] = [
        diff(
            mapping.accounts.object, wish.values, observed, wish.policies,
            names=wish.names, why=wish.why, never=cycle.summary.doubled,
        )
        for wish in wishes
    ]  # fmt: skip
    last = max((cycle.day(journey) for journey in cycle.journeys), default=cycle.now.date())
    return make_plan(
        diffs, as_of=last, made_at=instant_text(cycle.now), config_hash=config_hash(cycle.project)
    )


def _read(cycle: Cycle, fields: list[str]) -> dict[str, Observed]:
    """What the CRM shows in `fields` now, by record."""
    spec = cycle.project.mapping.accounts
    with cycle.timed("read"):
        records = cycle.connector(spec.from_).sink().read(spec.object, spec.id, fields)
        return {record.id: record.values for record in records}


def carry_out(cycle: Cycle, plan: Plan | None, command: str) -> Applied:
    """Write a plan, or the one that is made now. The cycle is exclusive: it holds the run lock.

    What an earlier run left open is settled by reading first. Errors are noted with the run.
    """
    run_id = begin_run(
        cycle.state, _clock, command, as_of=cycle.as_of, config_hash=config_hash(cycle.project),
        started_by=_user(),
    )  # fmt: skip
    try:
        applied = _carry_out(cycle, plan, run_id)
    except GatepostError as error:
        finish_run(cycle.state, _clock, run_id, "failed", summary=cycle.summary.to_json(), error=str(error))
        raise
    except BaseException as error:
        finish_run(cycle.state, _clock, run_id, "failed", error=type(error).__name__)
        raise
    done = applied.report.all_done
    finish_run(
        cycle.state, _clock, run_id, "done" if done else "partly", summary=_summary(cycle, applied)
    )
    _remember(cycle, quick=done and plan is None)
    return applied


def _carry_out(cycle: Cycle, plan: Plan | None, run_id: int) -> Applied:
    spec = cycle.project.mapping.accounts
    ledger = Ledger(cycle.state, _clock)
    settled = _settle(cycle, ledger)
    if plan is None:
        plan = make(cycle)
    else:
        plan = recheck(plan, _read(cycle, sorted({change.field for change in plan.changes})))
    with cycle.timed("write"):
        report = push(plan, cycle.connector(spec.from_).sink(), ledger, run_id, id_field=spec.id)
    return Applied(run_id, plan, report, settled)


def _settle(cycle: Cycle, ledger: Ledger) -> int:
    """Settle what earlier runs sent without learning what became of it."""
    ledger.forget_unsent()
    count = 0
    for object_name, fields in unsettled_fields(cycle.state).items():
        count += len(ledger.settle_by_reading(object_name, _read(cycle, list(fields))))
    return count


def _summary(cycle: Cycle, applied: Applied) -> Mapping[str, object]:
    return {
        **cycle.summary.to_json(),
        "records": applied.report.records,
        "confirmed": applied.report.confirmed,
        "confirmed_fields": applied.report.confirmed_fields,
        "failed": len(applied.report.failed),
        "unknown": len(applied.report.unknown),
        "unsent": applied.report.unsent,
        "skipped": len(applied.plan.skipped),
    }


def _remember(cycle: Cycle, *, quick: bool) -> None:
    """Keep what all inputs look like now, so that a sync with nothing new ends at once.

    Only where every input is a file, and this run left nothing open.
    """
    cycle.state.set_setting(RUN_KEY, None)
    project = cycle.project
    names = {project.mapping.accounts.from_, *(entry.from_ for entry in project.mapping.events)}
    connectors = [cycle.connector(name) for name in sorted(names)]
    if not quick or not all(isinstance(one, FilesConnector) for one in connectors):
        return
    folders = [project.folder, project.folder / "journeys"]
    folders += [one.root / "events" for one in connectors if isinstance(one, FilesConnector)]
    paths = [path for folder in folders for path in listing(folder.absolute())]
    objects = {(project.mapping.accounts.from_, project.mapping.accounts.object)}
    objects |= {(entry.from_, entry.object) for entry in project.mapping.events if entry.object}
    for name, object_name in sorted(objects):
        connector = cycle.connector(name)
        if isinstance(connector, FilesConnector):
            paths.append(connector.object_path(object_name).absolute())
    home = project.home.absolute()
    files = seen_files(path for path in paths if path != home)
    zones = {journey.journey.timezone for journey in cycle.journeys}
    today = {zone: cycle.now.astimezone(ZoneInfo(zone)).date() for zone in zones}
    cycle.state.set_setting(RUN_KEY, run_key(version("gatepost"), files, cycle.as_of, today))


def _clock() -> datetime:
    return datetime.now(UTC)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return None
