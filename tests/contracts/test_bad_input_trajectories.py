"""Every way to spoil a trajectories file ends in a message that names the file, the row and the field."""

import gzip
import json

import polars as pl
import pytest

from headstart.data.rows import TrajectoryRow
from headstart.data.trajectory_files import read_trajectories, write_trajectories
from headstart.errors import InputError

# file content, row (None: the complaint is about the whole file), field, words of the message
SPOILT_CSV = {
    "a column is missing": ("model,step\na,0\n", 1, None, "missing column score"),
    "two columns are missing": ("step\n0\n", 1, None, "missing columns model, score"),
    "a column is misspelt": (
        "models,step,score\na,0,0.5\n",
        1,
        None,
        "missing column model; got models, step, score; did you mean columns model=models",
    ),
    "a column is repeated": ("model,step,score,step\na,0,0.5,1\n", 1, None, '"step" appears 2 times'),
    "text in a number": ("model,step,score\na,0,0.5\na,1,high\n", 3, "score", "must be a number, got 'high'"),
    "a decimal comma": ('model,step,score\na,0,"0,5"\n', 2, "score", "must be a number, got '0,5'"),
    "digits with underscores": ("model,step,score\na,1_000,0.5\n", 2, "step", "must be a number"),
    "digits of another script": ("model,step,score\na,١,0.5\n", 2, "step", "must be a number"),
    "a score above the range": (
        "model,step,score\na,0,51.3\n",
        2,
        "score",
        r"within the score range \[0, 1\], got 51.3; .*score_range",
    ),
    "a negative step": ("model,step,score\na,-1,0.5\n", 2, "step", "must be a number >= 0, got -1"),
    "a score that is not a number": ("model,step,score\na,0,nan\n", 2, "score", "must be a finite number, got nan"),
    "an infinite step": ("model,step,score\na,inf,0.5\n", 2, "step", "must be a number >= 0, got inf"),
    "a step too large for a number": ("model,step,score\na,1e999,0.5\n", 2, "step", "got inf"),
    "a step twice": ("model,step,score\na,5,0.5\nb,5,0.5\na,5,0.6\n", 4, "step", "must be unique.*row 2"),
    "a seed twice": ("model,step,score,seed\na,5,0.5,1\na,5,0.6,1\n", 3, "step", "must be unique.*seed '1'"),
    "no score at all": ("model,step,score\na,0,\nb,0,N/A\n", None, "score", "all 2 scores are missing"),
    "a missing model": ("model,step,score\n,0,0.5\n", 2, "model", "must not be empty"),
    "a control character": ("model,step,score\na\x1b[2J,0,0.5\n", 2, "model", "control characters"),
    "a line break in a name": ('model,step,score\n"a\nb",0,0.5\n', 3, "model", "control characters"),
    "a negative standard error": ("model,step,score,stderr\na,0,0.5,-0.1\n", 2, "stderr", "must be a number >= 0"),
    "a standard error of nan": ("model,step,score,stderr\na,0,0.5,nan\n", 2, "stderr", "empty when unknown"),
    "no items": ("model,step,score,n_items\na,0,0.5,0\n", 2, "n_items", "positive whole number, got 0"),
    "half an item": ("model,step,score,n_items\na,0,0.5,1.5\n", 2, "n_items", "positive whole number, got 1.5"),
    "a step that costs nothing": (
        "model,step,score,cost_per_step\na,0,0.5,0\n",
        2,
        "cost_per_step",
        "must be a number > 0",
    ),
    "two costs for one model": (
        "model,step,score,cost_per_step\na,0,0.5,1\nb,0,0.5,2\na,1,0.5,3\n",
        4,
        "cost_per_step",
        "the same for all rows of 'a', got 1 and 3",
    ),
    "a cost for only some": (
        "model,step,score,cost_per_step\na,0,0.5,1\nb,0,0.5,\n",
        3,
        "cost_per_step",
        "got nothing",
    ),
    "a row too short": ("model,step,score\na,0\n", 2, None, "must have 3 cells as the header has, got 2"),
    "a row too long": ("model,step,score\na,0,0.5,9\n", 2, None, "must have 3 cells as the header has, got 4"),
    "an open quote": ('model,step,score\n"a,0,0.5\n', 2, None, "not a well-formed table"),
    "semicolons": ("model;step;score\na;0;0.5\n", 1, None, "must be separated by ',', got a header separated by ';'"),
    "tabs": ("model\tstep\tscore\na\t0\t0.5\n", 1, None, r"must be separated by ',', got a header separated by '\\t'"),
    "nothing at all": ("", None, None, "is empty"),
    "only blanks and a byte-order mark": (b"\xef\xbb\xbf\r\n \r\n", None, None, "is empty"),
    "only a header": ("model,step,score\n", None, None, "holds a header but no rows"),
    "another encoding": (b"model,step,score\na,0,0.5\ncaf\xe9,0,0.5\n", 3, None, "must be UTF-8 text, got byte 0xe9"),
    "UTF-16": ("model,step,score\na,0,0.5\n".encode("utf-16"), None, None, "got UTF-16 text"),
    "a compressed file": (gzip.compress(b"model,step,score\n"), None, None, "not what its name says.*got gzip"),
    "a spreadsheet": (b"PK\x03\x04" + b"\0" * 50, None, None, "not what its name says.*spreadsheet"),
    "JSON": ('{"model": "a"}\n', None, None, "not what its name says"),
    "a web page": ("<!DOCTYPE html><html></html>", None, None, "not what its name says"),
    "a missing score of a run that did not diverge": (
        "model,step,score,outcome\na,0,0.5,complete\na,1,,complete\n",
        3,
        "score",
        "must be a number, got nothing",
    ),
    "a diverged run with a score that is not a number": (
        "model,step,score,outcome\na,0,nan,diverged\n",
        2,
        "score",
        "must be a finite number, got nan",
    ),
    "an unknown outcome": (
        "model,step,score,outcome\na,0,0.5,crashed\n",
        2,
        "outcome",
        "must be one of complete, diverged, no gain, forgets, untunable, or empty, got 'crashed'",
    ),
    "a tuned score of what cannot be tuned": (
        "model,step,score,outcome\na,0,0.5,complete\nb,5,0.5,untunable\n",
        3,
        "step",
        "must be 0 where the outcome is untunable, got 5",
    ),
    "a model both tuned and untunable": (
        "model,step,score,outcome\na,0,0.5,untunable\nb,0,0.5,\na,5,0.5,complete\n",
        4,
        "outcome",
        "of 'a' either that it is untunable or how its tuning went, got tuned here and untunable in row 2",
    ),
    "nothing that can be tuned": (
        "model,step,score,outcome\na,0,0.5,untunable\n",
        None,
        None,
        "a score of a model that can be tuned, got none",
    ),
    "several benchmarks": (
        "benchmark,model,step,score\nx,a,0,0.5\ny,a,0,0.5\n",
        None,
        None,
        r"2 benchmarks \(x, y\).*benchmark must name one",
    ),
    "a row without its benchmark": (
        "benchmark,model,step,score\nx,a,0,0.5\n,a,0,0.5\n",
        3,
        "benchmark",
        "in every row or in none",
    ),
}


