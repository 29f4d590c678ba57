"""The example scripts for SLURM, run with stand-ins for the commands of a cluster."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "examples" / "slurm"
STANDINS = {
    "headstart": 'echo "headstart $*" >> "$LOG"; trap "exit 143" TERM; for _ in $(seq "$TENTHS"); do sleep 0.1; done; '
    'exit "$STATUS"',
    "scontrol": 'echo "scontrol $*" >> "$LOG"; [ "$1" != show ] || printf "n1\\nn2\\n"',
    "srun": 'echo "srun $*" >> "$LOG"; trap "echo ended >> $LOG; exit" TERM; sleep 60 & wait',
    "ray": 'printf "Active:\\n 1 node_a\\n 1 node_b\\n"',
}


@pytest.fixture
def start(tmp_path):
    for name, body in STANDINS.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    log = tmp_path / "log"
    log.touch()
    started: list[subprocess.Popen[bytes]] = []

    def begin(script: str, *arguments: str, status: int = 0, seconds: float = 0, task: int = 0):
        job = {
            "SLURM_JOB_ID": "7",
            "SLURM_JOB_NODELIST": "n[1-2]",
            "SLURM_CPUS_PER_TASK": "8",
            "SLURM_GPUS_ON_NODE": "4",
        }
        mine = {"LOG": str(log), "STATUS": str(status), "TENTHS": str(int(10 * seconds)), "POLL_SECONDS": "0.1"}
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        variables = {**os.environ, **job, **mine, "PATH": path, "SLURM_ARRAY_TASK_ID": str(task)}
        process = subprocess.Popen(["bash", SCRIPTS / script, *arguments], env=variables, start_new_session=True)
        started.append(process)
        return process, log

    yield begin
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        process.wait()


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.sbatch")))
def test_a_job_that_is_asked_to_end_waits_for_its_states_and_goes_back_to_the_queue(start, script, tmp_path):
    (tmp_path / "plan.toml").touch()
    plan = str(tmp_path) if script == "array.sbatch" else "plan.toml"
    process, log = start(script, plan, "/shared/runs", seconds=60)
    while "headstart tune" not in log.read_text():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert log.read_text().splitlines()[-1] == "scontrol requeue 7"


@pytest.mark.parametrize("status", [0, 3])
def test_a_job_that_ends_by_itself_passes_its_status_on_and_does_not_come_again(start, status):
    process, log = start("one-node.sbatch", "plan.toml", "/shared/runs/plan", "--threads", "2", status=status)
    assert process.wait() == status
    assert log.read_text() == "headstart tune plan.toml --out /shared/runs/plan --threads 2\n"


def test_ray_is_started_on_every_machine_and_ended_with_the_job(start):
    process, log = start("ray.sbatch", "plan.toml", "/shared/runs/plan")
    assert process.wait() == 0
    lines = log.read_text().splitlines()
    size = "--num-cpus 8 --num-gpus 4 --disable-usage-stats --block"
    step = "srun --overlap --nodes=1 --ntasks=1"
    assert sorted(lines[1:3]) == [
        f"{step} --nodelist=n1 ray start --head --port=20007 {size}",
        f"{step} --nodelist=n2 ray start --address=n1:20007 {size}",
    ]
    assert lines[3] == "headstart tune plan.toml --out /shared/runs/plan --executor ray --address n1:20007"
    while log.read_text().count("ended") < 2:
        time.sleep(0.02)


def test_an_array_runs_one_plan_per_job(start, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").touch()
    process, log = start("array.sbatch", str(tmp_path), "/shared/runs", task=1)
    assert process.wait() == 0
    assert log.read_text() == f"headstart tune {tmp_path / 'b.toml'} --out /shared/runs/b\n"
    process, log = start("array.sbatch", str(tmp_path), "/shared/runs", task=2)
    assert process.wait() == 2
