"""How a cell ended, judged on its own test items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

COMPLETE = "complete"
DIVERGED = "diverged"
NO_GAIN = "no gain"
FORGETS = "forgets"
UNTUNABLE = "untunable"

_CONFIDENT = 1.96  # standard errors; two-sided 95 %


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A verdict and the measurement behind it."""

    name: str
    reason: str | None = None


def judge(values: Mapping[int, Float[np.ndarray, "items"]]) -> Outcome:
    """Compare the levels of a finished run, item by item.

    ``forgets``: the score at the last level is below that at an earlier one by more than 1.96 paired standard errors.
    ``no gain``: no level is above the untuned model by as much. Levels are compared without a correction for their
    number: the verdict is a pointer for whoever reads the curve, not a test.

    Args:
        values: For every level, the metric of every test item, in the same order.
    """
    steps = sorted(values)
    last, untuned = steps[-1], steps[0]
    for step in steps[:-1]:
        difference, error = _paired(values[last], values[step])
        if difference < -_CONFIDENT * error:
            return Outcome(
                name=FORGETS,
                reason=f"the score falls by {-difference:.3f} (standard error {error:.3f}) from step {step} to {last}",
            )
    gains = {step: _paired(values[step], values[untuned]) for step in steps[1:]}
    if gains and not any(difference > _CONFIDENT * error for difference, error in gains.values()):
        best = max(gains, key=lambda step: gains[step][0])
        return Outcome(
            name=NO_GAIN,
            reason=f"the largest gain is {gains[best][0]:+.3f} (standard error {gains[best][1]:.3f}), at step {best}",
        )
    return Outcome(name=COMPLETE)


def _paired(values: Float[np.ndarray, "items"], reference: Float[np.ndarray, "items"]) -> tuple[float, float]:
    """Mean difference and its standard error."""
    difference = values - reference
    error = float(np.std(difference, ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else float("inf")
    return float(np.mean(difference)), error
