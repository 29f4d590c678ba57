"""Array shapes are checked at every call while the tests run: see ``shape_checks``."""

import inspect
from dataclasses import dataclass, replace

import numpy as np
import pytest
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.rank.agreement import tau_a
from headstart.rank.consistency import pairwise_tau
from shape_checks import check


@check
def doubled(first: Float[FloatArray, " models"], second: Float[FloatArray, " models"]) -> Float[FloatArray, " models"]:
    return np.concatenate([first, second]) if first[0] < 0 else first + second


@check
@dataclass(frozen=True, kw_only=True)
class Scores:
    direct: Float[FloatArray, " models"]
    tuned: Float[FloatArray, "models levels"]


def test_an_axis_has_one_length_in_all_arguments_and_in_the_answer() -> None:
    assert doubled(np.ones(2), np.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(TypeError, match="second"):
        doubled(np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match="return"):
        doubled(-np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="first"):
        doubled(np.ones((2, 2)), np.ones(2))
    assert doubled(np.ones(3), np.ones(3)).size == 3, "a call knows nothing of the lengths in calls before"


def test_what_a_function_says_of_its_parameters_stays() -> None:
    @check
    def scaled(scores: Float[FloatArray, " models"], by: float = 2.0) -> float:
        return float(scores.sum() * by)

    assert scaled(np.ones(2)) == 4.0
    assert inspect.signature(scaled).parameters["by"].annotation is float


def test_the_fields_of_a_dataclass_are_checked() -> None:
    scores = Scores(direct=np.ones(2), tuned=np.ones((2, 5)))
    with pytest.raises(TypeError, match="tuned"):
        replace(scores, tuned=np.ones((3, 5)))


def test_the_package_is_checked() -> None:
    with pytest.raises(TypeError, match="models"):
        tau_a(np.ones(2), np.ones(3))
    agreement = pairwise_tau(np.array([[0.9, 0.5], [0.8, 0.3]]))
    with pytest.raises(TypeError, match="tau_b"):
        replace(agreement, tau_b=np.ones((2, 3)))
