"""Formats of published results: each keeps to its schema, and what it holds is read again to the last digit."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from headstart.auditing.ranking_check import check_ranking
from headstart.data.rankings import read_rankings
from headstart.data.trajectory_files import read_rows
from headstart.data.writers import WRITERS, Published, PublishedScore, Writer, write_published
from headstart.errors import InputError
from headstart.io.atomic import write_folder
from headstart.registry import Registry
from headstart.report.published import published_results

FIXTURES = Path(__file__).parents[1] / "fixtures"
SCHEMA = json.loads((FIXTURES / "schemas" / "every_eval_ever-0.3.0" / "eval.schema.json").read_text())

SCORES = tuple(
    PublishedScore(
        benchmark=benchmark, model=model, step=step, score=score, stderr=stderr, n_items=n_items, seed=seed,
        rank=1, best_rank=1, worst_rank=2,
    )
    for benchmark, model, step, score, stderr, n_items, seed in [
        ("sums", "org/alpha", 0.0, 0.1 + 0.2, 0.01, 500, None),
        ("sums", "org/alpha", 500.0, 0.52, 1 / 70, 500, None),
        ("words", "org/alpha", 500.0, 0.42, None, None, None),
        ("sums", "beta | <b>", 0.5, 1 / 3, 0.02, 500, None),
        ("sums", "gamma", 0.0, 0.0, 0.0, None, "1"),
        ("sums", "gamma", 0.0, 1.0, 0.0, None, "2"),
    ]
)  # fmt: skip
RESULTS = Published(
    title="my board", scores=SCORES, created_at="2026-01-01T10:00:00+00:00",
    datasets={"sums": "org/sums", "words": "org/words:test"},
)  # fmt: skip


def key(one) -> tuple[str, str, float, str]:
    return one.benchmark, one.model, one.step, one.seed or ""


@pytest.mark.parametrize("to", ["csv", "parquet", "every-eval-ever"])
def test_what_is_written_is_read_again_with_the_same_values(tmp_path, to) -> None:
    path = tmp_path / f"out.{to}" if to in ("csv", "parquet") else tmp_path / "out"
    write_published(RESULTS, to, path)
    again = sorted(read_rows(path), key=key)
    for row, one in zip(again, sorted(SCORES, key=key), strict=True):
        assert key(row) == key(one)
        assert (row.score, row.stderr, row.n_items) == (one.score, one.stderr, one.n_items)


def test_files_of_repositories_are_read_again_under_the_names_of_the_hub(tmp_path) -> None:
    named = [replace(one, model=one.model.replace(" | <b>", "")) for one in SCORES]
    write_published(replace(RESULTS, scores=tuple(named)), "eval-results", tmp_path / "out")
    hub = {"sums": "org/sums", "words": "org/words:test"}
    again = sorted(read_rows(tmp_path / "out"), key=key)
    for row, one in zip(
        again, sorted((replace(one, benchmark=hub[one.benchmark]) for one in named), key=key), strict=True
    ):
        assert (*key(row), row.score, row.stderr) == (*key(one), one.score, one.stderr)


def test_a_benchmark_without_a_data_set_on_the_hub_is_refused(tmp_path) -> None:
    with pytest.raises(
        InputError, match=r"the data set of sums on the hub must be named as OWNER/NAME, got 'sums'; --data"
    ):
        write_published(replace(RESULTS, datasets={}), "eval-results", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_records_keep_to_the_schema_and_say_the_step_twice(tmp_path) -> None:
    validator = jsonschema.Draft7Validator(SCHEMA)
    paths = write_published(RESULTS, "every-eval-ever", tmp_path / "out")
    assert len(paths) == 5  # one for each model, step and seed
    ids = set()
    for path in paths:
        document = json.loads(Path(path).read_text())
        assert [error.message for error in validator.iter_errors(document)] == []
        assert document["schema_version"] == SCHEMA["version"] == "0.3.0"
        step = document["model_info"]["additional_details"]["step"]
        assert f"/step-{step}" in document["evaluation_id"]
        ids.add(document["evaluation_id"])
    assert len(ids) == 5
    assert "data/my_board/org/alpha/" in "".join(Path(path).as_posix() for path in paths)
    document["model_info"]["additional_details"]["step"] = 500
    assert list(validator.iter_errors(document)), "the schema wants the step as text"


def test_the_same_results_give_the_same_files(tmp_path) -> None:
    for to in WRITERS.own:
        results = replace(RESULTS, scores=SCORES[:3])
        one, two = (write_published(results, to, tmp_path / f"{name}.{to}") for name in ("one", "two"))
        assert [Path(a).read_bytes() for a in one] == [Path(b).read_bytes() for b in two]


def test_markdown_shows_names_as_they_are_and_ranks_with_what_noise_allows(tmp_path) -> None:
    write_published(RESULTS, "markdown", tmp_path / "out.md")
    lines = (tmp_path / "out.md").read_text().splitlines()
    assert lines[0] == "# my board"
    assert "## sums, after 0.5 steps of identical tuning" in lines
    assert r"| 1 | 1 to 2 | beta \| \<b\> | 0.3333 | 0.0200 |" in lines


def test_junit_fails_where_noise_allows_other_ranks(tmp_path) -> None:
    base = PublishedScore(benchmark="sums", model="a", step=0, score=0.5, stderr=0.01)
    scores = (
        replace(base, rank=1, best_rank=1, worst_rank=1),
        replace(base, model="b", rank=2, best_rank=2, worst_rank=3),
        replace(base, model="c", rank=3),
    )
    write_published(replace(RESULTS, scores=scores), "junit", tmp_path / "out.xml")
    cases = list(ElementTree.parse(tmp_path / "out.xml").iter("testcase"))
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["skipped"]]
    assert "rank 2 is not certain: noise allows ranks 2 to 3" in str(cases[1][0].get("message"))


def test_measurements_are_ranked_and_an_audit_is_taken_as_it_stands(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("model,step,score,stderr\na,0,0.9,0.01\nb,0,0.5,0.01\nc,0,0.5,0.01\n")
    found, notes = published_results(str(path))
    ranks = [(one.benchmark, one.model, one.rank, one.best_rank, one.worst_rank) for one in found.scores]
    assert ranks == [("t", "a", 1, 1, 1), ("t", "b", 2, 2, 3), ("t", "c", 2, 2, 3)] and notes == ()
    audit = {
        "schema": "headstart.audit/1", "benchmark": "mmlu",
        "levels": [{"level": 0, "standings": [
            {"name": "a", "score": 0.5, "stderr": None, "rank": 1, "best_rank": 1, "worst_rank": 2}]}],
    }  # fmt: skip
    (tmp_path / "audit.json").write_text(json.dumps(audit))
    (one,) = published_results(str(tmp_path / "audit.json"))[0].scores
    assert (one.benchmark, one.model, one.rank, one.worst_rank, one.stderr) == ("mmlu", "a", 1, 2, None)
    (tmp_path / "other.json").write_text(json.dumps({"schema": "headstart.design/1"}))
    with pytest.raises(InputError, match=r"schema must be headstart.audit/1"):
        published_results(str(tmp_path / "other.json"))


def test_scores_out_of_range_and_twice_are_refused(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("model,step,score\na,0,51\n")
    with pytest.raises(InputError, match=r"score must be within the score range \[0, 1\], got 51 of a on t"):
        published_results(str(tmp_path / "t.csv"))
    assert published_results(str(tmp_path / "t.csv"), score_range=(0, 100))[0].score_range == (0, 100)
    with pytest.raises(InputError, match=r"scores must be unique, got sums of org/alpha at 0 twice"):
        replace(RESULTS, scores=(SCORES[0], SCORES[0]))


def test_a_folder_is_written_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match=r"must be a new or an empty folder"):
        write_folder(tmp_path / "full", {"a": b"1"})
    with pytest.raises(InputError, match=r"files must lie below the folder, got '../a'"):
        write_folder(tmp_path / "new", {"../a": b"1"})
    with pytest.raises(InputError, match=r"cannot be written: the folder .*nowhere does not exist"):
        write_folder(tmp_path / "nowhere" / "new", {"a": b"1"})
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match=r"No space left"):
        write_folder(tmp_path / "new", {"a/b": b"1"})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["full", "kept.txt"]


def test_a_writer_of_another_package(tmp_path, monkeypatch) -> None:
    import headstart.data.writers as module

    registry = Registry("format", group="headstart.writers", complaint=module._complaint)
    monkeypatch.setattr(module, "WRITERS", registry)
    registry.register("count", Writer(title="count", render=lambda published: str(len(published.scores)).encode()))
    write_published(RESULTS, "count", tmp_path / "n.txt")
    assert (tmp_path / "n.txt").read_text() == "6"
    with pytest.raises(InputError, match=r"must be a Writer, got str"):
        registry.register("seven", "7")


def test_numbers_of_items_give_rank_sets_and_a_table_that_passes_the_check(tmp_path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("benchmark,model,step,score,n_items\nx,a,0,0.9,1000\nx,b,0,0.5,1000\nx,c,0,0.49,1000\n")
    found, _ = published_results(str(path))
    assert [(one.model, one.best_rank, one.worst_rank) for one in found.scores] == [
        ("a", 1, 1), ("b", 2, 3), ("c", 2, 3),
    ]  # fmt: skip
    (tmp_path / "R.md").write_bytes(WRITERS["markdown"].render(found))
    assert check_ranking(read_rankings(tmp_path / "R.md")).supported
