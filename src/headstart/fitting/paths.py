"""Brownian paths given noisy points, drawn on a grid of steps and interpolated: random functions that stay the same.

The grid ("nodes") of a model is its measured steps and others between and beyond them, evenly spaced in
``log1p(step)`` up to the farthest step a forecast is made for. A path is drawn at all nodes at once, forwards by the
Kalman filter and backwards by sampling (Carter and Kohn 1994), and is linear in ``log1p(step)`` between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray
from headstart.fitting.curve_model import FARTHEST
from headstart.fitting.sample import Sample

SPACING = 0.35
"""Largest distance of two nodes in ``log1p(step)``: a factor of 1.4 in steps."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Nodes:
    """Where the paths of each model are drawn, and what was measured there.

    Args:
        x: ``log1p(step)``, rising; the last one is repeated where padded.
        value: What was measured; 0 where nothing was.
        variance: Its noise variance; infinite where nothing was measured.
    """

    x: Float[FloatArray, "models nodes"]
    value: Float[FloatArray, "models nodes"]
    variance: Float[FloatArray, "models nodes"]

    @classmethod
    def of(
        cls,
        sample: Sample,
        value: Float[FloatArray, "models points"],
        variance: Float[FloatArray, "models points"],
    ) -> Nodes:
        """Nodes of a sample, for values (scores or a transform of them) at its points."""
        top = np.log1p(FARTHEST * sample.max_step)
        share = np.linspace(0.0, 1.0, int(np.ceil(top.max() / SPACING)) + 1)
        grid = top[:, None] * share
        measured = np.where(sample.present, np.log1p(sample.step), top[:, None])
        x = np.concatenate([grid, measured], axis=1)
        nothing = np.zeros(grid.shape)
        order = np.argsort(x, axis=1, kind="stable")
        return cls(
            x=np.take_along_axis(x, order, axis=1),
            value=np.take_along_axis(np.concatenate([nothing, np.where(sample.present, value, 0.0)], axis=1), order, 1),
            variance=np.take_along_axis(
                np.concatenate([nothing + np.inf, np.where(sample.present, variance, np.inf)], axis=1), order, axis=1
            ),
        )

    def take(self, index: IntArray) -> Nodes:
        """The models at ``index``."""
        return Nodes(x=self.x[index], value=self.value[index], variance=self.variance[index])


def draw_path(
    *,
    start_mean: FloatArray,
    start_variance: FloatArray,
    drift: FloatArray,
    growth: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    normals: Float[FloatArray, "draws models nodes"],
) -> Float[FloatArray, "draws models nodes"]:
    """Draw ``f`` with ``f[k] = f[k-1] + drift[k] + N(0, growth[k])`` given noisy values of it.

    All arrays broadcast to (draws, models, nodes); those of the start to (draws, models).

    Args:
        start_mean: Mean of ``f`` before node 0.
        start_variance: Its variance.
        drift: Change up to each node that is known.
        growth: Variance of the change up to each node, >= 0.
        value: What was measured at each node.
        variance: Noise variance of that, > 0; infinite where nothing was measured.
        normals: Standard normal numbers.

    >>> sure = dict(start_mean=np.zeros((1, 1)), start_variance=np.ones((1, 1)), growth=np.ones((1, 1, 3)))
    >>> seen = dict(value=np.array([[[0.0, 0.0, 5.0]]]), variance=np.array([[[np.inf, np.inf, 1e-12]]]))
    >>> draw_path(**sure, **seen, drift=np.zeros((1, 1, 3)), normals=np.zeros((1, 1, 3))).round(2).tolist()
    [[[2.5, 3.75, 5.0]]]
    """
    shape = normals.shape
    drift, growth = np.broadcast_to(drift, shape), np.broadcast_to(growth, shape)
    path, spread = filtered(
        start_mean=start_mean,
        start_variance=start_variance,
        drift=drift,
        growth=growth,
        value=np.broadcast_to(value, shape),
        variance=np.broadcast_to(variance, shape),
    )
    path[..., -1] += np.sqrt(spread[..., -1]) * normals[..., -1]
    for k in range(shape[2] - 2, -1, -1):
        p, total = spread[..., k], spread[..., k] + growth[..., k + 1]
        gain = np.divide(p, total, out=np.ones(p.shape), where=total > 0)
        path[..., k] += gain * (path[..., k + 1] - drift[..., k + 1] - path[..., k])
        path[..., k] += np.sqrt(p * (1 - gain)) * normals[..., k]
    return path


def filtered(
    *,
    start_mean: FloatArray,
    start_variance: FloatArray,
    drift: FloatArray,
    growth: FloatArray,
    value: FloatArray,
    variance: FloatArray,
) -> tuple[Float[FloatArray, "draws models nodes"], Float[FloatArray, "draws models nodes"]]:
    """Mean and variance of ``f`` at each node given what was measured up to it; arguments as in ``draw_path``.

    ``value`` has the full shape (draws, models, nodes).
    """
    mean, spread = np.empty(value.shape), np.empty(value.shape)
    drift, growth, variance = (np.broadcast_to(a, value.shape) for a in (drift, growth, variance))
    m, p = start_mean, start_variance
    for k in range(value.shape[2]):
        m, p = m + drift[..., k], p + growth[..., k]
        gain = p / (p + variance[..., k])
        m, p = m + gain * (value[..., k] - m), p * (1 - gain)
        mean[..., k], spread[..., k] = m, p
    return mean, spread


def interpolate(
    x: Float[FloatArray, "models nodes"], path: Float[np.ndarray, "draws models nodes"], at: FloatArray
) -> Float[FloatArray, "draws models points"]:
    """Values of each path between its nodes, linear in ``x``, constant outside; ``at`` is (models, points)."""
    right = np.empty(at.shape, dtype=np.int64)
    for row, wanted in enumerate(at):
        right[row] = np.searchsorted(x[row], wanted, side="right")
    right = np.clip(right, 1, x.shape[1] - 1)
    model = np.arange(len(x), dtype=np.int64)[:, None]
    low, high = x[model, right - 1], x[model, right]
    width = high - low
    share = np.clip(np.divide(at - low, width, out=np.ones(at.shape), where=width > 0), 0.0, 1.0)
    left = path[:, model, right - 1]
    return left + share * (path[:, model, right] - left)
