"""Files as suites: every layout, missing cells by rule, and what is refused."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from headstart.data.readers.reader import Given, ReadOptions
from headstart.errors import InputError
from headstart.suite.missing import complete
from headstart.suite.price.reading import read_tasks
from headstart.suite.reading import read_suite
from two_column_tables import made_up, texts

MADE = made_up(models=6, tasks=3)

WIDE = """name,type,Average ⬆️,mmlu,gsm8k,mmlu_stderr
a,base,0.5,0.6,0.4,0.01
b,chat,0.4,0.5,0.3,0.02
c,chat,0.3,0.4,0.2,0.01
"""


def put(tmp_path: Path, **files: str) -> list[str]:
    paths = []
    for name, text in files.items():
        path = tmp_path / name.replace("__", ".")
        path.write_text(text)
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("name", texts(MADE))
def test_direct_and_tuned_scores_are_read_in_every_layout(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(texts(MADE)[name])
    found = complete(read_suite([tmp_path / name]))
    assert found.tuned is not None
    np.testing.assert_array_equal(found.direct.scores, MADE.direct.T)
    np.testing.assert_array_equal(found.tuned.scores, MADE.tuned.T)
    assert found.direct.stderr is not None
    assert found.direct.tasks == MADE.tasks


def test_a_leaderboard_is_a_column_for_each_task(tmp_path: Path) -> None:
    (path,) = put(tmp_path, board__csv=WIDE)
    cells = read_suite([path], columns={"model": "name"})
    assert (cells.labels, cells.tasks, cells.models) == (("direct",), ("mmlu", "gsm8k"), ("a", "b", "c"))
    assert cells.scores[0].tolist() == [[0.6, 0.4], [0.5, 0.3], [0.4, 0.2]]
    assert cells.stderr[0, :, 0].tolist() == [0.01, 0.02, 0.01]
    assert cells.notes == ('No tasks: the columns "type", "Average ⬆️".',)


def test_a_long_table_without_levels_and_nested_numbers_are_direct_scores(tmp_path: Path) -> None:
    long = "model,task,score\na,x,0.5\na,y,0.25\nb,x,0.75\nb,y,1.0\n"
    nested = json.dumps({"x": {"a": 0.5, "b": 0.75}, "y": {"a": 0.25, "b": 1.0}})
    for path in put(tmp_path, long__csv=long, nested__json=nested):
        assert read_suite([path]).scores.tolist() == [[[0.5, 0.25], [0.75, 1.0]]]


def test_tasks_of_several_files_make_one_suite_and_a_file_without_a_task_gives_its_name(tmp_path: Path) -> None:
    one = "model,step,score\na,0,0.5\nb,0,0.4\na,100,0.6\nb,100,0.7\n"
    other = one.replace("0.5", "0.3")
    files = put(tmp_path, mmlu__csv=one, gsm8k__csv=other)
    cells = read_suite(files)
    assert (cells.tasks, cells.labels, cells.source) == (("mmlu", "gsm8k"), ("direct", "tuned"), "mmlu.csv, gsm8k.csv")
    assert cells.scores[1].tolist() == [[0.6, 0.6], [0.7, 0.7]]
    with pytest.raises(InputError, match=r"a model must have one score a task, got 'a' on 'mmlu' in .*mmlu.csv too"):
        read_suite([files[0], files[0]])


def test_tuned_is_the_last_step_that_every_model_was_measured_at(tmp_path: Path) -> None:
    rows = [f"{m},{t},{s},{0.1 + s / 800}" for m in "ab" for t in "xy" for s in (0, 100, 200)] + ["a,x,300,0.9"]
    (path,) = put(tmp_path, steps__csv="model,benchmark,step,score\n" + "\n".join(rows) + "\n")
    cells = read_suite([path])
    assert cells.scores[1].tolist() == [[0.35, 0.35], [0.35, 0.35]]
    assert "x: tuned is step 200 of 4 measured steps." in cells.notes


def test_a_task_of_which_less_is_better_is_turned_round_only_if_it_is_named(tmp_path: Path) -> None:
    (path,) = put(tmp_path, board__csv="model,acc,wikitext_ppl\na,0.5,10\nb,0.4,30\n")
    with pytest.raises(InputError, match="got 'wikitext_ppl'; --less-is-better wikitext_ppl turns its scores round"):
        read_suite([path])
    with pytest.raises(InputError, match=r"within the score range \[0, 1\]"):
        read_suite([path], less_is_better=["wikitext_ppl"])
    cells = read_suite([path], less_is_better=["wikitext_ppl"], ranges={"wikitext_ppl": (0.0, 50.0)})
    assert cells.scores[0, :, 1].tolist() == [40.0, 20.0]
    assert cells.notes == ("Turned round, since less is better (low + high - score): wikitext_ppl.",)


def test_missing_cells_are_counted_and_named_and_never_filled_in(tmp_path: Path) -> None:
    (path,) = put(tmp_path, board__csv="model,x,y,z\na,0.5,0.4,0.3\nb,,0.3,0.2\nc,0.1,0.2,0.3\nd,0.2,0.1,-\n")
    cells = read_suite([path])
    dropped = complete(cells)
    assert dropped.missing == (("x", "b", "direct"), ("z", "d", "direct"))
    assert (dropped.models_left_out, dropped.tasks_left_out) == (("b", "d"), ())
    assert dropped.direct.models == ("a", "c")
    with pytest.raises(
        InputError, match="at least 2 models with scores on the same 2 tasks, got 1 tasks after drop-ta"
    ):
        complete(cells, "drop-tasks")
    with pytest.raises(InputError, match=r"2 of 12 scores are missing: x \(1 of 4 models\), z \(1 of 4 models\)"):
        complete(cells, "refuse")
    (path,) = put(tmp_path, more__csv="model,x,y,z\na,0.5,0.4,0.3\nb,,0.3,0.2\n")
    assert complete(read_suite([path]), "drop-tasks").direct.tasks == ("y", "z")


def test_tasks_with_different_models_are_refused_with_what_each_lacks(tmp_path: Path) -> None:
    files = put(tmp_path, x__csv="model,x\na,0.5\nb,0.4\n", y__csv="model,y\nc,0.5\nd,0.4\n")
    with pytest.raises(InputError, match=r"got 0 models after drop-models; 4 of 8 .* x \(2 of 4 models\), y \(2 of 4"):
        complete(read_suite(files))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("model,x,y\na,0.5,0.4\nb,61.2,0.3\n", {}, r"row 3, field x: score must be within .*declared as score_range"),
        ("model,x\na,0.5\nb,0.2\n", {}, "a suite needs at least 2 tasks, got x"),
        ("model,x,y\na,0.5,0.4\n", {}, "a suite needs at least 2 models, got a"),
        ("model,x,y\na,0.5,0.4\na,0.5,0.3\n", {}, "must be unique"),
        ("model,x,y\na,0.5,0.4\nb,0.1,0.3\n", {"tasks": ["z"]}, r"--tasks must name columns of the file \(x, y\)"),
        ("model,x,y\na,0.5,0.4\nb,0.1,0.3\n", {"less_is_better": ["z"]}, r"one of the files' \(x, y\), got 'z'"),
        ("model,x,y\na,0.5,0.4\nA,0.1,0.3\n", {}, "differ only by case"),
    ],
)
def test_bad_tables_are_refused_with_one_message(text: str, options: dict, message: str, tmp_path: Path) -> None:
    (path,) = put(tmp_path, board__csv=text)
    with pytest.raises(InputError, match=message):
        complete(read_suite([path], **options))


FIXTURES = Path(__file__).parents[1] / "fixtures" / "readers"


@pytest.mark.parametrize(
    ("source", "options", "labels", "tasks"),
    [
        ("every-eval-ever", {}, ("direct", "tuned"), 2),
        ("leaderboard", {}, ("direct",), 6),
        ("leaderboard-table/contents.csv", {}, ("direct",), 6),
        ("lm-eval", {"metric": "acc"}, ("direct", "tuned"), 1),
        ("inspect", {}, ("direct",), 1),
        ("eval-results/org", {}, ("direct",), 2),
        ("runs/runs.csv", {"metric": "acc", "tasks": ("mmlu",)}, ("direct", "tuned"), 1),
        ("wandb/two_metrics.csv", {"metric": "eval/accuracy"}, ("direct", "tuned"), 1),
        ("trainer-state", {}, ("direct", "tuned"), 1),
    ],
)
def test_files_and_folders_of_other_tools_are_suites_too(
    source: str, options: dict[str, object], labels: tuple[str, ...], tasks: int
) -> None:
    cells = read_suite([FIXTURES / source], options=ReadOptions(**options))
    assert (cells.labels, len(cells.tasks)) == (labels, tasks)
    assert not np.isnan(cells.scores).all()


def test_a_leaderboard_table_is_read_by_its_reader_and_not_column_by_column() -> None:
    cells = read_suite([FIXTURES / "leaderboard-table" / "contents.csv"])
    assert cells.tasks == ("IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO")
    assert "org/alpha (bfloat16, 1111)" in cells.models


def test_prices_and_ranks_are_read_from_one_reading_of_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{m},{t},{s},{0.3 + s / 800}" for m in "ab" for t in "xy" for s in (0, 50, 100, 200)]
    text = io.TextIOWrapper(io.BytesIO(("model,benchmark,step,score\n" + "\n".join(rows) + "\n").encode()))
    monkeypatch.setattr(sys, "stdin", text)
    given = Given("-")
    assert read_suite([given]).tasks == tuple(read_tasks([given])) == ("x", "y")


def test_prices_are_refused_where_there_is_one_score_for_each_model_and_task() -> None:
    with pytest.raises(InputError, match="prices need scores along tuning"):
        read_tasks([FIXTURES / "leaderboard"])


README = """# Harness of ours

