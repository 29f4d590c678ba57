"""Scores before and after the same tuning compared: which places change hands, and what noise leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import norm, rankdata

from headstart.auditing.comparison_decision import AGREES, decide_comparison, verdict_of
from headstart.auditing.comparison_values import (
    AcrossBenchmarks,
    BenchmarkComparison,
    BoughtPlace,
    ComparedModel,
    Comparison,
    Pairs,
    Passing,
    Shift,
)
from headstart.auditing.level_values import Estimate, TiedModels
from headstart.contest.arrays import BoolArray, FloatArray, require
from headstart.data.two_columns import TwoColumns
from headstart.errors import InputError
from headstart.rank import (
    Jackknife,
    RankSets,
    first_component_share,
    indistinct_groups,
    mean_pairwise_tau_b,
    rank_sets_where_known,
    tau_a,
    tau_b,
)

ONE_COLUMN = 0.975
"""Confidence of the rank sets of one column, so that those before and after hold together with 95 %."""

LEAST_MODELS = 5
"""Models behind a figure over the benchmarks: fewer do not show how much it depends on each of them."""

TWO_SIDED = float(norm.ppf(0.975))


def compare(table: TwoColumns, *, source: str = "", least_tau: float = AGREES, seed: int = 0) -> Comparison:
    """Compare the rankings before and after tuning, benchmark by benchmark and over all of them.

    A model counts on a benchmark where it has both scores. No curve is fitted: two amounts of tuning do not show one.

    Args:
        table: What was measured.
        source: Where it came from, shown to readers.
        least_tau: Agreement at which a direct ranking stands; see ``verdict_of``.
        seed: Of the draws behind the rank sets.

    Raises:
        InputError: If no benchmark has two models with both scores.
    """
    require(0 < least_tau <= 1, "least_tau", "in (0, 1]", least_tau)
    chances = max(int(table.complete.sum()), 1)
    falls_from = -float(norm.isf(0.05 / chances))
    found: list[BenchmarkComparison] = []
    skipped: list[tuple[str, str]] = []
    for b, name in enumerate(table.benchmarks):
        complete = int(table.complete[b].sum())
        if complete < 2:
            skipped.append((name, f"{complete} of {len(table.models)} models have both scores, and 2 are needed"))
            continue
        found.append(_benchmark(table, b, falls_from, least_tau, seed))
    if not found:
        raise InputError(f"a comparison needs 2 models with both scores on one benchmark, got: {skipped[0][1]}")
    across = _across(table) if len(found) > 1 else None
    return Comparison(
        source=source,
        labels=table.labels,
        decision=decide_comparison(found, across, table.labels),
        benchmarks=tuple(found),
        skipped=tuple(skipped),
        across=across,
        missing=table.missing,
        notes=(*table.notes, *_notes(found)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Columns:
    """The models of one benchmark that have both scores; the first column is before tuning."""

    names: tuple[str, ...]
    scores: Float[FloatArray, "columns models"]
    errors: Float[FloatArray, "columns models"]
    sets: tuple[RankSets, RankSets] | None

    @property
    def change_error(self) -> Float[FloatArray, " models"]:
        """Standard error of the change, from independent errors; nan where one is unknown."""
        return np.hypot(self.errors[0], self.errors[1])

    @cached_property
    def changed(self) -> Bool[BoolArray, "models models"]:
        """Pairs in the other order after tuning, as measured."""
        direct, tuned = self.scores
        passed = (direct[:, None] > direct) & (tuned[:, None] < tuned)
        return passed | passed.T


def _benchmark(table: TwoColumns, b: int, falls_from: float, least_tau: float, seed: int) -> BenchmarkComparison:
    kept = np.flatnonzero(table.complete[b])
    scores = np.stack([table.direct[b, kept], table.tuned[b, kept]])
    errors = np.stack([table.direct_stderr[b, kept], table.tuned_stderr[b, kept]])
    before, after = (
        rank_sets_where_known(score, error, confidence=ONE_COLUMN, seed=seed)
        for score, error in zip(scores, errors, strict=True)
    )
    columns = _Columns(
        names=tuple(table.models[m] for m in kept.tolist()),
        scores=scores,
        errors=errors,
        sets=None if before is None or after is None else (before, after),
    )
    agreement, changed = float(tau_b(scores[0], scores[1])), int(np.triu(columns.changed).sum())
    pairs = None if columns.sets is None else pairs_of(*columns.sets)
    return BenchmarkComparison(
        benchmark=table.benchmarks[b],
        models=_models(columns, falls_from),
        incomplete=_incomplete(table, b),
        tau_b=None if np.isnan(agreement) else agreement,
        tau_a=float(tau_a(scores[0], scores[1])),
        tau_bounds=None if pairs is None else pairs.tau_bounds,
        pairs=pairs,
        changed=changed,
        direct_ties=None if before is None else _ties(before, columns.names),
        tuned_ties=None if after is None else _ties(after, columns.names),
        prices=_prices(columns),
        verdict=verdict_of(pairs, least_tau),
        items_factor=None if pairs is None or pairs.reversed else _items_factor(columns),
        without_stderr=tuple(
            name for name, error in zip(columns.names, columns.change_error, strict=True) if np.isnan(error)
        ),
    )


def pairs_of(before: RankSets, after: RankSets) -> Pairs:
    """Pairs of models by their order in the rank sets before and after tuning."""
    n, changed = len(before.estimates), before.estimates[:, None] > before.estimates
    changed &= after.estimates[:, None] < after.estimates
    return Pairs(
        all=n * (n - 1) // 2,
        reversed=int((before.ahead & after.ahead.T).sum()),
        same=int((before.ahead & after.ahead).sum()),
        changed=int(changed.sum()),
    )


def _items_factor(columns: _Columns) -> float | None:
    """How many times the items would order the clearest changed pair both before and after, at the measured scores."""
    if columns.sets is None or not columns.changed.any():
        return None
    needed = np.zeros(columns.changed.shape)
    for score, error, sets in zip(columns.scores, columns.errors, columns.sets, strict=True):
        gap = np.abs(score[:, None] - score)
        spread = sets.critical_value * np.hypot(error[:, None], error)
        needed = np.maximum(needed, (spread / np.where(gap > 0, gap, 1.0)) ** 2)
    least = float(np.min(needed[columns.changed & ~np.isnan(needed)], initial=np.inf))
    return least if 1 < least < np.inf else None


def _models(columns: _Columns, falls_from: float) -> tuple[ComparedModel, ...]:
    direct, tuned = columns.scores[0], columns.scores[1]
    change, change_error = tuned - direct, columns.change_error
    places = np.arange(len(columns.names))
    ranks = [np.asarray(rankdata(-score, method="min"), dtype=np.int64) for score in columns.scores]
    sets = None if columns.sets is None else [_bounds(one) for one in columns.sets]
    best_place = 1 + (direct[None, :] >= tuned[:, None]).sum(axis=1) - (direct >= tuned)
    rows: list[ComparedModel] = []
    for m, name in enumerate(columns.names):
        before, after = (None, None) if sets is None else (sets[0][m], sets[1][m])
        rival = int(np.argmax(np.where(places == m, -np.inf, direct)))
        margin, noise = tuned[m] - direct[rival], np.hypot(columns.errors[1, m], columns.errors[0, rival])
        rows.append(
            ComparedModel(
                name=name,
                direct=float(direct[m]),
                direct_stderr=_known(columns.errors[0, m]),
                tuned=float(tuned[m]),
                tuned_stderr=_known(columns.errors[1, m]),
                direct_rank=int(ranks[0][m]),
                direct_ranks=before,
                tuned_rank=int(ranks[1][m]),
                tuned_ranks=after,
                change=float(change[m]),
                change_stderr=_known(change_error[m]),
                falls=bool(change[m] < falls_from * change_error[m]),
                moves=before is not None and after is not None and _apart(before, after),
                best_place=int(best_place[m]),
                first_place=_bracket(direct[m], tuned[m], direct[rival]),
                first_place_certain=bool(abs(margin) > -falls_from * noise),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.tuned_rank, row.direct_rank)))


def _bounds(sets: RankSets) -> list[tuple[int, int]]:
    return [(int(best), int(worst)) for best, worst in zip(sets.best, sets.worst, strict=True)]


def _apart(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[1] < other[0] or other[1] < one[0]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _bracket(direct: float, tuned: float, rival: float) -> Passing:
    """What passing a rival's direct score takes, given the model's own two scores."""
    if tuned > rival:
        return "within"
    return "more" if tuned >= direct else "not known"


def _prices(columns: _Columns) -> tuple[BoughtPlace, ...]:
    """Neighbours of the direct ranking, from the top; equal scores in the order of the table."""
    direct, tuned = columns.scores
    order: list[int] = np.argsort(-direct, kind="stable").tolist()
    return tuple(
        BoughtPlace(
            model=columns.names[lower],
            overtakes=columns.names[upper],
            bracket=_bracket(float(direct[lower]), float(tuned[lower]), float(direct[upper])),
        )
        for upper, lower in pairwise(order)
    )


def _ties(sets: RankSets, names: Sequence[str]) -> tuple[TiedModels, ...]:
    return tuple(
        TiedModels(names=tuple(names[m] for m in group.models), rank=group.rank, last_place=group.last_place)
        for group in indistinct_groups(sets)
    )


def _incomplete(table: TwoColumns, b: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    left = np.flatnonzero(~table.complete[b]).tolist()
    columns = list(zip(table.labels, (table.direct[b], table.tuned[b]), strict=True))
    return tuple((table.models[m], tuple(label for label, score in columns if np.isnan(score[m]))) for m in left)


def _across(table: TwoColumns) -> AcrossBenchmarks:
    """Agreement of the benchmarks with each other before and after, over the same cells of the table."""
    both = [np.where(table.complete, score, np.nan) for score in (table.direct, table.tuned)]
    ranked = int((table.complete.sum(axis=0) >= 2).sum())
    taus = None if ranked < LEAST_MODELS else _shift(*(mean_pairwise_tau_b(score) for score in both), low=-1.0)
    every = table.complete.all(axis=0)
    n = int(every.sum())
    component, why_not = None, None
    if n < LEAST_MODELS:
        why_not = f"{n} models have both scores on every benchmark, and {LEAST_MODELS} are needed"
    else:
        component = _shift(*(first_component_share(score[:, every]) for score in both), low=0.0)
        why_not = None if component else "the scores of a benchmark, or all but one of them, are equal"
    return AcrossBenchmarks(
        tau_b=taus,
        tau_b_reason=None
        if taus
        else f"fewer than {LEAST_MODELS} models have both scores on two benchmarks, or their scores are equal",
        first_component=component,
        first_component_reason=why_not,
        first_component_models=n,
    )


def _shift(direct: Jackknife, tuned: Jackknife, *, low: float) -> Shift | None:
    found = [_estimate(direct, low, 1.0), _estimate(tuned, low, 1.0), _estimate(tuned.minus(direct), low - 1.0, 2.0)]
    before, after, difference = found
    if before is None or after is None or difference is None:
        return None
    return Shift(direct=before, tuned=after, difference=difference)


def _estimate(figure: Jackknife, low: float, high: float) -> Estimate | None:
    half = TWO_SIDED * figure.stderr
    if np.isnan(figure.value) or np.isnan(half):
        return None
    return Estimate(value=figure.value, low=max(figure.value - half, low), high=min(figure.value + half, high))


def _notes(found: Sequence[BenchmarkComparison]) -> list[str]:
    notes = [
        "Two amounts of tuning do not show a curve: how much tuning is enough, and what a place costs, is not said. "
        "Measure at four or more amounts of tuning for that.",
    ]
    without = [one for one in found if one.without_stderr]
    if without:
        names = sorted({name for one in without for name in one.without_stderr})
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        notes.append(f"No standard error, and so ordered with no other model: {shown}.")
    return notes
