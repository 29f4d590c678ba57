"""A plan that chooses on validation items: one run per recipe, the best checkpoint handed in, test items unseen."""

import json
import random
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from headstart.cli import app
from headstart.report.tuning import print_run
from headstart.tune.cell import has_ended, run_cell
from headstart.tune.collect import collect
from headstart.tune.folder import RunFolder
from headstart.tune.plan import Plan, Recipe, Selection
from headstart.tune.plan_file import read_plan
from headstart.tune.run import run_plan
from tiny_cells import PLAN_HASH, job_for, tiny_cell
from tiny_models import parity_records, tiny_model, write_jsonl
from tiny_plan import Here

RECIPES = tuple(Recipe(name=f"r{rate:g}", learning_rate=rate, batch_size=4, schedule="linear") for rate in (1e-3, 2e-2))


def run(folder: Path, inputs: Path, *, checkpoint="best") -> Plan:
    """Run the grid in this process and collect."""
    cell = tiny_cell(inputs)
    task = replace(cell.task, validation=str(write_jsonl(inputs / "validation.jsonl", parity_records(20, start=80))))
    plan = Plan(
        name="chosen",
        models=(cell.model,),
        tasks=(replace(task, n_train=40),),
        recipes=RECIPES,
        epochs=(0, 1, 2),
        selection=Selection(metric="choice_logprob", checkpoint=checkpoint),
    )
    for one in plan.cells():
        run_cell(job_for(one, folder))
    collect(RunFolder(path=folder), plan, plan_hash=PLAN_HASH)
    return plan


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, Plan, Path]:
    folder, inputs = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("inputs")
    return folder, run(folder, inputs), inputs


def selection(folder: Path) -> list[dict]:
    document = json.loads((folder / "selection.json").read_text())
    assert document["schema"] == "headstart.selection/1"
    return document["choices"]


def test_what_was_chosen_on_validation_items_is_what_is_reported_of_the_test_items(finished):
    folder, plan, _ = finished
    rows = pl.read_parquet(folder / "trajectories.parquet")
    assert rows["step"].to_list() == [0, 20]  # the rate decays: a checkpoint on the way is no level of its own
    direct, tuned = selection(folder)
    assert (direct["step"], direct["level"]) == (0, 0)
    scores = {(one["recipe"], one["step"]): one["validation_score"] for one in tuned["candidates"]}
    assert set(scores) == {(recipe.name, step) for recipe in RECIPES for step in (10, 20)}
    best = max(scores, key=scores.__getitem__)
    assert (tuned["recipe"], tuned["step"]) == best
    cell = next(cell for cell in plan.cells() if cell.recipe.name == best[0])
    items = RunFolder(path=folder).cell(cell, plan_hash=PLAN_HASH).read_level(best[1])
    assert rows["score"][1] == pytest.approx(items["acc"].mean())
    assert rows["chosen_step"].to_list() == [0, best[1]]
    assert rows["n_items"].to_list() == [30, 30]


def test_the_test_items_have_no_part_in_the_choice(finished, tmp_path):
    folder, plan, _ = finished
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    tiny_cell(inputs)
    liars = [{**record, "answer": 2} for record in parity_records(30, start=500)]
    write_jsonl(inputs / "test.jsonl", liars)  # as unlike the test items as can be
    run(tmp_path / "run", inputs)
    assert selection(tmp_path / "run") == selection(folder)
    for cell in plan.cells():
        for step in cell.levels:
            name = f"cells/{cell.id}/validation/{step:08d}.parquet"
            assert (tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes()
    tested = [pl.read_parquet(one / "trajectories.parquet")["score"].to_list() for one in (folder, tmp_path / "run")]
    assert tested[0] != tested[1]


def test_a_lost_validation_file_is_measured_again_to_the_same_bytes(finished):
    folder, plan, _ = finished
    cell = plan.cells()[0]
    files = sorted((folder / "cells" / cell.id / "validation").glob("*.parquet"))
    before = [path.read_bytes() for path in files]
    assert has_ended(job_for(cell, folder))
    files[1].write_bytes(before[1][:100])
    assert not has_ended(job_for(cell, folder))
    run_cell(job_for(cell, folder))
    assert [path.read_bytes() for path in files] == before


def test_nothing_is_reported_before_every_run_of_a_grid_has_ended(finished, tmp_path):
    _, plan, _ = finished
    first, second = plan.cells()
    run_cell(job_for(first, tmp_path))
    collect(RunFolder(path=tmp_path), plan, plan_hash=PLAN_HASH)
    assert pl.read_parquet(tmp_path / "trajectories.parquet").height == 0
    run_cell(job_for(second, tmp_path))
    collect(RunFolder(path=tmp_path), plan, plan_hash=PLAN_HASH)
    assert pl.read_parquet(tmp_path / "trajectories.parquet").height == 2


def test_a_plan_file_that_chooses_is_run_from_its_items_to_trajectories_that_are_audited(tmp_path, capsys):
    for number in range(2):
        tiny_model(tmp_path / f"m{number}", seed=number)
    generator = random.Random(1)
    records = parity_records(60)
    generator.shuffle(records)
    write_jsonl(tmp_path / "train.jsonl", records[:44])
    write_jsonl(tmp_path / "test.jsonl", records[44:])
    (tmp_path / "plan.toml").write_text(
        """
schema = "headstart.plan/1"
epochs = [0, 1]
[selection]
learning_rates = [1e-3]
[recipe]
schedule = "linear"
warmup_ratio = 0.1
dropout = 0.1
targets = ["default"]
[[tasks]]
name = "parity"
kind = "multiple_choice"
train = "train.jsonl"
test = "test.jsonl"
hold_out = 0.25
sample_seed = 0
test_limit = 12
validation_limit = 10
[[models]]
name = "m0"
path = "m0"
[[models]]
name = "m1"
path = "m1"
"""
    )
    out = tmp_path / "out"
    report = run_plan(read_plan(tmp_path / "plan.toml"), out, executor=Here())
    assert not report.failed
    print_run(report)
    assert "chosen on validation items" in capsys.readouterr().out
    rows = pl.read_parquet(out / "trajectories.parquet")
    assert rows["step"].to_list() == [0, 5] * 2  # 33 items in batches of 8
    assert rows["n_items"].unique().to_list() == [12]
    assert {one["candidates"][0]["validation_items"] for one in selection(out)} == {10}
    assert app(["audit", str(out / "trajectories.parquet")], standalone_mode=False) is None
    assert "Ignored" not in capsys.readouterr().out


def test_the_untuned_model_is_scored_once_for_all_recipes_and_seeds(tmp_path, monkeypatch):
    from headstart.tune.score import Scorer

    cell = tiny_cell(tmp_path, levels=(0, 2))
    cells = [replace(cell, seed=seed, recipe=recipe) for seed in (0, 1) for recipe in RECIPES]
    counted: list[int] = []
    score = Scorer.score
    monkeypatch.setattr(Scorer, "score", lambda self, items: counted.append(1) or score(self, items))
    for number, one in enumerate(cells):
        run_cell(job_for(one, tmp_path / "together"))
        run_cell(job_for(one, tmp_path / f"alone-{number}"))  # where nothing was scored before
    assert len(counted) == 2 * len(cells) + 1 + len(cells)
    for number, one in enumerate(cells):
        names = [f"cells/{one.id}/levels/{step:08d}.parquet" for step in (0, 2)]
        for name in names:
            assert (tmp_path / "together" / name).read_bytes() == (tmp_path / f"alone-{number}" / name).read_bytes()