def complaint(path, **options):
    with pytest.raises(InputError) as caught:
        read_trajectories(path, **options)
    return caught.value


@pytest.mark.parametrize("case", SPOILT_CSV)
def test_csv(tmp_path, case):
    content, row, field, words = SPOILT_CSV[case]
    path = tmp_path / "runs.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    error = complaint(path)
    assert (error.file, error.row, error.field) == (str(path), row, field)
    assert error.exit_status == 2
    with pytest.raises(InputError, match=words):
        raise error


SPOILT_JSON_LINES = {
    "text for a number": ('{"model": "a", "step": 0, "score": "0.5"}', 1, "score", "must be a number, got '0.5'"),
    "true for a number": ('{"model": "a", "step": true, "score": 0.5}', 1, "step", "must be a number, got True"),
    "a number for a name": ('{"model": 7, "step": 0, "score": 0.5}', 1, "model", "must be text, got 7"),
    "a list for a seed": ('{"model": "a", "step": 0, "score": 0.5, "seed": [1]}', 1, "seed", "must be text"),
    "a key is missing": ('\n{"model": "a", "step": 0}', 2, None, "missing column score"),
    "a key is repeated": ('{"model": "a", "step": 0, "step": 1, "score": 0.5}', 1, None, 'key "step" is repeated'),
    "not a number": ('{"model": "a", "step": 0, "score": NaN}', 1, None, "numbers must be finite, got NaN"),
    "a number too large": ('{"model": "a", "step": 1%s, "score": 0.5}' % ("0" * 400), 1, "step", "must be a number"),
    "a number with too many digits": ('{"step": 1%s}' % ("0" * 5000), 1, None, "must be a JSON object"),
    "an array": ('[{"model": "a"}]', 1, None, "must be a JSON object"),
    "CSV": ("model,step,score\na,0,0.5\n", 1, None, "must be a JSON object, got 'model,step,score'"),
    "a half-written line": (
        '{"model": "a", "step": 0, "score": 0.5}\n{"model": "a", "st',
        2,
        None,
        "must be a JSON object",
    ),
    "endless nesting": ("[" * 200_000, 1, None, "nested too deeply|must be a JSON object"),
    "half a character": ('{"model": "\\ud800", "step": 0, "score": 0.5}', 1, "model", "control characters"),
}


@pytest.mark.parametrize("case", SPOILT_JSON_LINES)
def test_json_lines(tmp_path, case):
    content, row, field, words = SPOILT_JSON_LINES[case]
    path = tmp_path / "runs.jsonl"
    path.write_text(content)
    error = complaint(path)
    assert (error.file, error.row, error.field) == (str(path), row, field)
    with pytest.raises(InputError, match=words):
        raise error


