"""Every rule against its definition, counted pair by pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headstart.errors import InputError
from headstart.suite.aggregations import AGGREGATIONS, Aggregation
from headstart.suite.aggregations import majority as majority_module
from headstart.suite.table import ScoreTable

TABLES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(2, 7), st.integers(1, 6)),
    elements=st.integers(0, 4).map(lambda k: k / 4),  # many ties
)


def by_definition(rule, scores):
    n, tasks = scores.shape
    rivals = [[j for j in range(n) if j != i] for i in range(n)]
    found = []
    for i in range(n):
        s = scores[i]
        if rule == "mean":
            found.append(sum(s) / tasks)
        elif rule == "zscore":
            sd = scores.std(axis=0)
            found.append(sum((s[k] - scores[:, k].mean()) / sd[k] if sd[k] > 0 else 0.0 for k in range(tasks)) / tasks)
        elif rule == "win-rate":
            wins = [(s[k] > scores[j, k]) + 0.5 * (s[k] == scores[j, k]) for j in rivals[i] for k in range(tasks)]
            found.append(sum(wins) / (n - 1) / tasks)
        elif rule == "win-share":
            found.append(sum(scores[j, k] <= s[k] for j in range(n) for k in range(tasks)) / n / tasks)
        elif rule == "median":
            found.append(max(m for m in s if sum(s >= m) >= tasks / 2))
        elif rule == "majority":
            balance = [sum(s > scores[j]) - sum(s < scores[j]) for j in rivals[i]]
            found.append(sum(1.0 if b > 0 else 0.5 if b == 0 else 0.0 for b in balance) / (n - 1))
        elif rule == "borda":
            found.append(sum((s > scores[j]).sum() + 0.5 * (s == scores[j]).sum() for j in rivals[i]))
    return np.array(found)


@pytest.mark.parametrize("rule", AGGREGATIONS.own)
@settings(max_examples=25, deadline=None)
@given(scores=TABLES)
def test_a_rule_gives_what_its_definition_says(rule: str, scores) -> None:
    np.testing.assert_allclose(AGGREGATIONS[rule].values(scores), by_definition(rule, scores), atol=1e-11)


@pytest.mark.parametrize("rule", AGGREGATIONS.own)
@settings(max_examples=15, deadline=None)
@given(scores=TABLES)
def test_a_better_score_never_makes_a_rank_worse(rule: str, scores) -> None:
    better = scores.copy()
    better[0, 0] = 1.0
    assert AGGREGATIONS[rule].ranks(better)[0] <= AGGREGATIONS[rule].ranks(scores)[0]


def test_sums_that_are_equal_in_decimals_are_ties() -> None:
    scores = np.array([[0.1, 0.2, 0.6], [0.3, 0.3, 0.3], [0.6, 0.2, 0.1]])
    assert AGGREGATIONS["mean"].ranks(scores).tolist() == [1, 1, 1]


def test_borda_and_win_rate_are_one_ranking() -> None:
    scores = np.random.default_rng(0).integers(0, 5, size=(40, 9)) / 4
    assert (AGGREGATIONS["borda"].ranks(scores) == AGGREGATIONS["win-rate"].ranks(scores)).all()


def test_duels_counted_by_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).integers(0, 5, size=(23, 6)) / 4
    whole = AGGREGATIONS["majority"].values(scores)
    monkeypatch.setattr(majority_module, "BLOCK_CELLS", 50)
    assert (AGGREGATIONS["majority"].values(scores) == whole).all()


@pytest.mark.parametrize("rule", AGGREGATIONS.own)
def test_a_model_alone_has_a_value(rule: str) -> None:
    assert np.isfinite(AGGREGATIONS[rule].values(np.array([[0.5, 0.25]]))).all()


def test_a_member_from_outside_must_be_an_aggregation() -> None:
    with pytest.raises(InputError, match="must be an Aggregation, got function"):
        AGGREGATIONS.register("least", lambda scores: scores.min(axis=1))
    assert isinstance(AGGREGATIONS["mean"], Aggregation)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ("a", "a")}, "models must be distinct names"),
        ({"scores": np.array([[0.5, np.nan], [0.1, 0.2]])}, "scores must be finite"),
        ({"scores": np.array([[0.5, 1.5], [0.1, 0.2]])}, r"scores must be within \[0, 1\] on y"),
        ({"scores": np.zeros((2, 3))}, r"scores must be of shape \(2, 2\)"),
        ({"stderr": -np.ones((2, 2))}, "stderr must be >= 0"),
        ({"ranges": ((0.0, 1.0),)}, r"ranges must be one a task \(2\)"),
    ],
)
def test_a_table_with_a_hole_or_a_wrong_number_is_refused(changes: dict, message: str) -> None:
    sound = {"models": ("a", "b"), "tasks": ("x", "y"), "scores": np.array([[0.5, 0.5], [0.1, 0.2]])}
    with pytest.raises(InputError, match=message):
        ScoreTable(**{**sound, **changes})
