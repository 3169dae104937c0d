"""Computed journeys as rows: the keys that the specification promises, and columns for people."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from gatepost.cells import Value, csv_cell, shown
from gatepost.tables import Shape

if TYPE_CHECKING:
    from mapping.outputs import HistoryRow
    from sync.compute import Computed

HISTORY_COLUMNS = ("account", "journey", "kind", "name", "from", "completed", "to")

_KINDS = ("stage", "moment", "touchpoint")
_TABLE = {
    "stage": "stage",
    "since": "stage_entered_on",
    "days": "days_in_stage",
    "progress": "",
    "health": "health_score",
    "band": "health_band",
    "trend": "health_trend",
    "alerts": "alerts",
    "missing": "missing",
}
"""Title of a table's column and the output that it shows; progress is put together."""

OVERVIEW = Shape(
    figures=frozenset({"days", "health", "trend"}),
    texts=frozenset({"name", "alerts", "missing"}),
    spare=("account", "trend", "since", "missing", "alerts", "band"),
)
HISTORY = Shape(
    figures=frozenset({"days"}), texts=frozenset({"account", "what"}), spare=("id", "completed")
)


def evaluated(computed: "Computed") -> Iterator[dict[str, Any]]:
    """One object an account, in the order of ids: every output, and the signals in their own."""
    outputs = {name: computed.column(name) for name in computed.names()}
    signals = {plan.name: computed.column(plan.name) for plan in computed.compiled.signals}
    journey = computed.compiled.journey.name
    for row, account in enumerate(computed.accounts.ids.tolist()):
        yield {
            "account": account,
            "journey": journey,
            **{name: column[row] for name, column in outputs.items()},
            "signals": {name: column[row] for name, column in signals.items()},
        }


def evaluated_cells(results: Sequence["Computed"]) -> tuple[list[str], Iterator[list[str]]]:
    """Header and rows of a CSV: outputs, then signals; what a journey does not have is empty."""
    columns: dict[str, None] = {}
    for computed in results:
        columns |= dict.fromkeys(computed.names())
    for computed in results:
        columns |= dict.fromkeys(plan.name for plan in computed.compiled.signals)

    def rows() -> Iterator[list[str]]:
        for computed in results:
            for found in evaluated(computed):
                values = {**found, **found["signals"]}
                yield [
                    found["account"], found["journey"],
                    *(csv_cell(values.get(name)) for name in columns),
                ]  # fmt: skip

    return ["account", "journey", *columns], rows()


def overview(results: Sequence["Computed"]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table: who is where, how it goes, and what it lacks."""
    header = ["account", "name", *(["journey"] if len(results) > 1 else []), *_TABLE]
    rows = []
    for computed in results:
        columns = {title: computed.column(name) for title, name in _TABLE.items() if name}
        columns["progress"] = list(
            map(
                progress,
                computed.column("stage_done"),
                computed.column("stage_waiting"),
                computed.column("stage_overdue"),
            )
        )
        ids, names = computed.accounts.ids.tolist(), computed.accounts.names.tolist()
        for row, who in enumerate(zip(ids, names, strict=True)):
            journey = [computed.compiled.journey.name] if len(results) > 1 else []
            rows.append([*who, *journey, *(shown(columns[title][row]) for title in _TABLE)])
    return header, rows


def progress(done: Value, waiting: Value, overdue: Value) -> Value:
    """One word for where an account stands within its stage."""
    if done:
        return "done"
    if waiting:
        return "waiting"
    return "overdue" if overdue else None


def history_order(row: "HistoryRow") -> tuple[str, date, int]:
    """By account, first day, and stage before moment before touchpoint."""
    return row.account, row.begin, _KINDS.index(row.kind)


def history_object(row: "HistoryRow") -> dict[str, Any]:
    """A history row by the keys that the specification promises; only stages are completed."""
    completed = {"completed": row.completed} if row.kind == "stage" else {}
    return {
        "account": row.account, "journey": row.journey, "kind": row.kind, "name": row.name,
        "from": row.begin, **completed, "to": row.end,
    }  # fmt: skip


def told_history(
    rows: "Sequence[HistoryRow]", names: dict[str, str], as_of: date
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of history for people; the journey only where there are several."""
    several = len({row.journey for row in rows}) > 1
    header = ["account", "id", *(["journey"] if several else []), "kind", "what"]
    header += ["from", "completed", "to", "days"]
    cells = [
        [
            names.get(row.account, ""), row.account, *([row.journey] if several else []), row.kind,
            row.name, str(row.begin), shown(row.completed), shown(row.end),
            str(((row.end or as_of) - row.begin).days),
        ]
        for row in rows
    ]  # fmt: skip
    return header, cells
