"""GPUs of this machine: shares of one, several whole ones, first come first served."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

import tune_calls
from headstart.errors import InputError
from headstart.tune.executors import cells_at_a_time, cells_per_device, make_executor
from headstart.tune.executors.local import LocalExecutor
from headstart.tune.executors.places import Places
from tune_calls import Wants


def test_two_cells_share_a_gpu_and_spread_first():
    places = Places(["0", "1"], per_device=2, kind="cuda")
    with ExitStack() as stack:
        taken = [stack.enter_context(places.taken(1)) for _ in range(4)]
        waits = threading.Thread(target=lambda: places.taken(1).__enter__(), daemon=True)
        waits.start()
        waits.join(0.05)
        assert waits.is_alive()  # a fifth has to wait
        assert sorted(taken) == [("0",), ("0",), ("1",), ("1",)]
    waits.join(5)
    assert not waits.is_alive()


def test_a_job_of_several_whole_gpus_is_not_kept_waiting_by_those_behind_it():
    places = Places(["0", "1"], per_device=1, kind="cuda")
    order: list[int] = []

    def work(devices: int) -> None:
        with places.taken(devices):
            order.append(devices)

    with places.taken(1):
        large = threading.Thread(target=work, args=(2,))
        large.start()
        while len(places._waiting) < 1:
            pass
        small = threading.Thread(target=work, args=(1,))
        small.start()
        while len(places._waiting) < 2:
            pass
        assert order == []  # one is free, but the large one came first
    large.join(5)
    small.join(5)
    assert order == [2, 1]


@pytest.mark.parametrize(
    ("kind", "count", "complaint"), [("cpu", 2, "must be 1 on cpu"), ("cuda", 3, "at most 2"), ("mps", 2, "on mps")]
)
def test_more_devices_than_there_are_is_refused(kind, count, complaint):
    with pytest.raises(InputError, match=complaint):
        Places(["0", "1"], per_device=1, kind=kind).check(count)


@pytest.fixture
def gpus(monkeypatch):
    """A local executor that believes in four GPUs; its workers only tell what they were given to see."""
    monkeypatch.setenv("PYTHONPATH", str(Path(tune_calls.__file__).parent), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    monkeypatch.setattr("headstart.tune.executors.local.choose_device", lambda wanted: "cuda")
    monkeypatch.setattr("headstart.tune.executors.local.count_devices", lambda device: 4)


def test_workers_see_as_many_gpus_as_their_job_wants(gpus):
    jobs = [Wants(0, devices=2), Wants(1, devices=2), Wants(2), Wants(3, devices=4), Wants(4)]
    with LocalExecutor() as executor:
        assert executor.workers == 4
        replies = {done.job: done.reply for done in executor.each(tune_calls.visible_gpus, jobs)}
    assert {reply.error for reply in replies.values()} == {None}
    seen = {job: reply.value for job, reply in replies.items()}
    sizes = {job: len(value.split(",")) for job, value in seen.items()}
    assert sizes == {job: job.devices for job in jobs}
    assert set(seen[jobs[0]].split(",")) | set(seen[jobs[1]].split(",")) == {"4", "5", "6", "7"}


def test_an_idle_worker_of_several_gpus_does_not_keep_their_memory_beside_a_worker_of_one(gpus):
    with LocalExecutor(workers=1) as executor:
        list(executor.each(tune_calls.visible_gpus, [Wants(0, devices=2)]))
        list(executor.each(tune_calls.visible_gpus, [Wants(0)]))
        assert [slot.gpus for slot in executor._slots] == [("4",)]


def test_more_gpus_than_the_machine_has_are_refused_before_a_worker_starts(gpus):
    with LocalExecutor() as executor:
        with pytest.raises(InputError, match="at most 4, the GPUs a worker can see, got 5"):
            list(executor.each(tune_calls.visible_gpus, [Wants(0, devices=5)]))
        assert executor._slots == []


def test_half_a_gpu_for_each_cell_is_twice_as_many_cells(gpus):
    with make_executor("local", gpus_per_cell=0.5) as executor:
        assert executor.workers == 8
        assert cells_per_device(executor, "cuda") == 2
    with make_executor("local", workers=9) as executor:  # whoever asks for nine on four GPUs gets three on some
        assert cells_per_device(executor, "cuda") == 3
    with make_executor("local", gpus_per_cell=0.5) as executor:
        assert cells_at_a_time(executor, [1]) == 8
        assert cells_at_a_time(executor, [1, 2]) == 2
    with make_executor("local", workers=8) as executor:
        assert cells_at_a_time(executor, [2]) == 2
    with make_executor("local", workers=1) as executor:
        assert cells_at_a_time(executor, [2]) == 1


@pytest.mark.parametrize("share", [0, -0.5, 1.5])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="gpus_per_cell must be above 0 and at most 1"):
        make_executor("local", gpus_per_cell=share)
