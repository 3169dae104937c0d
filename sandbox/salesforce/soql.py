"""SOQL text to a tree: what a sync needs. Anything beyond is MALFORMED_QUERY."""

from __future__ import annotations

import re
from dataclasses import replace

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.soql_tree import (
    Compare,
    Condition,
    Group,
    Item,
    Literal,
    Not,
    Order,
    Query,
)

_MAX_CHARACTERS = 100_000
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<sign><>|<=|>=|!=|[=<>(),:])
    )""",
    re.VERBOSE,
)
_AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
_DATE_PARTS = frozenset({"CALENDAR_YEAR", "CALENDAR_MONTH", "DAY_ONLY"})
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def parse(text: str) -> Query:
    """Raises ApiError MALFORMED_QUERY."""
    if len(text) > _MAX_CHARACTERS:
        raise ApiError("QUERY_TOO_COMPLICATED", "SOQL statement is too long")
    parser = _Parser(text)
    query = parser.query()
    parser.end()
    return query


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                start = at + len(text[at:]) - len(text[at:].lstrip())
                raise self._malformed(f"unexpected token: '{text[start]}'", start)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            at = match.end()
        self.at = 0

    def _malformed(self, why: str, position: int) -> ApiError:
        line = self.text.count("\n", 0, position) + 1
        column = position - (self.text.rfind("\n", 0, position) + 1) + 1
        around = self.text[max(position - 40, 0) : position + 40].replace("\n", " ")
        caret = " " * min(position, 40) + "^"
        return ApiError(
            "MALFORMED_QUERY",
            f"\n{around}\n{caret}\nERROR at Row:{line}:Column:{column}\n{why}",
        )

    def _peek(self, ahead: int = 0) -> tuple[str, str, int]:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else ("end", "<EOF>", len(self.text))

    def _word(self, *words: str) -> bool:
        """Take the next words if they are these."""
        for ahead, word in enumerate(words):
            kind, text, _ = self._peek(ahead)
            if kind != "name" or text.upper() != word:
                return False
        self.at += len(words)
        return True

    def _sign(self, sign: str) -> bool:
        if self._peek()[:2] == ("sign", sign):
            self.at += 1
            return True
        return False

    def _unexpected(self) -> ApiError:
        _, text, position = self._peek()
        return self._malformed(f"unexpected token: {text}", position)

    def _expect(self, taken: bool) -> None:  # noqa: FBT001 - reads well at its callers
        if not taken:
            raise self._unexpected()

    def _name(self) -> str:
        kind, text, _ = self._peek()
        self._expect(kind == "name")
        self.at += 1
        return text

    def end(self) -> None:
        self._expect(self._peek()[0] == "end")

    def query(self) -> Query:
        self._expect(self._word("SELECT"))
        items = [self._item()]
        while self._sign(","):
            items.append(self._item())
        self._expect(self._word("FROM"))
        entity = self._name()
        where = self._conditions() if self._word("WHERE") else None
        group = self._groups() if self._word("GROUP", "BY") else ()
        order = self._orders() if self._word("ORDER", "BY") else ()
        limit = self._whole() if self._word("LIMIT") else None
        offset = self._whole() if self._word("OFFSET") else 0
        return Query(tuple(items), entity, where, group, order, limit, offset)

    def _groups(self) -> tuple[Item, ...]:
        groups = [self._group()]
        while self._sign(","):
            groups.append(self._group())
        return tuple(groups)

    def _group(self) -> Item:
        position, name = self._peek()[2], self._name()
        return self._date_part(name, position) if self._sign("(") else Item(name)

    def _date_part(self, name: str, position: int) -> Item:
        if name.upper() not in _DATE_PARTS:
            raise self._malformed(f"the function {name} is beyond this sandbox", position)
        path = self._name()
        self._expect(self._sign(")"))
        return Item(path, part=name.upper())

    def _item(self) -> Item:
        if self._peek()[:2] == ("sign", "("):
            raise self._malformed("child sub-queries are beyond this sandbox", self._peek()[2])
        position = self._peek()[2]
        name = self._name()
        if not self._sign("("):
            return Item(name)
        function = name.upper()
        if function == "FIELDS":
            which = self._name().upper()
            self._expect(self._sign(")"))
            return Item(which, "FIELDS")
        if function not in _AGGREGATES:
            return replace(self._date_part(name, position), alias=self._alias())
        path = "" if self._peek()[1] == ")" else self._name()
        self._expect(self._sign(")") and bool(path or function == "COUNT"))
        return Item(path, function, self._alias())

    def _alias(self) -> str:
        kind, text, _ = self._peek()
        return self._name() if kind == "name" and text.upper() != "FROM" else ""

    def _conditions(self) -> Condition:
        """AND and OR may not stand side by side without brackets, nor may NOT follow them."""
        parts = [self._condition(first=True)]
        word = ""
        while (found := self._peek())[0] == "name" and found[1].upper() in ("AND", "OR"):
            if word and found[1].upper() != word:
                raise self._unexpected()
            word = found[1].upper()
            self.at += 1
            parts.append(self._condition(first=False))
        return parts[0] if not word else Group(word, tuple(parts))

    def _condition(self, *, first: bool) -> Condition:
        if first and self._word("NOT"):
            return Not(self._condition(first=True))
        if self._sign("("):
            inner = self._conditions()
            self._expect(self._sign(")"))
            return inner
        kind, text, _ = self._peek()
        self._expect(kind == "name" and text.upper() != "NOT")
        return self._comparison(self._name())

    def _comparison(self, path: str) -> Compare:
        if self._word("LIKE"):
            return Compare(path, "LIKE", (self._literal(),))
        for words in (("NOT", "IN"), ("IN",), ("INCLUDES",), ("EXCLUDES",)):
            if self._word(*words):
                return self._membership(path, " ".join(words))
        kind, sign, _ = self._peek()
        self._expect(kind == "sign" and sign in ("=", "!=", "<>", "<", "<=", ">", ">="))
        self.at += 1
        return Compare(path, "!=" if sign == "<>" else sign, (self._literal(),))

    def _membership(self, path: str, sign: str) -> Compare:
        self._expect(self._sign("("))
        if self._peek()[1].upper() == "SELECT":
            inner = self.query()
            self._expect(self._sign(")"))
            return Compare(path, sign, (), inner)
        values = [self._literal()]
        while self._sign(","):
            values.append(self._literal())
        self._expect(self._sign(")"))
        return Compare(path, sign, tuple(values))

    def _literal(self) -> Literal:
        kind, text, _ = self._peek()
        self._expect(kind in ("string", "date", "datetime", "number", "name"))
        self.at += 1
        if kind == "string":
            inner = re.sub(
                r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL
            )
            return Literal("string", inner)
        if kind != "name":
            return Literal(kind, text)
        word = text.upper()
        if word in ("TRUE", "FALSE"):
            return Literal("boolean", word.lower())
        if word == "NULL":
            return Literal("null", "")
        if self._sign(":"):
            return Literal("range", f"{word}:{self._whole()}")
        return Literal("range", word)

    def _orders(self) -> tuple[Order, ...]:
        orders = [self._order()]
        while self._sign(","):
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> Order:
        path = self._name()
        descending = self._word("DESC")
        if not descending:
            self._word("ASC")
        nulls_last = self._word("NULLS", "LAST")
        if not nulls_last:
            self._word("NULLS", "FIRST")
        return Order(path, descending, nulls_last)

    def _whole(self) -> int:
        kind, text, _ = self._peek()
        self._expect(kind == "number" and text.isdigit())
        self.at += 1
        return int(text)
