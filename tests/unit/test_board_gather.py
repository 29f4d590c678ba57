"""A release from runs, tables and audits."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from headstart._resources import example_path
from headstart.board.site.from_audit import benchmark_from
from headstart.board.site.gather import Options, release_from
from headstart.board.site.seals import read_sealed
from headstart.errors import InputError
from headstart.io.atomic import write_json
from headstart.report.export import audit_document
from headstart.tune.seal import plan_hash
from report_cases import REFERENCE, synthetic_audit

STEPS = (0, 10, 100, 1000)


def write_table(path: Path, models: Sequence[str], *, plan: str = "", steps: Sequence[int] = STEPS) -> Path:
    """Scores of each model along tuning, a tenth apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"made-up,{model},{step},{0.3 + 0.1 * at + 0.02 * column},0.01,{plan}"
        for at, model in enumerate(models)
        for column, step in enumerate(steps)
    ]
    path.write_text("\n".join(["benchmark,model,step,score,stderr,plan_hash", *rows]) + "\n")
    return path


def write_audit(path: Path) -> Path:
    write_json(path, audit_document(synthetic_audit()))
    return path


def write_run(folder: Path, models: Sequence[str], *, levels: Sequence[int] = STEPS) -> Path:
    """A run's folder with its seal."""
    resolution = {"levels": list(levels), "models": {model: {"parameters": 7} for model in models}, "seeds": [0]}
    digest = plan_hash(resolution)
    write_table(folder / "trajectories.csv", models, plan=digest, steps=(0, 1000))
    sealed = {"schema": "headstart.sealed-plan/1", "hash": digest, "resolution": resolution, "information": {}}
    (folder / "sealed.json").write_text(json.dumps(sealed))
    return folder


def test_an_audit_gives_its_recommended_level_and_every_figure_beside_it():
    audit = synthetic_audit()
    found = benchmark_from(audit)
    assert found.level == audit.decision.level == REFERENCE
    chosen = next(level for level in audit.levels if level.level == REFERENCE)
    assert [entry.model for entry in found.entries] == list(chosen.ranking)
    second = found.entries[1]
    assert second.tuned is not None
    assert (second.tuned.shared_rank, second.tuned.last_place, second.tuned.rank) == (2, 3, 2)
    assert [one.model for one in found.untuned] == [one.name for one in audit.untunable]
    fallen = {entry.model for entry in found.entries if entry.fall}
    assert fallen == {one.name for one in audit.fallers}
    tiny = next(entry for entry in found.entries if entry.model == "tiny")
    assert tiny.remarks == ("A run (seed 1) diverged before step 100.",)
    assert [len(entry.trajectory) for entry in found.entries] == [4, 4, 4, 4]
    assert benchmark_from(audit, level=100.0).level == 100.0
    with pytest.raises(
        InputError, match=r"level must be one of those reported for made-up \(0, 100, 1000, 5000\), got"
    ):
        benchmark_from(audit, level=77.0)


def test_a_document_of_an_audit_says_the_same_as_the_audit(tmp_path: Path):
    release = release_from([write_audit(tmp_path / "audit.json")])
    direct = benchmark_from(synthetic_audit())
    (read,) = release.benchmarks
    assert [entry.tuned for entry in read.entries] == [entry.tuned for entry in direct.entries]
    assert [entry.next_rank for entry in read.entries] == [entry.next_rank for entry in direct.entries]
    assert read.levels == direct.levels
    assert release.title == "made-up"


def test_a_table_beside_its_audit_gives_the_scores(tmp_path: Path):
    table = write_table(tmp_path / "scores.csv", ["large", "medium", "small", "tiny"])
    release = release_from([write_audit(tmp_path / "audit.json"), table])
    (read,) = release.benchmarks
    assert [point.step for point in read.entries[0].trajectory] == [float(step) for step in STEPS]
    assert read.headline == synthetic_audit().decision.headline


def test_the_date_is_that_of_the_newest_file(tmp_path: Path):
    path = write_audit(tmp_path / "audit.json")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert release_from([path]).created_at == "2023-11-14T22:13:20+00:00"
    assert release_from([path], created_at="2026-01-31").created_at == "2026-01-31T00:00:00+00:00"
    assert release_from([path], created_at="2026-01-31T01:00+02:00").created_at == "2026-01-30T23:00:00+00:00"
    with pytest.raises(InputError, match="the date of the results must be a day or a time"):
        release_from([path], created_at="tomorrow")


