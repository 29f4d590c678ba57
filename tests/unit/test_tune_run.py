"""Workers on this machine, and the lock of a run folder; no model is loaded here."""

import json
import math
import os
import platform
import time
from pathlib import Path

import pytest

import tune_calls
from headstart.errors import ComputationError, InputError
from headstart.tune.executors import EXECUTORS, ExecutorKind, make_executor
from headstart.tune.executors.local import LocalExecutor
from headstart.tune.executors.tries import Tries
from headstart.tune.folder import RunFolder
from headstart.tune.run_lock import only_process


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let workers import the functions of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(tune_calls.__file__).parent), prepend=os.pathsep)


def local(workers: int = 1, threads: int = 1) -> LocalExecutor:
    return LocalExecutor(workers=workers, threads=threads, device="cpu")


def answers(executor: LocalExecutor, function, jobs) -> dict:
    return {done.job: done.reply for done in executor.each(function, jobs)}


def test_every_job_is_answered_whatever_libraries_print():
    with local(workers=2) as executor:
        found = answers(executor, tune_calls.chatter, ["a", "b", "c"])
    assert {job: reply.value for job, reply in found.items()} == {"a": "a", "b": "b", "c": "c"}


def test_a_worker_serves_many_jobs_with_its_own_number_of_threads():
    with local(threads=3) as executor:
        (one,) = answers(executor, tune_calls.process, [0]).values()
        (other,) = answers(executor, tune_calls.process, [1]).values()
        threads = answers(executor, tune_calls.environment, ["OMP_NUM_THREADS"])["OMP_NUM_THREADS"]
    assert one.value == other.value != os.getpid()
    assert threads.value == "3"


def test_a_job_that_fails_stops_no_other_and_says_where():
    with local() as executor:
        found = answers(executor, math.sqrt, [-1.0, 4.0])
    assert "math domain error" in found[-1.0].error or "nonnegative" in found[-1.0].error
    assert "Traceback" in found[-1.0].trace
    assert found[4.0].value == 2.0


def test_a_job_whose_worker_was_killed_once_is_done_by_another(tmp_path):
    marker = str(tmp_path / "tried")
    with local() as executor:
        assert answers(executor, tune_calls.die_once, [marker])[marker].value == "done"


def test_a_job_that_kills_its_workers_is_reported_and_the_next_one_is_done():
    with local() as executor:
        assert "was killed" in answers(executor, tune_calls.die, [0])[0].error
        assert answers(executor, tune_calls.shout, ["next"])["next"].value == "NEXT"


def test_a_job_that_gets_on_between_the_deaths_of_its_workers_is_not_given_up(tmp_path):
    job = tune_calls.Climb(folder=str(tmp_path), height=5)
    with local() as executor:
        assert answers(executor, tune_calls.climb, [job])[job].value == 5


@pytest.mark.parametrize(
    ("kept", "tried"),
    [
        ([0, 0, 0], [True, False]),
        ([0, 3, 3, 3], [True, True, False]),
        ([4, 4, 5, 5, 5], [True, True, True, False]),
        ([9, 4, 9, 9], [True, False]),  # a damaged state is lost, and reaching it again is nothing new
    ],
)
def test_deaths_count_only_in_a_row_and_only_where_nothing_new_is_kept(kept, tried):
    class Job:
        def __init__(self):
            self.left = list(kept)

        def progress(self):
            return self.left.pop(0)

    tries = Tries(Job(), limit=2)
    assert [tries.died() for _ in tried] == tried


def test_what_is_asked_of_every_machine_is_asked_of_this_one():
    with local() as executor:
        (answer,) = executor.everywhere(tune_calls.shout, "here")
    assert (answer.machine, answer.reply.value) == (platform.node(), "HERE")


def test_an_executor_that_cannot_ask_every_machine_is_refused_when_it_is_made(monkeypatch):
    monkeypatch.setitem(EXECUTORS._members, "old", ExecutorKind(make=lambda **options: object()))
    with pytest.raises(InputError, match="executor old must have a method everywhere"):
        make_executor("old")


def test_a_worker_that_is_asked_to_end_is_given_the_time_to_keep_what_it_did(tmp_path):
    marker = tmp_path / "begun"
    with local() as executor:
        for done in executor.each(tune_calls.keep_when_asked, [None, str(marker)]):
            assert done.reply.error is None
            while not marker.exists():
                time.sleep(0.01)
            break
    assert marker.read_text() == "kept"


def test_closing_an_executor_stops_its_workers():
    with local() as executor:
        (reply,) = answers(executor, tune_calls.process, [0]).values()
        assert Path(f"/proc/{reply.value}").exists()
    assert not Path(f"/proc/{reply.value}").exists()


def test_leaving_in_the_middle_stops_a_job_that_would_take_for_ever():
    started = time.monotonic()
    with local(workers=2) as executor:
        for _ in executor.each(time.sleep, [0.0, 3600.0]):
            break
    assert time.monotonic() - started < 1800


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"workers": 0}, "workers must be >= 1"),
        ({"threads": 0}, "threads"),
        ({"device": "tpu"}, "auto, cpu, cuda, mps"),
    ],
)
def test_a_machine_that_cannot_be_is_refused(options, complaint):
    with pytest.raises(InputError, match=complaint):
        LocalExecutor(**options)


def test_the_second_process_is_told_who_runs_the_folder(tmp_path):
    run = RunFolder(path=tmp_path / "run")
    with only_process(run) as hold:
        hold()
        before = sorted(run.path.iterdir())
        with only_process(run) as too_late, pytest.raises(ComputationError, match=f"process {os.getpid()} on "):
            too_late()
        assert sorted(run.path.iterdir()) == before
        assert json.loads((run.path / ".running.json").read_text())["pid"] == os.getpid()


def test_a_run_that_was_never_sealed_leaves_nothing_behind(tmp_path):
    run = RunFolder(path=tmp_path / "runs" / "plan")
    with pytest.raises(RuntimeError), only_process(run) as hold:
        hold()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written"),
        only_process(RunFolder(path=tmp_path / "file" / "run")) as h,
    ):
        h()
