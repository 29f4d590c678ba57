"""Tables as people have them: other names of columns, other layouts, gaps and oddities, each read or named."""

import io
import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from headstart.contest.rewards import parse
from headstart.data.metrics import less_is_better
from headstart.data.trajectory_files import read_rows, read_trajectories
from headstart.errors import SHOWN, InputError

LONG = "model,step,score,stderr\nalpha,0,0.4,0.01\nalpha,50,0.5,0.01\nbeta,0,0.3,0.01\nbeta,50,0.35,0.01\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="t.csv"):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    return write


def same(one, other):
    assert one.models == other.models
    for field in ("model", "step", "score", "stderr"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_columns_may_be_named(write):
    text = LONG.replace("model,step,score,stderr", "name,checkpoint,acc,acc_stderr")
    columns = {"model": "name", "step": "checkpoint", "score": "acc", "stderr": "acc_stderr"}
    same(read_trajectories(write(text), columns=columns), read_trajectories(write(LONG)))


def test_a_named_column_goes_before_the_usual_one_which_is_then_ignored(write):
    read = read_trajectories(write("model,step,score,acc\na,0,0.1,0.4\na,5,0.1,0.5\n"), columns={"score": "acc"})
    assert read.score.tolist() == [0.4, 0.5]
    assert read.notes == ('Ignored column: "score".',)


def test_complaints_call_columns_as_the_file_does(write):
    with pytest.raises(InputError) as caught:
        read_trajectories(write("model,step,acc\na,0,high\na,5,7\n"), columns={"score": "acc"})
    assert [(problem.row, problem.field) for problem in caught.value.problems] == [(2, "acc"), (3, "acc")]


def test_case_and_order_of_the_columns_do_not_matter(write):
    usual = read_trajectories(write("model,step,score\na,0,0.4\na,5,0.5\n"))
    same(read_trajectories(write("Score,STEP,Model\n0.4,0,a\n0.5,5,a\n")), usual)


@pytest.mark.parametrize(
    ("header", "columns", "words"),
    [
        (
            "model,step,acc",
            {"score": "accuracy"},
            r'must be a column of the file \(model, step, acc\), got "accuracy"',
        ),
        ("model,step,acc", {"scor": "acc"}, 'must name known fields .*, got "scor"; did you mean "score"'),
        ("model,step,acc", None, "missing column score; got model, step, acc; did you mean columns score=acc?"),
        ("name,steps,value", None, "did you mean columns model=name,step=steps,score=value?"),
        ("a,b,c", None, "missing columns model, step, score; got a, b, c; looked for .*wandb"),
        ("model,step,score,Score", None, 'the column "score" appears 2 times'),
    ],
)
def test_columns_that_do_not_fit_are_named(write, header, columns, words):
    cells = ",".join("1" for _ in header.split(","))
    with pytest.raises(InputError, match=words) as caught:
        read_trajectories(write(f"{header}\n{cells}\n"), columns=columns)
    assert caught.value.row == 1


def test_every_problem_with_the_columns_is_told(write):
    with pytest.raises(InputError) as caught:
        read_trajectories(write("model,step,acc\na,0,0.5\n"), columns={"score": "x", "stderr": "y", "z": "acc"})
    assert len(caught.value.problems) == 3


def test_columns_that_are_not_known_are_ignored_with_a_note_that_helps_to_see_a_misspelling(write):
    read = read_trajectories(write("model,step,score,colour,std_err\na,0,0.4,red,0.1\na,5,0.5,red,0.1\n"))
    assert read.notes == ('Ignored columns: "colour", "std_err" (did you mean "stderr"?).',)
    assert np.isnan(read.stderr).all()


def test_tasks_are_benchmarks(write):
    read = read_trajectories(write("task,model,step,score\nx,a,0,0.4\nx,a,5,0.5\ny,a,0,0.1\n"), benchmark="x")
    assert (read.benchmark, read.score.tolist()) == ("x", [0.4, 0.5])


@pytest.mark.parametrize("gap", ["", "N/A", "NA", "n/a", "-", "–", " - "])
def test_gaps_are_missing_and_named(write, gap):
    read = read_trajectories(write(f"model,step,score,stderr\na,0,0.4,{gap}\na,5,{gap},0.1\na,9,0.5,{gap}\n"))
    assert read.step.tolist() == [0, 9]
    assert np.isnan(read.stderr).all()
    assert read.notes == ("1 score is missing and is no measurement: a at 5.",)


def test_a_gap_in_json_may_be_null_or_such_a_word(write):
    records = [{"model": "a", "step": step, "score": score} for step, score in ((0, 0.4), (5, None), (9, "N/A"))]
    read = read_trajectories(write("\n".join(map(json.dumps, records)), "t.jsonl"))
    assert read.score.tolist() == [0.4]
    assert "2 scores are missing and are no measurement: a at 5; a at 9." in read.notes


@pytest.mark.parametrize(
    "header",
    [
        "model,0,50",
        "model,step_0,step_50",
        "model,step 0,step 50",
        "model,score@0,score@50",
        "model,0 steps,50 steps",
    ],
)
def test_a_table_may_have_a_column_for_each_step(write, header):
    read = read_trajectories(write(f"{header}\nalpha,0.4,0.5\nbeta,0.3,0.35\n"))
    same(read, read_trajectories(write(LONG.replace(",stderr", "").replace(",0.01", ""))))


def test_a_wide_table_may_have_standard_errors_items_and_benchmarks(write):
    text = (
        "task,model,0,0_stderr,50,stderr_50,cost_per_step,when\nx,alpha,0.4,0.01,0.5,0.01,2,now\ny,b,0.1,,0.2,,3,now\n"
    )
    read = read_trajectories(write(text), benchmark="x")
    assert (read.step.tolist(), read.stderr.tolist(), read.cost_per_step.tolist()) == ([0, 50], [0.01, 0.01], [2])
    assert read.notes == ('Ignored column: "when".',)
    items = read_trajectories(write("model,0,50,n_items\na,0.5,0.5,10000\n"))
    assert items.stderr.tolist() == pytest.approx([0.005, 0.005], rel=1e-3)


def test_a_complaint_about_a_wide_table_names_the_column(write):
    with pytest.raises(InputError) as caught:
        read_trajectories(write("model,0,50\na,0.4,half\nb,1.4,0.5\n"))
    assert [(problem.row, problem.field) for problem in caught.value.problems] == [(2, "50"), (3, "0")]


DOCUMENTS = {
    "records": [
        {"model": m, "step": s, "score": v, "stderr": 0.01}
        for m, s, v in (("alpha", 0, 0.4), ("alpha", 50, 0.5), ("beta", 0, 0.3), ("beta", 50, 0.35))
    ],
    "columns": {
        "model": ["alpha", "alpha", "beta", "beta"],
        "step": [0, 50, 0, 50],
        "score": [0.4, 0.5, 0.3, 0.35],
        "stderr": [0.01] * 4,
    },
    "split": {
        "columns": ["model", "step", "score", "stderr"],
        "data": [["alpha", 0, 0.4, 0.01], ["alpha", 50, 0.5, 0.01], ["beta", 0, 0.3, 0.01], ["beta", 50, 0.35, 0.01]],
    },
    "nested": {
        "alpha": {"0": {"score": 0.4, "stderr": 0.01}, "50": {"score": 0.5, "stderr": 0.01}},
        "beta": {"0": {"score": 0.3, "stderr": 0.01}, "50": {"score": 0.35, "stderr": 0.01}},
    },
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_documents_are_read(write, name):
    same(read_trajectories(write(DOCUMENTS[name], "t.json")), read_trajectories(write(LONG)))


def test_a_nested_document_may_hold_several_benchmarks(write):
    document = {"x": {"a": {"0": 0.1, "5": 0.2}}, "y": {"a": {"0": 0.3, "5": 0.4}}}
    assert read_trajectories(write(document, "t.json"), benchmark="y").score.tolist() == [0.3, 0.4]
    assert read_trajectories(write(document["x"], "mmlu.json")).benchmark == "mmlu"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            {"model": ["a"], "step": [0, 1], "score": [0.5]},
            "must be equally long, got: model has 1, step has 2",
        ),
        ([{"model": "a", "step": 0, "score": 0.5}, 7], "row 2: must be a JSON object, got '7'"),
        ([{"model": "a", "step": 0, "score": 0.5}, {"model": "a", "score": 0.5}], "row 2, field step: .* got nothing"),
        ({"columns": ["model", "step", "score"], "data": [["a", 0]]}, "row 1: must be a list of 3 cells"),
        ("{]", "is not well-formed JSON"),
    ],
)
def test_json_that_is_no_table_is_named(write, document, words):
    with pytest.raises(InputError, match=words):
        read_trajectories(write(document, "t.json"))


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_separator_of_standard_input_is_recognised(monkeypatch, write, separator):
    text = LONG.replace(",", separator)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    same(read_trajectories("-"), read_trajectories(write(LONG)))


