"""A cell of a tiny model, small enough to be killed twenty times in a test, run in processes that start at once."""

import multiprocessing
import time
from pathlib import Path

import psutil

from headstart.tune.cell import CellJob, run_cell
from headstart.tune.plan import Cell, ModelSpec, Recipe, TaskSpec
from tiny_models import parity_records, tiny_model, write_jsonl

RECIPE = Recipe(learning_rate=5e-3, batch_size=4, rank=4, alpha=8)
LEVELS = (0, 2, 5, 12, 25, 40)
PLAN_HASH = "0" * 64


def tiny_cell(folder: Path, *, recipe: Recipe = RECIPE, levels: tuple[int, ...] = LEVELS, seed: int = 0) -> Cell:
    """A tiny model and a task of 40 training and 30 test items under ``folder``."""
    if not (folder / "model").exists():
        tiny_model(folder / "model")
        write_jsonl(folder / "train.jsonl", parity_records(40))
        write_jsonl(folder / "test.jsonl", parity_records(30, start=40))
    return Cell(
        model=ModelSpec(name="tiny", source=str(folder / "model")),
        task=TaskSpec(
            name="parity",
            kind="multiple_choice",
            train=str(folder / "train.jsonl"),
            test=str(folder / "test.jsonl"),
        ),
        recipe=recipe,
        seed=seed,
        levels=levels,
    )


def job_for(cell: Cell, run_folder: Path) -> CellJob:
    """The cell as a worker is handed it."""
    return CellJob(cell=cell, run_folder=str(run_folder), plan_hash=PLAN_HASH)


def start(job: CellJob, *, file_size_limit: int | None = None) -> multiprocessing.Process:
    """Run the cell in a process of its own, forked from one that has torch loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["headstart.tune.cell", "transformers.models.llama.modeling_llama"])
    process = context.Process(target=_run, args=(job, file_size_limit))
    process.start()
    return process


def cpu_seconds(process: multiprocessing.Process) -> float:
    """What a process has computed so far; its clock does not run while other programs have the processor."""
    try:
        return psutil.Process(process.pid).cpu_times().user
    except psutil.Error:
        return float("inf")


def kill_after(process: multiprocessing.Process, seconds: float) -> bool:
    """SIGKILL the process once it has computed for ``seconds``; False if it ended before."""
    while process.is_alive():
        if cpu_seconds(process) >= seconds:
            process.kill()
            process.join()
            return process.exitcode != 0
        time.sleep(0.003)
    return False


def _run(job: CellJob, file_size_limit: int | None) -> None:
    if file_size_limit is not None:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))
    run_cell(job)
