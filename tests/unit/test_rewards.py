"""Reward schedules and their short form."""

import pytest

from headstart.contest import rewards
from headstart.errors import InputError


def test_schedules_by_hand() -> None:
    assert rewards.winner(3, 6.0).tolist() == [6.0, 0.0, 0.0]
    assert rewards.top(4, 6.0, k=2).tolist() == [6.0, 6.0, 0.0, 0.0]
    assert rewards.top(2, 6.0, k=5).tolist() == [6.0, 6.0]
    assert rewards.linear(4, 6.0).tolist() == [6.0, 4.0, 2.0, 0.0]
    assert rewards.geometric(3, 8.0, ratio=0.5).tolist() == [8.0, 4.0, 2.0]


def test_with_one_model_first_place_gets_the_value() -> None:
    assert [shape(1, 5.0).tolist() for shape in (rewards.winner, rewards.linear)] == [[5.0], [5.0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("winner:5000", [5000.0, 0.0, 0.0]),
        ("top:2:5e3", [5000.0, 5000.0, 0.0]),
        ("linear:2", [2.0, 1.0, 0.0]),
        ("geometric:0.5:4", [4.0, 2.0, 1.0]),
        ("winner:0", [0.0, 0.0, 0.0]),
    ],
)
def test_the_short_form(text: str, expected: list[float]) -> None:
    assert rewards.parse(text, 3).tolist() == expected


FORM = "rewards must be winner:VALUE, top:K:VALUE, linear:VALUE or geometric:RATIO:VALUE, got"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORM),
        ("winner", FORM),
        ("winner:", FORM),
        ("winner:1:2", FORM),
        ("podium:3", FORM),
        ("top:1.5:3", FORM),
        ("linear:much", FORM),
        ("geometric:5", FORM),
        ("winner:-1", "value must be a finite number >= 0, got -1.0"),
        ("winner:inf", "value must be a finite number >= 0, got inf"),
        ("linear:nan", "value must be a finite number >= 0, got nan"),
        ("top:0:3", "k must be >= 1, got 0"),
        ("geometric:1:3", "ratio must be between 0 and 1, got 1.0"),
    ],
)
def test_a_bad_short_form_says_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        rewards.parse(text, 3)
    assert str(caught.value).startswith("field rewards: ") and message in str(caught.value)


def test_rewards_that_rise_with_rank_are_refused_at_the_place_where_they_do() -> None:
    with pytest.raises(InputError, match=r"non-increasing with rank, got '2.0 for rank 3 after 1.0 for rank 2'"):
        rewards.explicit([3.0, 1.0, 2.0])


@pytest.mark.parametrize("bad", [[], [1.0, float("nan")], [[1.0]]])
def test_rewards_must_be_a_list_of_finite_numbers(bad) -> None:
    with pytest.raises(InputError, match="rewards must be"):
        rewards.explicit(bad)
