"""The script for a GPU runs here, on a tiny model and a CPU: whoever has ten minutes of a GPU needs no second try."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import gpu_run
from gpu_checks import CHECKS, Failed
from gpu_rig import rig_of


@pytest.fixture(scope="module")
def rig():
    with rig_of("cpu", "tiny", quick=True) as rig:
        yield rig


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"two_cells", "two_devices"}))  # one starts workers
def test_every_check_runs_on_a_cpu(rig, name):
    found = gpu_run.taken(name, rig)
    assert (found["status"], found.get("why"), found.get("trace")) == ("passed", None, None)
    assert found["measured"]


def test_two_gpus_are_not_made_up(rig):
    assert gpu_run.taken("two_devices", rig)["status"] == "skipped"


def test_what_a_failed_check_measured_is_kept(rig, monkeypatch):
    def fail(_rig):
        raise Failed("too slow", {"seconds": 7})

    def break_down(_rig):
        raise MemoryError("all gone")

    monkeypatch.setitem(CHECKS, "resume", (fail, 1))
    monkeypatch.setitem(CHECKS, "kernels", (break_down, 1))
    failed, broken = gpu_run.taken("resume", rig), gpu_run.taken("kernels", rig)
    assert (failed["status"], failed["why"], failed["measured"]) == ("failed", "too slow", {"seconds": 7})
    assert (broken["status"], broken["why"]) == ("broken", "MemoryError: all gone")


def test_all_checks_together_take_ten_minutes_at_most():
    assert sum(seconds for _, seconds in CHECKS.values()) <= 600
