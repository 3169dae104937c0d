"""What a run came to, in sentences: what was pulled, what found its account, what to look at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gatepost.cells import counted, one_line, percent

if TYPE_CHECKING:
    from sync.applied import Applied
    from sync.brakes import Pulled
    from sync.plan import Plan
    from sync.policy import Note
    from sync.push import Outcome
    from sync.summary import RunSummary, SourceSummary

_SHOWN = 5


def notes(summary: "RunSummary") -> list[str]:
    """What whoever asked should hear besides the result: most runs have a line or two."""
    return [*_sources(summary), *attention(summary)]


def travelling(summary: "RunSummary") -> Iterator[str]:
    """How many accounts each journey has, and how many of them had to be walked from day one."""
    for name, accounts in summary.travelling.items():
        replayed = summary.replayed.get(name, 0)
        again = f", {replayed:,} replayed from the first day" if 0 < replayed < accounts else ""
        yield f"{name}: {counted(accounts, 'account')}{again}"


def attention(summary: "RunSummary") -> Iterator[str]:
    """Warnings: one sentence each, with the way out where there is one."""
    for text in summary.warnings:
        yield f"warning: {one_line(text)}"
    for name, accounts in summary.travelling.items():
        if not accounts:
            yield (
                f"warning: no account travels {name}: there is none, or `accounts.where` in"
                " mapping.yaml or `accounts` in the journey leaves none"
            )
    for source in summary.sources:
        yield from _source_warnings(source)
    if summary.doubled:
        listed = _listed([f"{who} ({why})" for who, why in sorted(summary.doubled.items())])
        yield (
            f"warning: {counted(len(summary.doubled), 'account')} will not be written,"
            f" since a key is shared: {listed}"
        )
    for name, found in sorted(summary.unreadable.items()):
        shown = _listed([f"{who}: {text!r}" for who, text in found.examples])
        yield (
            f"warning: field {name} can't be read for {counted(found.accounts, 'account')}"
            f" and counts as unknown: {shown}"
        )


def _sources(summary: "RunSummary") -> Iterator[str]:
    for source in summary.sources:
        parts = []
        if source.pulled:
            parts.append(f"{counted(source.pulled, 'event')} pulled")
        if source.match and source.match.share is not None:
            matched = percent(source.match.share)
            parts.append(f"{matched} of {source.match.events:,} events found their account")
        if parts:
            yield f"{source.name}: {', '.join(parts)}"


def _source_warnings(source: "SourceSummary") -> Iterator[str]:
    if source.rejected:
        yield f"warning: {source.name}: {counted(source.rejected, 'row')} could not be read"
    if source.no_key:
        yield f"warning: {source.name}: {counted(source.no_key, 'event')} without an account key"
    match = source.match
    if match and match.unmatched_keys:
        keys = _listed(
            [f"{key} ({events:,})" for key, events in match.unmatched], match.unmatched_keys
        )
        many = counted(match.unmatched_keys, "key")
        yield f"warning: {source.name}: {many} that no account has: {keys}"


def _listed(texts: list[str], total: int | None = None) -> str:
    """The first few, and how many more there are."""
    count = len(texts) if total is None else total
    more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
    return one_line(", ".join(texts[:_SHOWN]) + more)


def applied_lines(applied: "Applied") -> list[str]:
    """What became of a plan: the result of `apply` and `sync`."""
    report = applied.report
    met = [*note_lines(applied.plan), *(_overridden(one) for one in applied.overridden)]
    if not report.records:
        every = "every record" if not applied.plan.notes else "every other field"
        return [f"Nothing needs writing: {every} shows what was computed.", *met]
    records = counted(report.confirmed, "record")
    lines = [f"{counted(report.confirmed_fields, 'field')} of {records} written."]
    lines += _outcomes(report.failed, "refused by the CRM")
    lines += _outcomes(report.unknown, "unknown: read again before the next write")
    if report.unsent:
        why = f": {report.error}" if report.error else ""
        lines.append(f"{counted(report.unsent, 'record')} left for the next run{why}")
    return [*lines, *met]


def read_back_lines(applied: "Applied") -> Iterator[str]:
    """What reading again found; the differences themselves are warnings."""
    if applied.read_back:
        differ = f"{counted(len(applied.found), 'field')} differ"
        said = differ if applied.found else "all show what was written"
        yield f"{counted(applied.read_back, 'record')} read again: {said}."


_KINDS = {
    "restored": "changed by somebody since we wrote it, and written again",
    "replaced": "changed by somebody since we wrote it, and written with our new value",
    "left": "changed by somebody since we wrote it, and left as it is",
    "contested": "changed back in three runs, and not written any more",
    "quarantine": "in quarantine",
    "dwell": "held back, since the value went out not long ago",
}


def note_lines(plan: "Plan") -> Iterator[str]:
    """Where our values meet somebody else's or a limit: how many, and the first few."""
    for kind, said in _KINDS.items():
        notes = [one for one in plan.notes if one.kind == kind]
        if notes:
            yield f"{counted(len(notes), 'field')} {said}:"
        yield from (f"  {one_line(_note(one))}" for one in notes[:_SHOWN])
        if len(notes) > _SHOWN:
            yield f"  and {len(notes) - _SHOWN:,} more: see the table `conflicts` of the state file"


def _note(note: "Note") -> str:
    from sync.plain import value_text

    change = note.change
    who = f"{change.name} ({change.account_id})" if change.name else change.account_id
    ours, theirs = (value_text(one) or "empty" for one in (change.to, change.from_))
    return f"{who} {change.field}: shows {theirs}, ours is {ours}; {note.why}"


def _overridden(brake: "Pulled") -> str:
    return one_line(f"Overridden: {brake.name}: {brake.sentence}")


def _outcomes(outcomes: "tuple[Outcome, ...]", what: str) -> Iterator[str]:
    if outcomes:
        yield f"{counted(len(outcomes), 'record')} {what}:"
    for one in outcomes[:_SHOWN]:
        who = f"{one.name} ({one.account_id})" if one.name else one.account_id
        code = f" [{one.code}]" if one.code else ""
        yield one_line(f"  {who}: {one.message}{code}")
    if len(outcomes) > _SHOWN:
        yield f"  and {len(outcomes) - _SHOWN:,} more: see the table `writes` of the state file"


def applied_object(applied: "Applied", summary: "RunSummary") -> dict[str, Any]:
    """The same for programs; `nothing_new` is true only where a sync found that at once."""
    report = applied.report
    return {
        "nothing_new": False,
        "records": report.records,
        "written": report.confirmed,
        "fields": report.confirmed_fields,
        "failed": [_outcome(one) for one in report.failed],
        "unknown": [_outcome(one) for one in report.unknown],
        "unsent": report.unsent,
        "overridden": [one.name for one in applied.overridden],
        "notes": [note_object(one) for one in applied.plan.notes],
        "read_back": {
            "records": applied.read_back,
            "differ": [str(one) for one in applied.found],
        },
        "quarantined": applied.quarantined,
        "summary": summary.to_json(),
    }


def note_object(one: "Note") -> dict[str, Any]:
    """A note for programs."""
    from sync.plain import plain

    change = one.change
    return {
        "object": change.object, "id": change.account_id, "field": change.field, "kind": one.kind,
        "ours": plain(change.to), "theirs": plain(change.from_), "why": one.why,
    }  # fmt: skip


def _outcome(one: "Outcome") -> dict[str, str]:
    return {
        "object": one.object, "id": one.account_id, "code": one.code, "message": one.message,
    }  # fmt: skip
