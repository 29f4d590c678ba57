"""Pairs of models, a block at a time: how precise their differences are, and the largest one in each of many draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.typing import NDArray

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, require

# float32 where the caller knows that it is safe, float64 otherwise
Real = TypeVar("Real", np.float32, np.float64)
Precise = TypeVar("Precise", np.float32, np.float64, covariant=True)

BLOCK = 64
"""Models in a block: 64 x 64 differences of a few draws stay in the second-level cache."""

CHUNK = 64
"""Draws worked on at a time."""

CELLS = 2**22
"""Pairs of models worked on at a time."""

SAMPLE = 32
"""Draws by which the order of the work is decided."""

ROUNDING = 1e-12
"""Variances of differences below this share of the variances themselves are rounding errors."""


class Pairs(Protocol[Precise]):
    """1 / standard error of the difference of two models, 0 for pairs that stay tied."""

    def block(
        self, rows: Int[IntArray, " rows"], columns: Int[IntArray, " columns"]
    ) -> Float[NDArray[Precise], "rows columns"]:
        """Of the pairs of some models with some others."""
        ...

    def taken(self, models: Int[IntArray, " some_models"]) -> Pairs[Precise]:
        """The same of some models, in the order given."""
        ...

    def finest(self, starts: Int[IntArray, " blocks"]) -> Float[NDArray[Precise], "blocks blocks"]:
        """The largest value, or more, between each two blocks of neighbouring models."""
        ...

    def alike(self, estimates: Float[FloatArray, " models"]) -> Int[IntArray, " models"]:
        """An order of the models in which neighbours have errors alike, so that a block has one precision."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PrecisionMatrix(Pairs[Real]):
    """Every pair kept: the pairs of models that answered the same items have variances of their own."""

    values: Float[NDArray[Real], "models models"]

    def block(
        self, rows: Int[IntArray, " rows"], columns: Int[IntArray, " columns"]
    ) -> Float[NDArray[Real], "rows columns"]:
        return self.values[np.ix_(rows, columns)]

    def taken(self, models: Int[IntArray, " some_models"]) -> PrecisionMatrix[Real]:
        return PrecisionMatrix(values=self.values[np.ix_(models, models)])

    def finest(self, starts: Int[IntArray, " blocks"]) -> Float[NDArray[Real], "blocks blocks"]:
        return np.maximum.reduceat(np.maximum.reduceat(self.values, starts, axis=0), starts, axis=1)

    def alike(self, estimates: Float[FloatArray, " models"]) -> Int[IntArray, " models"]:
        return np.argsort(-estimates, kind="stable").astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class IndependentErrors(Pairs[np.float64]):
    """The errors of different models are independent: the variances alone are kept."""

    variances: Float[FloatArray, " models"]

    def block(
        self, rows: Int[IntArray, " rows"], columns: Int[IntArray, " columns"]
    ) -> Float[FloatArray, "rows columns"]:
        total = self.variances[rows, None] + self.variances[columns]
        total[rows[:, None] == columns] = 0.0
        return precision_of(total)

    def taken(self, models: Int[IntArray, " some_models"]) -> IndependentErrors:
        return IndependentErrors(variances=self.variances[models])

    def finest(self, starts: Int[IntArray, " blocks"]) -> Float[FloatArray, "blocks blocks"]:
        least = np.minimum.reduceat(self.variances, starts)
        positive = np.minimum.reduceat(np.where(self.variances > 0, self.variances, np.inf), starts)
        total = least[:, None] + least
        return precision_of(np.where(total > 0, total, np.minimum(positive[:, None], positive)))

    def alike(self, estimates: Float[FloatArray, " models"]) -> Int[IntArray, " models"]:
        return np.lexsort((-estimates, self.variances)).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class CorrelatedErrors(Pairs[np.float64]):
    """The errors have a known covariance."""

    covariance: Float[FloatArray, "models models"]

    def block(
        self, rows: Int[IntArray, " rows"], columns: Int[IntArray, " columns"]
    ) -> Float[FloatArray, "rows columns"]:
        own = np.diag(self.covariance)
        total = own[rows, None] + own[columns]
        spread = total - 2 * self.covariance[np.ix_(rows, columns)]
        spread[rows[:, None] == columns] = 0.0
        return precision_of(spread, ROUNDING * total)

    def taken(self, models: Int[IntArray, " some_models"]) -> CorrelatedErrors:
        return CorrelatedErrors(covariance=self.covariance[np.ix_(models, models)])

    def finest(self, starts: Int[IntArray, " blocks"]) -> Float[FloatArray, "blocks blocks"]:
        return _finest(self, len(self.covariance), starts)

    def alike(self, estimates: Float[FloatArray, " models"]) -> Int[IntArray, " models"]:
        return np.lexsort((-estimates, np.diag(self.covariance))).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairsLeft(Pairs[Real]):
    """Pairs without the orders that are already found: what the next step of the step-down method tests."""

    pairs: Pairs[Real]
    estimates: Float[FloatArray, " models"]
    critical_value: float

    def block(
        self, rows: Int[IntArray, " rows"], columns: Int[IntArray, " columns"]
    ) -> Float[NDArray[Real], "rows columns"]:
        precision = self.pairs.block(rows, columns)
        found = (self.estimates[rows, None] - self.estimates[columns]) * precision > self.critical_value
        return np.where(found, precision.dtype.type(0), precision)

    def taken(self, models: Int[IntArray, " some_models"]) -> PairsLeft[Real]:
        return PairsLeft(
            pairs=self.pairs.taken(models), estimates=self.estimates[models], critical_value=self.critical_value
        )

    def finest(self, starts: Int[IntArray, " blocks"]) -> Float[NDArray[Real], "blocks blocks"]:
        return _finest(self, len(self.estimates), starts)

    def alike(self, estimates: Float[FloatArray, " models"]) -> Int[IntArray, " models"]:
        return self.pairs.alike(estimates)


