"""What can be seen of a run from outside, and what it notices by itself."""

import json
import os
import platform
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from headstart.cli import app
from headstart.errors import InputError
from headstart.tune.cell import run_cell
from headstart.tune.hardware import this_machine
from headstart.tune.model_files import find_files
from headstart.tune.plan_file import read_plan
from headstart.tune.prepare import prepare
from headstart.tune.run import run_plan
from headstart.tune.status import read_status
from tiny_cells import job_for, tiny_cell
from tiny_models import tiny_model
from tiny_plan import Here, tiny_plan

GONE = 2**22 + 1  # no process has such a number
HERE = platform.node()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "tiny"
    plan = tiny_plan(tmp_path_factory.mktemp("plan"), models=3, more="price_per_gpu_hour = 3600.0\n")
    run_plan(read_plan(plan), out, executor=Here())
    return out


@pytest.fixture
def stopped(finished, tmp_path) -> Path:
    """The same run as if it had been killed: one cell had ended, one failed, one was at its first step."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    for number in (1, 2):
        (folder / f"cells/m{number}--parity--lora--seed-0/outcome.json").unlink()
    (folder / "cells/m1--parity--lora--seed-0/failure.txt").write_text("memory ran out\nTraceback ...")
    write_progress(folder, GONE)
    return folder


def write_progress(folder: Path, pid: int) -> None:
    progress = {"phase": "tuning", "step": 1, "steps": 2, "pid": pid, "host": HERE, "train_seconds": 0.25}
    (folder / "cells/m2--parity--lora--seed-0/progress.json").write_text(json.dumps(progress))
    running = {"pid": pid, "host": HERE, "created_at": "2026-11-25T00:00:00Z"}
    (folder / ".running.json").write_text(json.dumps(running))


def test_a_finished_run_has_nothing_left_to_pay(finished, capsys):
    status = read_status(finished)
    assert [cell.state for cell in status.cells] == ["ended"] * 3
    assert (status.device_seconds_left, status.cost_left, status.runner) == (0.0, 0.0, None)
    assert all(cell.outcome and cell.step == 2 for cell in status.cells)
    assert app(["tune", "--status", str(finished)], standalone_mode=False) == 0
    said = capsys.readouterr().out
    assert "3 cells: 3 ended" in said and "continues" not in said


def test_a_stopped_run_says_what_failed_what_was_begun_and_what_is_left(stopped):
    status = read_status(stopped)
    assert [cell.state for cell in status.cells] == ["ended", "failed", "interrupted"]
    assert status.cells[1].reason == "memory ran out"
    assert (status.cells[2].step, status.cells[2].phase) == (1, None)
    measured = json.loads((stopped / "forecast.json").read_text())["measured"]
    whole = {
        entry["model"]: entry["load_seconds"] + 2 * entry["step_seconds"] + 2 * entry["evaluation_seconds"]
        for entry in measured
    }
    assert status.cells[2].seconds_left == pytest.approx(max(whole["m2"] - 0.25, 0.0))
    assert status.cost_left == pytest.approx(sum(cell.seconds_left for cell in status.cells))  # 3600 an hour
    assert status.runner is None


def test_a_cell_runs_while_its_process_is_there(stopped):
    write_progress(stopped, os.getpid())
    status = read_status(stopped)
    assert status.runner is not None
    assert f"process {os.getpid()}" in status.runner
    assert [cell.state for cell in status.cells] == ["ended", "failed", "running"]
    assert status.cells[2].phase == "tuning"
    assert 0 <= status.cells[2].idle_seconds < 60


def test_the_command_shows_the_same_as_text_and_as_data(stopped, capsys):
    assert app(["tune", "--status", str(stopped)], standalone_mode=False) == 0
    said = capsys.readouterr().out
    assert "1 ended, 1 failed, 1 interrupted" in said
    assert "nobody runs it; the same command continues it" in said
    assert "memory ran out" in said
    assert "USD" in said
    assert app(["tune", "--status", str(stopped), "--json", "-"], standalone_mode=False) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "headstart.tune-status/1"
    assert [cell["state"] for cell in document["cells"]] == ["ended", "failed", "interrupted"]


def test_what_is_no_run_is_refused(tmp_path, finished):
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path, "holds no run")):
        with pytest.raises(InputError, match=words):
            read_status(folder)
    with pytest.raises(InputError, match="PLAN must be left out"):
        app(["tune", "plan.toml", "--status", str(finished)], standalone_mode=False)
    with pytest.raises(InputError, match="PLAN is missing"):
        app(["tune"], standalone_mode=False)


# What a run notices


def test_weights_that_changed_since_the_plan_was_sealed_are_noticed_by_the_worker(tmp_path):
    cell = tiny_cell(tmp_path, levels=(0,))
    job = replace(job_for(cell, tmp_path / "run"), model_files=find_files(cell.model).stamp())
    weights = tmp_path / "model" / "model.safetensors"
    os.utime(weights, (1, 1))  # touched, and still the same
    run_cell(job)
    again = replace(job, run_folder=str(tmp_path / "other"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match=r"model tiny: model\.safetensors changed since the plan was sealed"):
        run_cell(again)
    tiny_model(tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages }}")
    with pytest.raises(InputError, match=r"chat_template\.jinja changed"):
        run_cell(again)


DATED = "{{ strftime_now('%d %b %Y') }}{{ messages[0]['content'] }}"


def dated_plan(folder: Path, *, more: str = "", template: str = DATED):
    plan = tiny_plan(folder, models=1, more=f"[model_defaults]\nchat_template = true\n{more}")
    (folder / "m0" / "chat_template.jinja").write_text(template)
    return read_plan(plan)


def test_a_template_that_prints_the_date_is_sealed_with_that_of_the_first_day(tmp_path):
    hardware = this_machine("cpu", 1)
    today = prepare(dated_plan(tmp_path), hardware=hardware)
    assert today.plan.models[0].template_date == date.today().isoformat()
    assert today.seal.resolution["models"]["m0"]["template_date"] == date.today().isoformat()
    earlier = prepare(dated_plan(tmp_path, more='template_date = "2024-02-29"\n'), hardware=hardware)
    assert earlier.seal.hash != today.seal.hash
    continued = prepare(dated_plan(tmp_path), hardware=hardware, sealed=earlier.seal)
    assert continued.seal.hash == earlier.seal.hash


def test_other_templates_have_no_date(tmp_path):
    plain = dated_plan(tmp_path, template="{{ messages[0]['content'] }}")
    assert prepare(plain, hardware=this_machine("cpu", 1)).plan.models[0].template_date is None
    with pytest.raises(InputError, match="template_date must be a day"):
        dated_plan(tmp_path, more='template_date = "today"\n')
