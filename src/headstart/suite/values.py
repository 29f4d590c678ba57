"""What a suite shows, as plain frozen data: terminal, JSON, CSV and page all show these values.

A number that does not exist is None, beside a reason. Ranks are 1 for the best, and equal values share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Float, Int

from headstart.auditing.comparison_values import Pairs, Shift
from headstart.auditing.level_values import Estimate, TiedModels
from headstart.contest.arrays import FloatArray, IntArray
from headstart.io.run import Run
from headstart.suite.missing import CompleteSuite
from headstart.suite.rigging import RiggingCount

Action = Literal["publish the tuned ranking", "keep the direct ranking", "measure more", "publish", "name the rule"]
"""What to do, in short.

With tuned scores: pairs of models change order beyond noise or the tasks agree more after tuning, the tasks agree less,
or neither is shown. Without: the rules agree on the first
model, or they do not.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class RuleRanking:
    """The ranking of one column under one rule.

    Args:
        values: One a model, more is better.
        ranks: Of the values.
    """

    values: Float[FloatArray, " models"]
    ranks: Int[IntArray, " models"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskAgreement:
    """How far the tasks of one column agree with each other; intervals are 95 % over the models.

    Args:
        tau_b: Of every two tasks; nan where it does not exist.
        tau_a: The same.
        mean_tau_b: Over all pairs of tasks; None with too few models, or where it does not exist.
        mean_tau_a: The same.
        first_component: Share of the first principal component of standardised scores; None beside the reason.
        reason: Why a figure is None.
    """

    tau_b: Float[FloatArray, "tasks tasks"]
    tau_a: Float[FloatArray, "tasks tasks"]
    mean_tau_b: Estimate | None
    mean_tau_a: Estimate | None
    first_component: Estimate | None
    reason: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class SuiteColumn:
    """The suite before or after tuning.

    Args:
        label: ``direct`` or ``tuned``.
        rankings: By rule.
        task_ranks: Rank of each model on each task.
        rules_tau_b: Kendall's tau-b between the rankings of every two rules, in the order of ``rankings``.
        agreement: Of the tasks with each other.
        rank_sets: Best and worst rank of each model that noise leaves possible, under the chosen rule; None beside the
            reason.
        rank_sets_reason: Why there are none.
        ties: Groups that noise does not order, from the top; None where ``rank_sets`` is.
    """

    label: str
    rankings: Mapping[str, RuleRanking]
    task_ranks: Int[IntArray, "models tasks"]
    rules_tau_b: Float[FloatArray, "rules rules"]
    agreement: TaskAgreement
    rank_sets: Int[IntArray, "models 2"] | None
    rank_sets_reason: str | None
    ties: tuple[TiedModels, ...] | None

    def leaders(self, rule: str, models: tuple[str, ...]) -> tuple[str, ...]:
        """The models that share the first rank under a rule."""
        return tuple(name for name, rank in zip(models, self.rankings[rule].ranks, strict=True) if rank == 1)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Agreement of the direct with the tuned ranking: of one task, or in all under one rule.

    Args:
        name: Of the task or of the rule.
        tau_b: None where it does not exist.
        tau_a: The same.
    """

    name: str
    tau_b: float | None
    tau_a: float


@dataclass(frozen=True, kw_only=True)
class TaskShifts:
    """What tuning changes in the agreement of the tasks; None where a figure does not exist."""

    tau_b: Shift | None
    tau_a: Shift | None
    first_component: Shift | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Suite:
    """Everything found in a suite.

    Args:
        source: Where it came from.
        scores: The tables behind it, and what was left out of them.
        aggregation: The rule that ranks.
        columns: Direct evaluation, and after tuning where the files say so.
        by_task: Direct against tuned ranking, task by task; empty without tuned scores.
        in_all: The same under every rule; empty without tuned scores.
        shifts: What tuning changes in the agreement of the tasks; None without tuned scores.
        pairs: Pairs of models by their order before and after tuning under the chosen rule; None without rank sets of
            both columns.
        rigging: Rigging counts, if they were asked for.
        rigging_reason: Why there are none.
        action: What to do, in short.
        sentence: In words.
        notes: What else a reader must know.
        run: The same in every file that one run writes.
    """

    source: str
    scores: CompleteSuite
    aggregation: str
    columns: tuple[SuiteColumn, ...]
    by_task: tuple[Moved, ...]
    in_all: tuple[Moved, ...]
    shifts: TaskShifts | None
    pairs: Pairs | None
    rigging: tuple[RiggingCount, ...]
    rigging_reason: str | None
    action: Action
    sentence: str
    notes: tuple[str, ...] = ()
    run: Run = field(default_factory=Run)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that are ranked."""
        return self.scores.direct.models

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that count."""
        return self.scores.direct.tasks

    @property
    def published(self) -> SuiteColumn:
        """The column to publish: after tuning where there is one, unless the direct ranking is to be kept."""
        return self.columns[0] if self.action == "keep the direct ranking" else self.columns[-1]
