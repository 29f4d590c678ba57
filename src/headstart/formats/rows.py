"""One measured score: the row of a trajectories file."""

from __future__ import annotations

import math
from dataclasses import dataclass

from headstart.errors import InputError
from headstart.formats.text import check_name


@dataclass(frozen=True, kw_only=True, slots=True)
class TrajectoryRow:
    """The score of one model after a number of tuning steps.

    Args:
        model: Name.
        step: Tuning effort at which the score was measured, ``>= 0``.
        score: The benchmark's score.
        benchmark: Name; None when the file holds only one and does not say which.
        stderr: Standard error of ``score``, ``>= 0``; None when unknown.
        n_items: Number of test items, ``> 0``; None when unknown.
        seed: Which replicate of (model, step) this is; None when there is only one.
        cost_per_step: Cost of one step of this model, ``> 0``; None when unknown.

    Raises:
        InputError: If a field is none of the above; its ``field`` says which.
    """

    model: str
    step: float
    score: float
    benchmark: str | None = None
    stderr: float | None = None
    n_items: int | None = None
    seed: str | None = None
    cost_per_step: float | None = None

    def __post_init__(self) -> None:
        check_name(self.model, "model")
        if self.benchmark is not None:
            check_name(self.benchmark, "benchmark")
        if self.seed is not None:
            check_name(self.seed, "seed")
        for name in ("step", "score", "stderr", "cost_per_step"):  # an int is welcome and becomes a float
            if isinstance(getattr(self, name), int):
                object.__setattr__(self, name, float(getattr(self, name)))
        if not (math.isfinite(self.step) and self.step >= 0):
            raise _problem("step", "a number >= 0", self.step)
        if not math.isfinite(self.score):
            raise _problem("score", "a finite number", self.score)
        if self.stderr is not None and not (math.isfinite(self.stderr) and self.stderr >= 0):
            raise _problem("stderr", "a number >= 0 (empty when unknown)", self.stderr)
        if self.n_items is not None and self.n_items <= 0:
            raise _problem("n_items", "a positive whole number", self.n_items)
        if self.cost_per_step is not None and not (math.isfinite(self.cost_per_step) and self.cost_per_step > 0):
            raise _problem("cost_per_step", "a number > 0", self.cost_per_step)


def _problem(field: str, must: str, got: object) -> InputError:
    return InputError(f"{field} must be {must}, got {got!r}", field=field)
