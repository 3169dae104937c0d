"""What a criterion still lacks, in words with figures, for all accounts at once."""

from dataclasses import dataclass

import numpy as np

from mapping.outputs import Outputs, Value, plain
from mapping.series import NEVER, UsedFeatures
from mapping.syntax import Compare, Constant, IsNull, Logic, Name, Node, names
from mapping.vector import Array, Frame, Vector, compile_vector
from mapping.words import said, text_of

_NEEDS = {
    "=": "needs {}", "!=": "needs another value", "<": "needs less than {}",
    "<=": "needs at most {}", ">": "needs more than {}", ">=": "needs {}",
}  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """What an expression sees for some accounts of an outcome on its last day."""

    outputs: Outputs
    rows: Array

    @property
    def day(self) -> int:
        """The last day."""
        return self.outputs.outcome.days.last

    def lookup(self, name: str) -> Vector:
        """A name's values for these accounts."""
        return self.outputs.outcome.lookup(name).take(self.rows)

    def evaluate(self, node: Node) -> Vector:
        """An expression's values for these accounts."""
        return compile_vector(node)(Frame(len(self.rows), self.day, self.lookup))

    def shown(self, node: Node) -> list[Value]:
        """An expression's values as people read them."""
        return plain(self.evaluate(node), node.type)


def missing_column(outputs: Outputs) -> list[Value]:
    """The output `missing`: what the present stage's exit lacks; NULL once it is completed."""
    state, plans = outputs.outcome.state, outputs.outcome.compiled.stages
    found: list[Value] = [None] * outputs.size
    for index, plan in enumerate(plans):
        rows = np.flatnonzero((state.stage == index) & (state.completed == NEVER))
        if plan.exit is None or not len(rows):
            continue
        texts = lacking(plan.exit, Situation(outputs, rows))
        for row, text in zip(rows.tolist(), texts, strict=True):
            found[row] = text or None
    return found


def lacking(node: Node, here: Situation) -> list[str]:
    """For each account what keeps the criterion from being true, "" where nothing does."""
    holds = here.evaluate(node).true().tolist()
    if isinstance(node, Logic):
        parts = [lacking(part, here) for part in node.parts]
        joined = [
            "; ".join(text for text in texts if text) if node.op == "and" else " or ".join(texts)
            for texts in zip(*parts, strict=True)
        ]
    else:
        joined = _leaf(node, here)
    return ["" if true else text for true, text in zip(holds, joined, strict=True)]


def _leaf(node: Node, here: Situation) -> list[str]:
    types = here.outputs.outcome.compiled.names
    values = {name: here.shown(Name(name, types[name])) for name in sorted(names(node))}
    details = _feature_details(node, here)
    roots = {name: _roots(name, here) for name in values}
    texts = []
    compared = here.shown(node.right) if isinstance(node, Compare) else []
    subject = here.shown(node.left) if isinstance(node, Compare) else []
    for row in range(len(here.rows)):
        unknown = [name for name, column in values.items() if column[row] is None]
        unknown = [root for name in unknown for root in roots[name][row]]
        if isinstance(node, IsNull) and node.negated and isinstance(node.of, Name):
            text = f"{node.of.name} {'has not come' if node.of.type == 'date' else 'is unknown'}"
        elif unknown:
            text = f"`{text_of(node)}` can't be told: {', '.join(unknown)} unknown"
        elif isinstance(node, Compare) and subject[row] is not None:
            needs = _NEEDS[node.op].format(said(compared[row]))
            text = f"{text_of(node.left)} is {said(subject[row])}, {needs}"
            if not isinstance(node.right, Constant):
                text += f" ({text_of(node.right)})"
        else:
            told = ", ".join(f"{name} is {said(column[row])}" for name, column in values.items())
            text = f"`{text_of(node)}` does not hold" + (f": {told}" if told else "")
        texts.append("; ".join([text, *details[row]]))
    return texts


def _roots(name: str, here: Situation) -> list[list[str]]:
    """For each account which names make an unknown `name` unknown: the fields behind a signal."""
    outcome = here.outputs.outcome
    plan = outcome.compiled.signal(name) if name in outcome.signals else None
    if plan is None or plan.used_by is None:
        return [[name]] * len(here.rows)
    fields = {field: here.lookup(field).known.tolist() for field in sorted(names(plan.used_by))}
    return [
        [field for field, known in fields.items() if not known[row]] or [name]
        for row in range(len(here.rows))
    ]


def _feature_details(node: Node, here: Situation) -> list[list[str]]:
    """For signals that count features, which lack users: "needs 4 users on alerting, has 1"."""
    details: list[list[str]] = [[] for _ in here.rows]
    outcome = here.outputs.outcome
    for name in sorted(names(node)):
        series = outcome.series.get(name)
        if not isinstance(series, UsedFeatures):
            continue
        features = outcome.compiled.signal(name).signal.features  # type: ignore[union-attr]
        needed = series.threshold(here.day).take(here.rows)
        users = [part.on(here.day).take(here.rows).values for part in series.parts]
        for row in np.flatnonzero(needed.known).tolist():
            needs = int(needed.values[row])
            users_needed = f"needs {needs} {'user' if needs == 1 else 'users'}"
            details[row] += [
                f"{users_needed} on {feature}, has {int(count[row])}"
                for feature, count in zip(features, users, strict=True)
                if count[row] < needs
            ]
    return details
