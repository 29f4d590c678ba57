"""Whatever happens to a run, it continues to the bytes of one that was never interrupted."""

import errno
import math
import random
import signal
import time
from pathlib import Path

import pytest

from headstart.errors import ComputationError, InputError, Terminated
from headstart.tune.cell import run_cell
from headstart.tune.collect import collect
from headstart.tune.folder import RunFolder
from headstart.tune.plan import Plan, Recipe
from headstart.tune.termination import heeding, terminable
from tiny_cells import LEVELS, PLAN_HASH, cpu_seconds, job_for, kill_after, start, tiny_cell

KILLS = 20


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    return tiny_cell(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def uninterrupted(cell, tmp_path_factory):
    """Results of a run that nothing happened to, and how long it computed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start(job_for(cell, folder))
    seconds = 0.0
    while process.is_alive():
        now = cpu_seconds(process)
        seconds = now if math.isfinite(now) else seconds
        time.sleep(0.01)
    process.join()
    assert process.exitcode == 0
    return results(cell, folder), seconds


def results(cell, folder: Path) -> dict[str, bytes]:
    """The bytes of every level and of the tables collected from them."""
    plan = Plan(name="kill", models=(cell.model,), tasks=(cell.task,), recipes=(cell.recipe,), levels=cell.levels)
    run = RunFolder(path=folder)
    collect(run, plan, plan_hash=PLAN_HASH)
    levels = sorted((folder / "cells" / cell.id / "levels").glob("*.parquet"))
    return {path.name: path.read_bytes() for path in (*levels, run.trajectories_path, run.items_path)}


def test_killed_at_20_random_moments_it_resumes_to_the_same_bytes(cell, uninterrupted, tmp_path):
    expected, seconds = uninterrupted
    moments = random.Random(2026)
    killed, attempt = 0, 0
    levels_then = []
    while killed < KILLS:
        attempt += 1
        job = job_for(cell, tmp_path / str(attempt))
        while job.folder.read_outcome() is None:
            process = start(job)
            if killed < KILLS and kill_after(process, moments.uniform(0, 0.9 * seconds)):
                killed += 1
                levels_then.append(len(list((job.folder.path / "levels").glob("*.parquet"))))
                continue
            process.join()
            assert process.exitcode == 0, "a resumed cell must end"
        assert results(cell, tmp_path / str(attempt)) == expected
    assert killed == KILLS
    assert len(set(levels_then)) > 2, "the kills must hit different stages of the run"


def test_asked_to_end_it_keeps_the_step_it_is_at_and_resumes_to_the_same_bytes(cell, uninterrupted, tmp_path):
    """SIGTERM again and again: every attempt goes on where the one before ended, not at the last level."""
    job = job_for(cell, tmp_path)
    kept = []
    for reports in (6, 6, 3, 8):  # of steps, and two of every level
        with pytest.raises(Terminated), terminable(), heeding() as alive:
            run_cell(job, alive=asked_after(reports, alive))
        kept.append(int(job.folder.state_paths()[0].stem.removeprefix("state-")))
    assert kept == [3, 7, 10, 16]
    assert not {*kept} & {*LEVELS}
    run_cell(job)
    assert results(cell, tmp_path) == uninterrupted[0]


def test_asked_to_end_while_it_scores_it_does_so_at_once(cell, uninterrupted, tmp_path, monkeypatch):
    from headstart.tune.score import Scorer

    def asked(scorer, items):
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("the signal must end the scoring")

    job = job_for(cell, tmp_path)
    with monkeypatch.context() as patched, pytest.raises(Terminated), terminable(), heeding() as alive:
        patched.setattr(Scorer, "score", asked)
        run_cell(job, alive=alive)
    run_cell(job)
    assert results(cell, tmp_path) == uninterrupted[0]


def asked_after(reports, alive):
    """What a cell calls at every report, with a SIGTERM that comes before the last of them."""
    left = iter(range(reports - 1, -1, -1))

    def report():
        if next(left) == 0:
            signal.raise_signal(signal.SIGTERM)
        alive()

    return report


def test_a_step_range_that_was_saved_is_not_run_again(cell, tmp_path):
    steps = []

    class Enough(Exception):
        pass

    def stop_after(count):
        def alive():
            steps.append(None)
            if len(steps) == count:
                raise Enough

        return alive

    job = job_for(cell, tmp_path)
    with pytest.raises(Enough):
        run_cell(job, alive=stop_after(20))
    done = int(job.folder.state_paths()[0].stem.removeprefix("state-"))
    assert done in LEVELS
    before = {path: path.stat().st_mtime_ns for path in (job.folder.path / "levels").glob("*.parquet")}
    run_cell(job)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not job.folder.state_paths(), "a cell that has ended keeps no state"


@pytest.mark.parametrize("damage", ["truncated", "emptied", "bits flipped", "of another plan"])
def test_a_damaged_state_is_noticed_and_its_steps_are_repeated(cell, uninterrupted, tmp_path, damage):
    job = job_for(cell, tmp_path)
    interrupt_after_level(job, LEVELS[3])
    latest = job.folder.state_paths()[0]
    content = bytearray(latest.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "emptied":
        content = b""
    elif damage == "bits flipped":
        content[-5] ^= 0x40
    else:
        content = content.replace(PLAN_HASH.encode(), b"1" * 64)
    latest.write_bytes(content)
    run_cell(job)
    assert results(cell, tmp_path) == uninterrupted[0]


def test_every_state_lost_means_starting_anew(cell, uninterrupted, tmp_path):
    job = job_for(cell, tmp_path)
    interrupt_after_level(job, LEVELS[3])
    for path in job.folder.state_paths():
        path.unlink()
    run_cell(job)
    assert results(cell, tmp_path) == uninterrupted[0]


@pytest.mark.parametrize("ended", [False, True])
def test_a_truncated_level_is_measured_again(cell, uninterrupted, tmp_path, ended):
    job = job_for(cell, tmp_path)
    if ended:
        run_cell(job)
    else:
        interrupt_after_level(job, LEVELS[3])
    level = job.folder.path / "levels" / f"{LEVELS[1]:08d}.parquet"
    level.write_bytes(level.read_bytes()[:-20])
    run_cell(job)
    assert results(cell, tmp_path) == uninterrupted[0]


def test_a_full_disk_stops_the_run_and_loses_nothing(cell, uninterrupted, tmp_path):
    job = job_for(cell, tmp_path)
    interrupt_after_level(job, LEVELS[2])
    kept = {
        path: path.read_bytes() for path in job.folder.path.rglob("*") if path.suffix in (".parquet", ".safetensors")
    }
    smallest = min(len(data) for path, data in kept.items() if path.suffix == ".safetensors")
    process = start(job, file_size_limit=smallest // 2)
    process.join()
    assert process.exitcode == 1
    assert {path: path.read_bytes() for path in kept} == kept
    assert not list(job.folder.path.rglob("*.tmp"))
    run_cell(job)
    assert results(cell, tmp_path) == uninterrupted[0]


def test_a_full_disk_is_named_and_so_is_the_way_on(cell, tmp_path, monkeypatch):
    from headstart.tune import state

    def full(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state, "save_file", full)
    job = job_for(cell, tmp_path)
    with pytest.raises(ComputationError, match="No space left on device; what was finished is kept"):
        run_cell(job)
    assert not list(job.folder.path.rglob("*.tmp"))


def test_a_level_that_cannot_be_written_stops_the_run(cell, tmp_path, monkeypatch):
    from headstart.tune import folder

    def full(path, data):
        raise InputError("cannot be written: No space left on device", file=str(path))

    monkeypatch.setattr(folder, "write_bytes", full)
    with pytest.raises(ComputationError, match="No space left on device"):
        run_cell(job_for(cell, tmp_path))


def test_of_two_processes_on_one_cell_only_one_runs_it(cell, uninterrupted, tmp_path):
    job = job_for(cell, tmp_path)
    processes = [start(job), start(job)]
    for process in processes:
        process.join()
    assert sorted(process.exitcode for process in processes) in ([0, 1], [0, 0])  # [0, 0] when one came after the other
    assert results(cell, tmp_path) == uninterrupted[0]


def test_a_held_cell_is_refused_with_its_name(cell, tmp_path):
    job = job_for(cell, tmp_path)
    with job.folder.locked(), pytest.raises(ComputationError, match=r"tiny--parity--lora--seed-0 is being run"):
        run_cell(job)


def test_what_a_killed_process_was_writing_is_cleared(cell, tmp_path):
    job = job_for(cell, tmp_path)
    (job.folder.path / "levels").mkdir(parents=True)
    leftovers = [
        job.folder.path / ".state-00000002.safetensors.tmp",
        job.folder.path / "levels" / ".00000000.parquet.ab.tmp",
    ]
    for leftover in leftovers:
        leftover.write_bytes(b"half")
    run_cell(job)
    assert not any(leftover.exists() for leftover in leftovers)


def test_files_of_another_plan_do_not_count(cell, tmp_path):
    job = job_for(cell, tmp_path)
    run_cell(job)
    other = RunFolder(path=tmp_path).cell(cell, plan_hash="1" * 64)
    assert other.read_outcome() is None
    assert other.read_level(0) is None


def test_a_cell_that_diverges_is_a_result(tmp_path):
    cell = tiny_cell(tmp_path, recipe=Recipe(method="full", learning_rate=1e30, batch_size=4), levels=(0, 1, 8))
    job = job_for(cell, tmp_path / "run")
    run_cell(job)
    ended = job.folder.read_outcome()
    assert ended is not None
    assert ended["outcome"] == "diverged"
    import polars as pl

    results(cell, tmp_path / "run")
    rows = pl.read_parquet(RunFolder(path=tmp_path / "run").trajectories_path)
    assert rows["step"].to_list() == [0, 1, 8]
    assert rows["outcome"].unique().to_list() == ["diverged"]
    assert rows["score"][0] is not None
    assert rows["score"][-1] is None


def interrupt_after_level(job, level):
    """Stop the cell once ``level`` is on disk."""

    class Stop(Exception):
        pass

    def alive():
        if job.folder.read_level(level) is not None:
            raise Stop

    with pytest.raises(Stop):
        run_cell(job, alive=alive)


def test_signals_are_what_kills(cell, tmp_path):
    """The kill of the test above is SIGKILL, which no handler can soften."""
    process = start(job_for(cell, tmp_path))
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
