"""A grid on a Ray cluster survives the death of a machine, and gives the bytes of a run on one machine."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

# Read when ray is imported. On a busy machine its processes take their time to start.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "60"}

import tune_calls
from headstart.errors import InputError
from headstart.tune.executors.local import LocalExecutor
from headstart.tune.folder import RunFolder
from headstart.tune.plan_file import read_plan
from headstart.tune.run import Watch, run_plan
from tiny_plan import tiny_plan
from tune_calls import Meeting, Wants

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # ray leaves its log files and processes to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*"),
]


class KillANode(Watch):
    """Kills the node on which a cell is in the middle of its steps, as a power cut would."""

    def __init__(self, cluster, nodes):
        self.cluster, self.nodes = cluster, nodes
        self.killed = None

    def cells(self, jobs, *, total, forecast, workers):
        self.jobs = jobs
        threading.Thread(target=self._kill, daemon=True).start()

    def _kill(self):
        raylets = {node.all_processes["raylet"][0].process.pid: node for node in self.nodes}
        while self.killed is None:
            for job in self.jobs:
                now = job.folder.read_progress()
                if now.get("phase") == "tuning" and now["step"] >= 5:
                    node = raylets.get(_parent(now["pid"]))
                    if node is not None:
                        self.killed = (job, now["step"])
                        self.cluster.remove_node(node, allow_graceful=False)
                        return
            time.sleep(0.02)


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.fixture
def cluster():
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_grid_of_six_cells_outlives_one_of_two_workers(cluster, tmp_path):
    from headstart.tune.executors.on_ray import RayExecutor

    plan = read_plan(tiny_plan(tmp_path, models=3, seeds=2, levels="[0, 5, 240]"))
    killer = KillANode(cluster, [cluster.add_node(num_cpus=1) for _ in range(2)])
    with RayExecutor(address=cluster.address) as executor:
        assert executor.workers == 2
        report = run_plan(plan, tmp_path / "ray", executor=executor, watch=killer)

    assert killer.killed is not None, "a node must have died while a cell ran on it"
    assert len(report.cells) == 6
    assert report.failed == ()

    on_ray, local = RunFolder(path=tmp_path / "ray"), RunFolder(path=tmp_path / "local")
    local.path.mkdir()
    shutil.copy(on_ray.forecast_path, local.forecast_path)  # what a step costs is measured, and never twice the same
    with LocalExecutor(workers=1, device="cpu") as executor:
        run_plan(plan, local.path, executor=executor)
    assert on_ray.trajectories_path.read_bytes() == local.trajectories_path.read_bytes()
    assert on_ray.items_path.read_bytes() == local.items_path.read_bytes()


@pytest.fixture
def importable(monkeypatch):
    """Let the workers of a cluster that starts now import the functions of these tests."""
    folders = [str(Path(tune_calls.__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))


def test_cells_share_gpus_or_take_several(importable, cluster, tmp_path):
    """Ray schedules GPUs by number alone, so it does with those that a machine only says it has."""
    from headstart.tune.executors.on_ray import RayExecutor

    cluster.add_node(num_cpus=4, num_gpus=2)
    with RayExecutor(address=cluster.address, device="cuda", gpus_per_cell=0.5) as executor:
        assert executor.workers == 4
        jobs = [Meeting(number=number, folder=str(tmp_path), people=4) for number in range(4)]
        seen = [done.reply.value for done in executor.each(tune_calls.meet, jobs)]
        assert sorted(seen) == ["0", "0", "1", "1"]  # four at a time, two on each
        (both,) = executor.each(tune_calls.visible_gpus, [Wants(number=0, devices=2)])
        assert sorted(both.reply.value.split(",")) == ["0", "1"]
        with pytest.raises(InputError, match="at most 2, the GPUs a worker can see, got 3"):
            list(executor.each(tune_calls.visible_gpus, [Wants(number=0, devices=3)]))