def test_runs_under_one_protocol_are_one_ranking(tmp_path: Path):
    one, other = write_run(tmp_path / "one", ["a", "b"]), write_run(tmp_path / "other", ["c"])
    release = release_from([one, other])
    (read,) = release.benchmarks
    assert {entry.model: entry.tuned.rank for entry in read.entries if entry.tuned} == {"b": 1, "a": 2, "c": 2}
    assert len(read.seals) == 2
    assert {model.name: dict(model.facts) for model in release.models} == {
        name: {"Parameters": "7"} for name in ("a", "b", "c")
    }


def test_runs_under_different_protocols_are_not(tmp_path: Path):
    one = write_run(tmp_path / "one", ["a", "b"])
    other = write_run(tmp_path / "other", ["c"], levels=(0, 5))
    with pytest.raises(InputError, match="measured under different sealed plans"):
        release_from([one, other])
    again = write_table(tmp_path / "again.csv", ["a"], plan=plan_hash({"levels": [0]}))
    with pytest.raises(InputError, match="measured under different sealed plans"):
        release_from([one, again])


def test_a_score_given_twice_is_named(tmp_path: Path):
    tables = [write_table(tmp_path / name, ["a", "b"]) for name in ("one.csv", "two.csv")]
    with pytest.raises(InputError, match=r"a on made-up at step 0 is in .*one\.csv already"):
        release_from(tables)


def test_two_columns_give_ranks_and_no_prices(tmp_path: Path):
    table = tmp_path / "columns.csv"
    table.write_text("model,direct,tuned,n_items\na,0.3,0.62,900\nb,0.5,0.55,900\nc,0.6,0.45,900\n")
    (read,) = release_from([table]).benchmarks
    assert [entry.model for entry in read.entries] == ["a", "b", "c"]
    assert read.level is None
    assert read.entries[2].fall is not None
    assert all(entry.next_rank is None and entry.gain is None for entry in read.entries)


def test_benchmarks_are_chosen_and_columns_and_ranges_named(tmp_path: Path):
    table = tmp_path / "columns.csv"
    rows = [
        "one,a,0,30",
        "one,a,9,60",
        "one,b,0,50",
        "one,b,9,55",
        "two,a,0,10",
        "two,a,9,20",
        "two,b,0,9",
        "two,b,9,8",
    ]
    table.write_text("\n".join(["task,model,step,acc", *rows]) + "\n")
    options = Options(
        benchmarks=("two", "one"), columns={"score": "acc", "benchmark": "task"}, score_range=(0.0, 100.0)
    )
    release = release_from([table], options=options)
    assert [one.name for one in release.benchmarks] == ["two", "one"]
    assert release.benchmarks[1].entries[0].trajectory[-1].score == 60.0
    with pytest.raises(InputError, match=r"benchmark must be one of those given \(one, two\), got 'three'"):
        release_from([table], options=replace(options, benchmarks=("three",)))


def test_a_broken_seal_is_refused(tmp_path: Path):
    run = write_run(tmp_path / "run", ["a", "b"])
    path = run / "sealed.json"
    path.write_text(path.read_text().replace('"parameters": 7', '"parameters": 8'))
    with pytest.raises(InputError, match="the seal is broken"):
        release_from([run])


def test_the_packaged_run_shows_what_its_seal_fixes():
    sealed = read_sealed(example_path("ladder/trajectories.csv").parent)
    assert sealed is not None
    facts = dict(sealed.seal.facts)
    assert facts["Levels"] == "0, 10, 20, 40, 80, 160 steps"
    assert facts["Seeds"] == "0, 1, 2"
    assert "rank 8" in facts["Recipe lora"]
    assert len(sealed.models) == 8
    assert any("SHA-256 of model.safetensors" in dict(model.facts) for model in sealed.models)


def test_what_is_no_run_table_or_audit_is_refused_by_name(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="must hold a table of a run"):
        release_from([tmp_path / "empty"])
    with pytest.raises(InputError, match="does not exist"):
        release_from([tmp_path / "nothing.csv"])
    with pytest.raises(InputError, match="at least one"):
        release_from([])
    audit = write_audit(tmp_path / "audit.json")
    shutil.copy(audit, tmp_path / "copy.json")
    with pytest.raises(InputError, match="a second audit of made-up"):
        release_from([audit, tmp_path / "copy.json"])
    document = json.loads(audit.read_text())
    del document["levels"][0]["standings"]
    audit.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"levels\[0\]\.standings"):
        release_from([audit], options=Options())