| option | meaning |
| --- | --- |
| `--all` | everything |

## Leaderboard

| Rank | Model | Average ⬆️ | law | code |
|:-:|---|--:|--:|--:|
| 1 | **[a](https://example.org/a)** | 65 | **70.5 ± 0.4** | 59.5% |
| 2 | b | 55 | 60 | — |
| 3 | c | 40 | 40 | 40% |
"""


def test_a_leaderboard_in_markdown_is_read_as_it_is_rendered(tmp_path: Path) -> None:
    (path,) = put(tmp_path, README__md=README)
    cells = read_suite([path], ranges={None: (0, 100)})
    assert (cells.models, cells.tasks) == (("a", "b", "c"), ("law", "code"))
    np.testing.assert_array_equal(cells.scores[0], [[70.5, 59.5], [60, np.nan], [40, 40]])
    assert cells.notes == ('No tasks: the columns "Rank", "Average ⬆️".',)


def test_steps_in_a_markdown_table_are_steps(tmp_path: Path) -> None:
    (path,) = put(tmp_path, x__md="| model | 0 | 50 |\n|-|-|-|\n| a | 0.5 | 0.6 |\n| b | 0.4 | 0.7 |\n")
    assert read_suite([path]).scores[:, :, 0].tolist() == [[0.5, 0.4], [0.6, 0.7]]


def test_of_several_tables_with_models_the_heading_says_which_is_meant(tmp_path: Path) -> None:
    second = "\n## Older\n\n| System | law |\n|-|-|\n| a | 1 |\n\n| Model | law | code |\n|-|-|-|\n| a | 1 | 0 |\n"
    (path,) = put(tmp_path, README__md=README + second)
    with pytest.raises(InputError, match=r'README.md, row 21: must hold one table with a column "model", got Leader'):
        read_suite([path])
    cells = read_suite([path], options=ReadOptions(heading="older"))
    assert cells.models == ("a",) and cells.scores[0].tolist() == [[1, 0]]
    assert read_suite([path], columns={"model": "System"}).tasks == ("law",)
    with pytest.raises(InputError, match=r"under the heading 'Old'; did you mean \"Older\"\?, got Harness of ours \(r"):
        read_suite([path], options=ReadOptions(heading="Old"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (README.replace("59.5%", "many"), r"README.md, row 11, field code: score must be a number, got 'many'"),
        (README.replace("| 40% |", "| 40% | 1 |"), r"README.md, row 13: must have 5 cells"),
        (
            README.replace("70.5", "170.5"),
            r"README.md, row 11, field law: score must be within .* \[0, 100\]",
        ),
        (
            README.replace("40%", "0.4"),
            r"README.md, row 13, field code: must all be percentages or none, got '0.4' beside '59.5%'$",
        ),
        (README.replace("Average ⬆️", "law"), r"README.md, row 9: columns must have distinct names, got 'law' twice"),
        (README.replace("59.5%", "59.5<sup>1</sup>"), r"row 11, field code: score must be a number, got '59.5 1'"),
        ("# Nothing\n", "README.md: holds no table"),
        ("| model | law |\n|-|-|\n", "README.md, row 1: holds a header but no rows"),
    ],
)
def test_complaints_about_markdown_name_file_row_and_column(tmp_path: Path, text: str, complaint: str) -> None:
    (path,) = put(tmp_path, README__md=text)
    with pytest.raises(InputError, match=complaint):
        read_suite([path], ranges={None: (0, 100)}, tasks=["law", "code"])
