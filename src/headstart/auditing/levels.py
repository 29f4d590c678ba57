"""The audit at one tune-before-test level: ranking, prices of ranks, verdict, critical stakes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from headstart.auditing.values import Interval, Level, Price
from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.contest.curves import LogitPower
from headstart.fitting.fit import Fit
from headstart.rank import kendall_tau, quantile_interval, share_ahead
from headstart.rank.intervals import CONFIDENCE
from headstart.solve.prices import catch_up_efforts, critical_stakes
from headstart.solve.pure import Verdict, Witness, solve_pure

MOST_LEVELS = 10
"""Levels reported by default, at most."""

SAMPLE_STEPS_SHARE = 0.5
"""A measured step is a default level if this share of the models was measured there."""


@dataclass(frozen=True, kw_only=True)
class LevelsQuestion:
    """What every level is asked with: the fit, the contest of the fitted curves, and the reward shapes reported."""

    fit: Fit
    contest: Contest
    reference: float
    shapes: dict[str, Float[FloatArray, " models"]]


def levels_by_default(fitted: Fit, reference: float) -> tuple[float, ...]:
    """Level 0 and the measured steps; of many, a choice that is evenly spaced on a log scale."""
    data = fitted.trajectories
    measured: set[tuple[int, float]] = set(zip(data.model.tolist(), data.step.tolist(), strict=True))
    counts = Counter(step for _, step in measured)
    common = [step for step, count in counts.items() if count >= SAMPLE_STEPS_SHARE * len(data.models)]
    steps = sorted({0.0, reference, *common})
    if len(steps) <= MOST_LEVELS:
        return tuple(steps)
    wanted = [math.log1p(reference) * at / (MOST_LEVELS - 1) for at in range(MOST_LEVELS)]
    return tuple(sorted({min(steps, key=lambda step: abs(math.log1p(step) - place)) for place in wanted}))


def answer_level(question: LevelsQuestion, level: float) -> Level:
    """Everything reported about one level."""
    fitted, contest = question.fit, question.contest.at_level(level)
    order = contest.order()
    places: list[int] = order.tolist()
    prices = _prices(fitted, contest, order)
    costs = np.array([np.inf if p.cost is None or not p.reachable else p.cost for p in prices])
    solution = solve_pure(contest)
    stakes, stakes_interval = _critical_stakes(question, level)
    tau, tau_interval = _tau(fitted, level, question.reference)
    return Level(
        level=level,
        extrapolated=bool(level > fitted.max_step.min()),
        ranking=tuple(contest.names[m] for m in places),
        prices=prices,
        cheapest_price=finite(costs.min()),
        median_price=finite(np.median(costs)),
        quartiles=_quartiles(costs),
        unreachable=int(np.isinf(costs).sum()),
        tied=sum(p.tied for p in prices),
        verdict=solution.verdict,
        witness=_sentence(solution.witness, fitted.trajectories.cost_unit) if solution.witness else None,
        measured_verdict=_measured_verdict(fitted, contest),
        critical_stakes=stakes,
        critical_stakes_interval=stakes_interval,
        kendall_tau_to_reference=tau,
        kendall_tau_interval=tau_interval,
    )


def finite(value: float) -> float | None:
    """The value, or None where it is infinite or undefined."""
    return float(value) if np.isfinite(value) else None


def interval(worlds: FloatArray) -> Interval:
    """Central 95 % of one figure over the posterior draws; an infinite end is None."""
    low, high = quantile_interval(worlds)
    return Interval(low=finite(float(low)), high=finite(float(high)))


def _quartiles(costs: FloatArray) -> Interval:
    low, high = np.quantile(costs, [0.25, 0.75], method="inverted_cdf")
    return Interval(low=finite(low), high=finite(high))


def _prices(fitted: Fit, contest: Contest, order: IntArray) -> tuple[Price, ...]:
    """Prices of the neighbouring pairs, from the top, with their intervals over the posterior draws."""
    lower, upper = order[1:], order[:-1]
    effort = contest.catch_up_effort(lower, upper)
    cost = contest.costs.take(lower).cost(effort)
    low, high = quantile_interval(catch_up_efforts(fitted.draws, lower, upper, contest.level))
    scores = fitted.draws.score(contest.level)
    ahead = share_ahead(scores[:, upper], scores[:, lower])
    measured = np.maximum(fitted.max_step[lower] - contest.level, 0.0)
    places: list[int] = order.tolist()
    names = [contest.names[m] for m in places]
    return tuple(
        Price(
            model=names[p + 1],
            overtakes=names[p],
            effort=finite(effort[p]),
            low=finite(low[p]),
            high=finite(high[p]),
            cost=finite(cost[p]),
            reachable=bool(np.isfinite(effort[p])),
            reason=None if np.isfinite(effort[p]) else "the score to beat is at or above this model's fitted ceiling",
            tied=bool(ahead[p] < (1 + CONFIDENCE) / 2),
            extrapolated=bool(effort[p] > measured[p]),
            measured_bound=float(measured[p]) if effort[p] > measured[p] else None,
        )
        for p in range(lower.size)
    )


def _critical_stakes(question: LevelsQuestion, level: float) -> tuple[dict[str, float | None], dict[str, Interval]]:
    fitted = question.fit
    point: dict[str, float | None] = {}
    spread: dict[str, Interval] = {}
    for name, shape in question.shapes.items():
        best = one_world(fitted.curves)
        point[name] = finite(critical_stakes(best, fitted.cost_per_step, level, shape)[0])
        spread[name] = interval(critical_stakes(fitted.draws, fitted.cost_per_step, level, shape))
    return point, spread


def one_world(curves: LogitPower) -> LogitPower:
    """The best curves as a batch of one posterior draw, fields of shape (1, models)."""
    return LogitPower(L=curves.L[None], U=curves.U[None], alpha=curves.alpha[None], beta=curves.beta[None])


def _tau(fitted: Fit, level: float, reference: float) -> tuple[float | None, Interval]:
    point = kendall_tau(fitted.curves.score(level), fitted.curves.score(reference))
    return finite(float(point)), interval(kendall_tau(fitted.draws.score(level), fitted.draws.score(reference)))


def _measured_verdict(fitted: Fit, contest: Contest) -> Verdict:
    """The verdict if nobody goes beyond the steps that were measured; there is none beyond them."""
    if contest.level > fitted.max_step.min():
        return "undecided"
    return solve_pure(replace(contest, max_effort=fitted.max_step - contest.level)).verdict


def _sentence(witness: Witness, unit: str) -> str:
    return (
        f"{witness.model} takes {witness.overtakes}'s place with {witness.effort:,.4g} further steps: "
        f"it costs {witness.cost:,.4g} {unit} and gains {witness.gain:,.4g} {unit} net"
    )
