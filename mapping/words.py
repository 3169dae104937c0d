"""Expressions, signals and values in words, as people wrote them or would say them."""

from datetime import date

from config.journey import (
    Aggregate,
    Changed,
    Features,
    Last,
    Nth,
    Ratio,
    Signal,
)
from mapping.syntax import (
    Arithmetic,
    Call,
    Case,
    Compare,
    Constant,
    IsNull,
    Like,
    Logic,
    Name,
    Node,
    Not,
    Read,
)


def text_of(node: Node) -> str:  # noqa: C901 - one case a node
    """The expression as SQL text again; parentheses only where they matter."""
    match node:
        case Name():
            return node.name
        case Constant():
            return _literal(node)
        case Read():
            return text_of(node.of)
        case Logic():
            return f" {node.op} ".join(_grouped(part, Logic) for part in node.parts)
        case Not(of=Like()):
            return text_of(node.of).replace(" like ", " not like ", 1)
        case Not():
            return f"not {_grouped(node.of, Logic, Compare)}"
        case Compare():
            return f"{text_of(node.left)} {node.op} {text_of(node.right)}"
        case Arithmetic():
            return f"{_grouped(node.left, Arithmetic)} {node.op} {_grouped(node.right, Arithmetic)}"
        case IsNull():
            return f"{_grouped(node.of, Logic, Compare)} is {'not ' if node.negated else ''}null"
        case Like():
            return f"{text_of(node.of)} like '{node.pattern}'"
        case Case():
            branches = " ".join(f"when {text_of(w)} then {text_of(t)}" for w, t in node.branches)
            return f"case {branches} else {text_of(node.default)} end"
        case Call():
            return f"{node.name}({', '.join(text_of(arg) for arg in node.args)})"


def _grouped(node: Node, *kinds: type) -> str:
    return f"({text_of(node)})" if isinstance(node, kinds) else text_of(node)


def _literal(node: Constant) -> str:
    match node.value:
        case None:
            return "null"
        case bool():
            return "true" if node.value else "false"
        case date() as day:
            return f"'{day.isoformat()}'"
        case str() as text:
            return "'" + text.replace("'", "''") + "'"
        case number:
            return said(number)


def said(value: object) -> str:
    """A value as it is shown: no `.0`, dates as ISO text, lists with commas, NULL as unknown."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "true" if value else "false"
        case float():
            rounded = round(value, 6)
            return str(int(rounded)) if rounded == int(rounded) else str(rounded)
        case date():
            return value.isoformat()
        case tuple() | list():
            return ", ".join(said(item) for item in value) or "none"
        case _:
            return str(value)


def signal_words(signal: Signal) -> str:
    """What a signal measures, in one phrase."""
    within = getattr(signal, "within", None)
    window = f" in {within} days" if within else ""
    if isinstance(signal, Changed):
        return f"whether {signal.field} changed{window}"
    if isinstance(signal, Ratio):
        return f"{signal.signal} against its mean over the {signal.to} days before its window"
    where = f" where {signal.where}" if signal.where else ""
    if isinstance(signal, Features):
        by = f" by at least {signal.used_by} users" if signal.used_by else ""
        return f"how many of {', '.join(signal.features)} were used{window}{by}{where}"
    events = ", ".join(signal.events)
    if isinstance(signal, Nth):
        return f"day of event number {signal.n} of {events}{where}"
    if isinstance(signal, Last) and signal.property:
        return f"{signal.property} of the last {events}{where}"
    if isinstance(signal, Aggregate):
        return f"{signal.kind} of {signal.property} over {events}{window}{where}"
    kinds = {
        "first": f"day of the first {events}", "last": f"day of the last {events}",
        "count": f"number of {events}{window}", "users": f"distinct users of {events}{window}",
        "days": f"days with {events}{window}",
    }  # fmt: skip
    return kinds[signal.kind] + where
