"""The audit at one tune-before-test level: who stands where, what gaming gains, what ranks cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from headstart.auditing.equilibria import every_equilibrium
from headstart.auditing.incentives import LevelIncentives, summarise
from headstart.auditing.level_values import (
    Interval,
    Level,
    Price,
    Standing,
    TiedModels,
)
from headstart.auditing.measured import MeasuredScores
from headstart.auditing.paths import FurtherTuning, GamingPaths
from headstart.auditing.strict import (
    StrictLevel,
    finite,
    median_of,
    most_common_deviation,
    stakes_at,
    verdict_of,
)
from headstart.contest.arrays import FloatArray, IntArray
from headstart.rank import (
    RankSets,
    indistinct_groups,
    kendall_tau,
    rank_sets_from_estimates,
    share_ahead,
)
from headstart.rank.intervals import CONFIDENCE

MOST_LEVELS = 10
"""Levels reported by default, at most."""

BETWEEN = 2
"""Levels examined between two reported ones, for the chart and the strict level."""

MANY_MODELS = 500
"""Beyond so many models no levels between the reported ones are examined: work and memory grow with both."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """What every level is asked with.

    Args:
        paths: What the fitted models can score.
        measured: What was measured, of all models of the file.
        rows: Row of each fitted model in ``measured``, shape (models,).
        max_step: Last measured step of each fitted model, shape (models,).
        stderr: Standard error taken for scores whose own is unknown, in score units.
        reference: Level at which quality is read, in steps.
        cost_unit: Unit of costs.
    """

    paths: GamingPaths
    measured: MeasuredScores
    rows: IntArray
    max_step: Float[FloatArray, " models"]
    stderr: float
    reference: float
    cost_unit: str

    @property
    def difference_sd(self) -> float:
        """Standard deviation of the difference of two measured scores whose noises are independent."""
        return math.sqrt(2.0) * self.stderr


def levels_by_default(measured: MeasuredScores) -> tuple[float, ...]:
    """The steps that at least half of the models were measured at; of many, a choice evenly spaced on a log scale."""
    steps = measured.common_steps or (float(measured.steps[0]), float(measured.steps[-1]))
    if len(steps) <= MOST_LEVELS:
        return steps
    low, high = math.log1p(steps[0]), math.log1p(steps[-1])
    wanted = [low + (high - low) * at / (MOST_LEVELS - 1) for at in range(MOST_LEVELS)]
    return tuple(sorted({min(steps, key=lambda step: abs(math.log1p(step) - place)) for place in wanted}))


def levels_between(levels: tuple[float, ...], models: int = 2) -> tuple[float, ...]:
    """The levels and, unless there are many models, some whole steps between them, evenly spaced on a log scale."""
    found = set(levels)
    if models > MANY_MODELS:
        return tuple(sorted(found))
    for low, high in pairwise(levels):
        inner = np.expm1(np.linspace(math.log1p(low), math.log1p(high), BETWEEN + 2))[1:-1]
        found |= {float(step) for step in np.round(inner) if low < step < high}
    return tuple(sorted(found))


def standings_at(field: Field, level: float, models: IntArray) -> tuple[tuple[Standing, ...], RankSets]:
    """Scores and ranks at a level, measured where they were, with simultaneous rank sets; best first."""
    score, stderr = (column[field.rows[models]] for column in field.measured.at(level))
    known = ~np.isnan(score)
    draws = field.paths.scores_at(level)[:, models]
    score = np.where(known, score, np.median(draws, axis=0))
    own = np.where(np.isnan(stderr), field.stderr, stderr)
    error = np.where(known, own, draws.std(axis=0))
    sets = rank_sets_from_estimates(score, standard_errors=error)
    rank = 1 + (score[None, :] > score[:, None]).sum(axis=1)
    order: list[int] = np.argsort(-score, kind="stable").tolist()
    names = [field.paths.names[int(m)] for m in models]
    rows = tuple(
        Standing(
            name=names[m],
            score=float(score[m]),
            stderr=float(error[m]),
            measured=bool(known[m]),
            rank=int(rank[m]),
            best_rank=min(int(sets.best[m]), int(rank[m])),
            worst_rank=max(int(sets.worst[m]), int(rank[m])),
        )
        for m in order
    )
    return rows, sets


def answer_level(
    field: Field,
    found: LevelIncentives,
    further: FurtherTuning,
    strict: StrictLevel,
    suffices: float,
    rewards: Float[FloatArray, " models"],
) -> Level:
    """Everything reported about one level; ``rewards`` are those of the ranks there."""
    level, models, paths = found.level, found.models, field.paths
    names = [paths.names[int(m)] for m in models]
    standings, sets = standings_at(field, level, models)
    position = {name: m for m, name in enumerate(names)}
    order = np.array([position[one.name] for one in standings], dtype=np.int64)
    prices = _prices(field, level, models, further, order)
    costs = np.array([np.inf if price.cost is None else price.cost for price in prices])
    stakes, stakes_interval = stakes_at(strict)
    tau, tau_interval = _tau(field, level, models)
    within = set(models.tolist())
    agreed = every_equilibrium(further, rewards, field.difference_sd)
    return Level(
        level=level,
        measured=level in field.measured.common_steps,
        extrapolated=bool((level > field.max_step).mean() > 0.5),
        estimated=tuple(one.name for one in standings if not one.measured),
        absent=tuple(name for m, name in enumerate(paths.names) if m not in within),
        standings=standings,
        ties=_ties(sets, names),
        incentive=summarise(found, paths.names, suffices),
        certain=agreed.certain,
        unique=agreed.unique,
        prices=prices,
        cheapest_price=finite(costs.min(initial=np.inf)),
        median_price=finite(float(np.median(costs))) if costs.size else None,
        quartiles=_quartiles(costs),
        unreachable=int(np.isinf(costs).sum()),
        tied=sum(price.tied for price in prices),
        verdict=verdict_of(strict.stable),
        witness=_witness(strict, names),
        measured_verdict=verdict_of(strict.stable_measured),
        critical_stakes=stakes,
        critical_stakes_interval=stakes_interval,
        kendall_tau_to_reference=tau,
        kendall_tau_interval=tau_interval,
    )


def _ties(sets: RankSets, names: list[str]) -> tuple[TiedModels, ...]:
    return tuple(
        TiedModels(names=tuple(names[m] for m in group.models), rank=group.rank, last_place=group.last_place)
        for group in indistinct_groups(sets)
    )


def _quartiles(costs: Float[FloatArray, " pairs"]) -> Interval:
    if not costs.size:
        return Interval(low=None, high=None)
    low, high = np.quantile(costs, [0.25, 0.75], method="inverted_cdf")
    return Interval(low=finite(low), high=finite(high))


def _prices(field: Field, level: float, models: IntArray, further: FurtherTuning, order: IntArray) -> tuple[Price, ...]:
    """Prices of the neighbouring pairs, from the top, over the posterior draws."""
    lower, upper = order[1:], order[:-1]
    start = further.score[:, :, 0]
    effort = _catch_up(further.score[:, lower, :], start[:, upper], further.effort)
    ahead = share_ahead(start[:, upper], start[:, lower])
    names = [field.paths.names[int(m)] for m in models]
    bound = np.maximum(field.max_step[models] - level, 0.0)
    horizon = field.paths.horizon[models] - level
    rows: list[Price] = []
    climbers: list[int] = lower.tolist()
    rivals: list[int] = upper.tolist()
    for p, (i, k) in enumerate(zip(climbers, rivals, strict=True)):
        middle, low, high = (finite(value) for value in median_of(effort[:, p]))
        beyond = middle is None or middle > bound[i]
        rows.append(
            Price(
                model=names[i],
                overtakes=names[k],
                effort=middle,
                low=low,
                high=high,
                cost=None if middle is None else middle * float(field.paths.cost_per_step[models[i]]),
                reachable=middle is not None,
                reason=None
                if middle is not None
                else f"not within {horizon[i]:,.6g} further steps, as far as a forecast is made",
                tied=bool(ahead[p] < (1 + CONFIDENCE) / 2),
                extrapolated=bool(beyond),
                measured_bound=float(bound[i]) if beyond else None,
            )
        )
    return tuple(rows)


def _catch_up(
    score: Float[FloatArray, "draws pairs efforts"],
    target: Float[FloatArray, "draws pairs"],
    effort: Float[FloatArray, " efforts"],
) -> Float[FloatArray, "draws pairs"]:
    """Least whole number of further steps whose score exceeds the target; ``inf`` where none does.

    Between two efforts the score is taken to rise evenly in the logarithm of one plus the effort.
    """
    passes = score > target[:, :, None]
    after = passes.argmax(axis=2)
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(score, at[:, :, None], axis=2)[:, :, 0] for at in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high > low, (target - low) / (high - low), 0.0)
    share = np.clip(np.where(np.isfinite(share), share, 1.0), 0.0, 1.0)
    between = np.expm1(np.log1p(effort[before]) * (1 - share) + np.log1p(effort[after]) * share)
    return np.where(passes.any(axis=2), np.ceil(between - 1e-9), np.inf)


def _witness(strict: StrictLevel, names: list[str]) -> str | None:
    found = most_common_deviation(strict)
    if found is None:
        return None
    i, k, effort = found
    return f"{names[i]} would take {names[k]}'s place with {effort:,.6g} further steps"


def _tau(field: Field, level: float, models: IntArray) -> tuple[float | None, Interval]:
    here, there = (field.paths.scores_at(at)[:, models] for at in (level, field.reference))
    taus = kendall_tau(here, there)
    middle, low, high = median_of(taus) if models.size > 1 else (math.nan, math.nan, math.nan)
    return finite(middle), Interval(low=finite(low), high=finite(high))
