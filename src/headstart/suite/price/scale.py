"""Whether more tasks can replace tuning: the price of first place by number of tasks and by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray, frozen, require
from headstart.progress import Progress
from headstart.suite.price.curves import SuiteCurves
from headstart.suite.price.prices import RULES, ranked
from headstart.suite.price.rule import Field

SUBSETS = 20
"""Random sets of tasks of each size."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TasksOrTuning:
    """Prices of first place in random parts of a suite.

    Args:
        rule: The rule of aggregation.
        cost_unit: Unit of costs.
        sizes: Numbers of tasks, rising; the last may be the whole suite, of which there is one set only.
        levels: Tune-before-test levels, rising, in steps.
        seed: Seed of the sets of tasks.
        cheapest: What the model pays for which first place is cheapest: an attainable price, ``inf`` where nobody can
            take it, nan where a set of tasks does not exist (a whole suite has one).
        middle: What the model in the middle of the field pays (lower median over the models below the first).
    """

    rule: str
    cost_unit: str
    sizes: Int[IntArray, " sizes"]
    levels: Float[FloatArray, " levels"]
    seed: int
    cheapest: Float[FloatArray, "sizes levels subsets"]
    middle: Float[FloatArray, "sizes levels subsets"]

    def summary(
        self, prices: Float[FloatArray, "sizes levels subsets"]
    ) -> dict[str, Float[FloatArray, "sizes levels"]]:
        """Median and quartiles over the sets of tasks, mean and standard deviation, share out of reach.

        Args:
            prices: ``cheapest`` or ``middle``. Mean and standard deviation are ``inf`` and nan where some set has no
                finite price.
        """
        sets = ~np.isnan(prices)
        count = np.maximum(sets.sum(axis=2), 1)
        ordered = np.sort(prices, axis=2)  # nan last
        last = count - 1
        with np.errstate(invalid="ignore"):
            mean = np.where(sets, prices, 0.0).sum(axis=2) / count
            off = np.where(sets, prices - mean[:, :, None], 0.0)
            deviation = np.sqrt((off**2).sum(axis=2) / np.maximum(count - 1, 1))

        def quantile(share: float) -> FloatArray:
            at = np.floor(share * last).astype(np.int64)
            return np.take_along_axis(ordered, at[:, :, None], axis=2)[:, :, 0]

        return {
            "median": quantile(0.5),
            "low": quantile(0.25),
            "high": quantile(0.75),
            "mean": mean,
            "sd": np.where(count > 1, deviation, np.nan),
            "out_of_reach": np.isinf(prices).sum(axis=2) / count,
        }


def tasks_or_tuning(
    suite: SuiteCurves,
    *,
    levels: Sequence[float],
    sizes: Sequence[int] | None = None,
    rule: str = "mean",
    subsets: int = SUBSETS,
    seed: int = 0,
    progress: Progress | None = None,
) -> TasksOrTuning:
    """Prices of first place over random sets of tasks of several sizes, at several levels.

    The same sets serve every level, so that a difference between levels is none between tasks.

    Args:
        suite: The curves.
        levels: Tune-before-test levels, >= 0, rising.
        sizes: Numbers of tasks, rising; about six from 1 to all when None.
        rule: One of ``RULES``; a majority takes longest, minutes for many models.
        subsets: Sets of each size, at least 1.
        seed: Of the sets.
        progress: Called as the work proceeds.

    Raises:
        InputError: If an argument is out of range.

    >>> from headstart.contest.curves import Linear
    >>> from headstart.contest.tables import CurveTable
    >>> rising = CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=0.01), 2)
    >>> suite = SuiteCurves.of(["a", "b"], {f"t{k}": rising for k in range(4)})
    >>> found = tasks_or_tuning(suite, levels=[0.0], sizes=[1, 2, 4], subsets=3)
    >>> found.summary(found.cheapest)["mean"][:, 0].round(6).tolist()  # the gap of the sum grows with the tasks
    [10.0, 20.0, 40.0]
    """
    require(rule in RULES, "rule", f"one of {', '.join(RULES)}", rule)
    require(suite.shape[0] > 1, "models", "at least two", suite.shape[0])
    require(subsets >= 1, "subsets", ">= 1", subsets)
    known = np.asarray(levels, dtype=np.float64)
    require(known.ndim == 1 and known.size > 0, "levels", "a list of at least one", levels)
    require(bool((known >= 0).all() and (np.diff(known) > 0).all()), "levels", "rising from 0 or more", levels)
    tasks = suite.shape[1]
    asked = np.unique(np.rint(np.geomspace(1, tasks, 6)).astype(np.int64)) if sizes is None else np.asarray(sizes)
    fits = asked.ndim == 1 and asked.size > 0 and asked[0] >= 1 and asked[-1] <= tasks and (np.diff(asked) > 0).all()
    require(bool(fits), "sizes", f"rising from 1 or more to at most {tasks}", sizes)
    generator = np.random.default_rng(seed)
    shape = (asked.size, known.size, subsets)
    cheapest, middle = np.full(shape, np.nan), np.full(shape, np.nan)
    for at, size in enumerate(asked.tolist()):
        for place in range(subsets if size < tasks else 1):
            chosen = np.sort(generator.permutation(tasks)[:size])
            part = suite.only(chosen)
            for d, level in enumerate(known.tolist()):
                prices = _first_prices(part, level, rule)
                cheapest[at, d, place], middle[at, d, place] = prices[0], prices[(prices.size - 1) // 2]
        if progress is not None:
            progress("sets of tasks", (at + 1) / asked.size)
    return TasksOrTuning(
        rule=rule,
        cost_unit=suite.cost_unit,
        sizes=asked,
        levels=frozen(known),
        seed=seed,
        cheapest=frozen(cheapest),
        middle=frozen(middle),
    )


def _first_prices(suite: SuiteCurves, level: float, rule: str) -> Float[FloatArray, " climbers"]:
    """What each model below the first pays for first place, rising."""
    chosen, field = RULES[rule], Field(suite=suite, level=level)
    order = ranked(chosen, field)
    found = chosen.first(field, order[1:], [order[:at] for at in range(1, len(order))])
    return np.sort(np.array([one.upper for one in found]))