SPOILT_PARQUET = {
    "text for a number": ({"model": ["a"], "step": [0], "score": ["0.5"]}, 1, "score", "must be a number, got '0.5'"),
    "numbers for names": ({"model": [7], "step": [0], "score": [0.5]}, 1, "model", "must be text, got 7"),
    "nothing but a gap": ({"model": ["a"], "step": [0], "score": [None]}, None, "score", "all 1 scores are missing"),
    "not a number": (
        {"model": ["a"], "step": [0], "score": [float("nan")]},
        1,
        "score",
        "must be a finite number, got nan",
    ),
    "no rows": ({"model": [], "step": [], "score": []}, None, None, "no rows"),
    "lists for numbers": ({"model": ["a"], "step": [[0]], "score": [0.5]}, 1, "step", "must be a number"),
}


@pytest.mark.parametrize("case", SPOILT_PARQUET)
def test_parquet(tmp_path, case):
    columns, row, field, words = SPOILT_PARQUET[case]
    path = tmp_path / "runs.parquet"
    pl.DataFrame(columns).write_parquet(path)
    error = complaint(path)
    assert (error.file, error.row, error.field) == (str(path), row, field)
    with pytest.raises(InputError, match=words):
        raise error


def test_a_parquet_file_cut_short_is_damaged(tmp_path):
    path = tmp_path / "runs.parquet"
    write_trajectories([TrajectoryRow(model="a", step=0, score=0.5)], path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "damaged Parquet file" in str(complaint(path))


def test_a_file_is_not_what_its_name_says(tmp_path):
    (tmp_path / "csv.parquet").write_text("model,step,score\na,0,0.5\n")
    assert "must be a Parquet file" in str(complaint(tmp_path / "csv.parquet"))
    pl.DataFrame({"model": ["a"], "step": [0], "score": [0.5]}).write_parquet(tmp_path / "parquet.csv")
    assert "got Parquet" in str(complaint(tmp_path / "parquet.csv"))
    (tmp_path / "comma.tsv").write_text("model,step,score\na,0,0.5\n")
    assert "got a header separated by ','" in str(complaint(tmp_path / "comma.tsv"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.csv", "does not exist"),
        ("folder.csv", "holds no file of a kind that is read from folders"),
        ("runs.xlsx", "must end in one of .csv, .tsv, .jsonl, .ndjson, .parquet, .json, got '.xlsx'"),
        ("runs", "must end in one of .*, got ''"),
        ("nul\0.csv", "cannot be read"),
    ],
)
def test_a_path_that_cannot_be_read_is_named(tmp_path, name, words):
    (tmp_path / "folder.csv").mkdir()
    for suffix in ("", ".xlsx"):
        (tmp_path / f"runs{suffix}").write_text("model,step,score\na,0,0.5\n")
    error = complaint(f"{tmp_path}/{name}")
    assert error.file == f"{tmp_path}/{name}"
    with pytest.raises(InputError, match=words):
        raise error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"benchmark": "mmul"}, r"one of those in the file \(mmlu\), got 'mmul'; did you mean \"mmlu\""),
        ({"cost_per_step": 0.0}, "cost_per_step must be a number > 0, got 0.0"),
        ({"cost_per_step": float("nan")}, "cost_per_step must be a number > 0, got nan"),
        ({"cost_unit": "USD"}, "cost_unit must come with a cost per step"),
        ({"score_range": (1.0, 0.0)}, "score"),
        ({"score_range": (0.0, 0.4)}, r"within the score range \[0, 0.4\]"),
    ],
)
def test_options_that_do_not_fit_the_file_are_named(tmp_path, options, words):
    path = tmp_path / "runs.csv"
    path.write_text("benchmark,model,step,score\nmmlu,a,0,0.5\n")
    with pytest.raises(InputError, match=words):
        raise complaint(path, **options)


def test_costs_are_not_given_twice(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("model,step,score,cost_per_step\na,0,0.5,2\n")
    assert "must be given once" in str(complaint(path, cost_per_step=1.0))


def test_a_name_that_would_not_survive_is_not_written(tmp_path):
    for name in ("", " a", "a\n", "\ud800"):
        with pytest.raises(InputError, match="model must not"):
            TrajectoryRow(model=name, step=0, score=0.5)


def test_a_row_without_a_score_must_have_diverged():
    assert TrajectoryRow(model="a", step=5, score=None, outcome="diverged").score is None
    for outcome in (None, "complete", "untunable"):
        with pytest.raises(InputError, match="score must be a number, got nothing"):
            TrajectoryRow(model="a", step=0, score=None, outcome=outcome)


def test_rows_are_counted_as_an_editor_counts_lines(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("model,step,score\n\na,0,0.5\n\n\na,1,bad\n")
    assert complaint(path).row == 6


def test_one_bad_line_in_many_is_found_in_json_lines(tmp_path):
    path = tmp_path / "runs.jsonl"
    rows = [json.dumps({"model": "a", "step": step, "score": 0.5}) for step in range(1000)]
    rows[700] = rows[700].replace("0.5", "5")
    path.write_text("\n".join(rows))
    assert complaint(path).row == 701
