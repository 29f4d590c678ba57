"""How many rivals a score beats on average, for one common noise: one function of the score for the whole field.

``F(s) = sum over k of Phi((s - s_k) / tau)``. Along the score axis, in cells of half a standard deviation, F is
replaced by its Taylor polynomial at the middle of the cell. A rival further than the cut-off counts as 0 or 1. Both
errors are bounded by ``ERROR`` per rival, which is rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from headstart.contest.arrays import FloatArray, IntArray

WIDTH = 0.5
"""Width of a cell in standard deviations."""

ORDER = 12
"""Order of the Taylor polynomials."""

WINDOW = 18
"""Cells on either side of its own in which a rival counts by its polynomial: 9 standard deviations."""

_FAR = 1e15
"""Standard deviations beyond which cells are not numbered: everybody is beaten there, or nobody."""

ERROR = 3e-14
"""Bound on the error of F per rival, rounding apart (docs/incentive, "Computing it")."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedCount:
    """F of one field.

    Args:
        origin: Start of cell 0, in score units.
        sd: Standard deviation of a difference of two noises, ``> 0``.
        cell: The cells near some rival, rising, shape (cells,).
        coefficient: Taylor coefficients there by power of (score - middle) / sd, shape (ORDER + 1, cells).
        rival_cell: The cells of the rivals, rising, shape (models,).
    """

    origin: float
    sd: float
    cell: IntArray
    coefficient: FloatArray
    rival_cell: IntArray

    @classmethod
    def of(cls, scores: Float[FloatArray, " models"], sd: float) -> ExpectedCount:
        """The function of a field with these true scores."""
        origin = float(scores.min())
        own = np.floor((scores - origin) / (sd * WIDTH)).astype(np.int64)
        near = own[:, None] + np.arange(-WINDOW, WINDOW + 1)
        cell, place = np.unique(near, return_inverse=True)
        place = place.ravel()
        z = (WIDTH * (near + 0.5) - ((scores - origin) / sd)[:, None]).ravel()
        coefficient = np.empty((ORDER + 1, cell.size))
        coefficient[0] = np.bincount(place, ndtr(z), cell.size)
        before, now = np.zeros_like(z), np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        factorial = 1.0
        for m in range(1, ORDER + 1):  # derivatives of the density: f(m) = -z f(m - 1) - (m - 1) f(m - 2)
            factorial *= m
            coefficient[m] = np.bincount(place, now / factorial, cell.size)
            before, now = now, -z * now - (m - 1) * before
        rival_cell = np.sort(own)
        coefficient[0] += np.searchsorted(rival_cell, cell - WINDOW, side="left")
        return cls(origin=origin, sd=sd, cell=cell, coefficient=coefficient, rival_cell=rival_cell)

    def at(self, score: FloatArray) -> FloatArray:
        """F at scores of any shape."""
        x = np.clip((score - self.origin) / self.sd, -_FAR, _FAR)
        cell = np.floor(x / WIDTH).astype(np.int64)
        place = np.minimum(np.searchsorted(self.cell, cell), self.cell.size - 1)
        near = self.cell[place] == cell
        delta = np.where(near, x - WIDTH * (cell + 0.5), 0.0)
        total = self.coefficient[ORDER][place]
        for m in range(ORDER - 1, -1, -1):
            total = total * delta + self.coefficient[m][place]
        if near.all():
            return total
        return np.where(near, total, np.searchsorted(self.rival_cell, cell - WINDOW, side="left"))
