"""The audit: measured trajectories in, everything a benchmark's maintainer asks out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from headstart.auditing.levels import LevelsQuestion, answer_level, levels_by_default
from headstart.auditing.notes import audit_notes
from headstart.auditing.stability import critical_curves, stabilising
from headstart.auditing.untunable import set_apart
from headstart.auditing.values import Audit, Level, ModelFit
from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.contest.contest import Contest
from headstart.contest.costs import PowerCost
from headstart.contest.rewards import linear, parse, winner
from headstart.contest.tables import CostTable, CurveTable
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.backtest import Backtest, backtest
from headstart.fitting.fit import Fit, fit
from headstart.fitting.sample import OnForgetting
from headstart.rank import rank_intervals

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of the whole that is finished, in [0, 1]."""

DRAWS = 200
"""Posterior draws behind every interval: the 2.5 % quantile rests on five of them."""


def audit(
    trajectories: Trajectories,
    *,
    source: str = "",
    levels: Sequence[float] | None = None,
    rewards: str | None = None,
    on_forgetting: OnForgetting = "keep",
    backtest_fraction: float | None = 0.6,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit one benchmark.

    Args:
        trajectories: What was measured.
        source: Where it came from, shown to readers.
        levels: Tune-before-test levels to report, in steps; by default the measured steps.
        rewards: In the short form of ``contest.rewards.parse``, in cost units; by default ``default_rewards``.
        on_forgetting: What to do with models whose score falls.
        backtest_fraction: Share of the checkpoints, the earliest, that predict the later ones; None for no backtest.
        draws: Posterior draws behind the intervals.
        seed: Of the draws.
        progress: Called as the work proceeds.

    Raises:
        InputError: If fewer than two models can be fitted, or an option is out of range.
    """
    tell = progress or _silent
    tell("fitting the curves", 0.0)
    fitted = fit(trajectories, on_forgetting=on_forgetting, draws=draws, seed=seed)
    if len(fitted.models) < 2:
        left_out = "; ".join(f"{e.name}: {e.reason}" for e in fitted.excluded)
        raise InputError(f"an audit needs two models with a fitted curve, got {len(fitted.models)} ({left_out})")
    reference = float(fitted.max_step.max())
    assumed = rewards is None
    text = rewards if rewards is not None else default_rewards(fitted, reference)
    contest = fitted_contest(fitted, text)
    shapes = reward_shapes(contest, text)
    chosen = checked_levels(levels) if levels is not None else levels_by_default(fitted, reference)
    question = LevelsQuestion(fit=fitted, contest=contest, reference=reference, shapes=shapes)
    rows: list[Level] = []
    for index, level in enumerate(chosen):
        tell(f"level {level:g}", 0.35 + 0.3 * index / len(chosen))
        rows.append(answer_level(question, level))
    tell("stability map", 0.65)
    stakes = critical_curves(fitted, shapes, reference)
    tell("stabilising level", 0.8)
    stability = stabilising(fitted, contest, reference)
    tell("backtest", 0.9)
    tested, why_not = _backtest(trajectories, backtest_fraction, on_forgetting, seed)
    tell("done", 1.0)
    return Audit(
        benchmark=trajectories.benchmark,
        source=source,
        cost_unit=trajectories.cost_unit,
        rewards=text,
        rewards_assumed=assumed,
        fit=fitted,
        models=_model_rows(fitted, reference),
        excluded=tuple((e.name, e.reason) for e in fitted.excluded),
        untunable=set_apart(fitted, chosen, seed=seed),
        diverged=trajectories.divergences,
        outcomes=trajectories.outcomes,
        levels=tuple(rows),
        reference_level=reference,
        stabilising_level=stability,
        stakes=stakes,
        backtest=tested,
        backtest_reason=why_not,
        notes=audit_notes(fitted, assumed, text, trajectories),
    )


def default_rewards(fitted: Fit, reference: float) -> str:
    """First place is worth the longest measured tuning run of a typical model, the last nothing, each rank the same.

    A scale to start from, not an estimate. Every rank counts because people compare neighbours, not only winners.
    """
    value = reference * float(np.median(fitted.cost_per_step))
    return f"linear:{value:.6g}"


def fitted_contest(fitted: Fit, rewards: str) -> Contest:
    """The contest of the fitted models under direct evaluation, with linear costs."""
    n = len(fitted.models)
    return Contest(
        names=fitted.models,
        curves=CurveTable.batch(fitted.curves, n),
        costs=CostTable.batch(PowerCost(scale=fitted.cost_per_step), n),
        rewards=parse(rewards, n),
    )


def reward_shapes(contest: Contest, text: str) -> dict[str, Float[FloatArray, " models"]]:
    """The reward shapes reported, with a first place worth 1: winner, linear and the audit's own."""
    shapes = {"winner": winner(contest.n), "linear": linear(contest.n)}
    own, _, _ = text.rpartition(":")
    if contest.rewards[0] > 0 and own not in shapes:
        shapes[own] = contest.rewards / contest.rewards[0]
    return shapes


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels in rising order, each once.

    Raises:
        InputError: If there is none, or one is negative or not finite.
    """
    require(len(levels) > 0, "levels", "a non-empty list", list(levels))
    for level in levels:
        require(bool(np.isfinite(level)) and level >= 0, "levels", "finite numbers >= 0", level)
    return tuple(sorted(set(levels)))


def _silent(_what: str, _share: float) -> None:
    """Progress nobody watches."""


def _backtest(
    trajectories: Trajectories, fraction: float | None, on_forgetting: OnForgetting, seed: int
) -> tuple[Backtest | None, str | None]:
    if fraction is None:
        return None, "switched off"
    try:
        return backtest(trajectories, fraction=fraction, on_forgetting=on_forgetting, seed=seed), None
    except InputError as error:
        return None, error.message


def _model_rows(fitted: Fit, reference: float) -> tuple[ModelFit, ...]:
    parameters = {"L": fitted.curves.L, "U": fitted.curves.U, "alpha": fitted.curves.alpha, "beta": fitted.curves.beta}
    direct, tuned = fitted.curves.score(0.0), fitted.curves.score(reference)
    direct_rank, tuned_rank = _ranks(direct), _ranks(tuned)
    direct_interval = rank_intervals(fitted.draws.score(0.0))
    tuned_interval = rank_intervals(fitted.draws.score(reference))
    rows = [
        ModelFit(
            name=name,
            curve={key: float(values[m]) for key, values in parameters.items()},
            standard_errors={key: float(fitted.standard_errors[key][m]) for key in parameters},
            rmse=float(fitted.rmse[m]),
            chi2_per_point=float(fitted.chi2_per_point[m]) if np.isfinite(fitted.chi2_per_point[m]) else None,
            max_step=float(fitted.max_step[m]),
            flags=fitted.flags[m],
            treatment=fitted.treatment[m],
            direct_rank=int(direct_rank[m]),
            direct_rank_interval=(int(direct_interval[m, 0]), int(direct_interval[m, 1])),
            tuned_rank=int(tuned_rank[m]),
            tuned_rank_interval=(int(tuned_interval[m, 0]), int(tuned_interval[m, 1])),
        )
        for m, name in enumerate(fitted.models)
    ]
    return tuple(sorted(rows, key=lambda row: row.tuned_rank))


def _ranks(scores: FloatArray) -> IntArray:
    return rank_intervals(scores[None])[:, 0]
