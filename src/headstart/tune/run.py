"""A whole run: check, forecast, seal, run every cell, collect; the same again continues where it stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import InputError, UnfitError
from headstart.io.atomic import JsonValue, envelope, write_bytes, write_json
from headstart.tune.collect import collect
from headstart.tune.executors import Done, Executor, cells_at_a_time
from headstart.tune.folder import CELLS_SCHEMA, RunFolder, disk_errors
from headstart.tune.forecast import Forecast, Key, read_forecast, write_forecast
from headstart.tune.hardware import Hardware, this_machine
from headstart.tune.plan import Plan
from headstart.tune.prepare import Prepared, prepare, refuse_other, require_packages
from headstart.tune.run_lock import only_process
from headstart.tune.run_report import SCHEMA, CellReport, RunReport, cell_report, report_document
from headstart.tune.seal import read_seal, write_seal
from headstart.tune.shared_storage import check_shared_storage, require_seal
from headstart.tune.termination import heeding

if TYPE_CHECKING:
    from headstart.tune.cell import CellJob

_PATIENCE_SECONDS = 60.0


class Watch:
    """Told how a run goes; does nothing unless a method is overridden."""

    def phase(self, what: str) -> None:
        """Something that takes a while begins."""

    def cells(self, jobs: Sequence[CellJob], *, total: int, forecast: Forecast, workers: int) -> None:
        """The cells that have not ended, ``jobs`` of ``total``, are handed to ``workers``."""

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
        executor: Where the cells run; to be used as a context, which stops the workers at its end.
        plan_file: File the plan was read from; a copy is kept in the run folder.
        watch: Told how it goes.

    Raises:
        InputError: If the plan is bad, or the folder holds the run of another plan; nothing is written.
        UnfitError: If not every machine of the executor sees the folder, the models and the tasks; likewise.
        ComputationError: If another process runs the folder, or the disk is full. What was finished is kept.
        Terminated: If the process was asked to end within ``headstart.tune.termination.terminable``; likewise.
    """
    watch = watch or Watch()
    run = RunFolder(path=Path(folder))
    require_packages(plan, executor=executor.name)
    with only_process(run) as hold:
        hold()  # before the long checks: whoever comes second is told at once
        watch.phase("checking the plan")
        check_shared_storage(run.path, plan, executor)
        begun = read_seal(run.seal_path) if run.seal_path.exists() else None
        prepared = prepare(plan, hardware=executor.hardware(), sealed=begun)
        refuse_other(run.seal_path, prepared.seal)
        forecast = read_forecast(run.forecast_path, plan_hash=prepared.seal.hash)
        if forecast is None:
            from headstart.tune.probe import measure_plan

            watch.phase("measuring the forecast")
            forecast = measure_plan(prepared, executor)
        _write_once(run, prepared, forecast, plan_file)
        report = _run_cells(run, prepared, forecast, executor, watch)
        with disk_errors(run.path):
            write_json(run.path / "report.json", envelope(SCHEMA) | report_document(report))
        return report


@dataclass(frozen=True, kw_only=True)
class SealedCell:
    """A cell and the hardware its plan was sealed for."""

    job: CellJob
    hardware: Hardware

    def progress(self) -> int:
        """What is kept of the cell: as long as it grows, the death of a worker is no reason to give it up."""
        return self.job.folder.progress()

    @property
    def devices(self) -> int:
        """GPUs that the worker must see."""
        return self.job.cell.model.devices


def run_sealed_cell(sealed: SealedCell) -> None:
    """Run a cell on a worker, which has to be what the plan was sealed for and to see the run folder.

    A worker that is asked to end (SIGTERM) saves the state of its cell first.

    Raises:
        UnfitError: If it is not.
        InputError: As ``headstart.tune.cell.run_cell``.
        ComputationError: As ``headstart.tune.cell.run_cell``.
    """
    from filelock import FileLock, Timeout

    from headstart.tune.cell import run_cell

    job = sealed.job
    here = this_machine(job.device, job.threads)
    if here != sealed.hardware:
        raise UnfitError(f"this worker is {here}, but the plan was sealed for {sealed.hardware}")
    require_seal(RunFolder(path=Path(job.run_folder)), job.plan_hash)
    # A worker that was just killed, or cut off from the cluster, may hold its cell for some moments more.
    job.folder.path.mkdir(parents=True, exist_ok=True)
    with suppress(Timeout), FileLock(job.folder.path / ".lock", timeout=_PATIENCE_SECONDS):
        pass
    with heeding() as alive:
        run_cell(job, alive=alive)


