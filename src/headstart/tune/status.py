"""What a run folder says about its run: what has ended, what runs, what failed and what is left to pay.

Only files are read, while a run goes on or long after; nothing is written, locked or imported that a run needs.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from headstart.errors import InputError
from headstart.io.atomic import JsonValue
from headstart.io.documents import read_json
from headstart.io.encode import encode_fields
from headstart.tune.folder import CELLS_SCHEMA, CellFolder, RunFolder
from headstart.tune.forecast import Forecast, read_forecast
from headstart.tune.seal import read_seal

SCHEMA = "headstart.tune-status/1"

State = Literal["ended", "failed", "running", "interrupted", "waiting"]
_SECONDS = ("load_seconds", "train_seconds", "evaluation_seconds")


@dataclass(frozen=True, kw_only=True)
class CellStatus:
    """Where a cell is.

    Args:
        cell: Its name.
        state: ``interrupted`` was begun, and nobody is at it: the same command continues it.
        step, steps: Steps taken and in all; ``step`` is None before the first report.
        phase: What it does at the moment; None unless it is running.
        outcome: How it ended; None until then.
        reason: Of the outcome, or of the failure.
        idle_seconds: Since a running cell last reported; None for others.
        device_seconds: What it has taken so far.
        seconds_left: What it is expected to take still; None where that could not be forecast.
        devices: GPUs that it takes at once.
    """

    cell: str
    state: State
    step: int | None
    steps: int
    phase: str | None = None
    outcome: str | None = None
    reason: str | None = None
    idle_seconds: float | None = None
    device_seconds: float = 0.0
    seconds_left: float | None = None
    devices: int = 1


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """Where a run is.

    Args:
        folder: The run folder.
        plan: Name of the plan.
        plan_hash: Of the sealed plan.
        runner: The process that runs it, in words; None when nobody does, as far as this machine can tell.
        cells: In the order of the plan.
        price_per_hour: Of a device; None when the plan has none.
        currency: Of the price.
    """

    folder: str
    plan: str
    plan_hash: str
    runner: str | None
    cells: tuple[CellStatus, ...]
    price_per_hour: float | None
    currency: str

    def count(self, state: State) -> int:
        """Number of cells in a state."""
        return sum(cell.state == state for cell in self.cells)

    @property
    def device_seconds_left(self) -> float | None:
        """On all devices together, of the cells that have not ended; None where one has no forecast."""
        left = [(cell.seconds_left, cell.devices) for cell in self.cells if cell.state != "ended"]
        return None if any(one is None for one, _ in left) else sum(one * n for one, n in left if one is not None)

    @property
    def cost_left(self) -> float | None:
        """The remaining bill in the plan's currency; None without a price or a forecast."""
        seconds, price = self.device_seconds_left, self.price_per_hour
        return None if seconds is None or price is None else seconds / 3600 * price


def read_status(folder: str | os.PathLike[str]) -> RunStatus:
    """Where the run in ``folder`` is.

    Raises:
        InputError: If the folder holds no run, or one from a version that left no list of its cells.
    """
    run = RunFolder(path=Path(folder))
    if not run.path.is_dir():
        raise InputError("no such folder", file=str(folder))
    if not run.seal_path.exists():
        raise InputError("holds no run of headstart tune: it has no sealed.json", file=str(folder))
    seal = read_seal(run.seal_path)
    listed = _listed(run)
    runner, alive = _runner(run)
    forecast = read_forecast(run.forecast_path, plan_hash=seal.hash)
    information = seal.information
    return RunStatus(
        folder=str(folder),
        plan=str(information.get("plan")),
        plan_hash=seal.hash,
        runner=runner,
        cells=tuple(_cell(entry, run, seal.hash, forecast, alive=alive) for entry in listed),
        price_per_hour=cast("float | None", information.get("price_per_gpu_hour")),
        currency=str(information.get("currency")),
    )


def status_document(status: RunStatus) -> dict[str, JsonValue]:
    """The status as JSON data, schema ``headstart.tune-status/1`` without its envelope."""
    return {
        **encode_fields(status),
        "device_seconds_left": status.device_seconds_left,
        "cost_left": status.cost_left,
        "cost_left_reason": None
        if status.cost_left is not None
        else "the plan has no price_per_gpu_hour"
        if status.price_per_hour is None
        else "not every cell could be forecast",
    }


def _listed(run: RunFolder) -> Sequence[Mapping[str, Any]]:
    document = read_json(run.cells_path) if run.cells_path.exists() else None
    found: Mapping[str, Any] = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if found.get("schema") != CELLS_SCHEMA:
        raise InputError("has no list of its cells (cells.json); continue the run once to get it", file=str(run.path))
    return cast("Sequence[Mapping[str, Any]]", found["cells"])


def _cell(
    entry: Mapping[str, Any], run: RunFolder, plan_hash: str, forecast: Forecast | None, *, alive: bool
) -> CellStatus:
    files = CellFolder(path=run.path / "cells" / entry["cell"], plan_hash=plan_hash)
    progress, ended = files.read_progress(), files.read_outcome()
    spent = sum(float(cast("float", progress.get(key) or 0.0)) for key in _SECONDS)
    key = (entry["model"], entry["task"], entry["recipe"])
    expected = None if forecast is None else forecast.seconds_of(key, steps=entry["steps"], levels=entry["levels"])
    step = cast("int | None", progress.get("step"))
    failure = _first_line(files.path / "failure.txt")
    # A worker outlives a cell that failed; one that tries again reports behind the failure.
    since, failed = _age(files.path / "progress.json"), _age(files.path / "failure.txt")
    tries = since is not None and (failed is None or since < failed)
    state: State = "waiting"
    if ended is not None:
        state = "ended"
    elif alive and tries and _is_alive(progress.get("pid"), progress.get("host")):
        state = "running"
    elif failure is not None:
        state = "failed"
    elif progress:
        state = "interrupted"
    left = None if expected is None else max(expected - spent, 0.0)
    return CellStatus(
        cell=entry["cell"],
        state=state,
        step=cast("int", ended["steps_done"]) if ended else step,
        steps=entry["steps"],
        phase=cast("str | None", progress.get("phase")) if state == "running" else None,
        outcome=cast("str", ended["outcome"]) if ended else None,
        reason=cast("str | None", ended["reason"]) if ended else failure if state == "failed" else None,
        idle_seconds=since if state == "running" else None,
        device_seconds=spent,
        devices=entry.get("devices", 1),
        seconds_left=0.0 if ended else left,
    )


def _runner(run: RunFolder) -> tuple[str | None, bool]:
    """Who runs the folder in words, and whether somebody does: a process of another machine is believed."""
    with suppress(OSError, ValueError, KeyError):
        found = json.loads((run.path / ".running.json").read_text(encoding="utf-8"))
        if _is_alive(found["pid"], found["host"]):
            return f"process {found['pid']} on {found['host']}, since {found['created_at']}", True
    return None, False


def _is_alive(pid: object, host: object) -> bool:
    if host not in (None, platform.node()) or not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def _first_line(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(encoding="utf-8").partition("\n")[0]
    return None


def _age(path: Path) -> float | None:
    with suppress(OSError):
        return max(time.time() - path.stat().st_mtime, 0.0)
    return None
