"""Trajectories are checked when they are built, and replicates are averaged honestly."""

import re

import numpy as np
import pytest

from headstart.data.columns import binomial_stderr
from headstart.data.outcomes import Divergence, RunOutcome
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError


def rows(**changes):
    columns = {
        "model": ["a", "a", "b"],
        "step": [0, 10, 0],
        "score": [0.3, 0.4, 0.5],
        "source": "x.csv",
        "first_row": 2,
    }
    return Trajectories.from_rows(**{**columns, **changes})


def test_models_keep_the_order_of_first_appearance_and_cost_one_step_per_step():
    measured = rows(model=["z", "z", "b"])
    assert measured.models == ("z", "b")
    assert measured.cost_unit == "steps"
    assert measured.cost_per_step.tolist() == [1.0, 1.0]
    assert np.isnan(measured.stderr).all()


@pytest.mark.parametrize(
    ("changes", "row", "field", "said"),
    [
        ({"model": ["a", None, "b"]}, 3, "model", "model must be a name, got nothing"),
        ({"step": [0, -1, 0]}, 3, "step", "step must be a number >= 0, got -1"),
        ({"step": [0, None, 0]}, 3, "step", "step must be a number >= 0, got nothing"),
        ({"step": [0, "ten", 0]}, 3, "step", "step must be a number, got 'ten'"),
        ({"score": [0.3, float("nan"), 0.5]}, 3, "score", "score must be a finite number, got nothing"),
        ({"score": [0.3, 0.4, 1.5]}, 4, "score", "score must be within the score range [0, 1], got 1.5"),
        ({"stderr": [None, -0.1, None]}, 3, "stderr", "stderr must be a number >= 0 or empty, got -0.1"),
        ({"n_items": [100, 0, 100]}, 3, "n_items", "n_items must be a number >= 1, got 0"),
        (
            {"step": [0, 0, 0]},
            3,
            "step",
            "(model, step, seed) must be unique, got 'a', 0, no seed again (first in row 2)",
        ),
        (
            {"cost_per_step": [1, 2, 3]},
            3,
            "cost_per_step",
            "cost_per_step must be the same for all rows of 'a', got 1 and 2",
        ),
        ({"cost_per_step": [1, None, 3]}, 3, "cost_per_step", "cost_per_step must be a positive number, got nothing"),
        ({"cost_per_step": -2.0}, 2, "cost_per_step", "cost_per_step must be a positive number, got -2"),
    ],
)
def test_the_first_bad_value_is_named_by_file_row_and_field(changes, row, field, said):
    with pytest.raises(InputError) as caught:
        rows(**changes)
    assert (caught.value.file, caught.value.row, caught.value.field) == ("x.csv", row, field)
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("changes", "row", "field", "said"),
    [
        (
            {"outcome": ["complete", "crashed", None]},
            3,
            "outcome",
            "outcome must be one of complete, diverged, no gain, forgets, untunable, or empty, got 'crashed'",
        ),
        ({"outcome": ["", None, 7]}, 4, "outcome", "outcome must be one of .*, got 7"),
        (
            {"outcome": ["untunable", "untunable", None]},
            3,
            "step",
            "step must be 0 where the outcome is untunable, got 10",
        ),
        (
            {"outcome": ["untunable", None, None]},
            3,
            "outcome",
            "outcome must say of 'a' either that it is untunable or how its tuning went, "
            "got tuned here and untunable in row 2",
        ),
        (
            {"step": [10, 0, 0], "outcome": ["diverged", "untunable", None], "score": [None, 0.4, 0.5]},
            3,
            "outcome",
            ".* got untunable here and tuned in row 2",
        ),
        ({"score": [0.3, None, 0.5], "outcome": ["complete"] * 3}, 3, "score", "score must be a finite number, .*"),
        ({"score": [0.3, 0.4, None], "outcome": [None, None, "untunable"]}, 4, "score", "score must be a finite .*"),
        (
            {"score": [0.3, None, None], "outcome": [None, "diverged", "diverged"], "step": [0, 10, -1]},
            4,
            "step",
            "step must be a number >= 0, got -1",
        ),
        (
            {"score": [0.3, None, 0.5], "step": [0, 0, 0], "outcome": ["diverged", "diverged", None]},
            3,
            "step",
            ".* must be unique, got 'a', 0, no seed again .*",
        ),
    ],
)
def test_an_outcome_that_does_not_fit_its_row_is_named(changes, row, field, said):
    with pytest.raises(InputError) as caught:
        rows(**changes)
    assert (caught.value.file, caught.value.row, caught.value.field) == ("x.csv", row, field)
    assert re.fullmatch(said.replace("(", "[(]"), caught.value.message)


def test_a_step_a_diverged_run_never_reached_is_no_measurement_but_is_remembered():
    columns = {
        "model": ["a", "a", "a", "a", "a", "b"],
        "step": [0, 20, 10, 10, 20, 0],
        "score": [0.3, None, None, 0.4, 0.5, 0.2],
        "seed": ["1", "1", "1", "2", "2", "1"],
        "outcome": ["diverged", "diverged", "diverged", "complete", "complete", ""],
    }
    measured = rows(**columns)
    assert measured.score.tolist() == [0.3, 0.4, 0.5, 0.2]
    assert measured.divergences == (Divergence(model="a", seed="1", step=10.0),)
    assert measured.outcomes == (
        RunOutcome(model="a", seed="1", outcome="diverged"),
        RunOutcome(model="a", seed="2", outcome="complete"),
    )
    assert measured.where(measured.step == 0).outcome == ("diverged", None)


