"""What an audit found, as plain frozen data: the terminal, the JSON file and the page all show these values.

A number that does not exist is None, and the field beside it says why. Efforts and levels are in steps, prices and
stakes in ``cost_unit``, scores in the benchmark's own range. An interval covers 95 %. Where a figure is estimated over
posterior draws, its value is their median, so it never lies outside its interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.auditing.level_values import Estimate, Level, RankBound
from headstart.data.outcomes import Divergence, RunOutcome
from headstart.fitting.backtest import Backtest
from headstart.fitting.fit import Fit
from headstart.io.run import Run
from headstart.solve.pure import Proof


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
        run: The same in every file that one run of the audit writes.
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
    run: Run
