"""Why an output has the value that it has: one sentence a value, for plans and for the ledger."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from math import isnan

from mapping.clock import day_date
from mapping.outputs import Outputs, Value
from mapping.series import NEVER
from mapping.state import NO_STAGE
from mapping.words import said, signal_words, text_of


@lru_cache(maxsize=1 << 16)  # many accounts have the very same scores
def _component(name: str, score: float, value: float) -> str:
    """`breadth 50 at 0.3`; a value that is not known is left out."""
    return f"{name} {said(score)}" + ("" if isnan(value) else f" at {said(value)}")


class Reasons:
    """The reasons for one journey's outputs. Columns are worked out once and shared."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self._columns: dict[str, list[Value]] = {}

    def of(self, output: str, rows: Sequence[int]) -> list[str]:
        """Why `output` is what it is, of the accounts at `rows`. "" for what needs no reason."""
        compiled = self.outputs.outcome.compiled
        if output in self.outputs.outcome.signals:
            return [signal_words(compiled.signal(output).signal)] * len(rows)
        reason, begun = self._reason(output), self._days["first_known"]
        return [reason(row) if begun[row] != NEVER else "no start and no event yet" for row in rows]

    def _reason(self, output: str) -> Callable[[int], str]:
        """Why `output` of the account at a row is what it is, if its history has begun."""
        if output.startswith("moment."):
            return partial(self._moment, output.split(".")[1])
        match output:
            case "health_score":
                return self._health
            case "health_band" | "health_trend":
                return self._health_with_score
            case "alerts":
                return self._alerts
            case "first_value_on" | "ttv_days" | "ttv_running_days":
                return self._value
            case "next_step" | "next_step_due" | "next_step_owner":
                return self._next_step
            case "history_complete" | "computed_on":
                return lambda row: f"first known day is {day_date(self._days['first_known'][row])}"
            case _:
                return self._stage

    def _alerts(self, row: int) -> str:
        open_ = self._at("alerts", row)
        return f"open: {said(open_)}" if open_ else "nothing is open or late"

    def _next_step(self, row: int) -> str:
        return f"due {said(self._at('next_step_due', row))} in {said(self._at('stage', row))}"

    def _at(self, name: str, row: int) -> Value:
        if name not in self._columns:
            self._columns[name] = self.outputs.column(name)
        return self._columns[name][row]

    # An item of an array costs several times an item of a list, so each is made a list once.

    @cached_property
    def _days(self) -> dict[str, list[int]]:
        outcome = self.outputs.outcome
        return {
            "first_known": outcome.first_known.tolist(),
            "entered": outcome.state.entered.tolist(),
            "completed": outcome.state.completed.tolist(),
        }

    @cached_property
    def _stages(self) -> tuple[list[int], list[int]]:
        """Where each account is, and was before."""
        state = self.outputs.outcome.state
        return state.stage.tolist(), state.previous.tolist()

    @cached_property
    def _scores(self) -> list[tuple[str, list[bool], list[float], list[float]]]:
        """Of each component of the health score: name, what is known, scores, values."""
        health, scored = self.outputs.outcome.compiled.journey.health, self.outputs.outcome.scored
        if health is None or scored is None:
            return []
        return [
            (
                part.name,
                scored.known[index].tolist(),
                scored.scores[index].astype(float).tolist(),
                scored.values[index].astype(float).tolist(),
            )
            for index, part in enumerate(health.components)
        ]

    def _stage(self, row: int) -> str:
        plans = self.outputs.outcome.compiled.stages
        index, before = self._stages[0][row], self._stages[1][row]
        if index == NO_STAGE:
            return "no stage has been entered yet"
        entered = day_date(self._days["entered"][row])
        plan = plans[index]
        if before == NO_STAGE or plan.from_side:
            how = f" ({text_of(plan.enter)})" if plan.enter else ""
            after = "" if before == NO_STAGE else f" from {plans[before].stage.name}"
            sentence = f"entered {entered}{after}{how}"
        else:
            leave = plans[before].exit
            how = f" ({text_of(leave)})" if leave and not plans[before].stage.ends else ""
            sentence = f"entered {entered} after {plans[before].stage.name}{how}"
        completed = self._days["completed"][row]
        if completed != NEVER:
            sentence += f"; completed {day_date(completed)}"
        return sentence

    def _value(self, row: int) -> str:
        outcome = self.outputs.outcome
        if not outcome.history_complete[row]:
            return f"began before {outcome.compiled.journey.since}: history is not complete"
        start = (
            f"start {day_date(int(outcome.start.values[row]))}"
            if outcome.start.known[row]
            else "no start"
        )
        value = self._at("first_value_on", row)
        came = said(value) if value else "still to come"
        return f"{start}, first value {came} ({self._first_value})"

    @cached_property
    def _first_value(self) -> str:
        compiled = self.outputs.outcome.compiled
        leave = compiled.stages[0].exit
        return compiled.journey.first_value or (text_of(leave) if leave else "")

    def _health(self, row: int) -> str:
        if not self._scores or self._at("health_score", row) is None:
            return "not judged, or too little is known"
        return ", ".join([
            _component(name, scores[row], values[row])
            for name, known, scores, values in self._scores
            if known[row]
        ])  # fmt: skip

    def _health_with_score(self, row: int) -> str:
        score = self._at("health_score", row)
        return self._health(row) if score is None else f"score {said(score)}: {self._health(row)}"

    def _moment(self, name: str, row: int) -> str:
        moments = self.outputs.outcome.compiled.journey.moments
        moment = next(moment for moment in moments if moment.name == name)
        since = self._at(f"moment.{name}.since", row)
        days = f" for {moment.for_} days" if moment.for_ > 1 else ""
        return f"{'open since ' + said(since) if since else 'not open'}: {moment.when}{days}"
