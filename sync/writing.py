"""The second half of a cycle: diff, plan, push, and what is noted so that the next run is quick."""

import gc
import getpass
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from config.errors import GatepostError
from config.key_maps import key_map_files
from config.load import Project
from connectors.base import Batched, FieldSink, ReadsSome
from connectors.files import FilesConnector
from connectors.files_sink import FilesSink
from sync.accounts import note_own_write
from sync.cycle import Cycle
from sync.desired import desired
from sync.diff import Diff, Observed, diff
from sync.identity import note_matches
from sync.lake_changes import Changes
from sync.ledger import Ledger, unsettled
from sync.plan import Plan, make_plan, recheck
from sync.push import PushReport, push
from sync.quick import config_folder, listing, run_key, seen_files
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
    parts = [
        project.mapping.model_dump_json(),
        *(one.model_dump_json() for one in project.journeys),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's search for circular garbage: a cycle makes hundreds of thousands of small
    objects that all stay, and the search would look through them again and again."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


@uncollected()
def make(cycle: Cycle) -> Plan:
    """The plan of one cycle: computed values against a fresh read. Nothing is written."""
    mapping = cycle.project.mapping
    travelling = [cycle.accounts(one) for one in cycle.journeys if one.journey.name in {
        entry.journey for entry in mapping.write}]  # fmt: skip
    ids = list(dict.fromkeys(one for found in travelling for one in found.accounts.ids.tolist()))
    fields = [name for entry in mapping.write for name in entry.targets()]
    # Nothing that is read here depends on what is computed, and neither waits for the other: a CRM
    # answers while the engine works.
    with ThreadPoolExecutor(1, "read") as pool:
        reading = pool.submit(_read, cycle, fields, ids)
        wishes = [
            desired(computed, entry)
            for entry in mapping.write
            for computed in cycle.compute(journey=entry.journey)
        ]
        observed = reading.result()
    diffs: list[Diff] = [
        diff(
            mapping.accounts.object, wish.against(observed, cycle.summary.doubled), observed,
            wish.policies, names=wish.names, why=wish.why, never=cycle.summary.doubled,
        )
        for wish in wishes
    ]  # fmt: skip
    last = max((cycle.day(journey) for journey in cycle.journeys), default=cycle.now.date())
    return make_plan(
        diffs, as_of=last, made_at=instant_text(cycle.now), config_hash=config_hash(cycle.project)
    )


def _read(cycle: Cycle, fields: list[str], ids: Sequence[str] | None = None) -> dict[str, Observed]:
    """What the CRM shows in `fields` now, by record; of `ids` at least, where they are given."""
    spec = cycle.project.mapping.accounts
    sink = cycle.connector(spec.from_).sink()
    with cycle.timed("read"):
        if ids is not None and isinstance(sink, ReadsSome):
            records = sink.read_some(spec.object, spec.id, fields, ids)
        else:
            records = sink.read(spec.object, spec.id, fields)
        return {record.id: record.values for record in records}


@uncollected()
def carry_out(cycle: Cycle, plan: Plan | None, command: str) -> Applied:
    """Write a plan, or the one that is made now. The cycle is exclusive: it holds the run lock.

    What an earlier run left open is settled by reading first. Errors are noted with the run.
    """
    run_id = begin_run(
        cycle.state, _clock, command, as_of=cycle.as_of, config_hash=config_hash(cycle.project),
        started_by=_user(),
    )  # fmt: skip
    cycle.state.set_setting(RUN_KEY, None)  # only a run that ends well sets it again
    try:
        paths = _inputs(cycle)
        before = None if paths is None else seen_files(paths)
        applied = _carry_out(cycle, plan, run_id)
    except GatepostError as error:
        finish_run(
            cycle.state, _clock, run_id, "failed", summary=cycle.summary.to_json(), error=str(error)
        )
        raise
    except BaseException as error:  # Ctrl-C and faults of ours too: no run ends without a word
        finish_run(cycle.state, _clock, run_id, "failed", error=type(error).__name__)
        raise
    done = applied.report.all_done
    finish_run(
        cycle.state, _clock, run_id, "done" if done else "partly", summary=_summary(cycle, applied)
    )
    if done and plan is None and before is not None:
        _remember(cycle, before, applied)
    return applied


def _carry_out(cycle: Cycle, plan: Plan | None, run_id: int) -> Applied:
    spec = cycle.project.mapping.accounts
    ledger = Ledger(cycle.state, _clock)
    settled = _settle(cycle, ledger)
    if plan is None:
        plan = make(cycle)
    else:
        changed = list(dict.fromkeys(change.account_id for change in plan.changes))
        fields = sorted({change.field for change in plan.changes})
        plan = recheck(plan, _read(cycle, fields, changed))
    with cycle.timed("write"):
        sink = cycle.connector(spec.from_).sink()
        size = sink.batch_size if isinstance(sink, Batched) else None
        report = push(plan, sink, ledger, run_id, id_field=spec.id, batch_size=size)
    _note_rewritten(cycle, sink, plan)
    note_matches(cycle.state, run_id, [one.match for one in cycle.summary.sources if one.match])
    _prune_changes(cycle)
    return Applied(run_id, plan, report, settled)


def _prune_changes(cycle: Cycle) -> None:
    """Forget which accounts a pull touched, once every journey's checkpoint is past it."""
    oldest = cycle.state.value("SELECT min(lake_seq) FROM checkpoints HAVING count(*) = ?",
                               (len(cycle.journeys),))  # fmt: skip
    if oldest is not None:
        Changes(cycle.lake).prune(int(oldest))


def _note_rewritten(cycle: Cycle, sink: FieldSink, plan: Plan) -> None:
    """Spare the next pull from reading a file again just because we wrote into it."""
    if not isinstance(sink, FilesSink):  # no vendor says what its object was before a write
        return
    fields = {change.field for change in plan.changes}
    for object_name, before, after in sink.rewritten:
        if object_name == cycle.project.mapping.accounts.object:
            note_own_write(cycle.project, cycle.state, before, after, fields)


def _settle(cycle: Cycle, ledger: Ledger) -> int:
    """Settle what earlier runs sent without learning what became of it, by reading it."""
    ids = list(dict.fromkeys(entry.account_id for entry in unsettled(cycle.state)))
    if not ids:
        return 0
    mapping = cycle.project.mapping
    fields = sorted({name for entry in mapping.write for name in entry.fields})
    return len(ledger.settle_earlier(mapping.accounts.object, _read(cycle, fields, ids), fields))


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


def _inputs(cycle: Cycle) -> list[Path] | None:
    """Every file and folder that a run of this project reads; None where not all of it is files."""
    project = cycle.project
    accounts = project.mapping.accounts
    objects = {(accounts.from_, accounts.object)}
    objects |= {(entry.from_, entry.object or "") for entry in project.mapping.events}
    folder = config_folder(project.folder)
    paths = [folder / "gatepost.yaml", folder / "mapping.yaml", *listing(folder / "journeys")]
    paths += key_map_files(project.mapping, project.folder.absolute())
    for name, object_name in sorted(objects):
        connector = cycle.connector(name)
        if not isinstance(connector, FilesConnector):
            return None
        if object_name:
            paths.append(connector.object_path(object_name).absolute())
        else:
            paths += listing(connector.root.absolute() / "events")
    return paths


def _remember(cycle: Cycle, before: dict[str, list[int] | None], applied: Applied) -> None:
    """Keep what all inputs looked like, so that a sync with nothing new ends at once.

    As they were before anything was read: what changed meanwhile is new to the next run. But for
    the object that we wrote ourselves: it is looked at now, a moment after it was renamed there.
    """
    spec = cycle.project.mapping.accounts
    connector = cycle.connector(spec.from_)
    if applied.report.records and isinstance(connector, FilesConnector):
        before |= seen_files([connector.object_path(spec.object).absolute()])
    zones = {journey.journey.timezone for journey in cycle.journeys}
    today = {zone: cycle.now.astimezone(ZoneInfo(zone)).date() for zone in zones}
    cycle.state.set_setting(RUN_KEY, run_key(version("gatepost"), before, cycle.as_of, today))


def _clock() -> datetime:
    return datetime.now(UTC)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return None
