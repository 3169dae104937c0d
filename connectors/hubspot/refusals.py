"""Values that HubSpot refused in a run, and those that it took.

A refusal names properties at best, never a record. That an option is unknown is said of the value,
whoever has it. But a rule of an admin's may ask for another property of the same record: it refuses
a value of one record and takes it of the next.
"""

from collections import Counter
from collections.abc import Iterable

from connectors.hubspot.errors import Refused

Pair = tuple[str, str]
"""A property and the text that it shall hold."""

_ENOUGH = 3
_MOST_TAKEN = 20_000  # a run may write any number of texts


class Refusals:
    """Kept for a run."""

    def __init__(self) -> None:
        self._refused: Counter[Pair] = Counter()
        self._taken: set[Pair] = set()

    def note(self, values: Iterable[Pair], error: Refused) -> None:
        """`values` were refused, of one record or, as the error is about them, of whoever."""
        found = list(values)
        self._refused.update(found)
        if error.about != "record":
            self._taken.difference_update(found)

    def note_taken(self, values: Iterable[Pair]) -> None:
        """Some record shows these values."""
        if len(self._taken) < _MOST_TAKEN:
            self._taken.update(values)

    def suspects(self, values: Iterable[Pair]) -> bool:
        """Whether one of these was refused and taken of nobody. Such records travel apart, so that
        they cost the others no more than once."""
        return bool(self._refused) and any(
            one in self._refused and one not in self._taken for one in values
        )

    def are_likely(self, values: Iterable[Pair]) -> bool:
        """Whether nobody may have these, as far as a few records tell."""
        return all(self._refused[one] >= _ENOUGH and one not in self._taken for one in values)
