"""A whole run: check, seal, forecast, run every cell, collect; the same again continues where it stopped."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from headstart.errors import ComputationError, InputError
from headstart.formats.atomic import envelope, write_bytes, write_json
from headstart.tune.collect import collect
from headstart.tune.executors import Done, Executor
from headstart.tune.folder import RunFolder, disk_errors
from headstart.tune.forecast import Forecast, Key, Measured, Unmeasured, read_forecast, write_forecast
from headstart.tune.plan import Cell, Plan
from headstart.tune.prepare import Prepared, prepare, require_packages
from headstart.tune.seal import Seal, differences, read_seal, write_seal

if TYPE_CHECKING:
    from headstart.tune.cell import CellJob

REPORT_SCHEMA = "headstart.tune-report/1"


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """How a cell ended.

    Args:
        cell: The cell.
        outcome: One of ``headstart.tune.outcomes``; None when the cell failed.
        reason: Of the outcome, or of the failure; None for a complete cell.
        seconds: What it took on its device, over all attempts; None when the cell failed.
    """

    cell: Cell
    outcome: str | None
    reason: str | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What a run has come to.

    Args:
        folder: The run folder.
        prepared: The plan as it was sealed.
        cells: In the order of the plan.
    """

    folder: RunFolder
    prepared: Prepared
    cells: tuple[CellReport, ...]

    @property
    def failed(self) -> tuple[CellReport, ...]:
        """Cells without an outcome."""
        return tuple(cell for cell in self.cells if cell.outcome is None)


class Watch:
    """Told how a run goes; does nothing unless a method is overridden."""

    def phase(self, what: str) -> None:
        """Something that takes a while begins."""

    def cells(self, folder: RunFolder, jobs: Sequence[CellJob], *, total: int) -> None:
        """The cells that have not ended start, ``jobs`` of ``total``."""

    def finished(self, cell: CellReport) -> None:
        """A cell has ended."""


def run_plan(
    plan: Plan,
    folder: str | os.PathLike[str],
    *,
    executor: Executor,
    plan_file: str | os.PathLike[str] | None = None,
    watch: Watch | None = None,
) -> RunReport:
    """Run a plan, or continue it where it was interrupted.

    Args:
        plan: What to run.
        folder: Run folder; made if need be.
        executor: Where the cells run.
        plan_file: File the plan was read from; a copy is kept in the run folder.
        watch: Told how it goes.

    Raises:
        InputError: If the plan is bad, or the folder holds the run of another plan; nothing is written.
        ComputationError: If another process runs the folder, or the disk is full. What was finished is kept.
    """
    watch = watch or Watch()
    run = RunFolder(path=Path(folder))
    require_packages(plan, executor=executor.name)
    with _held(run) as hold:
        if run.seal_path.exists():
            hold()  # before the long checks: whoever comes second is told at once
        watch.phase("checking the plan")
        prepared = prepare(plan, hardware=executor.hardware())
        _refuse_other(run, prepared.seal)
        hold()
        _refuse_other(run, prepared.seal)  # another process may have sealed it meanwhile
        forecast = read_forecast(run.forecast_path, plan_hash=prepared.seal.hash)
        if forecast is None:
            watch.phase("measuring the forecast")
            forecast = measure_plan(prepared, executor)
        _seal(run, prepared.seal, forecast, plan_file)
        return _run_cells(run, prepared, forecast, executor, watch)


def measure_plan(prepared: Prepared, executor: Executor) -> Forecast:
    """Measure every model, task and recipe of a plan, on the workers that will run it.

    Raises:
        InputError: If a recipe does not fit a model.
    """
    from headstart.tune.probe import ProbeJob, measure

    jobs = {
        (cell.model.name, cell.task.name, cell.recipe.name): ProbeJob(
            cell=cell,
            device=prepared.hardware.device,
            threads=executor.threads,
            batch_tokens=prepared.plan.evaluation_batch_tokens,
        )
        for cell in reversed(prepared.plan.cells())
    }
    found: dict[Key, Measured | Unmeasured] = {}
    for done in executor.each(measure, list(jobs.values())):
        cell = done.job.cell
        model, task, recipe = key = (cell.model.name, cell.task.name, cell.recipe.name)
        reply = done.reply
        if reply.bad_input:
            raise InputError(f"model {model}, task {task}, recipe {recipe}: {reply.error}")
        found[key] = reply.value or Unmeasured(
            model=model, task=task, recipe=recipe, reason=reply.error or "nothing was measured"
        )
    ordered = [found[key] for key in sorted(found)]
    return Forecast(
        plan_hash=prepared.seal.hash,
        measured=tuple(entry for entry in ordered if isinstance(entry, Measured)),
        unmeasured=tuple(entry for entry in ordered if isinstance(entry, Unmeasured)),
    )


