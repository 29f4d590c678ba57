"""Trajectories are read from and written to every format alike."""

import io
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from headstart.data.rows import TrajectoryRow
from headstart.data.trajectory_files import (
    read_rows,
    read_trajectories,
    require_auditable,
    to_trajectories,
    write_trajectories,
)
from headstart.errors import InputError

CSV = """model,step,score,stderr,seed,cost_per_step
a,0,0.25,0.01,1,2
a,100,0.5,,1,2
a,100,0.4,,2,2
b,0,0.3,0.02,,0.5
"""
SUFFIXES = ["csv", "tsv", "jsonl", "ndjson", "parquet"]


@pytest.fixture
def write(tmp_path):
    def write(text, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_a_csv_file_is_read_as_it_says(write):
    read = read_trajectories(write(CSV, "mmlu.csv"), cost_unit="GPU-hours")
    assert read.benchmark == "mmlu"
    assert read.models == ("a", "b")
    assert read.model.tolist() == [0, 0, 0, 1]
    assert read.step.tolist() == [0, 100, 100, 0]
    assert read.score.tolist() == [0.25, 0.5, 0.4, 0.3]
    assert np.isnan(read.stderr).tolist() == [False, True, True, False]
    assert read.seed == ("1", "1", "2", None)
    assert read.cost_per_step.tolist() == [2, 0.5]
    assert read.cost_unit == "GPU-hours"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_back_the_same_rows(tmp_path, suffix):
    rows = (
        TrajectoryRow(benchmark="x", model="a", step=0, score=0.1 + 0.2, stderr=None, n_items=10, seed="1"),
        TrajectoryRow(benchmark="x", model="a, b", step=1e-5, score=1, stderr=1e-17, n_items=None, seed=None),
    )
    path = tmp_path / f"t.{suffix}"
    write_trajectories(rows, path)
    assert read_rows(path) == rows


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_rows_give_the_same_bytes(tmp_path, write, suffix):
    trajectories = read_trajectories(write(CSV))
    for name in ("one", "two"):
        write_trajectories(trajectories, tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


def test_columns_that_nobody_gave_are_not_written(tmp_path):
    write_trajectories([TrajectoryRow(model="a", step=10.0, score=0.5)], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "model,step,score\na,10,0.5\n"


def test_byte_order_mark_windows_line_ends_and_blank_lines_do_not_matter(write):
    plain = read_trajectories(write(CSV, "a.csv"))
    dressed = read_trajectories(write(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n\r\n").encode(), "b.csv"))
    assert dressed.score.tolist() == plain.score.tolist()
    assert dressed.models == plain.models


def test_blanks_around_cells_do_not_matter(write):
    read = read_trajectories(write("model , step, score\n a , 0 , 0.5 \n"))
    assert (read.models, read.score.tolist()) == (("a",), [0.5])


def test_csv_is_read_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(CSV.encode())))
    assert read_trajectories("-").models == ("a", "b")


def test_one_benchmark_is_taken_from_a_file_of_several(write):
    text = "benchmark,model,step,score\nx,a,0,0.1\ny,a,0,0.2\nx,a,1,0.3\n"
    read = read_trajectories(write(text), benchmark="x")
    assert (read.benchmark, read.score.tolist()) == ("x", [0.1, 0.3])


def test_a_file_that_does_not_name_its_benchmark_takes_the_name_given(write):
    assert read_trajectories(write(CSV), benchmark="mmlu").benchmark == "mmlu"


def test_the_number_of_items_gives_a_standard_error_only_where_there_is_none(write):
    text = "model,step,score,stderr,n_items\na,0,0.5,0.3,10000\na,1,0.5,,10000\n"
    given, derived = read_trajectories(write(text)).stderr
    assert given == 0.3
    assert derived == pytest.approx(0.005, rel=1e-3)  # sqrt(0.5 * 0.5 / 10000)


def test_another_score_range_may_be_declared(write):
    read = read_trajectories(write("model,step,score\na,0,51.3\n"), score_range=(0, 100))
    assert (read.score.tolist(), read.score_range) == ([51.3], (0, 100))


def test_one_cost_per_step_may_be_given_for_all(write):
    read = read_trajectories(write("model,step,score\na,0,0.1\nb,0,0.2\n"), cost_per_step=3, cost_unit="USD")
    assert (read.cost_per_step.tolist(), read.cost_unit) == ([3, 3], "USD")
    assert read_trajectories(write("model,step,score\na,0,0.1\n")).cost_unit == "steps"


def test_seeds_are_labels_however_a_tool_writes_them(tmp_path):
    for values in ([1, 2], [1.0, 2.0], ["1", "2"]):
        pl.DataFrame({"model": ["a", "a"], "step": [0, 0], "score": [0.1, 0.2], "seed": values}).write_parquet(
            tmp_path / "t.parquet"
        )
        assert read_trajectories(tmp_path / "t.parquet").seed == ("1", "2")


def test_categories_and_small_numbers_of_parquet_are_read(tmp_path):
    frame = pl.DataFrame({"model": ["a", "b"], "step": [0, 10], "score": [0.25, 0.5], "stderr": [None, None]})
    frame.with_columns(pl.col("model").cast(pl.Categorical), pl.col("step").cast(pl.UInt8)).write_parquet(
        tmp_path / "t.parquet"
    )
    read = read_trajectories(tmp_path / "t.parquet")
    assert (read.models, read.step.tolist()) == (("a", "b"), [0, 10])


OUTCOMES = """benchmark,model,step,score,n_items,seed,cost_per_step,outcome,plan_hash
x,a,0,0.25,500,1,2,complete,ab12
x,a,10,0.5,500,1,2,complete,ab12
x,b,0,0.3,500,1,4,diverged,ab12
x,b,10,,,1,4,diverged,ab12
x,api,0,0.6,500,,,untunable,ab12
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_outcomes_and_plan_hashes_survive_every_format(tmp_path, write, suffix):
    rows = read_rows(write(OUTCOMES))
    write_trajectories(rows, tmp_path / f"rows.{suffix}")
    assert read_rows(tmp_path / f"rows.{suffix}") == rows
    read = read_trajectories(tmp_path / f"rows.{suffix}", cost_unit="USD")
    write_trajectories(read, tmp_path / f"again.{suffix}")
    again = read_rows(tmp_path / f"again.{suffix}")
    told = [(row.model, row.step, row.score, row.seed, row.cost_per_step, row.outcome, row.plan_hash) for row in again]
    assert sorted(told, key=str) == sorted(
        [(row.model, row.step, row.score, row.seed, row.cost_per_step, row.outcome, row.plan_hash) for row in rows],
        key=str,
    )


def test_an_empty_outcome_is_none(tmp_path):
    columns = {"model": ["a", "a"], "step": [0, 1], "score": [0.1, 0.2], "outcome": ["", None], "plan_hash": ["", None]}
    pl.DataFrame(columns).write_parquet(tmp_path / "t.parquet")
    assert [(row.outcome, row.plan_hash) for row in read_rows(tmp_path / "t.parquet")] == [(None, None)] * 2


def test_rows_from_elsewhere_become_trajectories():
    rows = [TrajectoryRow(benchmark=name, model="a", step=0, score=0.5) for name in ("x", "y")]
    assert to_trajectories(rows, benchmark="y").benchmark == "y"
    with pytest.raises(InputError, match=r"holds 2 benchmarks \(x, y\)"):
        to_trajectories(rows)


def test_an_audit_needs_two_models_and_one_of_them_measured_twice(write):
    require_auditable(read_trajectories(write(CSV)))
    with pytest.raises(InputError, match="at least 2 models, got 1"):
        require_auditable(read_trajectories(write("model,step,score\na,0,0.1\na,1,0.2\n")))
    with pytest.raises(InputError, match="2 or more steps"):
        require_auditable(read_trajectories(write("model,step,score,seed\na,0,0.1,1\na,0,0.1,2\nb,5,0.2,1\n")))


def test_contestants_that_cannot_be_tuned_do_not_count_towards_an_audit(write):
    text = "model,step,score,outcome\na,0,0.1,\na,1,0.2,\nb,0,0.3,untunable\nc,0,0.4,untunable\n"
    with pytest.raises(InputError, match=r"at least 2 models, got 1 \(a\) .*cannot be tuned \(b, c\)"):
        require_auditable(read_trajectories(write(text)))