def largest_difference(
    deviations: Float[NDArray[Real], "draws models"], pairs: Pairs[Real]
) -> Float[FloatArray, " draws"]:
    """Maximum over ordered pairs (j, k) of ``(deviations[:, j] - deviations[:, k]) * precision of (j, k)``, at least 0.

    The models are cut into blocks. In one draw, no pair of blocks J and K can exceed (max of J - min of K) * (largest
    precision between them); pairs of blocks whose bound does not exceed the maximum found so far are skipped. The
    result is exact. Neighbours in the order of the models should be alike, so that few pairs of blocks are left.

    Args:
        deviations: Centred draws of the estimates.
        pairs: How precise each difference is; 0 leaves the pair out.
    """
    n_draws, n = deviations.shape
    largest = np.zeros(n_draws, dtype=deviations.dtype)
    if n < 2:
        return largest.astype(np.float64)
    starts = np.arange(0, n, BLOCK, dtype=np.int64)
    blocks = [np.arange(start, min(start + BLOCK, n), dtype=np.int64) for start in starts.tolist()]
    high = np.maximum.reduceat(deviations, starts, axis=1)
    low = np.minimum.reduceat(deviations, starts, axis=1)
    finest = pairs.finest(starts)
    done = np.zeros(finest.shape, dtype=np.bool_)

    def work_on(a: int, b: int, bound: Shaped[NDArray[Real], " draws"]) -> None:
        done[a, b] = True
        open_draws = np.flatnonzero(bound > largest)
        if not open_draws.size:
            return
        precision = pairs.block(blocks[a], blocks[b])
        rows, columns = (slice(int(blocks[at][0]), int(blocks[at][-1]) + 1) for at in (a, b))
        for first in range(0, len(open_draws), CHUNK):
            draws = open_draws[first : first + CHUNK]
            differences = deviations[draws, rows, None] - deviations[draws, None, columns]
            differences *= precision
            largest[draws] = np.maximum(largest[draws], differences.reshape(len(draws), -1).max(axis=1))

    # promising pairs of blocks first: the others are then skipped in most draws
    promise = np.stack(
        [np.median((high[:SAMPLE, a, None] - low[:SAMPLE]) * finest[a], axis=0) for a in range(len(starts))]
    )
    first = min(4 * len(starts), promise.size)
    promising = np.argpartition(-promise, first - 1, axis=None)[:first]
    for pair in promising[np.argsort(-promise.ravel()[promising], kind="stable")].tolist():
        a, b = divmod(pair, len(starts))
        work_on(a, b, (high[:, a] - low[:, b]) * finest[a, b])
    for a in np.argsort(-promise.max(axis=1), kind="stable").tolist():
        bound = (high[:, a, None] - low) * finest[a]
        still = np.flatnonzero((bound > largest[:, None]).any(axis=0) & ~done[a])
        for b in still[np.argsort(-promise[a, still], kind="stable")].tolist():
            work_on(a, b, bound[:, b])
    return largest.astype(np.float64)


