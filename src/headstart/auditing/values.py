"""What an audit found, as plain frozen data: the terminal, the JSON file and the page all show these values.

A number that does not exist is None, and the field beside it says why. Efforts and levels are in steps, prices and
stakes in ``cost_unit``, scores in the benchmark's own range. An interval covers 95 %. Where a figure is estimated over
posterior draws, its value is their median, so it never lies outside its interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
class Estimate:
    """The median over posterior draws with the central 95 % of them; ``low <= value <= high``."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ModelFit:
    """One model: its curve, how well the law fits, and where it ranks before and after tuning.

    Args:
        name: Model name.
        curve: L, U, alpha, beta of the logit power law.
        standard_errors: Of the same four.
        rmse: Root mean square residual of that law, in score units.
        chi2_per_point: Mean squared residual in units of the standard error; None without standard errors.
        max_step: Last measured step.
        flags: What is odd about the trajectory; see docs.
        treatment: What was done with a model that forgets, in words; None for the others.
        direct_score: Score at the first level reported, measured or, where it was not, estimated.
        direct_rank: Rank at that level; 1 is best.
        direct_rank_interval: Best and worst rank that noise leaves possible, all models at once.
        tuned_score: Score at the reference level.
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
    direct_score: float | None
    direct_rank: int | None
    direct_rank_interval: tuple[int, int] | None
    tuned_score: float | None
    tuned_rank: int | None
    tuned_rank_interval: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class Faller:
    """A model whose score fell beyond noise although it was tuned like all others.

    Args:
        name: Model name.
        peak_step: Step of its best earlier measurement.
        peak_score: Score there.
        last_step: Last measured step.
        last_score: Score there.
        stderr: Standard error of the difference; None where unknown.
    """

    name: str
    peak_step: float
    peak_score: float
    last_step: float
    last_score: float
    stderr: float | None


@dataclass(frozen=True, kw_only=True)
class RankBound:
    """Which ranks a contestant that cannot be tuned could hold at one level, among the fitted models and itself.

    Args:
        level: In steps; 0 is direct evaluation, where its rank is known.
        extrapolated: Whether the level lies beyond the steps measured for most fitted models.
        best_rank: 1 at every level above 0, since nothing bounds what tuning would bring it.
        worst_rank: Rank of its direct score among the scores at the level: its own if tuning would make it no worse.
        worst_rank_interval: Of ``worst_rank`` over the posterior draws, as (best, worst).
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
        direct_rank_interval: Over the posterior draws, as (best, worst).
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
class Standing:
    """One model at one level.

    Args:
        name: Model name.
        score: Measured score; where the model was not measured at the level, the median of the posterior draws.
        stderr: Standard error of the measured score, or standard deviation of the draws; None where unknown.
        measured: Whether the score was measured.
        rank: 1 for the best; equal scores share a rank.
        best_rank: Best rank that noise leaves possible; simultaneous over all models (95 %).
        worst_rank: Worst such rank.
    """

    name: str
    score: float
    stderr: float | None
    measured: bool
    rank: int
    best_rank: int
    worst_rank: int


@dataclass(frozen=True, kw_only=True)
class TiedModels:
    """Models that the data do not order, to be published under one rank.

    Args:
        names: Best score first.
        rank: The rank they share.
        last_place: The last place they fill.
    """

    names: tuple[str, ...]
    rank: int
    last_place: int


