"""``headstart.audit`` for scripts and notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headstart.api.sources import Frame, measurements_of
from headstart.auditing.audit import audit as run_audit
from headstart.auditing.decision import Criteria
from headstart.auditing.evidence import fitted_contest
from headstart.auditing.values import Audit, Decision
from headstart.contest.contest import Contest
from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import require_auditable
from headstart.fitting.sample import OnForgetting
from headstart.progress import Progress
from headstart.report import page
from headstart.report.export import audit_document
from headstart.report.frames import levels_frame, models_frame, prices_frame

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from headstart.report.drawing import Chart


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AuditResult:
    """An audit that shows itself: its decision as text, its figures as tables, its picture, its page.

    Args:
        values: Everything that was found, as plain values.
    """

    values: Audit

    @property
    def decision(self) -> Decision:
        """What to do, and what it rests on."""
        return self.values.decision

    def models(self) -> pl.DataFrame:
        """One row per model, best tuned rank first."""
        return models_frame(self.values)

    def levels(self) -> pl.DataFrame:
        """One row per level, rising."""
        return levels_frame(self.values)

    def prices(self, level: float | None = None) -> pl.DataFrame:
        """What the next place costs, from the top; of every level, or of one that was reported."""
        return prices_frame(self.values, level)

    def plot(self) -> alt.LayerChart:
        """What gaming gains, by level, as an Altair chart."""
        from headstart.report.palette import as_altair

        return as_altair(self._picture().spec)

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page to show colleagues, whole or not at all.

        Raises:
            InputError: If the file cannot be written.
        """
        page.write_page(self.values, path)

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Write the document, schema ``headstart.audit/1``, whole or not at all.

        Raises:
            InputError: If the file cannot be written.
        """
        from headstart.io.atomic import write_json

        write_json(path, audit_document(self.values))

    def contest(self) -> Contest:
        """The contest of the fitted curves, for ``solve_pure`` and ``prove``: it stands for the fit, not the scores."""
        return fitted_contest(self.values.fit, self.values.rewards)

    def __repr__(self) -> str:
        audit = self.values
        return (
            f"<audit of {audit.benchmark}: {len(audit.models)} models, {len(audit.levels)} levels. "
            f"{audit.decision.headline}>"
        )

    def _repr_html_(self) -> str:
        """The decision, the picture and the levels, as a notebook shows them."""
        return page.notebook_view(self.values, self._picture())

    def _picture(self) -> Chart:
        from headstart.report.charts import incentive_chart

        return incentive_chart(self.values.incentive_curve, self.values.decision, self.values.levels)


def audit(
    measurements: str | os.PathLike[str] | Frame | Trajectories,
    *,
    benchmark: str | None = None,
    levels: Sequence[float] | None = None,
    rewards: str | None = None,
    tolerance: float = 0.01,
    confidence: float = 0.95,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
    score_range: tuple[float, float] | None = None,
    on_forgetting: OnForgetting = "keep",
    backtest_fraction: float | None = 0.6,
    remarks: Sequence[str] = (),
    draws: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> AuditResult:
    """Audit a benchmark: does gaming it pay, how much identical tuning ends that, and which ranks can be trusted.

    Args:
        measurements: A file, a data frame (polars or pandas) with the columns of a trajectories file, or trajectories.
        benchmark: Which one, where the measurements hold several.
        levels: Tune-before-test levels to report, in steps; by default the measured steps.
        rewards: What ranks are worth: ``winner:V``, ``top:K:V``, ``linear:V`` or ``geometric:RATIO:V``, in cost units.
        tolerance: Largest gain from gaming that counts as none, as a share of first reward minus last.
        confidence: How sure it must be that a level is enough, in (0, 1).
        cost_per_step: Cost of one tuning step, the same for every model; for files and frames without that column.
        cost_unit: Unit of costs and rewards; for files and frames.
        score_range: Range of the scores, where it is not (0, 1); for files and frames.
        on_forgetting: What the fitted contest does with models whose score falls.
        backtest_fraction: Share of the checkpoints, the earliest, that predict the later ones; None for no backtest.
        remarks: What a reader must know about these models, one sentence each.
        draws: Posterior draws behind the intervals; by default as many as the rewards allow.
        seed: Of the draws.
        progress: Called as the work proceeds.

    Raises:
        InputError: If the measurements or an option are bad, naming file, row and field.

    >>> from headstart.contest.curves import LogitPower
    >>> steps = [0, 10, 100, 1000]
    >>> rows = {"model": ["a"] * 4 + ["b"] * 4, "step": steps * 2, "stderr": [0.01] * 8,
    ...         "score": [0.5, 0.55, 0.6, 0.61, 0.3, 0.32, 0.4, 0.41]}
    >>> import polars as pl
    >>> audit(pl.DataFrame(rows), draws=60, backtest_fraction=None).models()["model"].to_list()
    ['a', 'b']
    """
    source, trajectories = measurements_of(
        measurements,
        benchmark=benchmark,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
        score_range=score_range,
    )
    require_auditable(trajectories)
    found = run_audit(
        trajectories,
        source=source,
        levels=levels,
        rewards=rewards,
        criteria=replace(Criteria(), tolerance=tolerance, confidence=confidence),
        on_forgetting=on_forgetting,
        backtest_fraction=backtest_fraction,
        remarks=remarks,
        draws=draws,
        seed=seed,
        progress=progress,
    )
    return AuditResult(values=found)
