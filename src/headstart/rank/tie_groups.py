"""Which models a table should show as tied, given rank sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    ahead = sets.ahead[sets.order][:, sets.order]
    n = len(ahead)
    # the last place that is not significantly worse than a place or any place above it
    last_tied = n - 1 - np.argmax(~ahead[:, ::-1], axis=1)
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
    ahead = sets.ahead[sets.order][:, sets.order]
    n = len(ahead)
    first_worse = np.where(ahead.any(axis=1), np.argmax(ahead, axis=1), n)
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
    ahead = sets.ahead[sets.order][:, sets.order]
    groups: list[TieGroup] = []
    start, n = 0, len(ahead)
    while start < n:
        end = start + 1
        while end < n and not ahead[start:end, end].any():
            end += 1
        groups.append(TieGroup(models=tuple(sets.order[start:end].tolist()), rank=start + 1, last_place=end))
        start = end
    return tuple(groups)
