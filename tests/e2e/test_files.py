"""Files in and out on the command line; bad ones end with status 2 and nothing written."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from headstart.cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures" / "readers"


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """A command in this process; its status, output and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headstart", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_the_list_names_every_reader_and_a_file_is_told_its_kind(run) -> None:
    from headstart.data.readers import READERS

    status, out, _ = run("import", "list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == list(READERS.names())
    status, out, _ = run("import", "list", FIXTURES / "inspect")
    assert status == 0 and "inspect (Inspect log): it is an archive" in out and "2 files are read, 0 are not" in out
    Path("t.json").write_text('{"a": {"b": 1}}')
    status, _, err = run("import", "list", "t.json")
    assert status == 2 and "looked for inspect" in err


def test_folders_are_imported_and_audited(run) -> None:
    status, _, err = run("import", "results", FIXTURES / "trainer-state", FIXTURES / "every-eval-ever", "-o", "all.csv")
    assert status == 0, err
    assert len(Path("all.csv").read_text().splitlines()) == 1 + 6 + 8
    assert "pairs of benchmark and model have no score" in err
    status, out, err = run("audit", FIXTURES / "trainer-state", "--quiet", "--draws", "20", "--backtest", "0")
    assert status == 0 and out and "Left out 2 earlier states" in err
    status, out, err = run("fit", FIXTURES / "every-eval-ever", "--benchmark", "sums")
    assert status == 0 and "org/alpha" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--read", "metrics=acc"), "--read must be KEY=VALUE with one of the keys metric, task"),
        (("--read", "metric"), "--read must be KEY=VALUE"),
        (("--read", "step=-1"), "--read step must be a number >= 0, got '-1'"),
        (("--read", "flip=maybe"), "--read flip must be yes or no, got 'maybe'"),
        (("--read", "step=1", "--read", "step=2"), "--read must give each key once, got step twice"),
        (("--read", "metric=eval/loss"), "more is better, got 'eval/loss'"),
        ((), "holds several metrics (eval/accuracy; eval/loss)"),
    ],
)
def test_bad_options_end_with_status_2_and_nothing_written(run, options, words) -> None:
    status, _, err = run("import", "results", FIXTURES / "wandb" / "two_metrics.csv", *options, "-o", "out.csv")
    assert status == 2 and words in err
    assert list(Path().iterdir()) == []


def test_results_are_exported(run) -> None:
    status, _, err = run("export", "results", FIXTURES / "every-eval-ever", "--to", "markdown", "-o", "R.md")
    assert status == 0 and "wrote R.md" in err
    assert "| 1 | 1 to 2 | org/beta | 0.4400 | 0.0200 |" in Path("R.md").read_text()
    chosen = ("--read", "metric=acc", "--read", "task=mmlu", "--title", "board")
    runs = FIXTURES / "runs" / "runs.csv"
    status, _, err = run("export", "results", runs, *chosen, "--to", "every-eval-ever", "-o", "records")
    assert status == 0 and "wrote records, 6 files" in err
    ids = sorted(json.loads(path.read_text())["evaluation_id"] for path in Path("records").rglob("*.json"))
    assert ids[0].startswith("board/alpha/step-0-seed-1/") and len(set(ids)) == 6
    before = sorted(Path().rglob("*"))
    status, _, err = run("export", "results", "R.md", "--to", "csv", "-o", "x.csv")
    assert status == 2
    status, _, err = run("export", "results", FIXTURES / "runs", "--to", "csv", "-o", "x.csv")
    assert status == 2 and "holds no file of a kind that is read from folders" in err
    status, _, err = run("export", "results", FIXTURES / "every-eval-ever", "--to", "eval-results", "-o", "x")
    assert status == 2 and "--dataset sums=OWNER/NAME names it" in err
    status, _, err = run("export", "results", FIXTURES / "every-eval-ever", "--to", "word", "-o", "x")
    assert status == 2 and "must be one of every-eval-ever, eval-results, csv, parquet, markdown, junit" in err
    assert sorted(Path().rglob("*")) == before


def test_the_shell_completes_what_files_do_not_say() -> None:
    from headstart.cli.completion import complete_reading, complete_writers

    assert "metric=" in complete_reading("m") and complete_reading("flip=") == ["flip=yes", "flip=no"]
    assert complete_reading("reader=w") == ["reader=wandb", "reader=wide"]
    assert complete_writers("e") == ["every-eval-ever", "eval-results"]


def test_standard_input_is_recognised_as_well(run, monkeypatch) -> None:
    data = (FIXTURES / "lm-eval" / "alpha" / "results_step_500.json").read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    status, _, err = run("export", "results", "-", "--read", "metric=acc", "--to", "csv", "-o", "out.csv")
    assert status == 0, err
    assert Path("out.csv").read_text().splitlines()[1].startswith("sums,org/alpha,500,0.35")
