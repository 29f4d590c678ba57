"""What an audit found, as plain frozen data: the terminal, the JSON file and the page all show these values.

A number that does not exist is None, and the field beside it says why. Efforts and levels are in
steps, prices and stakes in ``cost_unit``, scores in the benchmark's own range. An interval covers 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from headstart.data.outcomes import Divergence, RunOutcome
from headstart.fitting.backtest import Backtest
from headstart.fitting.fit import Fit
from headstart.solve.pure import Proof, Verdict


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % interval; a bound is None where it is unbounded (``high``) or was not found."""

    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class ModelFit:
    """One model: its curve, how well the law fits, and where it ranks before and after tuning.

    Args:
        name: Model name.
        curve: L, U, alpha, beta.
        standard_errors: Of the same four.
        rmse: Root mean square residual, in score units.
        chi2_per_point: Mean squared residual in units of the standard error; None without standard errors.
        max_step: Last measured step.
        flags: What is odd about the trajectory; see docs.
        treatment: What was done with a model that forgets, in words; None for the others.
        direct_rank: Rank at level 0; 1 is best.
        direct_rank_interval: Lowest and highest rank in the posterior draws, as (best, worst).
        tuned_rank: Rank at the reference level.
        tuned_rank_interval: As above.
    """

    name: str
    curve: dict[str, float]
    standard_errors: dict[str, float]
    rmse: float
    chi2_per_point: float | None
    max_step: float
    flags: tuple[str, ...]
    treatment: str | None
    direct_rank: int
    direct_rank_interval: tuple[int, int]
    tuned_rank: int
    tuned_rank_interval: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class RankBound:
    """Which ranks a contestant that cannot be tuned could hold at one level, among the fitted models and itself.

    Args:
        level: In steps; 0 is direct evaluation, where its rank is known.
        extrapolated: Whether the level lies beyond the steps measured for some fitted model.
        best_rank: 1 at every level above 0, since nothing bounds what tuning would bring it.
        worst_rank: Rank of its direct score among the scores at the level: its own if tuning would make it no worse.
        worst_rank_interval: Of ``worst_rank`` in the posterior draws, as (best, worst).
        tied: Fitted models whose score at the level noise cannot tell from its direct score.
    """

    level: float
    extrapolated: bool
    best_rank: int
    worst_rank: int
    worst_rank_interval: tuple[int, int]
    tied: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Untunable:
    """A contestant that cannot be tuned, in a tier of its own: no ranking, price or verdict counts it.

    Args:
        name: Its name.
        score: Under direct evaluation.
        stderr: Of the score; None when unknown, and then the intervals leave its noise out.
        direct_rank: Rank of the score among the untuned scores of the fitted models and itself.
        direct_rank_interval: In the posterior draws, as (best, worst).
        direct_tied: Fitted models whose untuned score noise cannot tell from it.
        bounds: One for each level reported.
    """

    name: str
    score: float
    stderr: float | None
    direct_rank: int
    direct_rank_interval: tuple[int, int]
    direct_tied: tuple[str, ...]
    bounds: tuple[RankBound, ...]


@dataclass(frozen=True, kw_only=True)
class Price:
    """What it takes the lower of two neighbours to pass the upper one.

    Args:
        model: The lower model.
        overtakes: Its upper neighbour at that level.
        effort: Further steps it needs; None when out of reach.
        low: Lower end of the effort's interval.
        high: Upper end; None when unbounded.
        cost: The price, in cost units; None when out of reach.
        reachable: Whether any effort is enough.
        reason: Why a number is missing; None when none is.
        tied: Whether the noise cannot tell the two scores at this level apart.
        extrapolated: Whether the effort leads beyond the steps measured for the lower model.
        measured_bound: Further steps the measurements cover, and which are not enough; None if not extrapolated.
    """

    model: str
    overtakes: str
    effort: float | None
    low: float | None
    high: float | None
    cost: float | None
    reachable: bool
    reason: str | None
    tied: bool
    extrapolated: bool
    measured_bound: float | None


