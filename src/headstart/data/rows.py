"""One measured score: the row of a trajectories file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from headstart.data.outcomes import OutcomeName, as_outcome, untunable_step
from headstart.errors import InputError, together
from headstart.io.text import check_name


@dataclass(frozen=True, kw_only=True, slots=True)
class TrajectoryRow:
    """The score of one model after a number of tuning steps.

    Args:
        model: Name.
        step: Tuning effort at which the score was measured, ``>= 0``.
        score: The benchmark's score; None where the run diverged before this step.
        benchmark: Name; None when the file holds only one and does not say which.
        stderr: Standard error of ``score``, ``>= 0``; None when unknown.
        n_items: Number of test items, ``> 0``; None when unknown.
        seed: Which replicate of (model, step) this is; None when there is only one.
        cost_per_step: Cost of one step of this model, ``> 0``; None when unknown.
        outcome: How the run ended, the same in all its rows; None when nothing was said. ``untunable`` marks a direct
            score, at step 0, of a contestant that cannot be tuned.
        plan_hash: Hash of the sealed plan under which the score was measured; None without one.

    Raises:
        InputError: If a field is none of the above; its ``field`` says which; every one of them is told.
    """

    model: str
    step: float
    score: float | None
    benchmark: str | None = None
    stderr: float | None = None
    n_items: int | None = None
    seed: str | None = None
    cost_per_step: float | None = None
    outcome: OutcomeName | None = None
    plan_hash: str | None = None

    def __post_init__(self) -> None:
        check_name(self.model, "model")
        if self.benchmark is not None:
            check_name(self.benchmark, "benchmark")
        if self.seed is not None:
            check_name(self.seed, "seed")
        if self.plan_hash is not None:
            check_name(self.plan_hash, "plan_hash")
        object.__setattr__(self, "outcome", as_outcome(self.outcome))
        for name in ("step", "score", "stderr", "cost_per_step"):  # an int is welcome and becomes a float
            if isinstance(getattr(self, name), int):
                object.__setattr__(self, name, float(getattr(self, name)))
        problems = list(self._problems())
        if problems:
            raise together(problems)

    def _problems(self) -> Iterator[InputError]:
        if not (math.isfinite(self.step) and self.step >= 0):
            yield _problem("step", "a number >= 0", self.step)
        elif self.outcome == "untunable" and self.step > 0:
            yield untunable_step(self.step)
        if self.score is None and self.outcome != "diverged":
            yield InputError("score must be a number, got nothing", field="score")
        if self.score is not None and not math.isfinite(self.score):
            yield _problem("score", "a finite number", self.score)
        if self.stderr is not None and not (math.isfinite(self.stderr) and self.stderr >= 0):
            yield _problem("stderr", "a number >= 0 (empty when unknown)", self.stderr)
        if self.n_items is not None and self.n_items <= 0:
            yield _problem("n_items", "a positive whole number", self.n_items)
        if self.cost_per_step is not None and not (math.isfinite(self.cost_per_step) and self.cost_per_step > 0):
            yield _problem("cost_per_step", "a number > 0", self.cost_per_step)


def _problem(field: str, must: str, got: object) -> InputError:
    return InputError(f"{field} must be {must}, got {got!r}", field=field)
