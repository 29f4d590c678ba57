"""Fields of models whose true curves are known, measured with noise at a few checkpoints.

Two kinds of curves, as shares of the items answered correctly:

* ``law``: the logit power law that fits assume in part: ``L + (U - L) * expit(alpha + beta * log(step))``.
* ``clock``: a rise in log-odds along a logistic clock in ``log1p(step)``, as the other curve model assumes, and for
  every fifth model a later fall of 3 to 15 points along a second clock.
* ``mixed``: half of the models from each.

The true score at a step is a number; what is measured there is a binomial share of ``items`` answered correctly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from headstart.data.trajectories import Trajectories

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000.0])
"""Typical checkpoints."""

KINDS = ("law", "clock", "mixed")
FALLING = 5
"""One of so many models of kind ``clock`` falls."""


@dataclass(frozen=True, kw_only=True)
class TrueCurves:
    """Known curves. ``law`` has columns L, U, alpha, beta; ``clock`` start, gain, midpoint, slope, fall, its midpoint.

    Args:
        law: Shape (models of the law, 4).
        clock: Shape (models with a clock, 6).
    """

    law: np.ndarray
    clock: np.ndarray

    @property
    def models(self) -> int:
        return len(self.law) + len(self.clock)

    def score(self, step: np.ndarray) -> np.ndarray:
        """True scores, shape (models, steps)."""
        at = np.asarray(step, dtype=np.float64)
        low, high, alpha, beta = self.law.T[:, :, None]
        with np.errstate(divide="ignore"):
            law = low + (high - low) * expit(alpha + beta * np.log(at))
        start, gain, midpoint, slope, fall, late = self.clock.T[:, :, None]
        x = np.log1p(at)
        begun = expit(-slope * midpoint)
        done = (expit(slope * (x - midpoint)) - begun) / (1 - begun)
        rise = expit(logit(start) + gain * done)
        fallen = expit(2.0 * (x - late)) - expit(-2.0 * late)
        return np.concatenate([law, rise - np.minimum(fall, rise - 0.05) * fallen])


def draw_curves(kind: str, models: int, generator: np.random.Generator) -> TrueCurves:
    """Curves whose starts and gains resemble those of open models tuned for a four-choice test."""
    laws = {"law": models, "clock": 0, "mixed": models // 2}[kind]
    start = generator.uniform(0.25, 0.65, models)
    whole = (0.78 - start) * generator.beta(1.3, 1.6, models)
    midpoint, slope = generator.normal(5.4, 0.9, models), np.exp(generator.normal(0.5, 0.4, models))
    law = np.column_stack([start, start + whole, -slope * midpoint, slope])[:laws]
    clocks = models - laws
    own = start[laws:]
    falls = np.arange(clocks) % FALLING == FALLING - 1
    fall = np.where(falls, generator.uniform(0.03, 0.15, clocks), 0.0)
    clock = np.column_stack(
        [own, logit(own + whole[laws:]) - logit(own), midpoint[laws:], slope[laws:], fall,
         generator.uniform(6.5, 8.5, clocks)]
    )  # fmt: skip
    return TrueCurves(law=law, clock=clock)


def measure(curves: TrueCurves, items: int, generator: np.random.Generator, steps: np.ndarray = STEPS) -> Trajectories:
    """Binomial shares of ``items`` at the checkpoints, independent of each other."""
    share = generator.binomial(items, curves.score(steps)) / items
    return Trajectories.from_rows(
        model=np.repeat([f"m{i:04d}" for i in range(curves.models)], len(steps)).tolist(),
        step=np.tile(steps, curves.models),
        score=share.ravel(),
        n_items=np.full(share.size, items),
    )
