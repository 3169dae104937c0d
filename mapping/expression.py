"""SQL text to a checked tree: only what the journey reference allows, types and names included.

sqlglot does the parsing; nothing of its tree leaves this module. Every complaint carries the
character at which it stands, so that a check can point into the user's file.
"""

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import sqlglot
from sqlglot import errors, exp

from mapping.operators import (
    ExpressionError,
    a_type,
    arithmetic,
    as_date,
    coerce,
    compare,
    typed,
    unify,
)
from mapping.syntax import (
    Call,
    Case,
    Constant,
    IsNull,
    Like,
    Logic,
    Name,
    Node,
    Not,
    Type,
)

_PREFIX = "SELECT "
_MAX_DEPTH = 100
_FUNCTIONS = (
    "DAYS_SINCE", "DAYS_UNTIL", "COALESCE", "LEAST", "GREATEST", "ABS", "ROUND", "LOWER",
)  # fmt: skip
_COMPARE: Mapping[type, Any] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: Mapping[type, Any] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_CALLS: Mapping[type, Any] = {
    exp.Coalesce: "coalesce", exp.Least: "least", exp.Greatest: "greatest",
    exp.Abs: "abs", exp.Round: "round", exp.Lower: "lower",
}  # fmt: skip


def parse(
    text: str, scope: Mapping[str, Type], *, want: Type | None = "boolean", dated: bool = True
) -> Node:
    """The checked tree of `text`.

    `scope` gives the names that may stand in it, with their types. `want` is the type that the
    whole must have (None: any). `dated` is false where no day is being asked about (filters over
    events), so that days_since and days_until have nothing to count from. Raises ExpressionError
    with the first thing wrong. Pure; safe to repeat.
    """
    _check_calls(text, _FUNCTIONS if dated else _FUNCTIONS[2:])
    node = _Reader(text, scope).read()
    if want is None:
        return node
    if node.type in ("untyped", "null"):
        return coerce(node, want)
    if node.type != want:
        raise ExpressionError(f"`{text}` is {a_type(node.type)}, and {a_type(want)} is needed here")
    return node


def _check_calls(text: str, functions: tuple[str, ...]) -> None:
    """Refuse calls of what is not listed, before the parser replaces a name by a synonym."""
    bare = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", lambda found: " " * len(found[0]), text)
    for found in re.finditer(r"([A-Za-z_][A-Za-z_0-9.]*)\s*\(", bare):
        name = found[1].upper()
        if name not in functions and name not in ("AND", "OR", "NOT", "IN", "WHEN", "THEN", "ELSE",
                                                   "BETWEEN", "LIKE", "CASE", "IS"):  # fmt: skip
            near = difflib.get_close_matches(name, functions, 1, 0.5)
            hint = f"nearest is {near[0]}" if near else "known are " + ", ".join(functions)
            raise ExpressionError(f"no function {found[1]!r} is known here", hint, found.start())