def precision_of(
    variance: Float[NDArray[Real], "rows columns"], rounding: Float[NDArray[Real], "rows columns"] | float = 0.0
) -> Float[NDArray[Real], "rows columns"]:
    """1 / standard error for each pair; 0 where the variance is not above the rounding error or infinite."""
    known = (variance > rounding) & (variance < np.inf)
    return np.where(known, 1 / np.sqrt(np.where(known, variance, 1)), 0).astype(variance.dtype)


def row_blocks(n: int) -> Iterator[Int[IntArray, " rows"]]:
    """Rows of a matrix of all pairs, as many at a time as ``CELLS`` allows."""
    step = max(CELLS // max(n, 1), 1)
    for first in range(0, n, step):
        yield np.arange(first, min(first + step, n), dtype=np.int64)


class Orders(Protocol):
    """Which models are significantly better than which, some of them at a time."""

    def rows(self, models: Int[IntArray, " some_models"]) -> Bool[BoolArray, "some_models models"]:
        """``[j, k]``: the j-th of these models is significantly better than model k."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class OrderMatrix(Orders):
    """Orders that are kept, a byte a pair."""

    ahead: Bool[BoolArray, "models models"]

    def __post_init__(self) -> None:
        n = len(self.ahead)
        require(self.ahead.shape == (n, n), "ahead", f"of shape {(n, n)}", self.ahead.shape)

    def rows(self, models: Int[IntArray, " some_models"]) -> Bool[BoolArray, "some_models models"]:
        return self.ahead[models]


@dataclass(frozen=True, kw_only=True, eq=False)
class OrdersBeyond(Orders):
    """Orders of all pairs whose studentised difference exceeds a critical value, found anew when asked for."""

    estimates: Float[FloatArray, " models"]
    pairs: Pairs[Any]
    critical_value: float

    def rows(self, models: Int[IntArray, " some_models"]) -> Bool[BoolArray, "some_models models"]:
        every = np.arange(len(self.estimates), dtype=np.int64)
        return (self.estimates[models, None] - self.estimates) * self.pairs.block(models, every) > self.critical_value


def _finest(pairs: Pairs[Real], n: int, starts: Int[IntArray, " blocks"]) -> Float[NDArray[Real], "blocks blocks"]:
    """The largest precision between each two blocks, a row of blocks at a time."""
    every = np.arange(n, dtype=np.int64)
    found: list[Float[NDArray[Real], " blocks"]] = []
    for start in starts.tolist():
        rows = np.arange(start, min(start + BLOCK, n), dtype=np.int64)
        found.append(np.maximum.reduceat(pairs.block(rows, every).max(axis=0), starts))
    return np.stack(found)
