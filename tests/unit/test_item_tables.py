"""Tables of scores by item as people keep them: with empty columns, blank lines and bad cells."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from headstart.cli import app
from headstart.data import item_tables
from headstart.data.item_scores import ItemFile, open_items, read_items
from headstart.errors import InputError

HEAD = "model,item,score,benchmark,step\n"


def put(tmp_path: Path, text: str, name: str = "items.csv") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_columns_that_are_empty_throughout_say_nothing(tmp_path: Path) -> None:
    (found,) = read_items(put(tmp_path, HEAD + "a,1,1,,\na,2,0,,NaN\n\nb,1,1,,\nb,2,1, ,\n"))
    assert (found.benchmark, found.step, found.notes) == ("", 0.0, ())
    assert found.scores.tolist() == [[1, 0], [1, 1]]
    ranked = open_items(tmp_path / "items.csv").of_ranking(["b", "a"], benchmark="law")
    assert ranked.scores.tolist() == [[1, 1], [1, 0]]
    (found,) = read_items(put(tmp_path, "model,item,score,cluster\na,1,1,\na,2,0,\n"))
    assert found.clusters is None


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    text = HEAD + "a,1,1,p,0\na,2,0,p,0\na,3,0,p,\na,4,0,p,nan\na,1,1,q,100\na,2,1,,0\n"
    p, q = read_items(put(tmp_path, text))
    benchmark = "1 row without a benchmark beside others with one is left out."
    assert p.items == (*q.items, "2") == ("1", "2")
    assert p.notes == (benchmark, "2 rows without a step beside others with one are left out.")
    assert q.notes == (benchmark,)
    (only,) = read_items(put(tmp_path, HEAD + "a,1,1,p,0\na,2,0,,0\n"))
    assert only.items == ("1", "2")
    assert only.notes == ("1 row without a benchmark is taken as of p, the only one named.",)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("x.csv", HEAD, r"x\.csv: holds a header but no rows"),
        ("x.csv", HEAD + ",,,,\n\n", r"x\.csv: holds a header but no rows"),
        ("x.tsv", 'model\titem\tscore\n\n"a\nb"\t1\t1\na\t1\tyes\n', r"x\.tsv, row 5, field score: .*, got 'yes'"),
        ("x.csv", HEAD + "a,1,1,p,0\na,2,0,p,late\n", r"row 3, field step: must be a number, got 'late'"),
        ("x.csv", HEAD + "a,1,1,p,0\na,2,-inf,p,0\n", r"row 3, field score: must be finite, got '-inf'"),
        ("x.csv", HEAD + "a,1,1,p,0\na, ,1,p,0\n", r"row 3, field item: must not be empty"),
        ("x.jsonl", '{"model":"a","id":[1],"acc":1}\n', r"x\.jsonl, row 1, field id: must be text or a number, got"),
        (
            "x.jsonl",
            '{"model":"a","id":1,"acc":1}\n\n{"model":"a","id":[2],"acc":true}\n',
            r"row 3, field id: must be text or a number, got \[2\]",
        ),
        ("x.jsonl", '{"model":"a","id":1,"acc":1}\n[1]\n', r"x\.jsonl, row 2: must be a JSON object"),
        ("x.jsonl", '\n{"model":"a","id":1,"acc":[0.5]}\n', r"x\.jsonl, row 2, field acc: must be a number"),
    ],
)
def test_complaints_name_file_row_and_field(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_items(put(tmp_path, text, name))


def test_a_list_in_parquet_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = pl.DataFrame({"model": ["a", "b"], "item": [None, [1]], "score": [1.0, 0.0]})
    rows.write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet, row 2, field item: must be text or a number, got \[1\]"):
        read_items(tmp_path / "x.parquet")
    rows.head(0).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: holds a header but no rows"):
        read_items(tmp_path / "x.parquet")


def test_json_lines_may_hold_several_kinds_of_numbers(tmp_path: Path) -> None:
    lines = ['{"model":"a","item":1,"score":true}', '{"model":"a","item":"2","score":0.5}', '{"model":"a","item":3}']
    (found,) = read_items(put(tmp_path, "\n".join(lines), "x.jsonl"))
    assert found.items == ("1", "2", "3")
    np.testing.assert_array_equal(found.scores, [[1, 0.5, np.nan]])


def test_names_in_csv_stay_as_they_are_written(tmp_path: Path) -> None:
    (found,) = read_items(put(tmp_path, "model,item,score\n07,1,True\n7,1.0,0\n"))
    assert found.models == ("07", "7") and found.items == ("1", "1.0")
    np.testing.assert_array_equal(found.scores, [[1, np.nan], [np.nan, 0]])


def test_bad_rows_of_another_benchmark_or_step_do_not_matter(tmp_path: Path) -> None:
    bad = "a,1,yes,q,0\n,2,1,r,0\na,1,1,s,late\na,,inf,p,9\n"
    path = put(tmp_path, HEAD + bad + "".join(f"{m},{k},{k},p,0\n" for m in "ab" for k in (0, 1)))
    items = open_items(path)
    assert items.of_ranking(["a", "b"], benchmark="p", step=0).scores.tolist() == [[0, 1], [0, 1]]
    for benchmark, row, name in (("q", 2, "score"), ("r", 3, "model"), ("s", 4, "step")):
        with pytest.raises(InputError, match=rf"items\.csv, row {row}, field {name}: must"):
            items.of_ranking(["a"], benchmark=benchmark)
    with pytest.raises(InputError, match=r"row 2, field score"):
        items.all()


def test_a_benchmark_without_a_step_is_refused() -> None:
    with pytest.raises(InputError, match="x, field step: must hold scores at one step at least, got none"):
        ItemFile(source="x", parts={"p": SimpleNamespace(steps=(), scores=None)}).of_ranking(["a"])  # pyright: ignore[reportArgumentType]


def test_the_check_reads_the_items_once_for_all_rankings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{m},{k},{int(k < n)},{b},0\n" for b in "pqr" for m, n in (("a", 90), ("b", 10)) for k in range(100)]
    items = put(tmp_path, HEAD + "".join(rows))
    ranking = put(tmp_path, "benchmark,model,score\n" + "".join(f"{b},a,0.9\n{b},b,0.1\n" for b in "pqr"), "r.csv")
    read: list[str] = []

    def counted(real: Callable[[str], bytes]) -> Callable[[str], bytes]:
        return lambda path: (read.append(path), real(path))[1]

    monkeypatch.setattr(item_tables, "read_bytes", counted(item_tables.read_bytes))
    done = CliRunner().invoke(app, ["check", str(ranking), "--items", str(items)], standalone_mode=False)
    assert done.exception is None and not done.return_value and read == [str(items)]
