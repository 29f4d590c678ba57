"""`headstart tune` from a plan to trajectories, on tiny models."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headstart.cli import app
from headstart.data.trajectory_files import read_trajectories
from headstart.errors import ComputationError, InputError
from headstart.tune.folder import RunFolder
from headstart.tune.plan_file import read_plan
from headstart.tune.run import run_plan
from headstart.tune.run_lock import only_process
from tiny_plan import Here, tiny_plan

PRICE = "price_per_gpu_hour = 3600.0\n"  # one a second
UNTUNABLE = '[[untunable]]\nname = "api"\nscores = [{ task = "parity", score = 0.75, n_items = 12 }]\n'


def tune(plan: Path, out: Path, *options: str) -> int:
    arguments = ["tune", str(plan), "--out", str(out), "--workers", "1", "--device", "cpu", *options]
    return app(arguments, standalone_mode=False)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Path:
    return tiny_plan(tmp_path_factory.mktemp("plan"), more=PRICE + UNTUNABLE)


@pytest.fixture(scope="module")
def finished(plan, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    assert tune(plan, out) == 0
    return out


def test_a_run_leaves_trajectories_that_an_audit_reads(finished):
    data = read_trajectories(str(finished / "trajectories.parquet"))
    assert set(data.models) >= {"m0", "m1"}
    costs = {
        entry["model"]: entry["step_seconds"]
        for entry in json.loads((finished / "forecast.json").read_text())["measured"]
    }
    frame = RunFolder(path=finished).trajectories_path
    import polars as pl

    rows = pl.read_parquet(frame)
    assert rows.filter(model="m0")["cost_per_step"].unique().to_list() == pytest.approx([costs["m0"]])
    assert rows.filter(model="api")["outcome"].to_list() == ["untunable"]
    assert rows["plan_hash"].n_unique() == 1


def test_the_truth_stands_beside_the_forecast(finished):
    report = json.loads((finished / "report.json").read_text())
    assert report["schema"] == "headstart.tune-report/1"
    assert report["failed"] == 0
    assert report["measured"]["device_seconds"] == pytest.approx(sum(c["device_seconds"] for c in report["cells"]))
    assert report["forecast"]["cost"] == pytest.approx(sum(c["forecast_seconds"] for c in report["cells"]))
    assert report["tasks"][0]["overlap"]["test"]["normalised"] == 0


def test_the_same_command_again_changes_nothing(plan, finished):
    before = {name: data for name, data in content(finished).items() if name != "report.json"}  # it says when
    assert tune(plan, finished) == 0
    assert {name: data for name, data in content(finished).items() if name != "report.json"} == before


def test_another_plan_is_kept_out_of_the_folder(plan, finished, tmp_path):
    other = plan.with_name("other.toml")
    other.write_text(plan.read_text().replace("levels = [0, 2]", "levels = [0, 3]"))
    before = content(finished)
    with pytest.raises(InputError, match=r"(?s)a folder of its own.*levels: \[0, 2\] -> \[0, 3\]"):
        tune(other, finished)
    assert content(finished) == before


def test_a_second_process_writes_nothing_and_says_who_was_first(plan, finished):
    with only_process(RunFolder(path=finished)) as hold:
        hold()
        before = content(finished)
        with pytest.raises(ComputationError, match=f"process {os.getpid()}") as caught:
            tune(plan, finished)
        assert content(finished) == before
    assert caught.value.exit_status == 3


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("[[tasks]]", "[recipe]\nmax_length = 4\n[[tasks]]"), "train.jsonl, row 1: .*must fit into 4 tokens"),
        (('path = "m1"', 'path = "none"'), "folder that does not exist"),
        (("[[tasks]]", '[recipe]\ntargets = ["nothing"]\n[[tasks]]'), "nothing"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(plan, tmp_path, change, complaint):
    bad = plan.with_name("bad.toml")
    bad.write_text(plan.read_text().replace(*change))
    with pytest.raises(InputError, match=complaint):
        tune(bad, tmp_path / "runs" / "bad")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(plan, tmp_path, capsys):
    assert tune(plan, tmp_path / "dry", "--dry-run", "--json", "-") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "headstart.tune-dry-run/1"
    assert [cell["ended"] for cell in found["cells"]] == [False, False]
    assert found["forecast"]["cost"] == pytest.approx(found["forecast"]["device_seconds"])
    assert found["forecast"]["device_seconds"] == pytest.approx(sum(cell["device_seconds"] for cell in found["cells"]))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_killed_interrupted_and_robbed_of_a_worker_ends_as_if_nothing_had_happened(tmp_path):
    plan = tiny_plan(tmp_path, models=1, levels="[0, 40, 500]")
    out = tmp_path / "run"

    process = start(plan, out)
    first = wait_for_step(process, out)
    os.kill(first, signal.SIGKILL)  # as the system does when memory runs out
    second = wait_for_step(process, out, not_by=first)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert is_gone(second)

    process = start(plan, out)
    third = wait_for_step(process, out, not_by=second)
    for state in out.glob("cells/*/state-*"):
        state.unlink(missing_ok=True)  # the worker, which goes on, removes old ones too
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert is_gone(third)
    assert list(out.glob("cells/*/state-*")), "a worker that is asked to end saves the step it is at"

    process = start(plan, out)
    fourth = wait_for_step(process, out, not_by=third)
    process.kill()
    process.wait()
    assert is_gone(fourth)
    assert tune(plan, out) == 0

    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    shutil.copy(out / "forecast.json", undisturbed)  # what a step costs is measured, and never twice the same
    run_plan(read_plan(plan), undisturbed, executor=Here())
    for name in ("trajectories.parquet", "items.parquet"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()


def start(plan: Path, out: Path) -> subprocess.Popen:
    code = "from headstart.cli import main; main()"
    arguments = ["tune", str(plan), "--out", str(out), "--workers", "1", "--device", "cpu"]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # An interrupt must reach the run even where the tests themselves were started with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_step(process: subprocess.Popen, out: Path, *, not_by: int = 0) -> int:
    """Wait until a worker is in the middle of a cell; returns its process id."""
    while process.poll() is None:
        for path in out.glob("cells/*/progress.json"):
            now = json.loads(path.read_text())
            if now["phase"] == "tuning" and now["pid"] != not_by:
                return now["pid"]
        time.sleep(0.05)
    pytest.fail("the run ended before it could be disturbed")


def is_gone(pid: int) -> bool:
    """Whether a process ends by itself within some seconds."""
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # it has ended; whoever adopted it has not asked yet how
            return True
        time.sleep(0.05)
    return False
