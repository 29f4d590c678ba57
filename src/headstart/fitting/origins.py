"""Rolling origins: the same measurements with the last points of every model held back, once for each number of them.

What a forecast from the earlier points makes of the held-back ones says how much to trust it, from the file alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from headstart.contest.arrays import BoolArray
from headstart.fitting.curve_model import FARTHEST
from headstart.fitting.sample import Sample

FEWEST_EARLY = 4
"""Fewest points of a model that are forecast from: with fewer a curve's shape is the prior's alone."""

MOST_ORIGINS = 5
"""Most points of a model that are held back."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """One division of the points.

    Args:
        early: The points forecast from.
        all: The same models with all their points.
        later: Which points of ``all`` are forecast: those after the early ones, within the farthest step shown.
    """

    early: Sample
    all: Sample
    later: Bool[BoolArray, "models points"]


def origins(sample: Sample, *, most: int = MOST_ORIGINS) -> Iterator[Origin]:
    """The divisions of a sample, most points held back first; none where no model has points enough."""
    for held_back in range(most, 0, -1):
        count = sample.points - held_back
        tested = np.flatnonzero(count >= FEWEST_EARLY)
        if not tested.size:
            continue
        whole, early = sample.take(tested), sample.take(tested).first(count[tested])
        after = np.greater_equal(np.arange(whole.step.shape[1], dtype=np.int64)[None, :], count[tested][:, None])
        later = whole.present & after & (whole.step <= FARTHEST * early.max_step[:, None])
        if later.any():
            yield Origin(early=early, all=whole, later=later)
