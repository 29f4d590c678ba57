"""Rank sets from scores per item: the models answered the same items, so their differences are paired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.rank_sets import DRAWS, RankSets, check_draws, precision_of, sets_of

CHUNK = 2048
"""Items, or clusters, multiplied at a time."""

EXACT_COUNTS = 2**24
"""float32 counts up to here without error."""

NEAR = 1e-6
"""Differences with less than this share of the models' own variance are computed from the items themselves."""

SAME = 1e-14
"""Differences between two models on every item that vary less than this share of the scores are the same."""


def rank_sets_from_items(
    scores: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
    n_draws: int = DRAWS,
    step_down: bool | None = None,
    seed: int = 0,
) -> RankSets:
    """Simultaneous confidence sets for the ranks of models by their mean score, from the score on every item.

    The items are a sample of those that the benchmark might have asked. Errors of the means come from standard normal
    multipliers, one an item (or a cluster), which every model shares: the correlation between models is kept. A pair of
    models whose difference is the same on every item has a standard error of 0 and stays tied.

    Right or wrong (0 and 1) without clusters is computed in float32, in which the counts are exact; all else in
    float64.

    Args:
        scores: Models x items, higher is better; no missing values.
        clusters: Cluster of each item (items of one passage, say), any labels; None: the items are independent.
        confidence: Probability that all sets hold at once, in (0, 1).
        n_draws: Multiplier draws behind the critical value.
        step_down: Repeat the test without the orders already found; None: up to 1,000 models.
        seed: Of the draws.

    Raises:
        InputError: Fewer than two items or clusters, missing or infinite scores, labels that do not fit.

    Source: Mogstad, Romano, Shaikh, Wilhelm (2024), sections 3.2 and 3.3; multiplier draws for the largest of many
    means: Chernozhukov, Chetverikov, Kato (2013), Annals of Statistics 41.

    >>> right = [[1, 1, 1, 1, 1, 1, 0, 1] * 25, [0, 1, 0, 1, 0, 1, 0, 0] * 25, [0, 1, 0, 1, 0, 1, 0, 0] * 25]
    >>> sets = rank_sets_from_items(right)
    >>> sets.best.tolist(), sets.worst.tolist()
    ([1, 2, 2], [1, 3, 3])
    """
    matrix = np.asarray(scores)
    require(matrix.ndim == 2 and len(matrix) > 0, "scores", "models x items with at least one model", matrix.shape)
    require(matrix.dtype.kind in "biuf", "scores", "numbers", matrix.dtype)
    missing = int(np.count_nonzero(~np.isfinite(matrix))) if matrix.dtype.kind == "f" else 0
    require(missing == 0, "scores", "finite on every item", f"{missing} missing or infinite values")
    units = None if clusters is None else _units(np.asarray(clusters), matrix.shape[1])
    n_units = matrix.shape[1] if units is None else len(units.starts)
    require(n_units >= 2, "scores", "on at least two items or clusters", n_units)
    check_draws(confidence, n_draws)
    estimates = matrix.mean(axis=1, dtype=np.float64)
    rng = np.random.default_rng(seed)
    if units is None and n_units < EXACT_COUNTS and _is_binary(matrix):
        return sets_of(
            estimates, *_from_counts(matrix, estimates, n_draws, rng), confidence=confidence, step_down=step_down
        )
    own = units or Units(order=np.arange(n_units), starts=np.arange(n_units))
    return sets_of(
        estimates, *_from_sums(matrix, estimates, own, n_draws, rng), confidence=confidence, step_down=step_down
    )


