"""The audit: measured trajectories in, everything a benchmark's maintainer asks out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from headstart.auditing.decision import Criteria, decide
from headstart.auditing.evidence import Evidence, fitted_contest, gather, reward_shapes
from headstart.auditing.examine import Examined, examine
from headstart.auditing.incentives import incentive_curve, needed_share
from headstart.auditing.level_values import Level, Standing
from headstart.auditing.measured import find_fallers
from headstart.auditing.notes import audit_notes
from headstart.auditing.strict import stabilising, stakes_curves
from headstart.auditing.untunable import set_apart
from headstart.auditing.values import Audit, Decision, ModelFit, NoiseUsed
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.backtest import Backtest, backtest
from headstart.fitting.fit import Fit
from headstart.fitting.sample import OnForgetting
from headstart.io.run import Run
from headstart.progress import Progress, silent


def audit(
    trajectories: Trajectories,
    *,
    source: str = "",
    levels: Sequence[float] | None = None,
    rewards: str | None = None,
    criteria: Criteria | None = None,
    on_forgetting: OnForgetting = "keep",
    backtest_fraction: float | None = 0.6,
    remarks: Sequence[str] = (),
    draws: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit one benchmark.

    Args:
        trajectories: What was measured.
        source: Where it came from, shown to readers.
        levels: Tune-before-test levels to report, in steps; by default the measured steps.
        rewards: In the short form of ``contest.rewards.parse``, in cost units; by default ``default_rewards``.
        criteria: What a recommended level must meet; by default a gain of at most 1 % with a confidence of 95 %.
        on_forgetting: What the fitted contest does with models whose score falls; the audit itself follows the scores.
        backtest_fraction: Share of the checkpoints, the earliest, that predict the later ones; None for no backtest.
        remarks: What a reader must know about these models, one sentence each; shown above the ranking.
        draws: Posterior draws behind the intervals; by default as many as the rewards allow (``gather``).
        seed: Of the draws.
        progress: Called as the work proceeds.

    Raises:
        InputError: If fewer than two models can be fitted, or an option is out of range.
    """
    tell = progress or silent
    tell("fitting the curves", 0.0)
    found = gather(trajectories, levels=levels, rewards=rewards, on_forgetting=on_forgetting, draws=draws, seed=seed)
    asked = criteria or Criteria()
    text = rewards if rewards is not None else found.default_rewards
    with ThreadPoolExecutor(max_workers=1) as beside:  # the levels keep one processor busy half of the time
        testing = beside.submit(_backtest, trajectories, backtest_fraction, on_forgetting, seed)
        examined, decision = answer(found, text, asked, tell)
        tell("backtest", 0.9)
        tested, why_not = testing.result()
    tell("done", 1.0)
    fitted, field = found.fit, found.field
    return Audit(
        benchmark=trajectories.benchmark,
        source=source,
        cost_unit=trajectories.cost_unit,
        rewards=text,
        rewards_assumed=rewards is None,
        decision=decision,
        incentive_curve=incentive_curve(examined.incentives, asked.tolerance),
        noise=NoiseUsed(stderr=field.stderr, stated=field.measured.typical_stderr is not None),
        fit=fitted,
        models=_model_rows(fitted, examined.rows, field.reference),
        fallers=find_fallers(field.measured),
        excluded=tuple((e.name, e.reason) for e in fitted.excluded),
        untunable=set_apart(
            trajectories.untunable,
            found.forecast,
            names=fitted.models,
            max_step=fitted.max_step,
            levels=found.levels,
            seed=seed,
        ),
        diverged=trajectories.divergences,
        outcomes=trajectories.outcomes,
        levels=examined.rows,
        reference_level=field.reference,
        stabilising_level=stabilising(examined.strict, field.reference),
        stakes=stakes_curves(examined.strict),
        backtest=tested,
        backtest_reason=why_not,
        remarks=tuple(remarks),
        notes=audit_notes(fitted, rewards is None, text, trajectories, found.levels[0], field.paths.n_draws),
        run=Run(),
    )


def answer(
    found: Evidence, rewards: str, criteria: Criteria, tell: Progress, *, cost_per_step: float | None = None
) -> tuple[Examined, Decision]:
    """What every level is worth under the rewards, and the decision: the one computation of audit and design.

    Args:
        found: What it rests on.
        rewards: What ranks are worth, in the short form.
        criteria: What a recommended level must meet.
        tell: Called with what is being done and the share of the whole that is finished.
        cost_per_step: What a step of one model costs the designer, in cost units; by default what it costs its
            developer.
    """
    contest = fitted_contest(found.fit, rewards)
    shapes = reward_shapes(contest, rewards)
    examined = examine(found.field, found.levels, contest.rewards, shapes, tolerance=criteria.tolerance, tell=tell)
    bill = float(found.fit.cost_per_step.sum()) if cost_per_step is None else cost_per_step * len(found.fit.models)
    decision = decide(
        examined.rows,
        criteria,
        needed=needed_share(found.field.paths.n_draws, criteria.confidence),
        cost_of_step=bill,
        cost_unit=found.fit.trajectories.cost_unit,
        reference=found.field.reference,
    )
    return examined, decision


def _backtest(
    trajectories: Trajectories, fraction: float | None, on_forgetting: OnForgetting, seed: int
) -> tuple[Backtest | None, str | None]:
    if fraction is None:
        return None, "switched off"
    try:
        return backtest(trajectories, fraction=fraction, on_forgetting=on_forgetting, seed=seed), None
    except InputError as error:
        return None, error.message


def _model_rows(fitted: Fit, levels: Sequence[Level], reference: float) -> tuple[ModelFit, ...]:
    parameters = {"L": fitted.curves.L, "U": fitted.curves.U, "alpha": fitted.curves.alpha, "beta": fitted.curves.beta}
    last = next((level for level in levels if level.level == reference), levels[-1])
    direct: dict[str, Standing] = {one.name: one for one in levels[0].standings}
    tuned: dict[str, Standing] = {one.name: one for one in last.standings}
    rows: list[ModelFit] = []
    for m, name in enumerate(fitted.models):
        before, after = direct.get(name), tuned.get(name)
        rows.append(
            ModelFit(
                name=name,
                curve={key: float(values[m]) for key, values in parameters.items()},
                standard_errors={key: float(fitted.standard_errors[key][m]) for key in parameters},
                rmse=float(fitted.rmse[m]),
                chi2_per_point=float(fitted.chi2_per_point[m]) if np.isfinite(fitted.chi2_per_point[m]) else None,
                max_step=float(fitted.max_step[m]),
                flags=fitted.flags[m],
                treatment=fitted.treatment[m],
                direct_score=None if before is None else before.score,
                direct_rank=None if before is None else before.rank,
                direct_rank_interval=None if before is None else (before.best_rank, before.worst_rank),
                tuned_score=None if after is None else after.score,
                tuned_rank=None if after is None else after.rank,
                tuned_rank_interval=None if after is None else (after.best_rank, after.worst_rank),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.tuned_rank is None, row.tuned_rank or 0)))
