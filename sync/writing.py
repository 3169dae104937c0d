"""A plan is carried out: brakes, push, read-back, and what is noted for the next run."""

import getpass
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from config.errors import BrakePulled, GatepostError, PartlyDone
from connectors.base import Batched, BatchedByNumber, FieldSink
from connectors.files_sink import FilesSink
from sync.accounts import note_own_write
from sync.applied import Applied
from sync.careful import CANARY_HINT, Careful, canary_sentence
from sync.cycle import Cycle
from sync.facts import with_organisation
from sync.identity import note_matches
from sync.lake_changes import Changes
from sync.ledger import Ledger, unsettled
from sync.making import brakes_of, check_organisation, check_plan, config_hash, make, read
from sync.orders import Orders
from sync.outcome import note_outcome
from sync.plan import Plan, kinds, recheck
from sync.push import push
from sync.quick import seen_files
from sync.remember import inputs, remember
from sync.runs import RunState, begin_run, finish_run
from sync.shown import Shown, note_written
from sync.state import RUN_KEY
from sync.stopping import StoppedError
from sync.uncollected import uncollected

BRAKE_HINT = (
    "look at the plan (`gatepost plan`); if all of it is right, run it again with "
    "--override REASON, which is noted with your name"
)


@uncollected()
def carry_out(cycle: Cycle, plan: Plan | None, command: str, orders: Orders) -> Applied:
    """Write a plan, or the one that is made now. The cycle is exclusive: it holds the run lock.

    What an earlier run left open is settled by reading first; brakes act before anything is sent.
    However it ends, how it ended is noted with the run. Raises BrakePulled, PartlyDone where it was
    stopped from outside, and whatever stood in the way.
    """
    run_id = begin_run(
        cycle.state, _clock, command, as_of=cycle.as_of, config_hash=config_hash(cycle.project),
        started_by=_user(), override_reason=orders.override,
    )  # fmt: skip
    cycle.state.set_setting(RUN_KEY, None)  # only a run that ends well sets it again
    try:
        paths = inputs(cycle)
        before = None if paths is None else seen_files(paths)
        applied = _prepared(cycle, plan, run_id, orders)
        with orders.stop.finishing():
            _write(cycle, applied, orders)
            _finish(cycle, applied)
    except StoppedError:
        raise _stopped(cycle, run_id, orders) from None
    except GatepostError as error:
        ended: RunState = "stopped" if isinstance(error, BrakePulled) else "failed"
        finish_run(
            cycle.state, _clock, run_id, ended, summary=cycle.summary.to_json(), error=str(error)
        )
        raise
    except BaseException as error:  # faults of ours too: no run ends without a word
        finish_run(cycle.state, _clock, run_id, "failed", error=type(error).__name__)
        raise
    if applied.report.differences:
        raise BrakePulled(canary_sentence(applied.report), CANARY_HINT)
    if applied.all_done and plan is None and before is not None:
        remember(cycle, before, wrote=bool(applied.report.records))
    return applied


def _prepared(cycle: Cycle, plan: Plan | None, run_id: int, orders: Orders) -> Applied:
    """The plan that may be written now, and the brakes that were overridden for it."""
    ledger = Ledger(cycle.state, _clock)
    settled = _settle(cycle, ledger)
    if plan is None:
        plan = make(cycle, run_id)
    else:
        check_plan(cycle, plan)
        changed = list(dict.fromkeys(change.account_id for change in plan.changes))
        fields = sorted({change.field for change in plan.changes})
        plan = recheck(plan, read(cycle, fields, changed))
        if plan.changes:
            facts = with_organisation(cycle, plan.facts)
            check_organisation(cycle, plan, facts.organisation)
            plan = replace(plan, facts=facts)
    pulled = brakes_of(cycle, plan)
    cycle.summary.brakes = [one.name for one in pulled]
    if pulled and orders.override is None:
        raise BrakePulled("\n".join(line for one in pulled for line in one.lines()), BRAKE_HINT)
    return Applied(run_id, plan, settled=settled, overridden=tuple(pulled))


def _stopped(cycle: Cycle, run_id: int, orders: Orders) -> PartlyDone:
    """The sentence of a run that was told to stop, which is noted with it."""
    sent = cycle.state.value(
        "SELECT 1 FROM write_batches WHERE run_id = ? AND sent_at IS NOT NULL", (run_id,)
    )
    what = "while it looked at what it had written" if sent else "before anything was written"
    said = f"stopped by {orders.stop.signal} {what}"
    summary = cycle.summary.to_json()
    ended: RunState = "partly" if sent else "stopped"
    finish_run(cycle.state, _clock, run_id, ended, summary=summary, error=said)
    return PartlyDone(said, "run it again: it goes on where it was")


def _write(cycle: Cycle, applied: Applied, orders: Orders) -> None:
    """Send the plan; then note what this run came to know."""
    spec, plan = cycle.project.mapping.accounts, applied.plan
    sink = cycle.connector(spec.from_).sink()
    careful = Careful(cycle, applied, partial(read, cycle), bold=orders.override is not None)
    shown = cycle.shown()
    if shown is not None:  # until it is known what the records show, nobody is to believe it is
        shown.save(cycle.state, but={one.account_id for one in plan.changes})
    with cycle.timed("write"):
        size = sink.batch_size if isinstance(sink, Batched) else None
        if isinstance(sink, BatchedByNumber):
            size = sink.batch_for(sum(1 for _ in plan.records()))
        applied.report = push(
            careful.ordered(), sink, Ledger(cycle.state, _clock), applied.run_id, id_field=spec.id,
            batch_size=size, first=careful.sizes, check=careful.check, stop=orders.stop,
        )  # fmt: skip
    _note_rewritten(cycle, sink, plan)
    note_outcome(cycle, applied, _clock())
    note_matches(
        cycle.state, applied.run_id, [one.match for one in cycle.summary.sources if one.match]
    )
    _prune_changes(cycle)
    if not orders.stop():
        careful.read_back(whole=isinstance(sink, FilesSink))
    if shown is not None:
        _mirror(shown, applied)
        shown.save(cycle.state)


def _mirror(shown: Shown, applied: Applied) -> None:
    """Have the mirror know what was confirmed, and nothing of what is not as it was written."""
    report = applied.report
    doubtful = [one.account_id for one in (*report.failed, *report.unknown)]
    doubtful += [one.change.account_id for one in applied.found]
    note_written(shown, report.written, doubtful)


def _finish(cycle: Cycle, applied: Applied) -> None:
    report = applied.report
    ended: RunState = "done" if applied.all_done else "partly"
    error = canary_sentence(report) if report.differences else None
    finish_run(
        cycle.state, _clock, applied.run_id, ended, summary=_summary(cycle, applied), error=error
    )


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
    fields = sorted({name for entry in mapping.write for name in entry.targets()})
    return len(ledger.settle_earlier(mapping.accounts.object, read(cycle, fields, ids), fields))


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
        "overridden": [one.name for one in applied.overridden],
        "notes": dict(kinds(applied.plan)),
        "read_back": {"records": applied.read_back, "differ": len(applied.found)},
        "quarantined": applied.quarantined,
    }


def _clock() -> datetime:
    return datetime.now(UTC)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return None
