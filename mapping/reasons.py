"""Why an output has the value that it has: one sentence a value, for plans and for the ledger."""

from functools import cached_property

import numpy as np

from mapping.clock import day_date
from mapping.outputs import Outputs, Value
from mapping.series import NEVER
from mapping.state import NO_STAGE
from mapping.words import said, signal_words, text_of


class Reasons:
    """The reasons for one journey's outputs. Columns are worked out once and shared."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self._columns: dict[str, list[Value]] = {}

    def why(self, output: str, row: int) -> str:
        """Why `output` of the account at `row` is what it is. "" only for what needs no reason."""
        if output in self.outputs.outcome.signals:
            return signal_words(self.outputs.outcome.compiled.signal(output).signal)
        if self.outputs.outcome.first_known[row] == NEVER:
            return "no start and no event yet"
        if output.startswith("moment."):
            return self._moment(output.split(".")[1], row)
        match output:
            case "health_score" | "health_band" | "health_trend":
                return self._health(output, row)
            case "alerts":
                open_ = self._at("alerts", row)
                return f"open: {said(open_)}" if open_ else "nothing is open or late"
            case "first_value_on" | "ttv_days" | "ttv_running_days":
                return self._value(row)
            case "next_step" | "next_step_due" | "next_step_owner":
                return (
                    f"due {said(self._at('next_step_due', row))} in {said(self._at('stage', row))}"
                )
            case "history_complete" | "computed_on":
                return f"first known day is {day_date(int(self.outputs.outcome.first_known[row]))}"
            case _:
                return self._stage(row)

    def _at(self, name: str, row: int) -> Value:
        if name not in self._columns:
            self._columns[name] = self.outputs.column(name)
        return self._columns[name][row]

    def _stage(self, row: int) -> str:
        state, plans = self.outputs.outcome.state, self.outputs.outcome.compiled.stages
        index, before = int(state.stage[row]), int(state.previous[row])
        if index == NO_STAGE:
            return "no stage has been entered yet"
        entered = day_date(int(state.entered[row]))
        plan = plans[index]
        if before == NO_STAGE or plan.from_side:
            how = f" ({text_of(plan.enter)})" if plan.enter else ""
            after = "" if before == NO_STAGE else f" from {plans[before].stage.name}"
            sentence = f"entered {entered}{after}{how}"
        else:
            leave = plans[before].exit
            how = f" ({text_of(leave)})" if leave and not plans[before].stage.ends else ""
            sentence = f"entered {entered} after {plans[before].stage.name}{how}"
        if state.completed[row] != NEVER:
            sentence += f"; completed {day_date(int(state.completed[row]))}"
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

    def _health(self, output: str, row: int) -> str:
        outcome = self.outputs.outcome
        health, scored = outcome.compiled.journey.health, outcome.scored
        if health is None or scored is None or self._at("health_score", row) is None:
            return "not judged, or too little is known"
        parts = [
            f"{part.name} {said(float(scored.scores[index, row]))}"
            + (
                ""
                if np.isnan(scored.values[index, row])
                else f" at {said(float(scored.values[index, row]))}"
            )
            for index, part in enumerate(health.components)
            if scored.known[index, row]
        ]
        score = "" if output == "health_score" else f"score {said(self._at('health_score', row))}: "
        return score + ", ".join(parts)

    def _moment(self, name: str, row: int) -> str:
        moments = self.outputs.outcome.compiled.journey.moments
        moment = next(moment for moment in moments if moment.name == name)
        since = self._at(f"moment.{name}.since", row)
        days = f" for {moment.for_} days" if moment.for_ > 1 else ""
        return f"{'open since ' + said(since) if since else 'not open'}: {moment.when}{days}"
