"""Rank sets: for every model the ranks that noise leaves possible, all of them right at once with stated confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike, NDArray

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require, require_finite
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.pairs import (
    CorrelatedErrors,
    IndependentErrors,
    OrderMatrix,
    Orders,
    OrdersBeyond,
    Pairs,
    PairsLeft,
    PrecisionMatrix,
    Real,
    largest_difference,
    row_blocks,
)

DRAWS = 1000
"""Draws behind a critical value."""

STEP_DOWN_MODELS = 1000
"""Up to this many models the step-down method is the default."""


@dataclass(frozen=True, kw_only=True)
class RankSets:
    """A set of ranks for every model, simultaneous over the models.

    What the sets claim, with their confidence, is that *all* of them hold at once: whatever ties there are among the
    true scores, every model's true rank, or with a tie every rank that the tie covers, is in its set.

    Args:
        estimates: Score of each model, higher is better.
        orders: Which models are significantly better than which.
        critical_value: A pair is ordered where its studentised difference exceeds this.
        confidence: Probability aimed at that all sets hold at once.
        claim: ``confidence``: over repetitions of the measurement; ``credible``: over the posterior draws.
        n_draws: Draws behind the critical value.
        steps: Rounds of the step-down method, the last of which orders no further pair; 1 is the single-step method.
    """

    estimates: Float[FloatArray, " models"]
    orders: Orders
    critical_value: float
    confidence: float
    claim: Literal["confidence", "credible"]
    n_draws: int
    steps: int = 1

    def __post_init__(self) -> None:
        self.estimates.setflags(write=False)

    @cached_property
    def ahead(self) -> Bool[BoolArray, "models models"]:
        """``ahead[j, k]``: model j is significantly better than model k. It takes a byte a pair, once asked for."""
        found = (
            self.orders.ahead if isinstance(self.orders, OrderMatrix) else all_orders(self.orders, len(self.estimates))
        )
        found.setflags(write=False)
        return found

    @cached_property
    def _counts(self) -> tuple[Int[IntArray, " models"], Int[IntArray, " models"]]:
        """How many models are significantly better than each, and how many significantly worse."""
        n = len(self.estimates)
        better, worse = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        for rows in row_blocks(n):
            ahead = self.orders.rows(rows)
            better += np.count_nonzero(ahead, axis=0)
            worse[rows] = np.count_nonzero(ahead, axis=1)
        return better, worse

    @cached_property
    def best(self) -> Int[IntArray, " models"]:
        """Smallest rank in each set: 1 + the number of models significantly better."""
        return 1 + self._counts[0]

    @cached_property
    def worst(self) -> Int[IntArray, " models"]:
        """Largest rank in each set: the number of models not significantly worse, the model itself included."""
        return len(self.estimates) - self._counts[1]

    @cached_property
    def order(self) -> Int[IntArray, " models"]:
        """Models by estimate, best first; equal estimates in the order given."""
        return np.argsort(-self.estimates, kind="stable").astype(np.int64)


def rank_sets_from_estimates(
    estimates: ArrayLike,
    *,
    standard_errors: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
    n_draws: int = DRAWS,
    step_down: bool | None = None,
    seed: int = 0,
) -> RankSets:
    """Simultaneous confidence sets for the ranks of estimates whose errors are normal.

    The errors are independent with the standard errors given, or have the covariance given: exactly one of the two.
    Where models answered the same items their errors are correlated, and `rank_sets_from_items` is sharper.
    A pair whose difference has no error at all stays tied: nothing is known of the noise in it.

    Args:
        estimates: One score a model, higher is better.
        standard_errors: One a model, not negative.
        covariance: Of the estimates, models x models.
        confidence: Probability that all sets hold at once, in (0, 1).
        n_draws: Draws behind the critical value.
        step_down: Repeat the test without the orders already found; None: up to 1,000 models.
        seed: Of the draws.

    Raises:
        InputError: Shapes that do not fit, values that are not finite, a covariance that is none.

    Source: Mogstad, Romano, Shaikh, Wilhelm (2024), Inference for Ranks, Review of Economic Studies 91, sections 3.2
    and 3.3 (two-sided sets, all ranks at once; stepwise method of Romano and Wolf 2005).

    >>> sets = rank_sets_from_estimates([0.9, 0.5, 0.49], standard_errors=[0.02, 0.02, 0.02])
    >>> sets.best.tolist(), sets.worst.tolist()
    ([1, 2, 2], [1, 3, 3])
    """
    scores = np.asarray(estimates, dtype=np.float64)
    require(scores.ndim == 1 and len(scores) > 0, "estimates", "one score for each of at least one model", scores.shape)
    require_finite("estimates", scores)
    check_draws(confidence, n_draws)
    n = len(scores)
    rng = np.random.default_rng(seed)
    given = (standard_errors is not None) + (covariance is not None)
    require(given == 1, "standard_errors or covariance", "given, one of them", f"{given} of them")
    if covariance is not None:
        errors = np.asarray(covariance, dtype=np.float64)
        require(errors.shape == (n, n), "covariance", f"of shape {(n, n)}", errors.shape)
        require_finite("covariance", errors)
        root = _root(errors)
        deviations = rng.standard_normal((n_draws, n)) @ root
        return sets_of(
            scores, deviations, CorrelatedErrors(covariance=errors), confidence=confidence, step_down=step_down
        )
    errors = np.asarray(standard_errors, dtype=np.float64)
    require(errors.shape == (n,), "standard_errors", f"of shape {(n,)}", errors.shape)
    require_finite("standard_errors", errors)
    require((errors >= 0).all(), "standard_errors", "at least 0", errors.min())
    deviations = rng.standard_normal((n_draws, n))
    deviations *= errors
    return sets_of(
        scores, deviations, IndependentErrors(variances=errors**2), confidence=confidence, step_down=step_down
    )


def sets_of(
    estimates: Float[FloatArray, " models"],
    deviations: Float[NDArray[Real], "draws models"],
    pairs: Pairs[Real],
    *,
    confidence: float,
    step_down: bool | None,
    n_units: int | None = None,
) -> RankSets:
    """Rank sets by the max-t test of all ordered pairs, given draws of the estimation errors.

    Tested are the hypotheses "j is not better than k" for all ordered pairs. Rejecting those whose studentised
    difference exceeds the critical value of the largest makes no false rejection with the confidence. The step-down
    method then takes the rejected ones out, and the critical value of the others is smaller; the reverse of a rejected
    hypothesis stays in.

    Args:
        estimates: Scores, higher is better.
        deviations: Draws of the estimation errors.
        pairs: 1 / standard error of the difference of two models, 0 for pairs that stay tied.
        confidence: Probability that all sets hold at once.
        step_down: As in `rank_sets_from_estimates`.
        n_units: Independent units behind the standard errors; None: these are known.
    """
    order = pairs.alike(estimates)
    scores, drawn, sorted_pairs = estimates[order], np.ascontiguousarray(deviations[:, order]), pairs.taken(order)
    critical, steps = for_units(upper_quantile(largest_difference(drawn, sorted_pairs), confidence), n_units), 1
    while len(scores) <= STEP_DOWN_MODELS if step_down is None else step_down:
        left = PairsLeft(pairs=sorted_pairs, estimates=scores, critical_value=critical)
        smaller, steps = for_units(upper_quantile(largest_difference(drawn, left), confidence), n_units), steps + 1
        orders_more = _orders_more(OrdersBeyond(estimates=scores, pairs=sorted_pairs, critical_value=critical), smaller)
        critical = smaller
        if not orders_more:
            break
    orders: Orders = OrdersBeyond(estimates=frozen(estimates), pairs=pairs, critical_value=critical)
    if isinstance(pairs, PrecisionMatrix):  # a byte a pair in place of four or eight
        orders = OrderMatrix(ahead=all_orders(orders, len(scores)))
    return RankSets(
        estimates=frozen(estimates),
        orders=orders,
        critical_value=critical,
        confidence=confidence,
        claim="confidence",
        n_draws=len(deviations),
        steps=steps,
    )


def _orders_more(found: OrdersBeyond, critical_value: float) -> bool:
    """Whether a smaller critical value orders a further pair."""
    then = replace(found, critical_value=critical_value)
    return any(not np.array_equal(found.rows(rows), then.rows(rows)) for rows in row_blocks(len(found.estimates)))


def all_orders(orders: Orders, n: int) -> Bool[BoolArray, "models models"]:
    """Every order of ``n`` models as one matrix, a byte a pair."""
    found = np.empty((n, n), dtype=np.bool_)
    for rows in row_blocks(n):
        found[rows] = orders.rows(rows)
    return found


def upper_quantile(draws: Float[FloatArray, " draws"], confidence: float) -> float:
    """The order statistic that a further draw exceeds with probability at most 1 - confidence."""
    place = math.ceil(round(confidence * (len(draws) + 1), 9))
    return float(np.partition(draws, place - 1)[place - 1])


def for_units(critical_value: float, n_units: int | None) -> float:
    """A critical value of normal statistics as one of means that are divided by their estimated standard errors.

    The draws hold the standard errors fixed, while those of few units vary: the largest of many statistics is often one
    whose standard error came out too small. A mean over the root of its values' mean *square*, ``u``, has no such
    problem: for symmetric values its even moments are no larger than a normal variable's. The statistic is
    ``t = u * sqrt((m - 1) / (m - u ** 2))``, so the normal critical value is taken for ``u``.

    Args:
        critical_value: For ``u``.
        n_units: m; None where standard errors are known.

    Returns:
        For ``t``; infinite where so few units can order nothing.

    Source: Efron (1969), Student's t-test under symmetry conditions, Journal of the American Statistical Association
    64; ``bench/rank_set_coverage.py`` measures what it does.

    >>> round(for_units(3.5, 100), 3), round(for_units(3.5, 14_000), 3), for_units(3.5, 12)
    (3.718, 3.501, inf)
    """
    if n_units is None:
        return critical_value
    left = n_units - critical_value**2
    return critical_value * math.sqrt((n_units - 1) / left) if left > 0 else math.inf


def check_draws(confidence: float, n_draws: int) -> None:
    """Raise unless the confidence is a probability that so many draws can resolve."""
    require(0 < confidence < 1, "confidence", "between 0 and 1", confidence)
    least = math.ceil(round(confidence / (1 - confidence), 9))
    require(n_draws >= least, "n_draws", f"at least {least} for a confidence of {confidence:g}", n_draws)


def _root(covariance: Float[FloatArray, "models models"]) -> Float[FloatArray, "models models"]:
    """A matrix whose transpose times itself is the covariance, which may be singular."""
    largest = float(np.abs(covariance).max())
    require(
        bool(np.abs(covariance - covariance.T).max() <= 1e-9 * largest), "covariance", "symmetric", "one that is not"
    )
    values, vectors = np.linalg.eigh(covariance)
    require(bool(values.min() >= -1e-9 * largest), "covariance", "without negative eigenvalues", float(values.min()))
    return (vectors * np.sqrt(np.maximum(values, 0))).T
