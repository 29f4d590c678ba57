"""Everything that prices say of a suite: places under several rules at several levels, gaming, tasks against tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from headstart.contest.arrays import require
from headstart.contest.rewards import linear
from headstart.data.trajectories import Trajectories
from headstart.fitting.fit import Fit
from headstart.io.encode import as_json
from headstart.progress import Progress
from headstart.suite.price.curves import SuiteCurves
from headstart.suite.price.gaming import mean_incentive, mean_noise
from headstart.suite.price.prices import RULES, UNPRICED, suite_of, suite_prices
from headstart.suite.price.scale import TasksOrTuning, tasks_or_tuning
from headstart.suite.price.values import SuitePrices

PRICED_BY_DEFAULT = ("mean", "median", "win-rate", "majority")
"""Rules whose prices are set side by side."""

MAJORITY_FIRST = 10
"""Models from rank 2 on that are asked for first place under a majority, which takes longest."""


@dataclass(frozen=True, kw_only=True)
class MeanGaming:
    """What gaming a suite ranked by its mean gains at one level, under the noise of the scores.

    Rewards fall evenly from first to last; first is worth what the longest tuning on all tasks costs.

    Args:
        level: Tune-before-test level, in steps.
        lower: The largest gain of a developer is at least this share of first prize.
        upper: And at most this.
        model: The developer that gains most.
        stake: First prize, in cost units.
    """

    level: float
    lower: float
    upper: float
    model: str
    stake: float


@dataclass(frozen=True, kw_only=True)
class SuitePricing:
    """Prices of a suite.

    Args:
        models: Models with a curve on every task.
        tasks: Names of the tasks.
        cost_unit: Unit of costs.
        prices: One for each level and rule, level by level.
        unpriced: Rules without prices, and why.
        gaming: By level; empty where it is not known.
        gaming_reason: Why gaming is not known; None where it is.
        tasks_or_tuning: First place by number of tasks and level; None with one task.
        left_out: Models that lack a curve on some task, each with the reason.
        notes: What a reader must know of these numbers.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    cost_unit: str
    prices: tuple[SuitePrices, ...]
    unpriced: Mapping[str, str]
    gaming: tuple[MeanGaming, ...]
    gaming_reason: str | None
    tasks_or_tuning: TasksOrTuning | None = field(metadata=as_json(hidden=True))
    left_out: tuple[tuple[str, str], ...] = field(metadata=as_json(hidden=True))
    notes: tuple[str, ...]

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels, rising."""
        return tuple(dict.fromkeys(found.level for found in self.prices))

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules with prices."""
        return tuple(dict.fromkeys(found.rule for found in self.prices))

    def at(self, level: float, rule: str) -> SuitePrices:
        """The prices of one level and rule."""
        return next(found for found in self.prices if found.level == level and found.rule == rule)


def price_suite(
    given: SuiteCurves | Mapping[str, Trajectories] | Mapping[str, Fit],
    *,
    levels: Sequence[float] = (0.0,),
    rules: Sequence[str] = PRICED_BY_DEFAULT,
    subsets: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> SuitePricing:
    """What places of a suite cost under several rules at several levels, and whether more tasks can replace tuning.

    Args:
        given: Curves of a suite; or, by task, trajectories, which are fitted, or fits.
        levels: Tune-before-test levels, rising, in steps.
        rules: Names of ``RULES``.
        subsets: Random sets of tasks of each size.
        seed: Of those sets and of the fits' draws.
        progress: Called as the work proceeds.

    Raises:
        InputError: If a rule has no prices, levels do not rise from 0 or more, or the curves make no suite.

    Source: docs/suites-prices.
    """
    known = np.asarray(levels, dtype=np.float64)
    rising = known.size > 0 and bool(np.isfinite(known).all() and known[0] >= 0 and (np.diff(known) > 0).all())
    require(rising, "levels", "rising from 0 or more", levels)
    for rule in rules:
        require(rule in RULES, "rules", f"some of {', '.join(RULES)}", rule)
    suite = suite_of(given, seed=seed, progress=progress)
    prices = tuple(
        suite_prices(suite, level, rule, most_first=MAJORITY_FIRST if rule == "majority" else None, progress=progress)
        for level in known.tolist()
        for rule in rules
    )
    gaming, reason = _gaming(suite, known.tolist())
    several = suite.shape[1] > 1
    return SuitePricing(
        models=suite.models,
        tasks=suite.tasks,
        cost_unit=suite.cost_unit,
        prices=prices,
        unpriced=dict(UNPRICED),
        gaming=gaming,
        gaming_reason=reason,
        tasks_or_tuning=tasks_or_tuning(suite, levels=known.tolist(), subsets=subsets, seed=seed, progress=progress)
        if several
        else None,
        left_out=suite.left_out,
        notes=_notes(suite),
    )


def _gaming(suite: SuiteCurves, levels: Sequence[float]) -> tuple[tuple[MeanGaming, ...], str | None]:
    if suite.stderr is None or suite.measured_to is None:
        return (), "the curves come without standard errors and measured steps"
    if np.isnan(suite.stderr).any():
        return (), "the standard errors of some scores are unknown"
    if not (suite.stderr > 0).any():
        return (), "all standard errors are 0"
    stake = float((suite.cost_per_step * suite.measured_to).sum(axis=1).max())
    noise, rewards = mean_noise(suite.stderr), linear(suite.shape[0], stake)
    found: list[MeanGaming] = []
    for level in levels:
        gains = mean_incentive(suite, rewards, noise, level=level)
        at = int(np.argmax(gains.upper))
        found.append(
            MeanGaming(
                level=level,
                lower=float(gains.lower.max()) / stake,
                upper=float(gains.upper[at]) / stake,
                model=suite.models[at],
                stake=stake,
            )
        )
    return tuple(found), None


def _notes(suite: SuiteCurves) -> tuple[str, ...]:
    notes = ["Prices take the score curves as known and other developers as idle beyond the level."]
    if suite.draws is not None:
        notes.append(
            "Fitted curves level off earlier than real ones: high prices and prices out of reach are upper estimates."
        )
    if suite.left_out:
        notes.append(f"{len(suite.left_out)} models without a curve on every task are left out.")
    return tuple(notes)
