"""Many benchmarks in one ranking: under every rule, before and after tuning, and what the choice of rule changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from headstart.auditing.comparison import LEAST_MODELS, ONE_COLUMN, TWO_SIDED, pairs_of
from headstart.auditing.comparison_values import Shift
from headstart.auditing.level_values import Estimate, TiedModels
from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.io.run import Run
from headstart.progress import Progress
from headstart.rank import (
    Jackknife,
    RankSets,
    first_component_share,
    indistinct_groups,
    pairwise_tau,
    rank_sets_from_estimates,
    tau_a,
    tau_b,
)
from headstart.rank.intervals import CONFIDENCE
from headstart.suite.aggregations import AGGREGATIONS, ranks_of
from headstart.suite.aggregations.zscore import spreads
from headstart.suite.finding import find
from headstart.suite.missing import CompleteSuite
from headstart.suite.rigging import COUNTED, RiggingCount, rigging_count
from headstart.suite.table import ScoreTable
from headstart.suite.values import Moved, RuleRanking, Suite, SuiteColumn, TaskAgreement, TaskShifts

COUNTED_BY_DEFAULT = ("mean", "median", "win-rate", "majority")
"""Rules whose rigging count is shown beside that of the chosen rule."""

MOST_COUNTED = 200
"""Models up to which the rigging count is computed without being asked for."""


def rank_suite(
    scores: CompleteSuite,
    *,
    source: str = "",
    aggregation: str = "mean",
    rigging: bool | None = None,
    notes: tuple[str, ...] = (),
    seed: int = 0,
    progress: Progress | None = None,
    run: Run | None = None,
) -> Suite:
    """Rank the models of a suite under every rule, and say how far tasks, rules and columns agree.

    Args:
        scores: Complete tables.
        source: Where they came from, shown to readers.
        aggregation: The rule that ranks; one of ``AGGREGATIONS``.
        rigging: Whether to count how many tasks bring each model to the first rank; up to ``MOST_COUNTED`` models when
            None.
        notes: What the reader of the files said.
        seed: Of the draws behind the rank sets.
        progress: Told what is being computed.
        run: Of the command; a new one when None.

    Raises:
        InputError: If the rule is unknown.

    >>> table = ScoreTable(models=("a", "b"), tasks=("x", "y"), scores=np.array([[0.9, 0.8], [0.5, 0.2]]))
    >>> whole = CompleteSuite(
    ...     direct=table, tuned=None, rule="refuse", missing=(), models_left_out=(), tasks_left_out=()
    ... )
    >>> rank_suite(whole).columns[0].rankings["majority"].ranks.tolist()
    [1, 2]
    """
    require(aggregation in AGGREGATIONS, "aggregation", f"one of {', '.join(AGGREGATIONS)}", aggregation)
    tables = [scores.direct] if scores.tuned is None else [scores.direct, scores.tuned]
    confidence = CONFIDENCE if len(tables) == 1 else ONE_COLUMN
    columns: list[SuiteColumn] = []
    jackknives: list[Figures] = []
    sets: list[RankSets | None] = []
    for label, table in zip(("direct", "tuned"), tables, strict=False):
        if progress is not None:
            progress(f"ranking, {label}", len(columns) / len(tables))
        column, figures, of_column = _column(label, table, aggregation, confidence, seed)
        columns.append(column)
        jackknives.append(figures)
        sets.append(of_column)
    before, after = sets[0], sets[-1]
    wanted = len(scores.direct.models) <= MOST_COUNTED if rigging is None else rigging
    counts = _rigging(scores, aggregation, progress) if wanted else ()
    reason = None if wanted else f"not computed for more than {MOST_COUNTED} models unless asked for (--rigging)"
    found = Suite(
        source=source,
        scores=scores,
        aggregation=aggregation,
        columns=tuple(columns),
        by_task=_by_task(scores),
        in_all=_in_all(columns),
        shifts=None if len(columns) == 1 else _shifts(jackknives[0], jackknives[1]),
        pairs=None if len(columns) == 1 or before is None or after is None else pairs_of(before, after),
        rigging=counts,
        rigging_reason=reason,
        action="publish",
        sentence="",
        notes=notes,
        run=run or Run(),
    )
    action, sentence = find(found)
    return replace(found, action=action, sentence=sentence)


Figures = tuple[Jackknife, Jackknife, Jackknife | None]
"""Mean tau-b, mean tau-a and the share of the first component, with their values without each model."""


def _column(
    label: str, table: ScoreTable, aggregation: str, confidence: float, seed: int
) -> tuple[SuiteColumn, Figures, RankSets | None]:
    rankings: dict[str, RuleRanking] = {}
    for name in dict.fromkeys([*AGGREGATIONS.own, aggregation]):
        values = AGGREGATIONS[name].values(table.scores)
        rankings[name] = RuleRanking(values=values, ranks=ranks_of(values))
    every = np.stack([ranking.values for ranking in rankings.values()])
    tau = pairwise_tau(table.scores.T)
    enough = len(table.models) >= LEAST_MODELS
    component = first_component_share(table.scores.T) if enough else None
    shown = None if component is None else _estimate(component, 0.0)
    sets, reason = _rank_sets(table, aggregation, confidence, seed)
    column = SuiteColumn(
        label=label,
        rankings=rankings,
        task_ranks=np.asarray(rankdata(-table.scores, method="min", axis=0), dtype=np.int64),
        rules_tau_b=pairwise_tau(every).tau_b,
        agreement=TaskAgreement(
            tau_b=tau.tau_b,
            tau_a=tau.tau_a,
            mean_tau_b=_estimate(tau.mean_tau_b, -1.0) if enough else None,
            mean_tau_a=_estimate(tau.mean_tau_a, -1.0) if enough else None,
            first_component=shown,
            reason=_reason(enough, shown, len(table.models)),
        ),
        rank_sets=None if sets is None else np.stack([sets.best, sets.worst], axis=1),
        rank_sets_reason=reason,
        ties=None if sets is None else _ties(sets, table.models),
    )
    return column, (tau.mean_tau_b, tau.mean_tau_a, component), sets


def _reason(enough: bool, component: Estimate | None, models: int) -> str | None:
    if not enough:
        return f"{models} models, and {LEAST_MODELS} are needed to say how much the figure depends on each"
    return None if component else "the scores of a task, or all but one of them, are equal"


def _estimate(figure: Jackknife, low: float, high: float = 1.0) -> Estimate | None:
    half = TWO_SIDED * figure.stderr
    if np.isnan(figure.value) or np.isnan(half):
        return None
    return Estimate(value=figure.value, low=max(figure.value - half, low), high=min(figure.value + half, high))


def _shifts(direct: Figures, tuned: Figures) -> TaskShifts:
    found: list[Shift | None] = []
    for before, after, low in zip(direct, tuned, (-1.0, -1.0, 0.0), strict=True):
        if before is None or after is None or len(before.left_out) < LEAST_MODELS:
            found.append(None)
            continue
        first, second = _estimate(before, low), _estimate(after, low)
        change = _estimate(after.minus(before), low - 1.0, 1.0 - low)
        if first is None or second is None or change is None:
            found.append(None)
        else:
            found.append(Shift(direct=first, tuned=second, difference=change))
    return TaskShifts(tau_b=found[0], tau_a=found[1], first_component=found[2])


def _rank_sets(table: ScoreTable, aggregation: str, confidence: float, seed: int) -> tuple[RankSets | None, str | None]:
    """Simultaneous rank sets under a rule that sums scores: their standard errors add up, others' do not."""
    if aggregation not in ("mean", "zscore"):
        return None, f"under {aggregation} the noise of a value does not follow from that of the scores"
    if table.stderr is None:
        return None, "the files give no standard error and no number of items"
    unknown = int(np.isnan(table.stderr).any(axis=1).sum())
    if unknown:
        return None, f"{unknown} of {len(table.models)} models have a score without a standard error"
    spread: Float[FloatArray, " tasks"] = np.ones(len(table.tasks))
    if aggregation == "zscore":  # the spread of a task, from all its models, is taken as known
        spread = spreads(table.scores)
    weight = np.where(spread > 0, 1.0 / np.where(spread > 0, spread, 1.0), 0.0) / len(table.tasks)
    errors = np.sqrt(((table.stderr * weight) ** 2).sum(axis=1))
    values = AGGREGATIONS[aggregation].values(table.scores)
    return rank_sets_from_estimates(values, standard_errors=errors, confidence=confidence, seed=seed), None