@dataclass(frozen=True, kw_only=True)
class Units:
    """The independent units of a test: clusters of items, or single items.

    Args:
        order: Items, cluster by cluster.
        starts: Where each cluster starts in that order.
    """

    order: Int[IntArray, " items"]
    starts: Int[IntArray, " units"]

    def parts(self) -> Iterator[tuple[Int[IntArray, " some_items"], Int[IntArray, " some_units"]]]:
        """Cut into parts of about `CHUNK` items: the items of each, and where its units start among them."""
        cuts = np.flatnonzero(np.diff(self.starts // CHUNK, prepend=-1))
        for starts in np.split(self.starts, cuts[1:]):
            last = np.count_nonzero(self.starts <= starts[-1])
            end = self.starts[last] if last < len(self.starts) else len(self.order)
            yield self.order[starts[0] : end], starts - starts[0]


def _units(labels: NDArray[Any], n_items: int) -> Units:
    require(labels.shape == (n_items,), "clusters", f"one label for each of {n_items} items", labels.shape)
    known = labels == labels
    require(known.all(), "clusters", "known for every item", f"{np.count_nonzero(~known)} without")
    _, own = np.unique(labels, return_inverse=True)
    order = np.argsort(own, kind="stable").astype(np.int64)
    starts = np.flatnonzero(np.diff(own[order], prepend=-1)).astype(np.int64)
    return Units(order=order, starts=starts)


def _is_binary(matrix: NDArray[Any]) -> bool:
    return all(bool(np.logical_or(row == 0, row == 1).all()) for row in matrix)


def _from_counts(
    matrix: NDArray[Any], means: Float[FloatArray, " models"], n_draws: int, rng: np.random.Generator
) -> tuple[Float[NDArray[np.float32], "draws models"], Float[NDArray[np.float32], "models models"]]:
    """Draws of the errors of means of zeros and ones, and the precision of the paired differences, in float32."""
    n, n_items = matrix.shape
    both = np.zeros((n, n), dtype=np.float32)
    deviations = np.zeros((n_draws, n), dtype=np.float32)
    for first in range(0, n_items, CHUNK):
        block = matrix[:, first : first + CHUNK].astype(np.float32)
        both += block @ block.T
        block -= means[:, None].astype(np.float32)
        deviations += rng.standard_normal((n_draws, block.shape[1]), dtype=np.float32) @ block.T
    # in place of the counts of items that both have right: the variance of the difference, times items * (items - 1)
    right = np.diag(both).astype(np.float64)
    for j in range(n):
        ahead = right[j] - right
        both[j] = (right[j] + right - 2.0 * both[j]) - ahead**2 / n_items
    np.fill_diagonal(both, 0.0)
    scale = np.float32(np.sqrt(n_items * (n_items - 1.0)))
    # a variance is 0 or at least 1 - 1 / items: rounding cannot be mistaken for it
    precision = precision_of(both, 1e-3)
    precision *= scale
    deviations *= np.float32(1 / np.sqrt(n_items * (n_items - 1.0)))
    return deviations, precision


def _from_sums(
    matrix: NDArray[Any], means: Float[FloatArray, " models"], units: Units, n_draws: int, rng: np.random.Generator
) -> tuple[Float[FloatArray, "draws models"], Float[FloatArray, "models models"]]:
    """Draws of the errors of means of any scores, and the precision of the paired differences, by sums over units."""
    n, n_items = matrix.shape
    products = np.zeros((n, n))
    deviations = np.zeros((n_draws, n))
    for items, starts in units.parts():
        block = np.add.reduceat(matrix[:, items] - means[:, None], starts, axis=1)
        products += block @ block.T
        deviations += rng.standard_normal((n_draws, len(starts))) @ block.T
    own = np.diag(products).copy()
    variance = products
    variance *= -2.0
    variance += own[:, None]
    variance += own
    near = variance <= NEAR * (own[:, None] + own)
    np.fill_diagonal(near, False)
    np.fill_diagonal(variance, 0.0)
    for j in np.flatnonzero(near.any(axis=1)).tolist():
        others = np.flatnonzero(near[j])
        variance[j, others] = [_squares_of_difference(matrix[j], matrix[k], units) for k in others.tolist()]
    unit_factor = len(units.starts) / (len(units.starts) - 1.0) / n_items**2
    return deviations * np.sqrt(unit_factor), precision_of(variance * unit_factor)


def _squares_of_difference(a: NDArray[Any], b: NDArray[Any], units: Units) -> float:
    """Sum over units of the squared, centred difference; 0 where nothing but rounding is left."""
    difference = a.astype(np.float64) - b
    difference -= difference.mean()
    size = max(float(np.abs(a).max()), float(np.abs(b).max()))
    if np.abs(difference).max() <= SAME * size:
        return 0.0
    return float((np.add.reduceat(difference[units.order], units.starts) ** 2).sum())
