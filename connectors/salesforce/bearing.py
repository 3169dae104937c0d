"""How many records of an object its automation bears at once, learned from the ways it fails.

Three things look alike where all of a batch was refused: the batch is too large for a limit, one
record fails its neighbours as well, or the automation fails whatever it gets. Smaller batches tell
them apart, and the last must not cost a request for each record.
"""

from dataclasses import dataclass

_ENOUGH_ALONE = 5
"""So many records that were refused one by one, and none written since: it is not the size."""


def half(number: int) -> int:
    """The larger of two parts."""
    return (number + 1) // 2


@dataclass(slots=True)
class Bearing:
    """Of one object, in one run."""

    most: int | None = None
    """what is sent together, where 200 were too many"""
    borne: int = 0
    """the most of which some were written"""
    alone: int = 0
    """records refused one by one since the last that was written"""

    @property
    def hopeless(self) -> bool:
        """Whether smaller batches have been shown to help nobody."""
        return self.alone >= _ENOUGH_ALONE

    def wrote(self, number: int) -> None:
        """Some records of so many were written."""
        self.borne = max(self.borne, number)
        self.alone = 0

    def refused_all(self, number: int) -> bool:
        """All of several that were not known to be bad. Whether that many may be too many: the
        next will be fewer then."""
        if number <= self.borne:
            return False
        self.most = half(number)
        return True

    def refused_one(self, *, suspect: bool) -> None:
        """One record by itself. Unless it was known to be bad, batches were made small for it."""
        self.alone += 1
        if not suspect:
            self.most = None
