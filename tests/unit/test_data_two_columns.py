"""Scores before and after tuning are read from every layout, and never as trajectories."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_results, read_trajectories
from headstart.data.two_columns import TwoColumns
from headstart.errors import InputError
from two_column_tables import long, made_up, nested, texts, wide

MADE = made_up(models=5, tasks=3)


def read(path, **options) -> TwoColumns:
    found = read_results(path, **options)
    assert isinstance(found, TwoColumns)
    return found


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    return write


@pytest.mark.parametrize("name", texts(MADE))
def test_every_layout_gives_the_same_two_columns(write, name):
    found = read(write(name, texts(MADE)[name]))
    assert (found.models, found.benchmarks, found.labels) == (MADE.models, MADE.tasks, ("direct", "tuned"))
    np.testing.assert_array_equal(found.direct, MADE.direct)
    np.testing.assert_array_equal(found.tuned, MADE.tuned)
    assert (found.direct_stderr == 0.01).all() and (found.tuned_stderr == 0.01).all()
    assert found.missing == () and found.notes == ()


@pytest.mark.parametrize("name", ["wide.tsv", "nested.json", "lines.jsonl", "long.csv"])
def test_every_layout_is_recognised_on_standard_input(monkeypatch, name):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(texts(MADE)[name].encode())))
    np.testing.assert_array_equal(read("-").tuned, MADE.tuned)


@pytest.mark.parametrize("name", texts(MADE))
def test_a_curve_is_never_fitted_to_two_columns(write, name):
    with pytest.raises(InputError, match="no curve can be fitted"):
        read_trajectories(write(name, texts(MADE)[name]), benchmark="task-0")


def test_one_benchmark_may_be_named_and_one_that_is_not_there_is_refused(write):
    path = write("t.csv", wide(MADE))
    assert read(path, benchmark="task-1").direct.tolist() == [MADE.direct[1].tolist()]
    with pytest.raises(InputError, match=r"one of those in the file \(task-0, task-1, task-2\), got 'task-9'"):
        read_results(path, benchmark="task-9")


def test_missing_scores_are_named_and_never_zero(write):
    text = "model,direct,tuned,direct_stderr\na,0.5,0.6,0.01\nb,N/A,0.7,-\nc,0.4,,NA\n"
    found = read(write("mmlu.csv", text))
    assert found.benchmarks == ("mmlu",)
    assert found.missing == (("mmlu", "b", "direct"), ("mmlu", "c", "tuned"))
    assert np.isnan(found.direct[0]).tolist() == [False, True, False]
    assert found.complete.tolist() == [[True, False, False]]
    assert np.isnan(found.direct_stderr[0]).tolist() == [False, True, True]


def test_null_and_nan_of_a_nested_document_are_missing(write):
    document = nested(MADE)
    document["direct_eval"]["task-0"]["model-1"] = float("nan")
    document["train_before_test"]["task-2"]["model-0"] = None
    document["created_by"] = {"someone": "else"}
    found = read(write("t.json", document))
    assert found.missing == (("task-0", "model-1", "direct"), ("task-2", "model-0", "tuned"))
    assert found.notes == ('Ignored key: "created_by".',)


def test_a_model_without_any_score_is_still_named(write):
    found = read(write("t.csv", "model,direct,tuned\na,0.5,0.6\nb,,\n"))
    assert found.models == ("a", "b")
    assert found.missing == (("t", "b", "direct"), ("t", "b", "tuned"))


def test_the_number_of_items_gives_the_standard_errors(write):
    found = read(write("t.csv", "model,direct,tuned,n_items\na,0.5,0.6,10000\nb,0.5,0.5,10000\n"))
    assert found.direct_stderr[0].tolist() == pytest.approx([0.005, 0.005], rel=1e-3)


def test_seeds_are_averaged(write):
    text = "model,level,score,seed,stderr\na,direct,0.5,1,0.01\na,direct,0.6,2,0.01\na,tuned,0.7,1,0.01\n"
    found = read(write("t.csv", text))
    assert found.direct.tolist() == [[pytest.approx(0.55)]]
    assert found.direct_stderr[0, 0] > 0.01  # the spread between the seeds comes on top


def test_scores_at_the_same_two_steps_are_two_columns(write):
    text = "model,step,score\na,0,0.5\na,500,0.6\nb,0,0.4\nb,500,0.7\nc,0,0.3\n"
    found = read(write("t.csv", text))
    assert found.labels == ("direct", "after 500 steps")
    assert found.missing == (("t", "c", "after 500 steps"),)
    later = read(write("u.csv", text.replace(",0,", ",10,")))
    assert later.labels == ("after 10 steps", "after 500 steps")


def test_scores_at_three_steps_are_trajectories(write):
    assert isinstance(read_results(write("t.csv", "model,step,score\na,0,0.5\na,5,0.6\nb,9,0.4\n")), Trajectories)


def test_contestants_that_cannot_be_tuned_are_left_out_with_a_note(write):
    text = "model,step,score,outcome\na,0,0.5,\na,500,0.6,\nb,0,0.4,\nb,500,0.7,\napi,0,0.9,untunable\n"
    found = read(write("t.csv", text))
    assert found.models == ("a", "b")
    assert "api" in found.notes[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,direct,tuned\na,0.5,0.6\na,0.4,0.6\n", "the direct score of 'a' again .first in row 2"),
        (
            "model,level,score\na,direct,0.5\na,half,0.6\n",
            "row 3, field level: .* direct or tuned, got 'half'",
        ),
        ("model,direct,tuned\na,0.5,60\nb,0.4,0.5\n", "row 2, field tuned: score must be within the score range"),
        ("model,direct,tuned,tuned_stderr\na,0.5,0.6,7\n", "row 2, field tuned_stderr: stderr must be at most half"),
        ("model,direct,tuned\na,,\nb,-,N/A\n", "all 4 scores are missing"),
        ("model,direct,tuned\na,0.5,\nb,0.4,\n", "tuned scores must be given for at least one model, got none"),
        ("direct,tuned\n0.5,0.6\n", "missing column model"),
        ("model,task,direct,tuned\na,perplexity,0.5,0.6\nb,perplexity,0.5,0.6\n", "more is better, got 'perplexity'"),
    ],
)
def test_what_is_wrong_is_named(write, text, words):
    with pytest.raises(InputError, match=words):
        read_results(write("t.csv", text))


def test_every_problem_of_every_benchmark_is_told_at_once(write):
    text = long(MADE).replace("model-1,task-0,direct,", "model-1,task-0,direct,9").replace("tuned,0", "tuned,x0", 1)
    with pytest.raises(InputError) as caught:
        read_results(write("t.csv", text))
    assert [problem.field for problem in caught.value.problems] == ["score", "score"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"a": {"b": {"c": 0.5}}}, "one depth of the keys must be the steps, or direct and tuned"),
        ({"direct": {"a": 0.5}, "tuned": {"t": {"a": 0.5}}}, "nested equally deep, got direct.a and tuned.t.a"),
        ({"direct": {"10": {"a": 0.5}}, "tuned": {"10": {"a": 0.6}}}, "got both"),
        ({"direct": {"t": {"a": "high"}}, "tuned": {"t": {"a": 0.6}}}, "field direct.t.a: score must be a number"),
        ({"x": {"y": {"z": {"direct": 0.1, "tuned": 0.2}}}}, "got 3 depths of names"),
        ({}, "holds no numbers"),
        ("text", "must hold a list or an object"),
    ],
)
def test_a_nested_document_that_cannot_be_told_is_refused(write, document, words):
    with pytest.raises(InputError, match=words):
        read_results(write("t.json", json.dumps(document)))


def test_the_columns_of_a_nested_document_have_no_names(write):
    with pytest.raises(InputError, match="columns can only be named in a table"):
        read_results(write("t.json", nested(MADE)), columns={"score": "acc"})


@pytest.mark.usefixtures("shapes_unchecked")
def test_values_are_checked():
    good = {"models": ("a", "b"), "benchmarks": ("x",)}
    scores = {name: np.full((1, 2), 0.5) for name in ("direct", "tuned")}
    errors = {f"{name}_stderr": np.full((1, 2), np.nan) for name in scores}
    TwoColumns(**good, **scores, **errors)
    for changes, words in (
        ({"models": ("a", "a")}, "models must be distinct"),
        ({"direct": np.full((2, 2), 0.5)}, r"direct must be of shape \(1, 2\)"),
        ({"tuned": np.full((1, 2), 1.5)}, r"tuned must be within \[0, 1\] or nan, got 1.5"),
        ({"tuned_stderr": np.full((1, 2), 0.6)}, r"tuned_stderr must be within \[0, 0.5\]"),
        ({"direct": np.full((1, 2), np.nan)}, "direct scores must be given"),
    ):
        with pytest.raises(InputError, match=words):
            TwoColumns(**{**good, **scores, **errors, **changes})