@dataclass(frozen=True, kw_only=True)
class Price:
    """What it takes the lower of two neighbours to pass the upper one.

    Args:
        model: The lower model.
        overtakes: Its upper neighbour at that level.
        effort: Further whole steps it needs (median over the posterior draws); None when beyond the horizon.
        low: Lower end of the effort's interval; None as above.
        high: Upper end; None when beyond the horizon.
        cost: The price, in cost units; None when beyond the horizon.
        reachable: Whether the effort lies within the horizon.
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
class Incentive:
    """What gaming gains at one level, when nobody else games and developers know scores up to measurement noise.

    Args:
        share: Largest expected gain of any developer, as a share of first reward minus last. The gain is enclosed
            between efforts: the value is the upper end, the interval runs from the lower ends to the upper ones.
        gain: The same in cost units.
        model: The developer that gains most, in most posterior draws; None where nobody gains.
        effort: Its best effort in further steps (median over those draws); None where nobody gains.
        burnt: Total cost if every developer made its own best deviation, in cost units (no equilibrium; a scale).
        suffices: Share of the posterior draws in which, at this and every later measured level, nobody gains more than
            the tolerance.
    """

    share: Estimate
    gain: Estimate
    model: str | None
    effort: float | None
    burnt: Estimate
    suffices: float


@dataclass(frozen=True, kw_only=True)
class Level:
    """The contest at one tune-before-test level.

    Args:
        level: Steps given to every model before testing; 0 is direct evaluation.
        measured: Whether at least half of the models were measured there.
        extrapolated: Whether it lies beyond the steps measured for most models.
        estimated: Models ranked there by an estimated score, because they were not measured at that step.
        absent: Models not ranked there: the level lies beyond their horizon.
        standings: Models ranked, best first.
        ranking: Their names.
        ties: Models to publish under one rank, from the top; groups of one included.
        incentive: What gaming gains.
        certain: Share of the pairs whose order is the same in every equilibrium and beyond sampling error, all pairs at
            once (95 %; median over the posterior draws). Equilibria are those among developers who know all curves and
            the size of the measurement noise, mixed and correlated ones included. None with fewer than two models.
        unique: Share of the posterior draws in which iterated dominance leaves nothing but honesty: "nobody tunes" is
            then the only equilibrium. In the other draws the question is open. None where it was not computed: among
            more models than ``auditing.equilibria`` states.
        prices: Of the neighbouring pairs, from the top.
        cheapest_price: Least price of a neighbouring pair, in cost units; None when no place can be bought.
        median_price: Median with unreachable pairs counted as infinite; None when that is infinite.
        quartiles: Lower and upper quartile, on the same terms.
        unreachable: Number of neighbouring pairs beyond the horizon.
        tied: Number of neighbouring pairs that noise cannot tell apart.
        verdict: Whether nobody tuning is an equilibrium among developers who know the exact scores: ``exists`` or
            ``none`` where at least 97.5 % of the posterior draws say so, else ``undecided``.
        witness: A sentence naming the deviation that pays most often; None when there is none.
        measured_verdict: The same if developers never go beyond the measured steps.
        critical_stakes: By reward shape, the largest value of first place under which ``verdict`` would be ``exists``
            (median over the posterior draws), in cost units; None when it is unbounded.
        critical_stakes_interval: By reward shape.
        kendall_tau_to_reference: Between the ranking at this level and the one at the reference level (tau-a; median
            over the posterior draws).
        kendall_tau_interval: Its interval.
    """

    level: float
    measured: bool
    extrapolated: bool
    estimated: tuple[str, ...]
    absent: tuple[str, ...]
    standings: tuple[Standing, ...]
    ties: tuple[TiedModels, ...]
    incentive: Incentive
    certain: float | None
    unique: float | None = None
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

    @property
    def ranking(self) -> tuple[str, ...]:
        """Names, best first."""
        return tuple(one.name for one in self.standings)


Binding = Literal["incentive", "agreement", "budget"]
"""The requirement that no measured level meets, given that it meets those before it."""

Action = Literal["tune before the test", "keep direct evaluation", "measure more"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the designer should do.

    Args:
        action: In three words.
        level: Steps to give every model; None where the data cannot say.
        headline: What to do, in one sentence.
        reasons: What it rests on and what remains, one sentence each.
        tolerance: Gain that counts as negligible, as a share of first reward minus last.
        confidence: Share of the posterior draws asked for.
        incentive: Largest gain at the level, as a share of first reward minus last; at the last measured level where
            there is no level to recommend.
        incentive_before: The same at the first level reported.
        first_level: The first level reported; 0 is direct evaluation.
        suffices: Share of the posterior draws in which the level is enough.
        kendall_tau: Agreement of the ranking at the level with the one at the reference level; None at the latter.
        cost: Of giving the level to every model, in cost units.
        ties: Number of groups of two or more models to publish under one rank.
        binding: The requirement that no measured level meets; None where a level is recommended.
        measure_to: Steps to measure up to where the data cannot say; None else.
    """

    action: Action
    level: float | None
    headline: str
    reasons: tuple[str, ...]
    tolerance: float
    confidence: float
    incentive: Estimate
    incentive_before: Estimate
    first_level: float
    suffices: float
    kendall_tau: Estimate | None
    cost: float | None
    ties: int
    binding: Binding | None
    measure_to: float | None

    @property
    def sentence(self) -> str:
        """The headline and the reasons."""
        return " ".join((self.headline, *self.reasons))


