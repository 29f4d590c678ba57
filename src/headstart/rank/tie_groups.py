"""Which models a table should show as tied, given rank sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from headstart.contest.arrays import BoolArray, IntArray
from headstart.rank.pairs import row_blocks
from headstart.rank.rank_sets import RankSets


@dataclass(frozen=True, kw_only=True)
class TieGroup:
    """Models that share a rank in a table.

    Args:
        models: Their positions in the estimates, best estimate first.
        rank: The rank they share: 1 + the number of models in the groups above.
        last_place: The last place they fill; ``rank`` for a model on its own.
    """

    models: tuple[int, ...]
    rank: int
    last_place: int


def separated_groups(sets: RankSets) -> tuple[TieGroup, ...]:
    """The finest groups such that every model is significantly better than every model of every lower group.

    "Not significantly different" is not transitive: A and B may be tied, B and C too, and A significantly better than
    C. A table with one rank a model cannot show that. This rule puts all three in one group, because a line between A
    and B or between B and C would claim an order that the data do not support. So every order *between* groups is
    supported, all of them at once with the confidence of the sets; *within* a group nothing is claimed, least of
    all that the models are equal, and the rank sets may still order some of its pairs.

    Args:
        sets: Rank sets.

    Returns:
        The groups from the top; a group of one model is no tie.

    >>> from headstart.rank import rank_sets_from_estimates
    >>> sets = rank_sets_from_estimates([0.8, 0.5, 0.7, 0.75], standard_errors=[0.02] * 4)
    >>> [(group.rank, group.models) for group in separated_groups(sets)]
    [(1, (0, 3, 2)), (4, (1,))]
    """
    n = len(sets.order)
    last_tied = np.empty(n, dtype=np.int64)
    for places, ahead in _by_places(sets):
        last_tied[places] = n - 1 - np.argmax(~ahead[:, ::-1], axis=1)
    # the last place that is not significantly worse than a place or any place above it
    reach = np.maximum.accumulate(last_tied)
    cuts = np.flatnonzero(reach == np.arange(n)) + 1
    starts = np.r_[0, cuts[:-1]]
    return tuple(
        TieGroup(models=tuple(sets.order[start:end].tolist()), rank=int(start) + 1, last_place=int(end))
        for start, end in zip(starts, cuts, strict=True)
    )


def indistinct_runs(sets: RankSets) -> tuple[tuple[int, ...], ...]:
    """The longest runs of neighbours, by estimate, in which no pair is significantly different; they may overlap.

    The compact letter display of multiple comparisons: give each run a letter, and models that share a letter are
    not told apart. Shows the ties inside a separated group, which the group itself hides.

    Args:
        sets: Rank sets.

    Returns:
        Positions of the models in the estimates, runs from the top, each best estimate first.

    >>> from headstart.rank import rank_sets_from_estimates
    >>> sets = rank_sets_from_estimates([0.8, 0.5, 0.7, 0.75], standard_errors=[0.02] * 4)
    >>> indistinct_runs(sets)
    ((0, 3), (3, 2), (1,))
    """
    n = len(sets.order)
    first_worse = np.full(n, n, dtype=np.int64)
    for places, ahead in _by_places(sets):
        first_worse[places] = np.where(ahead.any(axis=1), np.argmax(ahead, axis=1), n)
    ends = np.minimum.accumulate(first_worse[::-1])[::-1]
    _, starts = np.unique(ends, return_index=True)
    return tuple(tuple(sets.order[start : ends[start]].tolist()) for start in starts)


def indistinct_groups(sets: RankSets) -> tuple[TieGroup, ...]:
    """Groups from the top in which no two models are significantly different, each as large as that allows.

    For a table with one shared rank a group: every tie shown is one that the data leave open. The line between two
    groups says only that the last model of the upper group and the models of the lower one cannot all be tied; single
    pairs across it may still be indistinct, which ``separated_groups`` never allows, at the price of long chains.

    Args:
        sets: Rank sets.

    Returns:
        The groups from the top; a group of one model is no tie.

    >>> from headstart.rank import rank_sets_from_estimates
    >>> sets = rank_sets_from_estimates([0.8, 0.5, 0.7, 0.75], standard_errors=[0.02] * 4)
    >>> [(group.rank, group.models) for group in indistinct_groups(sets)]
    [(1, (0, 3)), (3, (2,)), (4, (1,))]
    """
    n = len(sets.order)
    last_better = np.full(n, -1, dtype=np.int64)
    for places, ahead in _by_places(sets):
        last = np.where(ahead.any(axis=0), places[-1] - np.argmax(ahead[::-1], axis=0), -1)
        last_better = np.maximum(last_better, last)
    groups: list[TieGroup] = []
    start = 0
    while start < n:
        ends = np.flatnonzero(last_better[start + 1 :] >= start)
        end = start + 1 + int(ends[0]) if ends.size else n
        groups.append(TieGroup(models=tuple(sets.order[start:end].tolist()), rank=start + 1, last_place=end))
        start = end
    return tuple(groups)


def _by_places(sets: RankSets) -> Iterator[tuple[Int[IntArray, " places"], Bool[BoolArray, "places models"]]]:
    """Some places at a time, by estimate from the top, and whether each is significantly better than every place."""
    for places in row_blocks(len(sets.order)):
        yield places, sets.orders.rows(sets.order[places])[:, sets.order]
