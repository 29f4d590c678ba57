"""What places of a suite cost under a rule of aggregation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from headstart.auditing.level_values import Interval
from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.contest.curves import LogitPower
from headstart.contest.tables import CurveTable
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.fit import Fit
from headstart.progress import Progress
from headstart.rank.intervals import quantile_interval
from headstart.suite.price.allocation import least_cost
from headstart.suite.price.climb import Climb
from headstart.suite.price.counting import BORDA, WIN_RATE, WIN_SHARE
from headstart.suite.price.curves import SuiteCurves
from headstart.suite.price.majority import MAJORITY
from headstart.suite.price.mean import MEAN, gaps
from headstart.suite.price.median import MEDIAN
from headstart.suite.price.rule import Field, Found, PriceRule
from headstart.suite.price.values import PlacePrice, SuitePrices

RULES: dict[str, PriceRule] = {rule.name: rule for rule in (MEAN, WIN_RATE, WIN_SHARE, MEDIAN, MAJORITY, BORDA)}
"""Rules of aggregation under which places have prices."""

UNPRICED: dict[str, str] = {
    "zscore": "one score moves the mean and the spread of its task, and with them every model's z-score: passing one "
    "model may change the order of others, and no method here bounds that"
}
"""Rules of aggregation without a price, and why."""

AT_ONCE = 64
"""Climbers asked for first place before the progress is told again: changes no answer."""

DRAWS_AT_ONCE = 4000
"""Climbers, over draws and pairs, worked through at a time: changes no answer."""


def suite_prices(
    given: SuiteCurves | Mapping[str, Trajectories] | Mapping[str, Fit],
    level: float = 0.0,
    rule: str = "mean",
    *,
    most_first: int | None = None,
    progress: Progress | None = None,
) -> SuitePrices:
    """What it costs each model to pass its upper neighbour, and to become first, under one rule.

    Efforts go to any tasks; the cost is that of their total. Nobody else tunes beyond the level.

    Args:
        given: Curves of a suite; or, by task, trajectories, which are fitted, or fits.
        level: Tune-before-test level of every task, in steps.
        rule: One of ``RULES``.
        most_first: How many models from rank 2 on are asked for first place; all when None. A majority takes
            longest.
        progress: Called as the work proceeds.

    Raises:
        InputError: If the rule has no prices, the level is negative, or the curves make no suite.

    Source: docs/suites-prices.

    >>> from headstart.contest.curves import Linear
    >>> strong_weak = CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=[0.01, 0.02]), 2)
    >>> suite = SuiteCurves.of(["strong", "weak"], {"maths": strong_weak, "code": strong_weak})
    >>> round(suite_prices(suite).next[0].upper, 9)  # 0.2 points at 0.02 a step, on either task
    10.0
    """
    if rule in UNPRICED:
        raise InputError(f"rule must be one with prices, got {rule!r}: {UNPRICED[rule]}", field="rule")
    require(rule in RULES, "rule", f"one of {', '.join(RULES)}", rule)
    require(bool(np.isfinite(level)) and level >= 0, "level", "a finite number >= 0", level)
    require(most_first is None or most_first >= 0, "most_first", ">= 0", most_first)
    suite = suite_of(given, progress=progress)
    require(suite.shape[0] > 1, "models", "at least two", suite.shape[0])
    chosen, field = RULES[rule], Field(suite=suite, level=level)
    order = ranked(chosen, field)
    climbers, neighbours = order[1:], order[:-1]
    asked = climbers if most_first is None else climbers[:most_first]
    following = chosen.pairs(field, climbers, neighbours)
    leading: list[Found] = []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        leading += chosen.first(field, some, [order[: start + at] for at in range(1, len(some) + 1)])
        if progress is not None:
            progress(f"first place, {rule}", len(leading) / len(asked))
    next_intervals = _intervals(field, chosen, climbers, neighbours)
    # under the mean, passing the leader is being first
    first_intervals = _intervals(field, chosen, asked, [order[0]] * len(asked))
    return SuitePrices(
        rule=rule,
        level=float(level),
        cost_unit=suite.cost_unit,
        tasks=suite.tasks,
        ranking=tuple(suite.models[i] for i in order),
        next=tuple(
            _place(field, rank, i, suite.models[k], found, interval)
            for rank, (i, k, found, interval) in enumerate(
                zip(climbers, neighbours, following, next_intervals, strict=True), start=2
            )
        ),
        first=tuple(
            _place(field, rank, i, None, found, interval)
            for rank, (i, found, interval) in enumerate(zip(asked, leading, first_intervals, strict=True), start=2)
        ),
        first_asked=len(asked),
    )


def suite_of(
    given: SuiteCurves | Mapping[str, Trajectories] | Mapping[str, Fit],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> SuiteCurves:
    """The curves of a suite, fitted where trajectories are given; ``seed`` is that of the fits' draws."""
    if isinstance(given, SuiteCurves):
        return given
    fits = {task: value for task, value in given.items() if isinstance(value, Fit)}
    measured = {task: value for task, value in given.items() if isinstance(value, Trajectories)}
    if fits and measured:
        raise InputError("given must be trajectories of every task or fits of every task, got both")
    return SuiteCurves.of_fits(fits) if fits else SuiteCurves.fitted(measured, seed=seed, progress=progress)