def _run_cells(run: RunFolder, prepared: Prepared, forecast: Forecast, executor: Executor, watch: Watch) -> RunReport:
    from headstart.tune.cell import has_ended, run_cell

    jobs = _jobs(run, prepared, executor)
    open_jobs = [job for job in jobs if not has_ended(job)]
    watch.cells(run, open_jobs, total=len(jobs))
    cost_per_step = forecast.cost_per_step(prepared.plan)
    _collect(run, prepared, cost_per_step)
    errors: dict[str, str] = {}
    for done in executor.each(run_cell, open_jobs):
        _keep_failure(done)
        if done.reply.error is not None:
            errors[done.job.cell.id] = done.reply.error
        _collect(run, prepared, cost_per_step)
        watch.finished(_cell_report(done.job, errors))
    report = RunReport(folder=run, prepared=prepared, cells=tuple(_cell_report(job, errors) for job in jobs))
    return report


def _jobs(run: RunFolder, prepared: Prepared, executor: Executor) -> list[CellJob]:
    from headstart.tune.cell import CellJob

    sources = {task.name: task.sources for task in prepared.tasks}
    return [
        CellJob(
            cell=cell,
            run_folder=str(run.path.resolve()),
            plan_hash=prepared.seal.hash,
            sources=sources[cell.task.name],
            device=prepared.hardware.device,
            threads=executor.threads,
            batch_tokens=prepared.plan.evaluation_batch_tokens,
        )
        for cell in prepared.plan.cells()
    ]


def _collect(run: RunFolder, prepared: Prepared, cost_per_step: Mapping[Key, float]) -> None:
    collect(run, prepared.plan, plan_hash=prepared.seal.hash, cost_per_step=cost_per_step)


def _cell_report(job: CellJob, errors: Mapping[str, str]) -> CellReport:
    ended = job.folder.read_outcome()
    if job.cell.id in errors or ended is None:
        return CellReport(cell=job.cell, outcome=None, reason=errors.get(job.cell.id, "was not run"), seconds=None)
    seconds = sum(cast("float", ended[key]) for key in ("load_seconds", "train_seconds", "evaluation_seconds"))
    return CellReport(
        cell=job.cell,
        outcome=cast("str", ended["outcome"]),
        reason=cast("str | None", ended["reason"]),
        seconds=seconds,
    )


def _keep_failure(done: Done[CellJob, None]) -> None:
    """Leave the reason of a failure beside what the cell has finished, until it succeeds."""
    path = done.job.folder.path / "failure.txt"
    with suppress(OSError, InputError):  # most failures are full disks
        if done.reply.error is None:
            path.unlink(missing_ok=True)
        else:
            write_bytes(path, "\n".join((done.reply.error, done.reply.trace or "")).encode())


def _refuse_other(run: RunFolder, now: Seal) -> None:
    """Raise if the folder was sealed for other numbers than ``now``."""
    if not run.seal_path.exists():
        return
    sealed = read_seal(run.seal_path)
    if sealed.hash != now.hash:
        lines = differences(sealed.resolution, now.resolution)
        raise InputError(
            "the folder holds a run of another plan; give this one a folder of its own with --out, or undo what "
            "changed:\n  " + "\n  ".join(lines),
            file=str(run.path),
        )


def _seal(run: RunFolder, seal: Seal, forecast: Forecast, plan_file: str | os.PathLike[str] | None) -> None:
    """Write what is written once."""
    with disk_errors(run.path):
        if plan_file is not None and not run.seal_path.exists():
            source = Path(plan_file)
            write_bytes(run.path / f"plan{source.suffix}", source.read_bytes())
        if read_forecast(run.forecast_path, plan_hash=seal.hash) is None:
            write_forecast(run.forecast_path, forecast)
        if not run.seal_path.exists():
            write_seal(run.seal_path, seal)


@contextmanager
def _held(run: RunFolder) -> Generator[Callable[[], None]]:
    """Yield a function that takes the folder for this process alone, until the block ends or the process dies.

    Raises:
        ComputationError: If another process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(run.path / ".lock", timeout=0)
    holder = run.path / ".running.json"

    def hold() -> None:
        if lock.is_locked:
            return
        with disk_errors(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                raise ComputationError(f"{run.path} is being run by {_holder(holder)}") from None
            write_json(holder, envelope("headstart.running/1") | {"pid": os.getpid(), "host": platform.node()})

    try:
        yield hold
    finally:
        if lock.is_locked:
            holder.unlink(missing_ok=True)
            lock.release()


def _holder(path: Path) -> str:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']}, since {found['created_at']}"
    return "another process"
