"""What a run would do, what it would cost and what it lacks; nothing is left behind and nothing fetched."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from headstart.io.atomic import JsonValue
from headstart.io.encode import encode
from headstart.tune.executors import Executor, cells_at_a_time
from headstart.tune.folder import RunFolder
from headstart.tune.forecast import Forecast, Unmeasured, read_forecast
from headstart.tune.plan import Cell, Plan
from headstart.tune.prepare import Prepared, missing_packages, prepare, refuse_other
from headstart.tune.run_report import bill, facts_document
from headstart.tune.seal import protocol_part, read_seal, weights_digest
from headstart.tune.shared_storage import check_shared_storage

SCHEMA = "headstart.tune-dry-run/1"


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a run would do.

    Args:
        plan: The plan.
        folder: The run folder, which may not exist.
        workers: Cells at a time; None while packages are missing.
        missing: What is to be installed or fetched first.
        prepared: The plan without the models that are missing; None when nothing could be looked at.
        forecast: Of the cells that could be measured; None when nothing could be looked at.
        ended: Cells that have ended already.
        machines: That may run cells, all of which see the run folder, the models and the tasks.
    """

    plan: Plan
    folder: RunFolder
    workers: int | None
    missing: tuple[str, ...]
    prepared: Prepared | None = None
    forecast: Forecast | None = None
    ended: tuple[Cell, ...] = ()
    machines: tuple[str, ...] = ()

    @classmethod
    def without_packages(cls, plan: Plan, folder: str | os.PathLike[str], missing: Sequence[str]) -> DryRun:
        """All that can be said while packages are missing."""
        return cls(plan=plan, folder=RunFolder(path=Path(folder)), workers=None, missing=tuple(missing))

    @property
    def device_seconds(self) -> float | None:
        """Of the whole grid on all devices together; None unless every cell could be measured."""
        if self.forecast is None or any(self.forecast.seconds(cell) is None for cell in self.plan.cells()):
            return None
        return self.forecast.device_seconds(self.plan.cells())

    @property
    def left(self) -> tuple[Cell, ...]:
        """Cells that have not ended."""
        return tuple(cell for cell in self.plan.cells() if cell not in self.ended)


def dry_run(plan: Plan, folder: str | os.PathLike[str], *, executor: Executor) -> DryRun:
    """Do everything that comes before the first cell, and leave nothing behind.

    Raises:
        InputError: As ``headstart.tune.run.run_plan``.
    """
    run = RunFolder(path=Path(folder))
    packages = missing_packages(plan, executor=executor.name)
    if packages:
        return DryRun.without_packages(plan, folder, packages)
    from headstart.tune.cell import has_ended
    from headstart.tune.models import missing
    from headstart.tune.probe import measure_plan
    from headstart.tune.run import cell_jobs

    lacking = {model.name: lines for model in plan.models if (lines := missing(model))}
    lines = tuple(line for of_model in lacking.values() for line in of_model)
    here = tuple(model for model in plan.models if model.name not in lacking)
    # On this machine alone there is nothing to compare, and a folder that only a run must write to.
    machines = (platform.node(),) if executor.name == "local" else check_shared_storage(run.path, plan, executor)
    if not here:
        return DryRun(plan=plan, folder=run, workers=executor.workers, missing=lines, machines=machines)
    begun = read_seal(run.seal_path) if run.seal_path.exists() else None
    prepared = prepare(replace(plan, models=here), hardware=executor.hardware(), sealed=begun)
    plan = replace(plan, tasks=prepared.plan.tasks)  # where epochs have become steps
    if not lacking:
        refuse_other(run.seal_path, prepared.seal)
    forecast = read_forecast(run.forecast_path, plan_hash=prepared.seal.hash) or measure_plan(prepared, executor)
    absent = [
        Unmeasured(model=name, task=task.name, recipe=recipe.name, reason="the model is not on this machine")
        for name in lacking
        for task in plan.tasks
        for recipe in plan.recipes
    ]
    return DryRun(
        plan=plan,
        folder=run,
        workers=cells_at_a_time(executor, [model.devices for model in plan.models]),
        missing=lines,
        prepared=prepared,
        forecast=replace(forecast, unmeasured=(*forecast.unmeasured, *absent)),
        ended=tuple(job.cell for job in cell_jobs(run, prepared, executor) if has_ended(job)),
        machines=machines,
    )


def dry_run_document(found: DryRun) -> dict[str, JsonValue]:
    """The dry run as JSON data, schema ``headstart.tune-dry-run/1`` without its envelope."""
    plan, forecast, seconds = found.plan, found.forecast, found.device_seconds
    workers = found.workers
    return {
        "plan": plan.name,
        "plan_hash": found.prepared.seal.hash if found.prepared and not found.missing else None,
        "plan_hash_reason": "something is missing" if found.missing else None,
        **_seals(found),
        "folder": str(found.folder.path),
        "missing": list(found.missing),
        "cells": _cells(plan.cells(), found),
        "untunable": [model.name for model in plan.untunable],
        "levels": list(plan.levels) if plan.epochs is None else None,
        "epochs": None if plan.epochs is None else list(plan.epochs),
        "workers": workers,
        "machines": list(found.machines),
        "forecast": None if seconds is None else bill(plan, seconds),
        "forecast_reason": "not every cell could be measured" if seconds is None else None,
        "wall_seconds": None
        if seconds is None or forecast is None or workers is None
        else forecast.wall_seconds(found.left, workers=workers),
        "measured": [] if forecast is None else encode(forecast.measured),
        "unmeasured": [] if forecast is None else encode(forecast.unmeasured),
        "memory": [] if forecast is None else encode(forecast.memory),
        **({} if found.prepared is None else facts_document(found.prepared)),
    }


def _seals(found: DryRun) -> dict[str, JsonValue]:
    """The protocol, and the digest of every model's weights, as far as they could be looked at."""
    if found.prepared is None:
        return {"protocol_hash": None, "protocol": None, "weights": {}}
    seal = found.prepared.seal
    models = cast("Mapping[str, Mapping[str, JsonValue]]", seal.resolution["models"])
    return {
        "protocol_hash": seal.protocol_hash,
        "protocol": protocol_part(seal.resolution),
        "weights": {name: weights_digest(description) for name, description in models.items()},
    }


def _cells(cells: Sequence[Cell], found: DryRun) -> list[JsonValue]:
    return [
        {
            "cell": cell.id,
            "ended": cell in found.ended,
            "device_seconds": None if found.forecast is None else found.forecast.seconds(cell),
        }
        for cell in cells
    ]
