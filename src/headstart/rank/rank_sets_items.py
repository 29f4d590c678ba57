"""Rank sets from scores per item: the models answered the same items, so their differences are paired."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.pairs import PrecisionMatrix, precision_of, row_blocks
from headstart.rank.rank_sets import DRAWS, RankSets, check_draws, sets_of
from headstart.rank.units import CHUNK, Units, units_of

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
    multipliers, one an item (or a cluster), which every model shares: the correlation between models is kept. The
    critical value is corrected for few units (``for_units``). A pair of
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
    units = units_of(clusters, matrix.shape[1])
    require(len(units) >= 2, "scores", "on at least two items or clusters", len(units))
    check_draws(confidence, n_draws)
    estimates = matrix.mean(axis=1, dtype=np.float64)
    rng = np.random.default_rng(seed)
    if clusters is None and len(units) < EXACT_COUNTS and _is_binary(matrix):
        deviations, precision = _from_counts(matrix, estimates, n_draws, rng)
        pairs = PrecisionMatrix(values=precision)
        return sets_of(estimates, deviations, pairs, confidence=confidence, step_down=step_down, n_units=len(units))
    errors, precise = _from_sums(matrix, estimates, units, n_draws, rng)
    precisions = PrecisionMatrix(values=precise)
    return sets_of(estimates, errors, precisions, confidence=confidence, step_down=step_down, n_units=len(units))


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
    for rows in row_blocks(n):
        # a variance is 0 or at least 1 - 1 / items: rounding cannot be mistaken for it
        both[rows] = precision_of(both[rows], 1e-3) * scale
    deviations *= np.float32(1 / np.sqrt(n_items * (n_items - 1.0)))
    return deviations, both


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
    unit_factor = len(units) / (len(units) - 1.0) / n_items**2
    own = np.diag(products).copy()
    copies = _copies(matrix)
    for rows in row_blocks(n):  # the precision in place of the products
        total = own[rows, None] + own
        variance = total - 2.0 * products[rows]
        same = copies[rows, None] == copies
        variance[same] = 0.0
        near = (variance <= NEAR * total) & ~same
        for at in np.flatnonzero(near.any(axis=1)).tolist():
            others = np.flatnonzero(near[at])
            variance[at, others] = [_squares_of_difference(matrix[rows[at]], matrix[k], units) for k in others.tolist()]
        products[rows] = precision_of(variance * unit_factor)
    deviations *= np.sqrt(unit_factor)
    return deviations, products


def _copies(matrix: NDArray[Any]) -> Int[IntArray, " models"]:
    """The same number for models with the same score on every item."""
    seen: dict[bytes, int] = {}
    digests = [hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=16).digest() for row in matrix]
    return np.array([seen.setdefault(digest, len(seen)) for digest in digests], dtype=np.int64)


def _squares_of_difference(a: NDArray[Any], b: NDArray[Any], units: Units) -> float:
    """Sum over units of the squared, centred difference; 0 where nothing but rounding is left."""
    difference = a.astype(np.float64) - b
    difference -= difference.mean()
    size = max(float(np.abs(a).max()), float(np.abs(b).max()))
    if np.abs(difference).max() <= SAME * size:
        return 0.0
    return float((units.sums(difference) ** 2).sum())