@dataclass(frozen=True, kw_only=True)
class IncentiveCurve:
    """What gaming gains, against the level: the audit's first picture.

    Args:
        levels: Measured levels and levels between them, in steps.
        share: Largest gain as a share of first reward minus last, median over the posterior draws.
        low: Lower end of its interval.
        high: Upper end.
        burnt: Total cost of everybody's best deviation, in cost units, median.
        suffices: Share of the posterior draws in which the gain is negligible at this and every later level of the
            curve.
    """

    levels: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    burnt: tuple[float, ...]
    suffices: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class LastingLevel:
    """The least level from which nobody tuning stays an equilibrium among developers who know the exact scores.

    Near-ties decide it, so it is a matter for experts; the decision rests on the incentive instead.

    Args:
        status: ``zero``, ``finite`` or ``unknown`` (not within the horizon).
        level: In steps, median over the posterior draws; None unless finite or zero.
        low: Lower end of its interval; None when beyond the horizon.
        high: Upper end; None when beyond the horizon.
        reason: The status in one sentence.
        proof: How it is known.
        intervals: The levels of the grid on which it holds, as (low, high) pairs, high None when unbounded.
        extrapolated: Whether the level lies beyond the measured steps.
        measured_level: Up to this level an overtaking within the measured steps pays in the median draw; None when that
            is the last measured step itself.
        share_within_measured: Share of the posterior draws whose level lies within the measured steps.
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
    """The edge of the strict stability map: for each level the largest stable value of first place.

    Args:
        shape: Reward shape (winner, linear, ...).
        levels: Steps, shape (points,).
        stakes: Cost units, median over the posterior draws; ``inf`` when unbounded. Shape (points,).
        low: Lower end of the interval.
        high: Upper end.
    """

    shape: str
    levels: tuple[float, ...]
    stakes: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class NoiseUsed:
    """Measurement noise of the published scores, which decides what gaming is worth to a developer.

    Args:
        stderr: Standard error of one score, typical of the field, in score units.
        stated: Whether the file states it; otherwise it is estimated from the scatter around the curves.
    """

    stderr: float
    stated: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """Everything the audit of one benchmark found.

    Args:
        benchmark: Its name.
        source: File the trajectories came from.
        cost_unit: Unit of prices and stakes.
        rewards: The rewards assumed, in the short form of ``contest.rewards`` (``winner:4000``).
        rewards_assumed: True when nobody stated the stakes and the default was taken.
        decision: What to do.
        incentive_curve: What gaming gains, by level.
        noise: Measurement noise of a score.
        fit: Fitted logit power laws with their uncertainty, for the fitted contest.
        models: One row per model kept, best tuned rank first.
        fallers: Models whose score fell beyond noise, largest fall first.
        excluded: Names and reasons of models left out.
        untunable: Contestants that cannot be tuned, best direct score first; no part of ``models`` or ``levels``.
        diverged: Runs that diverged before a step at which they were to be scored.
        outcomes: What the file reports about each run; it changes nothing in the fit.
        levels: One row per level, rising.
        reference_level: Largest level that at least half of the models were measured at.
        stabilising_level: See there.
        stakes: Edge of the strict stability map, one curve per reward shape.
        backtest: How far the law could be trusted here; None when it was switched off or impossible.
        backtest_reason: Why there is none.
        remarks: What is known about these models beyond their scores, as the caller says; one sentence each.
        notes: Assumptions taken and what was left out, one sentence each.
        run_id: The same in every file that one run of the audit writes.
    """

    benchmark: str
    source: str
    cost_unit: str
    rewards: str
    rewards_assumed: bool
    decision: Decision
    incentive_curve: IncentiveCurve
    noise: NoiseUsed
    fit: Fit
    models: tuple[ModelFit, ...]
    fallers: tuple[Faller, ...]
    excluded: tuple[tuple[str, str], ...]
    untunable: tuple[Untunable, ...]
    diverged: tuple[Divergence, ...]
    outcomes: tuple[RunOutcome, ...]
    levels: tuple[Level, ...]
    reference_level: float
    stabilising_level: LastingLevel
    stakes: tuple[StakesCurve, ...]
    backtest: Backtest | None
    backtest_reason: str | None
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    run_id: str
