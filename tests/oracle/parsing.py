"""The expression language, read by hand: a tokenizer and a recursive descent.

A tree is a tuple whose first item says what it is.
"""

from __future__ import annotations

import re
from typing import Any

Tree = tuple[Any, ...]

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<quoted>'(?:[^']|'')*')"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|<>|!=|[-+*/()=<>,]))",
)
COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
FUNCTIONS = ("days_since", "days_until", "coalesce", "least", "greatest", "abs", "round", "lower")

PARSED: dict[str, Tree] = {}


def parse(text: str) -> Tree:
    """The tree of an expression; a text is parsed once."""
    if text not in PARSED:
        parser = Parser(tokens(text))
        tree = parser.either()
        if parser.left():
            message = f"unexpected {parser.left()[0]} in {text}"
            raise ValueError(message)
        PARSED[text] = tree
    return PARSED[text]


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) in order; words in lower case too, as `keyword`, when they are SQL's own."""
    found = []
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            message = f"cannot read {text[position:]!r}"
            raise ValueError(message)
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class Parser:
    """Recursive descent, loosest operator first: OR, AND, NOT, comparison, + -, * /, sign."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found = found
        self.position = 0

    def left(self) -> list[tuple[str, str]]:
        """The tokens not read yet."""
        return self.found[self.position :]

    def sees(self, *texts: str) -> bool:
        """Whether the next tokens are these words or signs, in any case."""
        ahead = self.left()[: len(texts)]
        return len(ahead) == len(texts) and all(
            kind in ("word", "sign") and token.upper() == text
            for (kind, token), text in zip(ahead, texts, strict=True)
        )

    def takes(self, *texts: str) -> bool:
        """Read these tokens if they are next."""
        if not self.sees(*texts):
            return False
        self.position += len(texts)
        return True

    def must(self, text: str) -> None:
        """Read this token; anything else is an error."""
        if not self.takes(text):
            message = f"expected {text} before {self.left()[:1]}"
            raise ValueError(message)

    def either(self) -> Tree:
        """OR."""
        tree = self.both()
        while self.takes("OR"):
            tree = ("or", tree, self.both())
        return tree

    def both(self) -> Tree:
        """AND."""
        tree = self.negation()
        while self.takes("AND"):
            tree = ("and", tree, self.negation())
        return tree

    def negation(self) -> Tree:
        """NOT, which covers a whole comparison."""
        if self.takes("NOT"):
            return ("not", self.negation())
        return self.comparison()

    def comparison(self) -> Tree:
        """One comparison, IS NULL, IN, BETWEEN or LIKE, or none."""
        left = self.sum()
        for sign in COMPARISONS:
            if self.takes(sign):
                return ("compare", "<>" if sign == "!=" else sign, left, self.sum())
        if self.takes("IS", "NOT", "NULL"):
            return ("not", ("is null", left))
        if self.takes("IS", "NULL"):
            return ("is null", left)
        if self.takes("NOT", "IN"):
            return ("not", ("in", left, self.arguments()))
        if self.takes("IN"):
            return ("in", left, self.arguments())
        if self.takes("NOT", "BETWEEN"):
            return ("not", self.between(left))
        if self.takes("BETWEEN"):
            return self.between(left)
        if self.takes("NOT", "LIKE"):
            return ("not", ("like", left, self.sum()))
        if self.takes("LIKE"):
            return ("like", left, self.sum())
        return left

    def between(self, left: Tree) -> Tree:
        """`low AND high`, whose AND belongs to BETWEEN."""
        low = self.sum()
        self.must("AND")
        return ("between", left, low, self.sum())

    def sum(self) -> Tree:
        """Addition and subtraction, from the left."""
        tree = self.product()
        while True:
            if self.takes("+"):
                tree = ("+", tree, self.product())
            elif self.takes("-"):
                tree = ("-", tree, self.product())
            else:
                return tree

    def product(self) -> Tree:
        """Multiplication and division, from the left."""
        tree = self.signed()
        while True:
            if self.takes("*"):
                tree = ("*", tree, self.signed())
            elif self.takes("/"):
                tree = ("/", tree, self.signed())
            else:
                return tree

    def signed(self) -> Tree:
        """A minus sign before a value."""
        if self.takes("-"):
            return ("negative", self.signed())
        return self.single()

    def single(self) -> Tree:
        """A literal, a name, a function, a CASE, or something in parentheses."""
        if self.takes("("):
            tree = self.either()
            self.must(")")
            return tree
        if self.takes("CASE"):
            return self.case()
        if self.takes("TRUE"):
            return ("literal", True)
        if self.takes("FALSE"):
            return ("literal", False)
        if self.takes("NULL"):
            return ("literal", None)
        kind, token = self.left()[0]
        self.position += 1
        if kind == "number":
            return ("literal", int(token) if token.isdigit() else float(token))
        if kind == "quoted":
            return ("quoted", token[1:-1].replace("''", "'"))
        if kind != "word":
            message = f"unexpected {token}"
            raise ValueError(message)
        if self.sees("("):
            if token.lower() not in FUNCTIONS:
                message = f"no function {token}"
                raise ValueError(message)
            return ("call", token.lower(), self.arguments())
        return ("name", token)

    def arguments(self) -> list[Tree]:
        """A list in parentheses."""
        self.must("(")
        found = [self.either()]
        while self.takes(","):
            found.append(self.either())
        self.must(")")
        return found

    def case(self) -> Tree:
        """CASE [x] WHEN … THEN … [ELSE …] END; with an x each WHEN is compared with it."""
        subject = None if self.sees("WHEN") else self.either()
        branches = []
        while self.takes("WHEN"):
            condition = self.either()
            if subject is not None:
                condition = ("compare", "=", subject, condition)
            self.must("THEN")
            branches.append((condition, self.either()))
        otherwise = self.either() if self.takes("ELSE") else ("literal", None)
        self.must("END")
        return ("case", branches, otherwise)
