"""Published tables as leaderboards write them, and scores per item behind them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headstart.data.item_scores import ItemScores, open_items, read_items
from headstart.data.rankings import read_rankings
from headstart.data.readers.reader import ReadOptions
from headstart.errors import InputError


def table(tmp_path: Path, text: str, name: str = "r.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_ranks_are_read_as_people_write_them(tmp_path: Path) -> None:
    cells = ["🥇", "#2", "T3", "3=", "5-7", "5 to 7", "5–7", "8.", "9th"]
    rows = "".join(f"{cell},m{at},0.{90 - at},0.01\n" for at, cell in enumerate(cells))
    (found,) = read_rankings(table(tmp_path, "rank,model,score,stderr\n" + rows))
    assert found.first.tolist() == [1, 2, 3, 3, 5, 5, 5, 8, 9]
    assert found.last.tolist() == [1, 2, 3, 3, 7, 7, 7, 8, 9]
    assert found.shown(4) == "5–7" and not found.by_order


def test_the_order_of_the_rows_is_the_ranking_where_no_ranks_are_shown(tmp_path: Path) -> None:
    (found,) = read_rankings(table(tmp_path, "Model,Accuracy,n\na,0.5,100\nb,0.7,100\n"))
    assert found.first.tolist() == [1, 2] and found.by_order and "order of its rows" in found.notes[0]
    assert found.stderr[0] == pytest.approx(0.05, abs=0.001) and "binomial" in found.basis


def test_a_table_in_markdown_is_read_as_it_is_rendered(tmp_path: Path) -> None:
    text = """# Board

```
| rank | model | score |
| --- | --- | --- |
| 1 | not a table | 1 |
```

Some words | with a bar.

## Reading