def _ties(sets: RankSets, models: tuple[str, ...]) -> tuple[TiedModels, ...]:
    return tuple(
        TiedModels(names=tuple(models[m] for m in group.models), rank=group.rank, last_place=group.last_place)
        for group in indistinct_groups(sets)
        if len(group.models) > 1
    )


def _by_task(scores: CompleteSuite) -> tuple[Moved, ...]:
    if scores.tuned is None:
        return ()
    pairs = zip(scores.direct.tasks, scores.direct.scores.T, scores.tuned.scores.T, strict=True)
    return tuple(_moved(task, direct, tuned) for task, direct, tuned in pairs)


def _in_all(columns: list[SuiteColumn]) -> tuple[Moved, ...]:
    if len(columns) == 1:
        return ()
    direct, tuned = columns
    return tuple(_moved(name, direct.rankings[name].values, tuned.rankings[name].values) for name in direct.rankings)


def _moved(name: str, direct: FloatArray, tuned: FloatArray) -> Moved:
    both = float(tau_b(direct, tuned))
    return Moved(name=name, tau_b=None if np.isnan(both) else both, tau_a=float(tau_a(direct, tuned)))


def _rigging(scores: CompleteSuite, aggregation: str, progress: Progress | None) -> tuple[RiggingCount, ...]:
    """The counts of the four rules and the chosen one, for a perfect and, where measured, a tuned trained task."""
    rules = [name for name in dict.fromkeys([*COUNTED_BY_DEFAULT, aggregation]) if name in COUNTED]
    tables = [None] if scores.tuned is None else [None, scores.tuned]
    return tuple(
        rigging_count(scores.direct, rule, tuned=tuned, progress=progress) for tuned in tables for rule in rules
    )


def places(column: SuiteColumn, rule: str) -> Int[IntArray, " models"]:
    """Models from the first rank down under a rule; equal ones in the order of the table."""
    return np.argsort(column.rankings[rule].ranks, kind="stable").astype(np.int64)
