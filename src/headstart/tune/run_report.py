"""What a run has come to: how every cell ended, and what it took beside what was forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from headstart.io.atomic import JsonValue
from headstart.io.encode import encode
from headstart.tune.folder import CellFolder, RunFolder
from headstart.tune.forecast import Forecast
from headstart.tune.plan import Cell, Plan
from headstart.tune.prepare import Prepared

SCHEMA = "headstart.tune-report/1"

_SECONDS = ("load_seconds", "train_seconds", "evaluation_seconds")


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """How a cell ended.

    Args:
        cell: The cell.
        outcome: One of ``headstart.tune.outcomes``; None when the cell failed.
        reason: Of the outcome, or of the failure; None for a complete cell.
        device_seconds: What it took on its device, over all attempts; None when the cell failed.
        forecast_seconds: What it was expected to take; None where that could not be measured.
    """

    cell: Cell
    outcome: str | None
    reason: str | None
    device_seconds: float | None
    forecast_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What a run has come to.

    Args:
        folder: The run folder.
        prepared: The plan as it was sealed.
        forecast: What the run was expected to take.
        cells: In the order of the plan.
    """

    folder: RunFolder
    prepared: Prepared
    forecast: Forecast
    cells: tuple[CellReport, ...]

    @property
    def failed(self) -> tuple[CellReport, ...]:
        """Cells without an outcome."""
        return tuple(cell for cell in self.cells if cell.outcome is None)

    @property
    def compared(self) -> tuple[float, float] | None:
        """Device seconds, forecast and measured, of the cells that have both and took all their steps.

        None when there is no such cell.
        """
        pairs = [
            (cell.forecast_seconds * cell.cell.model.devices, cell.device_seconds * cell.cell.model.devices)
            for cell in self.cells
            if cell.forecast_seconds is not None and cell.device_seconds is not None and cell.outcome != "diverged"
        ]
        return (sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)) if pairs else None


def cell_report(cell: Cell, files: CellFolder, forecast: Forecast, *, error: str | None) -> CellReport:
    """How a cell ended, from its files and from the error it failed with, if it did."""
    ended = None if error is not None else files.read_outcome()
    expected = forecast.seconds(cell)
    if ended is None:
        reason = error or "was not run"
        return CellReport(cell=cell, outcome=None, reason=reason, device_seconds=None, forecast_seconds=expected)
    return CellReport(
        cell=cell,
        outcome=cast("str", ended["outcome"]),
        reason=cast("str | None", ended["reason"]),
        device_seconds=sum(cast("float", ended[key]) for key in _SECONDS),
        forecast_seconds=expected,
    )


def report_document(report: RunReport) -> dict[str, JsonValue]:
    """The report as JSON data, schema ``headstart.tune-report/1`` without its envelope."""
    plan = report.prepared.plan
    compared = report.compared
    return {
        "plan": plan.name,
        "plan_hash": report.prepared.seal.hash,
        "cells": [
            {
                "cell": cell.cell.id,
                "model": cell.cell.model.name,
                "task": cell.cell.task.name,
                "recipe": cell.cell.recipe.name,
                "seed": cell.cell.seed,
                "outcome": cell.outcome,
                "reason": cell.reason,
                "device_seconds": cell.device_seconds,
                "forecast_seconds": cell.forecast_seconds,
            }
            for cell in report.cells
        ],
        "failed": len(report.failed),
        "untunable": [model.name for model in plan.untunable],
        "forecast": None if compared is None else bill(plan, compared[0]),
        "measured": None if compared is None else bill(plan, compared[1]),
        "comparison": "cells that took all their steps and have a forecast",
        **facts_document(report.prepared),
    }


def facts_document(prepared: Prepared) -> dict[str, JsonValue]:
    """What was found out about a plan before it ran, as JSON data."""
    return {
        "hardware": encode(prepared.hardware),
        "models": [
            {"model": one.name, "dtype": one.dtype, "attention": one.attention, "devices": one.devices}
            for one in prepared.plan.models
        ],
        "tasks": [
            {
                "task": task.name,
                "train_items": len(task.train),
                "test_items": len(task.test),
                "overlap": encode(overlap),
                "notes": task.notes,
            }
            for task, overlap in zip(prepared.tasks, prepared.overlaps, strict=True)
        ],
        "truncated": encode(prepared.truncated),
    }


def bill(plan: Plan, device_seconds: float) -> Mapping[str, JsonValue]:
    """Seconds on a device as hours and money; a cost that does not exist is null beside the reason."""
    price = plan.price_per_gpu_hour
    hours = device_seconds / 3600
    return {
        "device_seconds": device_seconds,
        "device_hours": hours,
        "cost": None if price is None else hours * price,
        "currency": None if price is None else plan.currency,
        "cost_reason": "the plan has no price_per_gpu_hour" if price is None else None,
    }
