"""How many requests a connection may make, counted over all of its runs.

What was sent is kept in HOME/requests/, since a run is shorter than the day or the hour that counts
and two processes may speak to one account. The rules are those of budget_rules.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from config.errors import ANOTHER_HOME, PartlyDone, StopCycle
from config.home import home_of
from connectors.base import BudgetLeft
from connectors.budget_rules import Heard, Refusal, Spent, Terms, budget_left, hear, spend


def kept_in(folder: Path, name: str) -> Path:
    """The file of a connection of the project in `folder`."""
    return home_of(folder) / "requests" / f"{name}.json"


class Budget:
    """The budget of one connection. Safe for several threads and processes."""

    def __init__(
        self,
        name: str,
        terms: Terms,
        path: Path,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        most: int | None = None,
        whose: str = "the account",
    ) -> None:
        """`path`: where it is kept, made when it is first needed. `most`: requests of this run,
        whatever is left. `whose`: what people call the account."""
        self.sent = 0
        """requests of this run"""
        self._name, self._terms, self._path, self._whose = name, terms, path, whose
        self._clock, self._sleep, self._most = clock, sleep, most

    def take(self) -> None:
        """Count a request that is about to be sent, waiting a moment if need be. PartlyDone where
        it would be one too many: nothing is to be sent then."""
        if self._most is not None and self.sent >= self._most:
            raise PartlyDone(
                f"{self._name}: this run has made its {self._most:,} requests",
                "the next run goes on from here; max_requests sets the bound",
            )
        with self._kept() as kept:
            found = spend(self._terms, kept.spent, kept.now)
            if isinstance(found, Refusal):
                raise self._refused(found, kept)
            kept.spent, wait = found
            self.sent += 1
        if wait:
            self._sleep(wait)

    def heard(self, limit: int, used: int) -> None:
        """Note what an answer said: `used` of `limit` requests of the period, by everybody."""
        with self._kept() as kept:
            kept.spent = hear(self._terms, kept.spent, limit, used, kept.now)

    def left(self) -> BudgetLeft:
        """How much was used and may still be, as far as it was heard. Sends nothing."""
        found = budget_left(self._terms, _read(self._path), self._clock().timestamp())
        if self._most is None:
            return found
        rest = self._most - self.sent
        return replace(found, left=rest if found.left is None else min(rest, found.left))

    def _refused(self, refusal: Refusal, kept: "_Kept") -> PartlyDone:
        found = budget_left(self._terms, kept.spent, kept.now)
        limit, period = found.account_limit or 0, _words(self._terms.period)
        again = f"the next is possible at {refusal.again:%Y-%m-%d %H:%M} UTC"
        if refusal.why == "share":
            said = (
                f"the {found.allowed or 0:,} requests in {period} that api_budget allows, "
                f"{self._terms.share:.0%} of {limit:,}, are used"
            )
        else:
            rest = max(0, limit - (found.account_used or 0))
            said = (
                f"{self._whose} has {rest:,} of {limit:,} requests in {period} left, which are for "
                "others"
            )
        return PartlyDone(
            f"{self._name}: {said}; {again}",
            "what was done is kept and the next run goes on from there; api_budget is the share of "
            f"{self._whose}'s requests that may be used, 25% unsaid",
        )

    @contextmanager
    def _kept(self) -> Iterator["_Kept"]:
        """What is kept, to be changed by nobody else meanwhile; put back unless there was an
        error. Whoever is killed in between leaves what was there before."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # The file is replaced, so what is locked is another one, which stays.
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = _Kept(_read(self._path), self._clock().timestamp())
            yield kept
            _write(self._path, kept.spent)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        finally:
            os.close(lock)


@dataclass(slots=True)
class _Kept:
    spent: Spent
    now: float


def _unwritable(path: Path, error: OSError) -> StopCycle:
    why = error.strerror or type(error).__name__
    return StopCycle(f"{path}, which counts requests, cannot be kept: {why}", ANOTHER_HOME)


def _read(path: Path) -> Spent:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        heard = said["heard"]
        return Spent(
            tuple((int(slot), int(number)) for slot, number in said["slots"]),
            None if said["last"] is None else float(said["last"]),
            Heard(**heard) if heard else None,
        )
    except FileNotFoundError:
        return Spent()
    except (ValueError, TypeError, KeyError):  # half a file, after a power cut: a period heals it
        return Spent()


def _write(path: Path, spent: Spent) -> None:
    made = path.with_suffix(".new")
    made.write_text(json.dumps(asdict(spent)), encoding="utf-8")
    made.replace(path)


def _words(period: timedelta) -> str:
    hours = period.total_seconds() / 3600
    return "an hour" if hours == 1 else f"{hours:g} hours"
