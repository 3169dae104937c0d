"""Random expressions, well typed: a strategy for each type, over the names of one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import strategies as st

WORDS = ("pro", "basic", "Big", "small", "10", "5", "Onboarding", "green", "ann@us", "Made")
PATTERNS = ("%", "p%", "%a%", "_ro", "%@us", "B_g", "1_", "pro")
# Halves and quarters are exact in binary; 0.3 and 0.6 are only ever compared with or multiplied
# where the rounding of the specification takes the noise away.
FRACTIONS = ("0.5", "0.25", "1.5", "2.5", ".75")
SIGNS = ("<", "<=", ">", ">=", "=", "<>", "!=")
THRESHOLDS = ("0", "1", "2", "3", "5", "10", "0.5", "0.3", "0.6", "1.5", "-1")


@dataclass(frozen=True)
class Scope:
    """The names that may be used, with their types, and a day around which dates lie."""

    types: Mapping[str, str]
    around: date

    def of(self, kind: str) -> list[str]:
        """The names of one type, in a fixed order."""
        return sorted(name for name, found in self.types.items() if found == kind)

    def plus(self, **types: str) -> Scope:
        """With more names."""
        return Scope({**self.types, **types}, self.around)

    def without(self, *kinds: str) -> Scope:
        """Without the names of these types."""
        kept = {name: kind for name, kind in self.types.items() if kind not in kinds}
        return Scope(kept, self.around)


def pick(draw, choices):
    """One of them."""
    return draw(st.sampled_from(list(choices)))


def chance(draw, percent: int) -> bool:
    """True in about so many of a hundred draws; the simple case, towards which examples shrink, is
    False.
    """
    return draw(st.integers(0, 99)) >= 100 - percent


def quoted_day(draw, scope: Scope) -> str:
    """A date in quotes, near the days of the project."""
    return f"'{scope.around + timedelta(days=draw(st.integers(-20, 40)))}'"


@st.composite
def numbers(draw, scope: Scope, depth: int = 2) -> str:
    """A sum of products; NULL now and then."""
    text = draw(products(scope, depth))
    if depth > 0 and chance(draw, 30):
        text += pick(draw, (" + ", " - ")) + draw(products(scope, depth - 1))
    return text


@st.composite
def products(draw, scope: Scope, depth: int) -> str:
    """Factors, multiplied and divided; zero among the divisors."""
    text = draw(factors(scope, depth))
    if depth > 0 and chance(draw, 25):
        text += pick(draw, (" * ", " / ")) + draw(factors(scope, depth - 1))
    return text


@st.composite
def factors(draw, scope: Scope, depth: int) -> str:
    """A name, a literal, a function, or something in parentheses."""
    plain = [*scope.of("number") * 3, *THRESHOLDS[:4], pick(draw, FRACTIONS)]
    if depth <= 0 or chance(draw, 55):
        return pick(draw, plain)
    form = pick(draw, ("()", "-", "call", "dates", "case", "null"))
    inner = depth - 1
    if form == "()":
        return f"({draw(numbers(scope, inner))})"
    if form == "-":
        return f"-({draw(numbers(scope, inner))})"
    if form == "dates" and has_dates(scope):
        return draw(day_counts(scope, inner))
    if form == "case":
        return draw(cases(scope, numbers(scope, inner), inner))
    if form == "null":
        return f"coalesce({draw(numbers(scope, inner))}, 0)"
    function = pick(draw, ("ABS", "round", "LEAST", "greatest", "COALESCE", "coalesce loose"))
    if function in ("ABS", "round"):
        return f"{function}({draw(numbers(scope, inner))})"
    first = draw(numbers(scope, inner))
    if function == "coalesce loose":
        function = "coalesce"
        if scope.of("untyped"):
            first = pick(draw, scope.of("untyped"))
    return f"{function}({first}, {draw(numbers(scope, inner))})"


def has_dates(scope: Scope) -> bool:
    """Whether days can be counted here: `day` may be named."""
    return "day" in scope.types


@st.composite
def day_counts(draw, scope: Scope, depth: int) -> str:
    """Days between two dates."""
    form = pick(draw, ("days_since", "days_until", "minus", "quoted"))
    if form == "minus":
        return f"({draw(dates(scope, depth))} - {draw(date_names(scope))})"
    if form == "quoted":
        return f"({draw(date_names(scope))} - {quoted_day(draw, scope)})"
    return f"{form}({draw(dates(scope, depth))})"


@st.composite
def date_names(draw, scope: Scope) -> str:
    """The name of a date."""
    return pick(draw, scope.of("date"))


@st.composite
def dates(draw, scope: Scope, depth: int = 1) -> str:
    """A date: a name, some days from one, the earlier of two …"""
    name = draw(date_names(scope))
    if depth <= 0 or chance(draw, 60):
        return name
    form = pick(draw, ("+", "-", "least", "greatest", "coalesce", "case"))
    if form in "+-":
        return f"{name} {form} {draw(st.integers(0, 30))}"
    if form == "case":
        return draw(cases(scope, dates(scope, depth - 1), depth - 1))
    other = quoted_day(draw, scope) if chance(draw, 30) else draw(dates(scope, depth - 1))
    return f"{form}({name}, {other})"


@st.composite
def texts(draw, scope: Scope, depth: int = 1) -> str:
    """A text: a name, a literal, one in lower case …"""
    plain = [*scope.of("text") * 2, f"'{pick(draw, WORDS)}'"]
    if depth <= 0 or chance(draw, 70):
        return pick(draw, plain)
    form = pick(draw, ("lower", "coalesce", "case", "greatest"))
    if form == "case":
        return draw(cases(scope, texts(scope, depth - 1), depth - 1))
    if form == "lower":
        return f"LOWER({draw(texts(scope, depth - 1))})"
    return f"{form}({draw(texts(scope, depth - 1))}, '{pick(draw, WORDS)}')"


@st.composite
def cases(draw, scope: Scope, values: st.SearchStrategy[str], depth: int) -> str:
    """CASE, searched or with a subject, with or without ELSE."""
    branches = []
    subject = ""
    if scope.of("number") and chance(draw, 30):
        subject = f" {pick(draw, scope.of('number'))}"
    for _ in range(draw(st.integers(1, 2))):
        condition = pick(draw, THRESHOLDS[:4]) if subject else draw(criteria(scope, depth))
        branches.append(f"WHEN {condition} THEN {draw(values)}")
    otherwise = f" ELSE {draw(values)}" if chance(draw, 60) else ""
    return f"CASE{subject} {' '.join(branches)}{otherwise} END"


@st.composite
def criteria(draw, scope: Scope, depth: int = 2) -> str:
    """TRUE, FALSE or NULL: OR over AND over NOT over comparisons, parentheses where they belong."""
    if depth <= 0 or chance(draw, 50):
        return draw(predicates(scope, depth))
    form = pick(draw, ("and", "or", "not", "()", "mixed"))
    left = draw(predicates(scope, depth - 1))
    right = draw(predicates(scope, depth - 1))
    if form == "not":
        return f"not {left}"
    if form == "()":
        return f"{left} and ({draw(criteria(scope, depth - 1))} or {right})"
    if form == "mixed":
        return f"{left} or not {right} AND {draw(predicates(scope, depth - 1))}"
    return f"{left} {form} {right}"


def compare(draw, left: str, right: str) -> str:
    """Two values of one type, compared either way round."""
    sign = pick(draw, SIGNS)
    return f"{left} {sign} {right}" if chance(draw, 80) else f"{right} {sign} {left}"


@st.composite
def predicates(draw, scope: Scope, depth: int) -> str:
    """One comparison, or a name that is true or false."""
    kinds = ["number", "number", "number", "null"]
    kinds += ["date", "date"] * bool(scope.of("date"))
    kinds += ["text"] * bool(scope.of("text"))
    kinds += ["boolean"] * bool(scope.of("boolean"))
    kinds += ["untyped", "untyped"] * bool(scope.of("untyped"))
    kind = pick(draw, kinds)
    if kind == "null":
        name = pick(draw, sorted(scope.types))
        return f"{name} {pick(draw, ('is null', 'IS NOT NULL'))}"
    if kind == "boolean":
        name = pick(draw, scope.of("boolean"))
        return pick(draw, (name, f"{name} = true", f"{name} <> TRUE", f"(not {name})"))
    if kind == "untyped":
        return draw(loose_predicates(scope))
    if kind == "number":
        limits = st.sampled_from([*THRESHOLDS, *THRESHOLDS, *scope.of("number")])
        return draw(comparisons(numbers(scope, depth), limits))
    if kind == "date":
        days = st.builds(lambda n: f"'{scope.around + timedelta(days=n)}'", st.integers(-20, 40))
        return draw(comparisons(dates(scope, depth), days | date_names(scope)))
    return draw(text_predicates(scope, depth))


@st.composite
def comparisons(draw, values: st.SearchStrategy[str], limits: st.SearchStrategy[str]) -> str:
    """A value against limits: a sign, BETWEEN, IN."""
    value = draw(values)
    form = pick(draw, ("sign", "sign", "sign", "sign", "between", "in"))
    negated = pick(draw, ("", "", "NOT "))
    if form == "between":
        return f"{value} {negated}BETWEEN {draw(limits)} AND {draw(limits)}"
    if form == "in":
        return f"{value} {negated}in ({', '.join(draw(st.lists(limits, min_size=1, max_size=3)))})"
    return compare(draw, value, draw(limits))


@st.composite
def text_predicates(draw, scope: Scope, depth: int) -> str:
    """A text against texts and patterns."""
    value = pick(draw, scope.of("text")) if chance(draw, 70) else draw(texts(scope, depth))
    literals = st.sampled_from([f"'{word}'" for word in WORDS])
    if chance(draw, 35):
        return f"{value} {pick(draw, ('LIKE', 'not like'))} '{pick(draw, PATTERNS)}'"
    return draw(comparisons(st.just(value), literals))


@st.composite
def loose_predicates(draw, scope: Scope) -> str:
    """A property without a type, read as the type that it is compared with."""
    name = pick(draw, scope.of("untyped"))
    form = pick(draw, ("number", "text", "truth", "like", "sum", "date", "choice"))
    if form == "number":
        return draw(comparisons(st.just(name), st.sampled_from(THRESHOLDS)))
    if form == "text":
        return draw(comparisons(st.just(name), st.sampled_from([f"'{w}'" for w in WORDS])))
    if form == "truth":
        return pick(draw, (name, f"{name} = true", f"{name} = FALSE", f"not {name}"))
    if form == "like":
        return f"{name} like '{pick(draw, PATTERNS)}'"
    if form == "date" and scope.of("date"):
        return compare(draw, name, pick(draw, scope.of("date")))
    if form == "choice" and scope.of("number"):
        return compare(draw, name, pick(draw, scope.of("number")))
    return f"{name} + 1 {pick(draw, SIGNS)} {pick(draw, THRESHOLDS)}"
