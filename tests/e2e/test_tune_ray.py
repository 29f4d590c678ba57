"""A grid on a Ray cluster survives the death of a machine, and gives the bytes of a run on one machine."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

# Read when ray is imported. On a busy machine its processes take their time to start.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "60"}

import tune_calls
from headstart.errors import InputError, Terminated, UnfitError
from headstart.tune import run
from headstart.tune.executors.local import LocalExecutor
from headstart.tune.folder import RunFolder
from headstart.tune.plan_file import read_plan
from headstart.tune.run import Watch, run_plan
from headstart.tune.termination import terminable
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


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as environment:  # of the machines: workers import the functions of these tests
        environment.setenv("PYTHONPATH", str(Path(tune_calls.__file__).parent), prepend=os.pathsep)
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


def test_without_an_address_a_cluster_is_started_whatever_runs_here_already(monkeypatch):
    ray = pytest.importorskip("ray")
    from headstart.tune.executors.on_ray import RayExecutor

    asked = {}
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    monkeypatch.setattr(ray, "init", lambda **options: asked.update(options))
    assert RayExecutor(workers=1, device="cpu").workers == 1
    assert (asked["address"], asked["num_cpus"]) == ("local", 1)

    def refuse(**options):
        raise OSError("AF_UNIX path length cannot exceed 107 bytes")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(UnfitError, match="a Ray cluster cannot be started here: AF_UNIX path"):
        _ = RayExecutor(device="cpu").workers
    with pytest.raises(InputError, match="address must be that of a Ray cluster, got 'head:1'"):
        _ = RayExecutor(address="head:1", device="cpu").workers


@pytest.fixture
def node(cluster):
    """One machine more, unless another test left one."""
    return next(iter(cluster.worker_nodes), None) or cluster.add_node(num_cpus=1)


def test_a_job_is_not_given_up_as_long_as_it_gets_on(cluster, node, tmp_path, monkeypatch):
    from headstart.tune.executors import on_ray

    monkeypatch.setattr(on_ray, "_TRIES", 1)
    gets_on = tune_calls.Climb(folder=str(tmp_path), height=2)
    with on_ray.RayExecutor(address=cluster.address) as executor:
        (done,) = executor.each(tune_calls.climb, [gets_on])
        assert done.reply.value == 2
        (done,) = executor.each(tune_calls.die, [0])
        assert "its worker died, 1 times without getting on" in done.reply.error


def test_a_machine_that_is_not_fit_gets_no_more_calls_while_another_is(cluster, node):
    from headstart.tune.executors.on_ray import RayExecutor

    other = cluster.add_node(num_cpus=1)
    with RayExecutor(address=cluster.address) as executor:
        (first, *_) = [one["NodeID"] for one in executor._nodes()]
        seen = [done.reply for done in executor.each(tune_calls.not_on, [first, first, first])]
        assert [reply.error for reply in seen] == [None, None, None]
        assert first not in {reply.value for reply in seen}
        (nowhere,) = executor.each(tune_calls.not_on, ["any"])
        assert (nowhere.reply.unfit, nowhere.reply.bad_input) == (True, False)
    cluster.remove_node(other)


def test_a_driver_that_is_asked_to_end_gives_its_calls_the_time_to_keep_what_they_did(cluster, node, tmp_path):
    from headstart.tune.executors.on_ray import RayExecutor

    marker = tmp_path / "begun"

    def terminate():
        while not marker.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Terminated), terminable(), RayExecutor(address=cluster.address) as executor:
        threading.Thread(target=terminate, daemon=True).start()
        for done in executor.each(tune_calls.keep_when_asked, [str(marker)]):
            pytest.fail(f"nobody asked it to end: {done.reply}")
    assert marker.read_text() == "kept"


def test_a_machine_that_does_not_see_the_run_folder_is_named_before_anything_is_done(
    cluster, node, tmp_path, monkeypatch
):
    """The second machine has an empty disk of its own where the others see the shared folder."""
    from headstart.tune.executors.on_ray import RayExecutor

    monkeypatch.setattr(run, "check_shared_storage", partial(run.check_shared_storage, patience_seconds=0.5))
    plan = read_plan(tiny_plan(tmp_path / "inputs", models=1))
    shared = tmp_path / "shared"
    shared.mkdir()
    apart = f"mount -t tmpfs none {shared} && exec {sys.executable} -m ray.scripts.scripts start --block"
    command = ["unshare", "-m", "sh", "-c", f"{apart} --num-cpus=1 --address={cluster.address}"]
    if subprocess.run([*command[:4], f"mount -t tmpfs none {shared}"], capture_output=True).returncode:
        pytest.skip("mount namespaces are not permitted here")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with RayExecutor(address=cluster.address) as executor:
            while executor.workers < 2:
                assert process.poll() is None, "the node must start"
                time.sleep(0.1)
            with pytest.raises(UnfitError, match=rf"1 of 2 machines .*\n  .*: does not see the run folder {shared}"):
                run_plan(plan, shared / "run", executor=executor)
    finally:
        process.terminate()
        process.wait()
    assert list(shared.iterdir()) == []


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