@pytest.mark.parametrize("name", ["records", "columns", "nested"])
@pytest.mark.parametrize("indent", [None, 1])
def test_json_on_standard_input_is_recognised(monkeypatch, write, name, indent):
    text = json.dumps(DOCUMENTS[name], indent=indent)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    same(read_trajectories("-"), read_trajectories(write(LONG)))


def test_parquet_on_standard_input_is_recognised(monkeypatch, write):
    stream = io.BytesIO()
    pl.DataFrame(DOCUMENTS["columns"]).write_parquet(stream)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(stream.getvalue())))
    same(read_trajectories("-"), read_trajectories(write(LONG)))


def test_data_frames_are_read(write):
    frame = pl.DataFrame(DOCUMENTS["columns"])
    same(read_trajectories(frame), read_trajectories(write(LONG)))
    assert read_trajectories(frame).benchmark == "benchmark"

    class LikePandas:  # what a frame of pandas answers to, without needing pandas here
        columns = tuple(DOCUMENTS["columns"])

        def rename(self, columns):
            return self

        def astype(self, kind):
            return self

        def where(self, kept, other):
            return self

        def notna(self):
            return None

        def to_dict(self, kind):
            return [
                {name: np.float64(v) if isinstance(v, float) else v for name, v in row.items()}
                for row in DOCUMENTS["records"]
            ]

    same(read_trajectories(LikePandas()), read_trajectories(write(LONG)))
    with pytest.raises(InputError, match="must be a path or a data frame, got int"):
        read_trajectories(7)


