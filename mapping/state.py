"""Where every account stands in a journey: what a day's walk changes and a checkpoint keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mapping.series import NEVER
from mapping.vector import Array

NO_STAGE = -1
NO_BAND = -1
NO_SCORE = -1
TREND_DAYS = 28

Days = NDArray[np.int32]


@dataclass(slots=True)
class WalkState:
    """One row an account. Days are day numbers, NEVER where there is none.

    `stage`, `previous`: index into the journey's stages or NO_STAGE. `armed[:, s]`: stage s has not
    been entered since the last day on which its `enter` did not hold. `done[:, t]`: touchpoint t of
    the present stage, the day on which it was done; `breach[:, t]`: the day from which it is late.
    `scores`: health of the last days in tenths or NO_SCORE, a ring by day modulo its length.
    `open_since[:, m]`, `true_run[:, m]`, `false_run[:, m]`: the moments.
    """

    stage: NDArray[np.int16]
    entered: Days
    completed: Days
    previous: NDArray[np.int16]
    armed: NDArray[np.bool_]
    first_value: Days
    done: NDArray[np.int32]
    breach: NDArray[np.int32]
    scores: NDArray[np.int16]
    band: NDArray[np.int16]
    open_since: NDArray[np.int32]
    true_run: NDArray[np.int32]
    false_run: NDArray[np.int32]

    @classmethod
    def start(cls, accounts: int, stages: int, touchpoints: int, moments: int) -> Self:
        """Nobody has begun. `touchpoints`: the most that any one stage has."""

        def full(value: int, dtype: type, *shape: int) -> Array:
            return np.full((accounts, *shape), value, dtype)

        return cls(
            stage=full(NO_STAGE, np.int16),
            entered=full(NEVER, np.int32),
            completed=full(NEVER, np.int32),
            previous=full(NO_STAGE, np.int16),
            armed=full(1, np.bool_, stages),
            first_value=full(NEVER, np.int32),
            done=full(NEVER, np.int32, touchpoints),
            breach=full(NEVER, np.int32, touchpoints),
            scores=full(NO_SCORE, np.int16, TREND_DAYS + 1),
            band=full(NO_BAND, np.int16),
            open_since=full(NEVER, np.int32, moments),
            true_run=full(0, np.int32, moments),
            false_run=full(0, np.int32, moments),
        )

    def arrays(self) -> dict[str, Array]:
        """Copies of all arrays by name, for a checkpoint."""
        return {field.name: getattr(self, field.name).copy() for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """The state that `arrays` kept, on copies of them."""
        return cls(**{field.name: arrays[field.name].copy() for field in fields(cls)})