class _Reader:
    """One expression on its way from sqlglot's tree to ours."""

    def __init__(self, text: str, scope: Mapping[str, Type]) -> None:
        self.text = text
        self.scope = scope

    def read(self) -> Node:
        if not self.text.strip():
            raise ExpressionError("the expression is empty")
        try:
            trees = sqlglot.parse(_PREFIX + self.text, dialect="duckdb")
        except errors.SqlglotError as problem:
            raise self._unreadable(problem) from None
        except RecursionError:
            raise ExpressionError("the expression is nested too deeply") from None
        tree = trees[0] if len(trees) == 1 else None
        if not isinstance(tree, exp.Select) or set(_present(tree)) - {"kind"} != {"expressions"}:
            raise ExpressionError("this is not one expression")
        if len(tree.expressions) != 1:
            raise ExpressionError("one expression is needed here, and there are several")
        return self._node(tree.expressions[0], 0)

    def _unreadable(self, problem: errors.SqlglotError) -> ExpressionError:
        detail: dict[str, Any] = next(iter(getattr(problem, "errors", None) or [{}]), {})
        near = str(detail.get("highlight") or "").strip()
        at = f" near `{near}`" if near and near in self.text else ""
        offset = self.text.find(near) if at else None
        return ExpressionError(
            f"`{self.text.strip()}` can't be read as an expression{at}", "", offset
        )

    def _node(self, tree: Any, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply")
        match tree:
            case exp.Paren():
                return self._node(tree.this, depth + 1)
            case exp.Column() | exp.Boolean() | exp.Null() | exp.Literal() | exp.Neg():
                return self._atom(tree, depth + 1)
            case exp.And() | exp.Or():
                return self._logic(tree, depth + 1)
            case exp.Not():
                inner = self._boolean(tree.this, depth + 1)
                if isinstance(inner, IsNull):
                    return IsNull(inner.of, not inner.negated)
                return Not(inner)
            case exp.Is() | exp.Between() | exp.In() | exp.Like():
                return self._negatable(tree, depth + 1)
            case exp.Case():
                return self._case(tree, depth + 1)
            case exp.Anonymous() | exp.Func() if not isinstance(tree, exp.Cast):
                return self._call(tree, depth + 1)
            case _ if type(tree) in _COMPARE:
                return compare(_COMPARE[type(tree)], *self._sides(tree, depth + 1))
            case _ if type(tree) in _ARITHMETIC:
                return arithmetic(_ARITHMETIC[type(tree)], *self._sides(tree, depth + 1))
            case _:
                return self._refuse(tree)

    def _sides(self, tree: Any, depth: int) -> tuple[Node, Node]:
        return self._node(tree.this, depth), self._node(tree.expression, depth)

    def _refuse(self, tree: Any) -> NoReturn:
        if isinstance(tree, exp.Query | exp.Subquery):
            raise ExpressionError("a subquery is not allowed in an expression")
        shown = tree.sql("duckdb") if isinstance(tree, exp.Expression) else str(tree)
        hint = "write = for a comparison" if isinstance(tree, exp.Alias) else ""
        raise ExpressionError(f"`{shown}` is not allowed in an expression", hint, self._find(tree))

    def _find(self, tree: Any) -> int | None:
        for node in tree.walk() if isinstance(tree, exp.Expression) else ():
            if isinstance(node, exp.Identifier) and "start" in node.meta:
                return int(node.meta["start"]) - len(_PREFIX)
        return None

    def _atom(self, tree: Any, depth: int) -> Node:
        match tree:
            case exp.Column():
                return self._name(tree)
            case exp.Boolean():
                return Constant(bool(tree.this), "boolean")
            case exp.Null():
                return Constant(None, "null")
            case exp.Literal() if tree.is_string:
                return Constant(str(tree.this), "text")
            case exp.Literal():
                return self._number(str(tree.this))
            case _:
                return self._negative(tree, depth)

    def _number(self, text: str) -> Node:
        number = float(text)
        if not math.isfinite(number):
            raise ExpressionError(f"{text} is beyond what a number can be")
        return Constant(number, "number")

    def _negative(self, tree: exp.Neg, depth: int) -> Node:
        inner = coerce(self._node(tree.this, depth), "number")
        if isinstance(inner, Constant) and isinstance(inner.value, float):
            return Constant(-inner.value, "number")
        return arithmetic("-", Constant(0.0, "number"), inner)

    def _name(self, tree: exp.Column) -> Node:
        offset = self._find(tree)
        name = ".".join(part.name for part in tree.parts)
        if name in self.scope and len(tree.parts) == 1:
            return Name(name, self.scope[name])
        near = difflib.get_close_matches(name, self.scope, 1, 0.6) or [
            known for known in self.scope if known.lower() == name.lower()
        ]
        hint = f"nearest is {near[0]!r}" if near else "known here: " + ", ".join(sorted(self.scope))
        raise ExpressionError(f"no name {name!r} is known here", hint, offset)

    def _boolean(self, tree: Any, depth: int) -> Node:
        node = coerce(self._node(tree, depth), "boolean")
        if node.type != "boolean":
            shown = tree.sql("duckdb")
            raise ExpressionError(
                f"`{shown}` is {a_type(node.type)}, not true or false", "", self._find(tree)
            )
        return node

    def _logic(self, tree: Any, depth: int) -> Node:
        op = "and" if isinstance(tree, exp.And) else "or"
        parts = [self._boolean(part, depth) for part in tree.flatten()]
        return Logic(op, tuple(parts))  # type: ignore[arg-type]

    def _negatable(self, tree: Any, depth: int) -> Node:
        """IS NULL, BETWEEN, IN and LIKE: some dialects write their NOT as a flag, not as a node."""
        node = self._predicate(tree, depth)
        if not tree.args.get("negate"):
            return node
        return IsNull(node.of, not node.negated) if isinstance(node, IsNull) else Not(node)

    def _predicate(self, tree: Any, depth: int) -> Node:
        of = self._node(tree.this, depth)
        match tree:
            case exp.Is() if isinstance(tree.expression, exp.Null):
                return IsNull(of, negated=False)
            case exp.Is():
                raise ExpressionError(
                    "after IS only NULL or NOT NULL is allowed", "", self._find(tree)
                )
            case exp.Between():
                if tree.args.get("symmetric"):
                    raise ExpressionError("BETWEEN SYMMETRIC is not allowed", "", self._find(tree))
                low, high = (self._node(tree.args[key], depth) for key in ("low", "high"))
                return Logic("and", (compare(">=", of, low), compare("<=", of, high)))
            case exp.In():
                return self._in(tree, of, depth)
            case _:
                return self._like(tree, of)

    def _like(self, tree: exp.Like, of: Node) -> Node:
        if not (isinstance(tree.expression, exp.Literal) and tree.expression.is_string):
            raise ExpressionError("LIKE needs a pattern in quotes", "", self._find(tree))
        of = coerce(of, "text")
        if of.type != "text":
            raise ExpressionError(
                f"LIKE needs text, and this is {a_type(of.type)}", "", self._find(tree)
            )
        return Like(of, str(tree.expression.this))

    def _in(self, tree: exp.In, of: Node, depth: int) -> Node:
        if set(_present(tree)) - {"this", "expressions", "negate"}:
            raise ExpressionError(
                "IN needs a list of values; a subquery is not allowed", "", self._find(tree)
            )
        if not tree.expressions:
            raise ExpressionError("IN needs at least one value", "", self._find(tree))
        same = [compare("=", of, self._node(item, depth)) for item in tree.expressions]
        return same[0] if len(same) == 1 else Logic("or", tuple(same))

    def _case(self, tree: exp.Case, depth: int) -> Node:
        whens, values = [], []
        for branch in tree.args["ifs"]:
            if tree.this is None:
                whens.append(self._boolean(branch.this, depth))
            else:
                whens.append(
                    compare("=", self._node(tree.this, depth), self._node(branch.this, depth))
                )
            values.append(self._node(branch.args["true"], depth))
        default = tree.args.get("default")
        values.append(self._node(default, depth) if default is not None else Constant(None, "null"))
        values, kind = unify(values)
        return Case(tuple(zip(whens, values[:-1], strict=True)), values[-1], kind)

    def _call(self, tree: Any, depth: int) -> Node:
        name: Any = tree.name.lower() if isinstance(tree, exp.Anonymous) else None
        name = name or _CALLS.get(type(tree))
        if name in ("days_since", "days_until") and len(tree.expressions) == 1:
            arg = self._node(tree.expressions[0], depth)
            arg = as_date(arg) if arg.type == "text" else coerce(arg, "date")
            return Call(name, (typed(name, arg, "date"),), "number")
        if name is None or isinstance(tree, exp.Anonymous):
            self._refuse(tree)
        if name == "round":
            return self._round(tree, depth)
        args = [self._node(arg, depth) for arg in (tree.this, *tree.expressions)]
        if name in ("abs", "lower"):
            want: Type = "number" if name == "abs" else "text"
            return Call(name, (typed(name, coerce(args[0], want), want),), want)
        args, kind = unify(args)
        if name != "coalesce" and kind == "boolean":
            raise ExpressionError(f"true and false have no order for {name.upper()}")
        return Call(name, tuple(args), kind)

    def _round(self, tree: exp.Round, depth: int) -> Node:
        value = typed("round", coerce(self._node(tree.this, depth), "number"), "number")
        places = tree.args.get("decimals")
        digits = self._node(places, depth) if places is not None else Constant(0.0, "number")
        if not (isinstance(digits, Constant) and digits.value in range(10)):
            raise ExpressionError(
                "ROUND takes 0 to 9 places, written as a number", "", self._find(tree)
            )
        return Call("round", (value, digits), "number")


def _present(tree: exp.Expression) -> list[str]:
    return [key for key, value in tree.args.items() if value not in (None, False, [])]