| # | Model | Score (%) | standard error |
|:-:|---|--:|--:|
| 1 | **[alpha](https://example.org/a_b)** | **71.3 ± 0.4** | 0.4 |
| 2 | `beta\\|2` | 70.1 | 0.4
| 3 | gamma<br> | – | |

## Sums

| model | score (%) | n |
| --- | --- | --- |
| alpha | 50 | 100 |
| beta | 40 | 100 |
"""
    named = {"score": "Score (%)"}
    with pytest.raises(InputError, match="score must be a column of the file"):
        read_rankings(table(tmp_path, text, "README.md"), columns=named)
    text = text.replace("score (%)", "Score (%)")
    reading, sums = read_rankings(table(tmp_path, text, "README.md"), columns=named, score_range=(0, 100))
    assert (reading.benchmark, reading.models) == ("Reading", ("alpha", "beta|2"))
    assert reading.score.tolist() == [71.3, 70.1] and reading.stderr.tolist() == [0.4, 0.4]
    assert sums.benchmark == "Sums" and sums.stderr[0] == pytest.approx(5, abs=0.1)
    (one,) = read_rankings(tmp_path / "README.md", columns=named, score_range=(0, 100), benchmark="Sums")
    assert one.models == ("alpha", "beta")


def test_a_json_release_may_hold_its_table_under_any_key(tmp_path: Path) -> None:
    rows = [{"name": "a", "score": 0.9, "stderr": 0.01, "ranks": [1, 2]}, {"name": "b", "score": 0.8, "ranks": [1, 2]}]
    release = {"schema": "x/1", "plan_hash": "f" * 64, "boards": [{"name": "qa", "entries": rows, "other": [1, 2]}]}
    (found,) = read_rankings(table(tmp_path, json.dumps(release), "release.json"))
    assert (found.benchmark, found.models, found.plan_hash) == ("qa", ("a", "b"), ("f" * 64, "f" * 64))
    assert (found.first.tolist(), found.last.tolist()) == ([1, 1], [2, 2])


def test_an_audit_is_read_at_its_recommended_level(tmp_path: Path) -> None:
    def level(at: float, best: str) -> dict[str, object]:
        names = [best, *[name for name in "ab" if name != best]]
        rows = [
            {
                "name": name,
                "score": 0.9 - 0.3 * k,
                "stderr": 0.01,
                "rank": k + 1,
                "best_rank": k + 1,
                "worst_rank": k + 1,
            }
            for k, name in enumerate(names)
        ]
        return {"level": at, "standings": rows}

    audit = {"schema": "headstart.audit/1", "benchmark": "qa", "decision": {"level": 100}}
    audit["levels"] = [level(0, "a"), level(100, "b")]
    (found,) = read_rankings(table(tmp_path, json.dumps(audit), "audit.json"))
    assert (found.benchmark, found.models) == ("qa", ("b", "a"))


def test_smaller_may_be_better(tmp_path: Path) -> None:
    path = table(tmp_path, "model,perplexity,stderr\na,3.1,0.1\nb,9.0,0.1\n")
    with pytest.raises(InputError, match="--lower-is-better"):
        read_rankings(path, columns={"score": "perplexity"})
    (found,) = read_rankings(path, columns={"score": "perplexity"}, lower_is_better=True)
    assert found.score.tolist() == [-3.1, -9.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rank,name\n1,a\n", "must hold a table with the columns model and score, got: rank, name"),
        ("rank,model,score\nfirst,a,1\n", "rank must be a rank such as 2"),
        ("rank,model,score\n3-2,a,1\n", "rising range, got 3-2"),
        ("rank,model,score\n1,a,0.5\n,b,0.4\n", "rank must be given for every model or none"),
        ("model,score\na,0.5\na,0.4\n", "model must be listed once, got 'a' again"),
        ("model,score\na,high\nb,0.4\n", "score must be a number, got 'high'"),
        (
            "model,score\na,71.5%\nb,0.7\n",
            "row 3, field score: must all be percentages or none, got '0.7' beside '71.5%'",
        ),
        ("model,score,stderr\na,0.5,-1\nb,0.4,0.1\n", "stderr must be a number of at least 0"),
        ("model,score,n\na,71,100\nb,70,100\n", "--score-range 0:100 declares percentages"),
    ],
)
def test_bad_tables_are_refused_with_their_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_rankings(table(tmp_path, text))


def read_ranked_items(path: Path, models: list[str], *, benchmark: str = "", step: float | None = None) -> ItemScores:
    return open_items(path).of_ranking(models, benchmark=benchmark, step=step)


def items(**more: list[object]) -> pl.DataFrame:
    return pl.DataFrame(
        {"model": ["a", "a", "a", "b", "b", "b"], "item": [1, 2, 3, 3, 1, 2], "acc": [1, 0, 1, 0, 1, 1], **more}
    )


def test_items_are_matched_by_name_not_by_order(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    items(cluster=["x", "x", "y", "y", "x", "x"]).write_parquet(path)
    found = read_ranked_items(path, ["b", "a"])
    assert found.scores.tolist() == [[1, 1, 0], [1, 0, 1]]
    assert found.clusters is not None and found.clusters.tolist() == ["x", "x", "y"]


def test_items_that_a_model_lacks_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    items().head(5).write_csv(path)
    found = read_ranked_items(path, ["a", "b"])
    assert found.scores.shape == (2, 2) and found.notes == ("1 of 3 items lack the score of a model and are left out.",)


def test_repetitions_are_averaged_and_steps_must_be_said(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    both = pl.concat([items(step=[0] * 6), items(step=[100] * 6)])
    pl.concat([both, both.with_columns(acc=1 - pl.col("acc"))]).write_ndjson(path)
    with pytest.raises(InputError, match="--step must say at which of 0, 100"):
        read_ranked_items(path, ["a", "b"])
    assert (read_ranked_items(path, ["a", "b"], step=100).scores == 0.5).all()
    with pytest.raises(InputError, match="step must be one of 0, 100, got 7"):
        read_ranked_items(path, ["a", "b"], step=7)


def test_bad_items_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    items(benchmark=["p"] * 3 + ["q"] * 3).write_csv(path)
    for models, benchmark, words in (
        (["a", "c"], "p", "none of 'c'"),
        (["a", "b"], "r", "benchmark must be one of p, q, got 'r'"),
        (["a", "b"], "", "got a ranking that names none"),
    ):
        with pytest.raises(InputError, match=words):
            read_ranked_items(path, models, benchmark=benchmark)
    path.write_text("model,item,acc\na,1,yes\nb,1,no\n")
    with pytest.raises(InputError, match="row 2, field acc: must be a number, got 'yes'"):
        read_ranked_items(path, ["a", "b"])
    path.write_text("model,item,acc\na,1,1\nb,2,1\n")
    with pytest.raises(InputError, match="at least 2 items must have a score of every model, got 0"):
        read_ranked_items(path, ["a", "b"])
    (tmp_path / "items.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot be read as parquet"):
        read_ranked_items(tmp_path / "items.parquet", ["a"])
    with pytest.raises(InputError, match="must be a table of items"):
        read_ranked_items(table(tmp_path, "x", "items.txt"), ["a"])


def test_a_table_of_items_is_one_value_for_each_benchmark_and_step(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    items(benchmark=["p"] * 5 + ["q"], step=[0] * 6).rename({"model": "who"}).write_csv(path)
    p, q = read_items(path, options=ReadOptions(columns={"model": "who"}))
    assert (p.benchmark, p.step, p.models) == ("p", 0.0, ("a", "b")) and len(p.missing) == 1
    assert (q.models, q.scores.shape) == (("b",), (1, 1))
    assert p.complete().scores.shape == (2, 2) and len(p.complete().notes) == 1
    path.write_text("model,item,acc\na,1,1\n,2,1\n")
    with pytest.raises(InputError, match="row 3, field model: must not be empty"):
        read_items(path)


def test_items_of_the_recorded_run_are_read() -> None:
    path = Path(__file__).parents[2] / "examples" / "ladder" / "items.parquet"
    found = read_ranked_items(path, ["full", "drop-1"], benchmark="city", step=0)
    assert found.scores.shape == (2, 500)
    assert np.isfinite(found.scores).all()


def test_items_are_read_from_logs_of_inspect_too(tmp_path: Path) -> None:
    logs = Path(__file__).parents[1] / "fixtures" / "readers" / "inspect"
    found = read_ranked_items(logs, ["mockllm/beta", "mockllm/alpha"], benchmark="sums")
    assert found.scores.tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0]]
    with pytest.raises(InputError, match="benchmark must be one of sums, got 'products'"):
        read_ranked_items(logs, ["mockllm/beta"], benchmark="products")
    with pytest.raises(InputError, match="got none of 'mockllm/gamma'"):
        read_ranked_items(logs, ["mockllm/gamma"])
    with pytest.raises(InputError, match="step must be one of 0, got 5"):
        read_ranked_items(logs, ["mockllm/beta"], step=5)


def test_a_model_without_a_score_is_named_and_refused_where_its_rank_is_above_another(tmp_path: Path) -> None:
    shown = table(tmp_path, "model,score,stderr\na,0.5,0.1\nb,nan,0.1\nc,0.4,0.1\n", "some.csv")
    (found,) = read_rankings(shown)
    assert found.models == ("a", "c")
    assert "No score, and so left out of the check: b." in found.notes
    ranked = table(tmp_path, "rank,model,score,stderr\n1,a,nan,0.1\n2,b,0.4,0.1\n", "ranked.csv")
    with pytest.raises(
        InputError, match="score must be a number where a rank above another model is shown, got none for 'a'"
    ):
        read_rankings(ranked)
    with pytest.raises(InputError, match="must hold a score, got none"):
        read_rankings(table(tmp_path, "model,score,stderr\na,,0.1\n", "none.csv"))