def test_models_are_in_the_order_of_their_first_score():
    measured = rows(step=[10, 0, 0], model=["a", "b", "a"], score=[None, 0.2, 0.5], outcome=["diverged", None, None])
    assert (measured.models, measured.score.tolist()) == (("b", "a"), [0.2, 0.5])


def test_a_model_that_diverged_before_every_score_is_no_model_but_is_named():
    measured = rows(score=[0.3, 0.4, None], outcome=[None, None, "diverged"], cost_per_step=[2.0, 2.0, None])
    assert (measured.models, measured.without_score) == (("a",), ("b",))
    assert measured.cost_per_step.tolist() == [2.0]
    assert measured.divergences == (Divergence(model="b", seed=None, step=0.0),)


def test_contestants_that_cannot_be_tuned_stand_apart_and_need_no_cost():
    measured = rows(outcome=["complete", "complete", "untunable"], cost_per_step=[2.0, 2.0, None], n_items=[100] * 3)
    assert (measured.models, measured.cost_per_step.tolist(), measured.cost_unit) == (("a",), [2.0], "cost units")
    apart = measured.untunable
    assert apart is not None
    assert (apart.models, apart.step.tolist(), apart.score.tolist()) == (("b",), [0.0], [0.5])
    assert apart.stderr[0] == pytest.approx(0.05, rel=0.02)
    assert apart.untunable is None
    assert measured.where(measured.step == 0).untunable is apart


def test_without_a_score_that_can_be_tuned_there_are_no_trajectories():
    with pytest.raises(InputError, match="a score of a model that can be tuned, got none"):
        rows(step=[0, 0, 0], seed=["1", "2", None], outcome=["untunable"] * 3)
    with pytest.raises(InputError, match="a score of a model that can be tuned, got none"):
        rows(score=[None] * 3, outcome=["diverged"] * 3)


def test_rows_that_are_not_consecutive_keep_their_own_line_numbers():
    with pytest.raises(InputError, match="row 41"):
        rows(score=[0.3, 2.0, 0.5], rows=[7, 41, 99])


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="score must be 3 values long, got 2"):
        rows(score=[0.3, 0.4])


def test_no_rows_at_all_are_refused():
    with pytest.raises(InputError, match="at least one row"):
        rows(model=[], step=[], score=[])


def test_building_from_arrays_checks_the_same():
    good = rows()
    fields = {**vars(good), "score": np.array([0.3, 0.4, np.nan])}
    with pytest.raises(InputError, match="score must be a finite number"):
        Trajectories(**fields)
    with pytest.raises(InputError, match="score_range must be"):
        Trajectories(**{**vars(good), "score_range": (1.0, 0.0)})
    with pytest.raises(InputError, match="models must be distinct"):
        Trajectories(**{**vars(good), "models": ("a", "a")})
    with pytest.raises(InputError, match="model must be indices"):
        Trajectories(**{**vars(good), "model": np.array([0, 0, 0])})


def test_item_counts_give_a_standard_error_only_where_none_is_stated():
    measured = rows(n_items=[100, 100, None], stderr=[0.02, None, None])
    assert measured.stderr[0] == 0.02
    assert measured.stderr[1] == pytest.approx(np.sqrt(0.4 * 0.6 / 100), rel=0.02)
    assert np.isnan(measured.stderr[2])


def test_item_counts_respect_the_score_range():
    percent = rows(score=[30.0, 40.0, 50.0], n_items=[100] * 3, score_range=(0.0, 100.0))
    assert percent.stderr == pytest.approx(100 * rows(n_items=[100] * 3).stderr)


def test_a_perfect_score_still_has_a_standard_error():
    assert binomial_stderr(np.array([0.0, 1.0]), np.array([50.0, 50.0])) == pytest.approx([0.0195, 0.0195], abs=1e-3)


def test_replicates_are_averaged_and_their_spread_widens_the_error():
    measured = Trajectories.from_rows(
        model=["a"] * 5,
        step=[0, 0, 10, 10, 20],
        score=[0.30, 0.34, 0.40, 0.44, 0.5],
        seed=["1", "2", "1", "2", "1"],
        stderr=[0.01] * 5,
    )
    table = measured.per_model()
    assert table.score[0] == pytest.approx([0.32, 0.42, 0.5])
    assert table.replicates[0].tolist() == [2, 2, 1]
    seed_variance = 0.0008  # both steps spread by .04 between two seeds
    assert table.stderr[0, 0] == pytest.approx(np.sqrt(0.01**2 + seed_variance / 2))
    assert table.stderr[0, 2] == pytest.approx(np.sqrt(0.01**2 + seed_variance))


def test_without_stated_errors_replicates_still_give_one():
    measured = Trajectories.from_rows(model=["a"] * 3, step=[0, 0, 10], score=[0.30, 0.34, 0.4], seed=["1", "2", "1"])
    table = measured.per_model()
    assert table.stderr[0, 0] == pytest.approx(0.02)
    assert np.isnan(table.stderr[0, 1])


def test_shorter_trajectories_are_padded_and_steps_sorted():
    measured = Trajectories.from_rows(model=["a", "b", "b"], step=[5, 10, 0], score=[0.3, 0.6, 0.5])
    table = measured.per_model()
    assert table.points.tolist() == [1, 2]
    assert table.step.tolist() == [[5, 0], [0, 10]]
    assert table.score[1].tolist() == [0.5, 0.6]


def test_where_keeps_the_models_that_have_rows_left():
    kept = rows(cost_per_step=[2.0, 2.0, 3.0]).where(np.array([False, False, True]))
    assert kept.models == ("b",)
    assert kept.score.tolist() == [0.5]
    assert kept.cost_per_step.tolist() == [3.0]