def ranked(rule: PriceRule, field: Field) -> list[int]:
    """Models from first to last under a rule; equal ones in the order of the suite."""
    standing = rule.standing(field)
    size = float(np.abs(standing).max(initial=0.0))
    # sums that differ by rounding are equal
    rounded = standing if size == 0 else np.round(standing / size, 12)
    order: list[int] = np.argsort(-rounded, kind="stable").tolist()
    return order


def _place(
    field: Field, rank: int, i: int, overtakes: str | None, found: Found, interval: Interval | str
) -> PlacePrice:
    suite, effort = field.suite, found.effort
    reason = None
    if np.isinf(found.lower):
        reason = "no effort is enough"
    elif effort is None:
        reason = "no effort is known to be enough"
    beyond = (
        effort is not None
        and suite.measured_to is not None
        and bool((field.level + effort > suite.measured_to[i])[effort > 0].any())
    )
    return PlacePrice(
        model=suite.models[i],
        rank=rank,
        overtakes=overtakes,
        lower=float(found.lower) if np.isfinite(found.lower) else None,
        upper=float(found.upper) if np.isfinite(found.upper) else None,
        effort=None
        if effort is None
        else {task: float(e) for task, e in zip(suite.tasks, effort, strict=True) if e > 0},
        proof=found.proof,
        interval=interval if isinstance(interval, Interval) else None,
        interval_reason=None if isinstance(interval, Interval) else interval,
        reason=reason,
        extrapolated=beyond,
    )


def _intervals(field: Field, rule: PriceRule, lower: Sequence[int], upper: Sequence[int]) -> Sequence[Interval | str]:
    """Intervals of the prices of pairs over the posterior draws, or why there are none."""
    if field.suite.draws is None:
        return ["the curves have no posterior draws"] * len(lower)
    if rule.name != MEAN.name:
        return ["intervals are computed for the mean only"] * len(lower)
    if not lower:
        return []
    i, k = np.array(lower, dtype=np.int64), np.array(upper, dtype=np.int64)
    low, high = mean_prices_of_draws(field.suite, field.level, i, k)
    least, _ = quantile_interval(low)
    _, most = quantile_interval(high)
    return [
        Interval(low=float(a) if np.isfinite(a) else None, high=float(b) if np.isfinite(b) else None)
        for a, b in zip(least, most, strict=True)
    ]


def mean_prices_of_draws(
    suite: SuiteCurves, level: float, lower: Int[IntArray, " pairs"], upper: Int[IntArray, " pairs"]
) -> tuple[Float[FloatArray, "draws pairs"], Float[FloatArray, "draws pairs"]]:
    """Bounds of the prices of pairs under the mean in every posterior draw; 0 where the climber is ahead anyway.

    Raises:
        InputError: If the suite has no draws.
    """
    drawn = suite.draws
    require(drawn is not None, "suite", "fitted, with posterior draws", "known curves")
    assert drawn is not None, "required above"
    scores = drawn.score(level)  # (draws, models, tasks)
    draws, tasks = scores.shape[0], scores.shape[2]
    low, high = np.zeros((draws, lower.size)), np.zeros((draws, lower.size))
    size = max(DRAWS_AT_ONCE // lower.size, 1)
    for start in range(0, draws, size):
        part = slice(start, start + size)
        count = scores[part].shape[0] * lower.size
        rows: LogitPower = drawn.map(lambda values, part=part: values[part][:, lower].ravel())
        climb = Climb(
            curves=CurveTable.batch(rows, count * tasks),
            level=level,
            weight=np.ones((count, tasks)),
            cost=np.tile(suite.cost_per_step[lower], (count // lower.size, 1)),
        )
        own, rival = (scores[part][:, at].reshape(count, tasks) for at in (lower, upper))
        found = least_cost(climb, gaps(own, rival))
        low[part], high[part] = found.lower.reshape(-1, lower.size), found.upper.reshape(-1, lower.size)
    return low, high