@dataclass(frozen=True, kw_only=True)
class Level:
    """The contest at one tune-before-test level.

    Args:
        level: Steps given to every model before testing; 0 is direct evaluation.
        extrapolated: Whether it lies beyond the steps measured for some model.
        ranking: Names, best first.
        prices: Of the neighbouring pairs, from the top.
        cheapest_price: Least price of a neighbouring pair, in cost units; None when no place can be bought.
        median_price: Median with unreachable pairs counted as infinite; None when that is infinite.
        quartiles: Lower and upper quartile, on the same terms.
        unreachable: Number of neighbouring pairs out of reach.
        tied: Number of neighbouring pairs that noise cannot tell apart.
        verdict: Whether nobody tuning is an equilibrium for the audit's rewards.
        witness: A sentence naming the deviation that pays; None when there is none.
        measured_verdict: The verdict if developers never go beyond the measured steps.
        critical_stakes: By reward shape, the largest value of first place for which nobody tuning is an equilibrium,
            in cost units; None when it is unbounded.
        critical_stakes_interval: By reward shape.
        kendall_tau_to_reference: Between this ranking and the one at the reference level.
        kendall_tau_interval: Its interval.
    """

    level: float
    extrapolated: bool
    ranking: tuple[str, ...]
    prices: tuple[Price, ...]
    cheapest_price: float | None
    median_price: float | None
    quartiles: Interval
    unreachable: int
    tied: int
    verdict: Verdict
    witness: str | None
    measured_verdict: Verdict
    critical_stakes: dict[str, float | None]
    critical_stakes_interval: dict[str, Interval]
    kendall_tau_to_reference: float | None
    kendall_tau_interval: Interval


@dataclass(frozen=True, kw_only=True)
class StabilisingLevel:
    """The least level from which nobody tuning stays an equilibrium, for the audit's rewards.

    Args:
        status: zero, finite, infinite, union or unknown (docs, file formats).
        level: In steps; None unless finite or zero (for a union, the start of its last unbounded interval).
        low: Lower end of its interval over the posterior draws.
        high: Upper end; None when some posterior draws have no such level within the search.
        reason: The status in one sentence.
        proof: How the point estimate is known, given the fitted curves.
        intervals: The stable levels as (low, high) pairs, high None when unbounded.
        extrapolated: Whether the level lies beyond the measured steps.
        measured_level: Up to this level an overtaking within the measured steps pays: what the measurements alone show
            the stabilising level to exceed. 0 when they show none; None when it is the last measured step itself.
        share_within_measured: Share of posterior draws whose level lies within the measured steps.
    """

    status: str
    level: float | None
    low: float | None
    high: float | None
    reason: str
    proof: Proof
    intervals: tuple[tuple[float, float | None], ...]
    extrapolated: bool
    measured_level: float | None
    share_within_measured: float


@dataclass(frozen=True, kw_only=True)
class StakesCurve:
    """The edge of the stability map: for each level the largest stable value of first place.

    Args:
        shape: Reward shape (winner, linear, ...).
        levels: Steps, shape (points,).
        stakes: Cost units; ``inf`` when unbounded. Shape (points,).
        low: Lower end of the interval.
        high: Upper end.
    """

    shape: str
    levels: tuple[float, ...]
    stakes: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """Everything the audit of one benchmark found.

    Args:
        benchmark: Its name.
        source: File the trajectories came from.
        cost_unit: Unit of prices and stakes.
        rewards: The rewards assumed, in the command line's short form (``winner:4000``).
        rewards_assumed: True when nobody stated the stakes and the default was taken.
        fit: Fitted curves with their uncertainty, for charts.
        models: One row per model kept, best tuned rank first.
        excluded: Names and reasons of models left out.
        untunable: Contestants that cannot be tuned, best direct score first; no part of ``models`` or ``levels``.
        diverged: Runs that diverged before a step at which they were to be scored.
        outcomes: What the file reports about each run; it changes nothing in the fit.
        levels: One row per level, rising.
        reference_level: Largest measured step.
        stabilising_level: See there.
        stakes: Edge of the stability map, one curve per reward shape.
        backtest: How far the law could be trusted here; None when it was switched off or impossible.
        backtest_reason: Why there is none.
        notes: Sentences a reader must know (assumptions taken, models flagged).
    """

    benchmark: str
    source: str
    cost_unit: str
    rewards: str
    rewards_assumed: bool
    fit: Fit
    models: tuple[ModelFit, ...]
    excluded: tuple[tuple[str, str], ...]
    untunable: tuple[Untunable, ...]
    diverged: tuple[Divergence, ...]
    outcomes: tuple[RunOutcome, ...]
    levels: tuple[Level, ...]
    reference_level: float
    stabilising_level: StabilisingLevel
    stakes: tuple[StakesCurve, ...]
    backtest: Backtest | None
    backtest_reason: str | None
    notes: tuple[str, ...]
