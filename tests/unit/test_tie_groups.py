"""Which models a table shows as tied."""

import numpy as np
import pytest

from headstart.rank import OrderMatrix, RankSets, indistinct_runs, rank_sets_from_estimates, separated_groups


def sets_with(ahead: np.ndarray) -> RankSets:
    n = len(ahead)
    return RankSets(
        estimates=-np.arange(n, dtype=float),
        orders=OrderMatrix(ahead=ahead),
        critical_value=1.0,
        confidence=0.95,
        claim="confidence",
        n_draws=1,
    )


def random_sets(seed: int) -> RankSets:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    return rank_sets_from_estimates(
        rng.normal(size=n), standard_errors=rng.uniform(0.02, 0.5, n), n_draws=100, seed=seed
    )


def finest_groups(sets: RankSets) -> list[tuple[int, ...]]:
    """By definition: cut wherever all above are significantly better than all below."""
    order = sets.order.tolist()
    cuts = [c for c in range(1, len(order)) if all(sets.ahead[a, b] for a in order[:c] for b in order[c:])]
    ends = [*cuts, len(order)]
    return [tuple(order[start:end]) for start, end in zip([0, *cuts], ends, strict=True)]


@pytest.mark.parametrize("seed", range(40))
def test_groups_are_the_finest_with_every_order_between_them_supported(seed: int) -> None:
    sets = random_sets(seed)
    groups = separated_groups(sets)
    assert [group.models for group in groups] == finest_groups(sets)
    places = [place for group in groups for place in range(group.rank, group.last_place + 1)]
    assert places == list(range(1, len(sets.estimates) + 1))
    for group in groups:
        assert len(group.models) == group.last_place - group.rank + 1
        # nobody's rank set leaves its group
        assert all(group.rank <= sets.best[m] and sets.worst[m] <= group.last_place for m in group.models)


def test_the_random_cases_hold_ties_and_lines() -> None:
    sizes = [[len(group.models) for group in separated_groups(random_sets(seed))] for seed in range(40)]
    assert any(max(own) > 1 and len(own) > 1 for own in sizes)


def test_ties_that_are_not_transitive_form_one_group_and_two_runs() -> None:
    """A ~ B, B ~ C, A above C."""
    ahead = np.zeros((3, 3), dtype=bool)
    ahead[0, 2] = True
    sets = sets_with(ahead)
    assert [group.models for group in separated_groups(sets)] == [(0, 1, 2)]
    assert indistinct_runs(sets) == ((0, 1), (1, 2))
    assert (sets.best.tolist(), sets.worst.tolist()) == ([1, 1, 2], [2, 3, 3])


@pytest.mark.parametrize("seed", range(40))
def test_runs_are_the_longest_without_a_significant_pair(seed: int) -> None:
    sets = random_sets(seed)
    order = sets.order.tolist()
    n = len(order)

    def clear(start: int, end: int) -> bool:
        return not any(sets.ahead[a, b] for a in order[start:end] for b in order[start:end])

    runs = [(s, e) for s in range(n) for e in range(s + 1, n + 1) if clear(s, e)]
    longest = [r for r in runs if not any(o != r and o[0] <= r[0] and r[1] <= o[1] for o in runs)]
    assert list(indistinct_runs(sets)) == [tuple(order[s:e]) for s, e in longest]
