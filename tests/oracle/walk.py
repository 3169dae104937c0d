"""One account's days in one journey: its stages, and what is judged at the end of each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from tests.oracle.expressions import Names, evaluate, holds, truth
from tests.oracle.health import Score, band_of, score_of
from tests.oracle.project import Account, Config, Project
from tests.oracle.readings import duration
from tests.oracle.stages import Stages, Stay


@dataclass
class Opening:
    """One opening of a moment."""

    moment: str
    opened_on: date
    closed_on: date | None = None


@dataclass
class Breach:
    """One breach of a touchpoint, from its first breached day until it was done or the stage
    left."""

    touchpoint: str
    from_day: date
    to_day: date | None = None


@dataclass
class Runs:
    """How many days in a row, up to now, a moment's `when` was TRUE, and was FALSE."""

    true_days: int = 0
    false_days: int = 0


class Walk(Stages):
    """Everything that happened to one account by the end of `last_day`.

    With `complete` false the last day is still going on: stages and touchpoints move on it, health
    and moments do not.
    """

    def __init__(
        self,
        project: Project,
        journey: Config,
        account: Account,
        last_day: date,
        *,
        complete: bool,
    ) -> None:
        super().__init__(project, journey, account, last_day)
        self.complete = complete
        self.scores: dict[date, Score | None] = {}
        self.health_score: Score | None = None
        self.health_band: str | None = None
        self.openings: list[Opening] = []
        self.runs = {moment["moment"]: Runs() for moment in journey.get("moments") or []}
        self.breaches: list[Breach] = []
        if self.first_known_day is not None:
            day = self.first_known_day
            while day <= last_day:
                self.live_through(day)
                day += timedelta(days=1)

    def live_through(self, day: date) -> None:
        """Stages first, then what is judged on the day as it ends."""
        self.move(day)
        self.arm(day)
        if self.complete or day < self.last_day:
            self.judge_health(day)
            self.judge_moments(day)
        elif not self.is_under_way():
            self.health_score = self.health_band = None
            self.close_moments(day)
        self.judge_touchpoints(day)

    def all_names(self, day: date) -> Names:
        """What moments, touchpoints and metrics may name."""
        score = float(self.health_score) if self.health_score is not None else None
        return self.names(
            day,
            {
                **self.stay_values(day),
                "stage": (self.stage_name(), "text"),
                "health_score": (score, "number"),
                "health_band": (self.health_band, "text"),
                "first_value_on": (self.first_value_on(day), "date"),
                "ttv_days": (self.ttv_days(day), "number"),
                "ttv_running_days": (self.ttv_running_days(day), "number"),
            },
        )

    # --- health, moments, touchpoints -----------------------------------------------------------

    def judge_health(self, day: date) -> None:
        """Score and band at the end of a day; a day without a score forgets the band."""
        health = self.journey.get("health")
        score = None
        if health is not None and self.is_under_way() and self.first_known_day is not None:
            known_days = (day - self.first_known_day).days
            values = [
                None
                if not self.applies(component, known_days)
                else (evaluate(str(component["value"]), self.health_names(day)),)
                for component in health["components"]
            ]
            score = score_of(health, values)
        self.scores[day] = score
        self.health_score = score
        self.health_band = (
            band_of(health, score, self.health_band) if health and score is not None else None
        )

    def applies(self, component: Config, known_days: int) -> bool:
        """In its stages, and from `after` days past the first known day."""
        stages = component.get("stages")
        in_stage = stages is None or self.stage_name() in stages
        return in_stage and known_days >= duration(component.get("after", "0d"))

    def judge_moments(self, day: date) -> None:
        """Runs grow or break, moments open and close, at the end of a day."""
        if not self.is_under_way():
            self.close_moments(day)
            return
        for moment in self.journey.get("moments") or []:
            runs = self.runs[moment["moment"]]
            after = timedelta(days=duration(moment.get("after", "0d")))
            if self.first_known_day is None or day < self.first_known_day + after:
                self.runs[moment["moment"]] = Runs()
                continue
            answer = truth(str(moment["when"]), self.all_names(day))
            runs.true_days = runs.true_days + 1 if answer is True else 0
            runs.false_days = runs.false_days + 1 if answer is False else 0
            opening = self.open_moment(moment["moment"])
            if opening is None and runs.true_days >= duration(moment.get("for", "1d")):
                self.openings.append(Opening(moment["moment"], day))
            if opening is not None and runs.false_days >= duration(moment.get("clear", "7d")):
                opening.closed_on = day

    def close_moments(self, day: date) -> None:
        """The journey has ended: open moments close, and nothing is left of their runs."""
        for name in self.runs:
            self.runs[name] = Runs()
            opening = self.open_moment(name)
            if opening is not None:
                opening.closed_on = day

    def open_moment(self, name: str) -> Opening | None:
        """The moment's opening that is not closed yet."""
        for opening in self.openings:
            if opening.moment == name and opening.closed_on is None:
                return opening
        return None

    def judge_touchpoints(self, day: date) -> None:
        """Done for good on the first day of the stay on which `done` holds; breached from due +
        1 on."""
        stay = self.present()
        if stay is None:
            return
        if stay.entered_on == day:
            for left_behind in self.breaches:
                if left_behind.to_day is None:
                    left_behind.to_day = day
        for touchpoint in self.stages[stay.stage].get("touchpoints") or []:
            name = touchpoint["touchpoint"]
            if name in stay.done:
                continue
            breach = self.open_breach(name)
            if holds(str(touchpoint["done"]), self.all_names(day)):
                stay.done[name] = day
                if breach is not None:
                    breach.to_day = day
            elif breach is None and day > self.due_on(stay, touchpoint):
                self.breaches.append(Breach(name, day))

    def due_on(self, stay: Stay, touchpoint: Config) -> date:
        """`due` days after the stage was entered."""
        return stay.entered_on + timedelta(days=duration(touchpoint["due"]))

    def open_breach(self, name: str) -> Breach | None:
        """The breach of a touchpoint that still lasts."""
        for breach in self.breaches:
            if breach.touchpoint == name and breach.to_day is None:
                return breach
        return None