def cell_jobs(run: RunFolder, prepared: Prepared, executor: Executor) -> list[CellJob]:
    """Every cell of a plan as its worker is told."""
    from headstart.tune.cell import CellJob

    sources = {task.name: task.sources for task in prepared.tasks}
    return [
        CellJob(
            cell=cell,
            run_folder=str(run.path.resolve()),
            plan_hash=prepared.seal.hash,
            sources=sources[cell.task.name],
            model_files=prepared.stamps[cell.model.name],
            device=prepared.hardware.device,
            threads=executor.threads,
            batch_tokens=prepared.batch_tokens,
        )
        for cell in prepared.plan.cells()
    ]


def _run_cells(run: RunFolder, prepared: Prepared, forecast: Forecast, executor: Executor, watch: Watch) -> RunReport:
    from headstart.tune.cell import has_ended

    jobs = cell_jobs(run, prepared, executor)
    left = [job for job in jobs if not has_ended(job)]
    workers = cells_at_a_time(executor, [job.cell.model.devices for job in left])
    watch.cells(left, total=len(jobs), forecast=forecast, workers=workers)
    cost_per_step = forecast.cost_per_step(prepared.plan)
    _collect(run, prepared, cost_per_step)
    errors: dict[str, str] = {}
    for done in executor.each(run_sealed_cell, [SealedCell(job=job, hardware=prepared.hardware) for job in left]):
        job, error = done.job.job, done.reply.error
        _keep_failure(done)
        if error is not None:
            errors[job.cell.id] = error
        _collect(run, prepared, cost_per_step)
        watch.finished(cell_report(job.cell, job.folder, forecast, error=error))
    return RunReport(
        folder=run,
        prepared=prepared,
        forecast=forecast,
        cells=tuple(cell_report(job.cell, job.folder, forecast, error=errors.get(job.cell.id)) for job in jobs),
    )


def _collect(run: RunFolder, prepared: Prepared, cost_per_step: Mapping[Key, float]) -> None:
    collect(run, prepared.plan, plan_hash=prepared.seal.hash, cost_per_step=cost_per_step)


def _keep_failure(done: Done[SealedCell, None]) -> None:
    """Leave the reason of a failure beside what the cell has finished, until it succeeds."""
    path = done.job.job.folder.path / "failure.txt"
    with suppress(OSError, InputError):  # the reason may be that the disk is full
        if done.reply.error is None:
            path.unlink(missing_ok=True)
        else:
            write_bytes(path, "\n".join((done.reply.error, done.reply.trace or "")).encode())


def _write_once(
    run: RunFolder, prepared: Prepared, forecast: Forecast, plan_file: str | os.PathLike[str] | None
) -> None:
    """Write what stays as it is from the start of the run to its end; the seal last, as the sign that all is there."""
    seal = prepared.seal
    with disk_errors(run.path):
        if not run.cells_path.exists():
            cells: list[JsonValue] = [
                {
                    "cell": cell.id,
                    "model": cell.model.name,
                    "task": cell.task.name,
                    "recipe": cell.recipe.name,
                    "seed": cell.seed,
                    "steps": cell.steps,
                    "levels": len(cell.levels),
                    "devices": cell.model.devices,
                }
                for cell in prepared.plan.cells()
            ]
            write_json(run.cells_path, envelope(CELLS_SCHEMA) | {"plan_hash": seal.hash, "cells": cells})
        if read_forecast(run.forecast_path, plan_hash=seal.hash) is None:
            write_forecast(run.forecast_path, forecast)
        if not run.seal_path.exists():
            if plan_file is not None:
                source = Path(plan_file)
                write_bytes(run.path / f"plan{source.suffix}", source.read_bytes())
            write_seal(run.seal_path, seal)
