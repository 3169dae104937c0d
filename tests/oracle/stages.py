"""The walk from stage to stage: every day from the first known day on, turn after turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from tests.oracle.expressions import Names, holds
from tests.oracle.project import Account, Config, Project
from tests.oracle.readings import Value
from tests.oracle.signals import Signals


@dataclass
class Stay:
    """One stay in a stage, from the day it was entered to the day it was left."""

    stage: int
    entered_on: date
    completed_on: date | None = None
    left_on: date | None = None
    done: dict[str, date] = field(default_factory=dict)  # touchpoint -> day it was done


class Stages:
    """The stays of one account in the stages of one journey, as far as it was walked."""

    def __init__(
        self,
        project: Project,
        journey: Config,
        account: Account,
        last_day: date,
    ) -> None:
        self.journey = journey
        self.stages: list[Config] = journey["stages"]
        self.signals = Signals(project, journey, account)
        self.last_day = last_day
        self.since: date = journey["since"]
        self.start = self.start_day(project, account)
        self.first_event = min((event.day for event in account.events), default=None)
        self.first_known_day = self.find_first_known_day()
        self.signals.first_known_day = self.first_known_day
        self.stays: list[Stay] = []
        self.armed = [True] * len(self.stages)
        self.first_exit_on: date | None = None
        self.known: dict[date, Names] = {}

    # --- the first known day --------------------------------------------------------------------

    def start_day(self, project: Project, account: Account) -> date | None:
        """The value of the `start` field, as of the last day."""
        if not self.journey.get("start"):
            return None
        value = project.field(account, self.journey["start"], self.last_day, self.signals.zone)
        return value if isinstance(value, date) else None

    def find_first_known_day(self) -> date | None:
        """The earlier of start and first event, but not before `since`; with neither there is
        none."""
        known = [day for day in (self.start, self.first_event) if day is not None]
        return max(self.since, min(known)) if known else None

    def history_complete(self) -> bool:
        """False if the start, or without one the first event, lies before `since`."""
        begin = self.start if self.start is not None else self.first_event
        return begin is None or begin >= self.since

    # --- the rules -----------------------------------------------------------------------------

    def move(self, day: date) -> None:
        """Turn after turn, until a turn moves nothing. A stage entered today is not entered
        again today."""
        entered_today: set[int] = set()
        while True:
            self.note_first_value(day)
            self.complete_stage(day)
            target = self.next_stage(day, entered_today)
            if target is None:
                return
            if self.stays:
                self.stays[-1].left_on = day
            self.stays.append(Stay(target, day))
            self.armed[target] = False
            entered_today.add(target)

    def arm(self, day: date) -> None:
        """A trigger is ready again after a day on which its `enter` did not hold."""
        for number, stage in enumerate(self.stages):
            if "enter" in stage and not self.enter_holds(number, day):
                self.armed[number] = True

    def note_first_value(self, day: date) -> None:
        """The first day on which the first stage's exit held at any turn, in whatever stage."""
        if self.first_exit_on is None and self.exit_holds(0, day):
            self.first_exit_on = day

    def complete_stage(self, day: date) -> None:
        """Rule 1: the present stage is completed on the first day on which its exit holds, for
        good."""
        stay = self.present()
        if stay is not None and stay.completed_on is None and self.exit_holds(stay.stage, day):
            stay.completed_on = day

    def next_stage(self, day: date, entered_today: set[int]) -> int | None:
        """Rules 2 to 5: where the account goes in this turn, None if it stays."""
        stay = self.present()
        if stay is None:
            return self.way_in(day, entered_today)
        if self.ends(stay.stage):
            return self.way_back(day, entered_today)
        side = self.side_stage(stay, day, entered_today)
        return side if side is not None else self.way_on(stay, day, entered_today)

    def way_in(self, day: date, entered_today: set[int]) -> int | None:
        """Rule 2: the first stage if its enter holds, or a ready one from anywhere that does not
        end."""
        for number in self.not_entered(entered_today):
            if number == 0 and self.enter_holds(0, day):
                return 0
            if "any" in self.froms(number) and not self.ends(number) and self.ready(number, day):
                return number
        return None

    def way_back(self, day: date, entered_today: set[int]) -> int | None:
        """Rule 3: an ended journey goes on to `then`, or back, once its own enter does not hold."""
        stay = self.stays[-1]
        if self.enter_holds(stay.stage, day):
            return None
        then = self.then(stay.stage)
        target = then if then is not None else self.stays[-2].stage
        return None if target in entered_today else target

    def side_stage(self, stay: Stay, day: date, entered_today: set[int]) -> int | None:
        """Rule 4: a ready stage that may be entered from the present one; the earliest wins."""
        here = self.stages[stay.stage]["stage"]
        for number in self.not_entered(entered_today):
            from_here = "any" in self.froms(number) or here in self.froms(number)
            if number != stay.stage and from_here and self.ready(number, day):
                return number
        return None

    def way_on(self, stay: Stay, day: date, entered_today: set[int]) -> int | None:
        """Rule 5: a completed stage leads on to the next one, if that lets the account in today."""
        target = self.following(stay.stage)
        if stay.completed_on is None or target is None or target in entered_today:
            return None
        if self.froms(target):
            return target if self.ready(target, day) else None
        lets_in = "enter" not in self.stages[target] or self.enter_holds(target, day)
        return target if lets_in else None

    # --- stages ---------------------------------------------------------------------------------

    def present(self) -> Stay | None:
        """The present stay."""
        return self.stays[-1] if self.stays else None

    def is_under_way(self) -> bool:
        """Whether the account has a stage, and one that does not end the journey."""
        stay = self.present()
        return stay is not None and not self.ends(stay.stage)

    def ends(self, number: int) -> bool:
        """Whether a stage ends the journey."""
        return bool(self.stages[number].get("ends", False))

    def froms(self, number: int) -> list[str]:
        """From which stages this one is entered from the side; `any` for one that ends, unless
        told."""
        told = self.stages[number].get("from")
        if told is None:
            return ["any"] if self.ends(number) else []
        return [told] if isinstance(told, str) else list(told)

    def then(self, number: int) -> int | None:
        """The stage that `then` names."""
        names = [stage["stage"] for stage in self.stages]
        return names.index(self.stages[number]["then"]) if "then" in self.stages[number] else None

    def following(self, number: int) -> int | None:
        """`then`, or the next in order that has no `from` and does not end the journey."""
        if self.then(number) is not None:
            return self.then(number)
        for later in range(number + 1, len(self.stages)):
            if not self.froms(later) and not self.ends(later):
                return later
        return None

    def not_entered(self, entered_today: set[int]) -> Iterator[int]:
        """The stages, in order, that were not entered on this day."""
        return (number for number in range(len(self.stages)) if number not in entered_today)

    def enter_holds(self, number: int, day: date) -> bool:
        """Whether a stage's `enter` holds on a day; it sees signals, fields and the day."""
        enter = self.stages[number].get("enter")
        return enter is not None and holds(str(enter), self.names(day))

    def ready(self, number: int, day: date) -> bool:
        """Its `enter` holds, and it was not entered since the last day on which it did not."""
        return self.armed[number] and self.enter_holds(number, day)

    def exit_holds(self, number: int, day: date) -> bool:
        """Whether a stage's `exit` holds now, with the present stay's days."""
        leave = self.stages[number].get("exit")
        return leave is not None and holds(str(leave), self.names(day, self.stay_values(day)))

    # --- names ----------------------------------------------------------------------------------

    def names(self, day: date, more: dict[str, tuple[Value, str]] | None = None) -> Names:
        """Signals, fields and `day`, and what else may be named here: name -> (value, type)."""
        if day not in self.known:
            fields = self.signals.fields(day)
            self.known[day] = Names(
                {**fields.values, **self.signals.on(day), "day": day},
                {**fields.types, **self.signals.types(), "day": "date"},
                self.signals.zone,
            )
        known, more = self.known[day], more or {}
        values = {name: value for name, (value, _) in more.items()}
        types = {name: kind for name, (_, kind) in more.items()}
        return Names({**known.values, **values}, {**known.types, **types}, known.zone)

    def stay_values(self, day: date) -> dict[str, tuple[Value, str]]:
        """What an exit may also name; NULL without a stage."""
        stay = self.present()
        return {
            "stage_entered_on": (stay.entered_on if stay else None, "date"),
            "days_in_stage": ((day - stay.entered_on).days if stay else None, "number"),
        }

    def health_names(self, day: date) -> Names:
        """What a health value may name."""
        return self.names(day, {**self.stay_values(day), "stage": (self.stage_name(), "text")})

    def stage_name(self) -> str | None:
        """The present stage."""
        stay = self.present()
        return self.stages[stay.stage]["stage"] if stay else None

    # --- time to value --------------------------------------------------------------------------

    def first_value_on(self, day: date) -> date | None:
        """The day of first value as it is known at the end of `day`."""
        signal = self.journey.get("first_value")
        if signal is None:
            return self.first_exit_on
        value = self.signals.value(signal, day)
        return value if isinstance(value, date) else None

    def ttv_days(self, day: date) -> int | None:
        """Days from start to first value, not below 0."""
        value_on = self.first_value_on(day)
        if value_on is None or self.start is None or not self.history_complete():
            return None
        return max(0, (value_on - self.start).days)

    def ttv_running_days(self, day: date) -> int | None:
        """Days since start while there is no first value and the journey has not ended."""
        stay = self.present()
        ended = stay is not None and self.ends(stay.stage)
        if self.start is None or day < self.start or ended or not self.history_complete():
            return None
        return (day - self.start).days if self.first_value_on(day) is None else None