@pytest.mark.parametrize(
    "rows",
    [
        "Alpha,0,0.4\nalpha,5,0.5\n",
        "alpha,0,0.4\nalpha ,5,0.5\n",
        "GPT 4,0,0.4\nGPT  4,5,0.5\n",
    ],
)
def test_names_that_differ_by_case_or_blanks_only_are_a_problem(write, rows):
    with pytest.raises(InputError, match=r"model must be written in one way, got .* here and .* in row 2") as caught:
        read_trajectories(write(f"model,step,score\n{rows}"))
    assert (caught.value.row, caught.value.field) == (3, "model")


def test_benchmarks_that_differ_by_case_only_are_a_problem(write):
    with pytest.raises(InputError, match="benchmark must be written in one way, got 'mmlu' here and 'MMLU' in row 2"):
        read_trajectories(write("benchmark,model,step,score\nMMLU,a,0,0.1\nmmlu,a,5,0.2\n"), benchmark="MMLU")


def test_every_problem_is_told_in_the_order_of_the_rows_and_nothing_twice(write):
    text = (
        "model,step,score,stderr,n_items,cost_per_step\n"
        "a,0,0.5,0.01,100,1\n"
        "a,x,high,-1,1.5,1\n"  # four bad cells
        "a,5,1.5,0.01,100,2\n"  # outside the range, and another cost
        "a,0,0.4,0.01,100,1\n"  # a step twice
        "b,1,0.5\n"  # too short
        ",1,0.5,0.01,100,1\n"  # no name
        "B ,0,0.5,0.9,100,1\n"  # a standard error no score can have
    )
    with pytest.raises(InputError) as caught:
        read_rows(write(text))
    row_problems = [(problem.row, problem.field) for problem in caught.value.problems]
    assert row_problems == [(3, "step"), (3, "score"), (3, "n_items"), (6, None), (7, "model")]
    with pytest.raises(InputError) as caught:
        read_trajectories(write(text))
    told = [(problem.row, problem.field) for problem in caught.value.problems]
    assert told == [
        (3, "step"),
        (3, "score"),
        (3, "n_items"),
        (4, "score"),
        (4, "cost_per_step"),
        (5, "step"),
        (6, None),
        (7, "model"),
        (8, "stderr"),
    ]
    assert str(caught.value).count("\n") == len(told)
    assert caught.value.exit_status == 2


def test_the_problems_told_are_limited_and_the_rest_counted(write):
    rows = "".join(f"a,{step},9\n" for step in range(SHOWN + 7))
    with pytest.raises(InputError) as caught:
        read_trajectories(write(f"model,step,score\n{rows}"))
    lines = str(caught.value).splitlines()
    assert lines[0].endswith(f"{SHOWN + 7} problems") and lines[-1] == "  and 7 more"
    assert len(lines) == SHOWN + 2
    assert str(caught.value).count("score_range") == 1, "the hint is given once"


@pytest.mark.parametrize(
    ("name", "whole", "less"),
    [
        ("perplexity", True, True),
        ("word_perplexity,none", True, True),
        ("bits_per_byte", True, True),
        ("WER", True, True),
        ("brier_score", True, True),
        ("brierScore", True, True),
        ("eval/loss", True, True),
        ("acc_norm", True, False),
        ("exact_match,strict-match", True, False),
        ("neg_mean_squared_error", True, False),
        ("brier_skill_score", True, False),
        ("answer", True, False),  # the letters of wer
        ("powerful", True, False),
        ("lossless", True, False),
        ("error_detection", False, False),
        ("loss_aversion", False, False),
        ("wikitext_perplexity", False, True),
        ("mmlu", False, False),
    ],
)
def test_the_name_says_whether_less_is_better(name, whole, less):
    assert less_is_better(name, whole=whole) == less


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("model,step,loss\na,0,0.5\n", {"score": "loss"}),
        ("benchmark,model,step,score\nwikitext-ppl,a,0,0.5\n", None),
    ],
)
def test_a_score_of_which_less_is_better_is_refused_with_what_to_do(write, text, columns):
    with pytest.raises(InputError, match=r"more is better, got .*; turn it round before the audit"):
        read_trajectories(write(text), columns=columns)


def test_rewards_for_more_places_than_models_are_refused():
    with pytest.raises(InputError, match="'top:9:5': k must be at most the number of models, 2, got 9"):
        parse("top:9:5", 2)
