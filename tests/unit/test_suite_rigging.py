"""The rigging count against trying every set of tasks."""

from itertools import combinations

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.suite.aggregations import AGGREGATIONS
from headstart.suite.covering import fewest_tasks
from headstart.suite.rigging import COUNTED, rigging_count
from headstart.suite.table import ScoreTable


def made(scores) -> ScoreTable:
    models, tasks = scores.shape
    return ScoreTable(
        models=tuple(f"m{i}" for i in range(models)), tasks=tuple(f"t{k}" for k in range(tasks)), scores=scores
    )


def is_first(rule: str, scores, t: int) -> bool:
    if rule == "majority":  # no rival is ahead on more tasks than behind
        return bool((np.sign(scores[t] - scores).sum(axis=1) >= 0).all())
    return AGGREGATIONS[rule].ranks(scores)[t] == 1


def trained_on(scores, trained, t: int, tasks):
    changed = scores.copy()
    changed[t, tasks] = np.maximum(trained[t, tasks], scores[t, tasks])
    return changed


def by_trying(rule: str, scores, trained, t: int) -> int | None:
    for size in range(scores.shape[1] + 1):
        for tasks in combinations(range(scores.shape[1]), size):
            if is_first(rule, trained_on(scores, trained, t, list(tasks)), t):
                return size
    return None


@pytest.mark.parametrize("rule", COUNTED)
@pytest.mark.parametrize("measured", [False, True], ids=["perfect", "measured"])
def test_the_count_is_the_least_of_all_sets_and_its_set_attains_it(rule: str, measured: bool) -> None:
    rng = np.random.default_rng([len(rule), measured])
    never = 0
    for _ in range(25):
        models, tasks = int(rng.integers(2, 7)), int(rng.integers(2, 7))
        digits = int(rng.choice([1, 2, 8]))  # few digits: many ties
        scores = rng.uniform(size=(models, tasks)).round(digits)
        tuned = (scores + rng.normal(0.15, 0.2, size=scores.shape)).clip(0, 1).round(digits)
        found = rigging_count(made(scores), rule, tuned=made(tuned) if measured else None)
        trained = tuned if measured else np.ones_like(scores)
        for t, (count, names) in enumerate(zip(found.counts, found.sets, strict=True)):
            assert count == by_trying(rule, scores, trained, t)
            if names is None:
                never += 1
            else:
                places = [int(name[1:]) for name in names]
                assert is_first(rule, trained_on(scores, trained, t, places), t)
    assert (never > 0) == measured  # a perfect score on every task is always first


def test_the_programme_is_used_and_right_where_bounds_and_greedy_are_not_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from headstart.suite import covering

    solved = []
    programme = covering.milp
    monkeypatch.setattr(covering, "milp", lambda *a, **k: solved.append(1) or programme(*a, **k))
    rng = np.random.default_rng(0)
    for _ in range(60):
        gains = rng.integers(0, 3, size=(int(rng.integers(3, 40)), 8))
        needs = rng.integers(0, 5, size=len(gains))
        found = fewest_tasks(gains, needs)
        sets = [s for size in range(9) for s in combinations(range(8), size)]
        least = next((s for s in sets if (gains[:, list(s)].sum(axis=1) >= needs).all()), None)
        assert (found is None) == (least is None)
        if found is not None and least is not None:
            assert len(found) == len(least)
            assert (gains[:, list(found)].sum(axis=1) >= needs).all()
    assert solved


def test_half_of_the_tasks_always_suffice_under_median_and_majority_with_perfect_scores() -> None:
    scores = np.random.default_rng(1).uniform(size=(30, 9))
    for rule in ("median", "majority"):
        assert max(rigging_count(made(scores), rule).counts) <= 5


def test_a_model_that_gains_too_little_never_reaches_first() -> None:
    direct = made(np.array([[0.9, 0.9], [0.2, 0.3]]))
    tuned = made(np.array([[0.9, 0.9], [0.4, 0.5]]))
    for rule in COUNTED:
        found = rigging_count(direct, rule, tuned=tuned)
        assert found.counts == (0, None)
        assert (found.never, found.median) == (1, 0)


def test_a_score_that_tuning_lowers_is_not_trained_on() -> None:
    direct = made(np.array([[0.5, 0.5], [0.45, 0.5]]))
    tuned = made(np.array([[0.5, 0.5], [0.6, 0.1]]))
    assert rigging_count(direct, "mean", tuned=tuned).sets[1] == ("t0",)


def test_a_perfect_score_is_that_of_the_task() -> None:
    table = ScoreTable(
        models=("a", "b"),
        tasks=("x", "y"),
        scores=np.array([[0.9, 4.0], [0.1, 3.9]]),
        ranges=((0.0, 1.0), (0.0, 10.0)),
    )
    assert rigging_count(table, "mean").sets[1] == ("y",)


def test_some_targets_alone() -> None:
    table = made(np.random.default_rng(2).uniform(size=(9, 5)))
    every = rigging_count(table, "win-rate")
    some = rigging_count(table, "win-rate", targets=[7, 2])
    assert some.models == ("m7", "m2")
    assert some.counts == (every.counts[7], every.counts[2])


def test_a_rule_without_an_exact_count_is_refused() -> None:
    with pytest.raises(InputError, match=r"aggregation must be one of mean, median, .* for the rigging count"):
        rigging_count(made(np.eye(3)), "zscore")
    with pytest.raises(InputError, match="tuned must be of the same models and tasks"):
        rigging_count(made(np.eye(3)), "mean", tuned=made(np.eye(2)))
