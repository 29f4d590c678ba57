"""The tuning bill before it is spent: measured once per model, task and recipe, and kept with the run."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from headstart.errors import InputError
from headstart.io.atomic import JsonValue, envelope, write_json
from headstart.io.documents import read_json
from headstart.io.encode import encode_fields
from headstart.tune.plan import Cell, Plan

SCHEMA = "headstart.forecast/1"

TIGHT = 0.9
"""Share of the memory above which a cell may run out of it: allocators round up, and leave gaps."""

Key = tuple[str, str, str]
"""Names of a model, a task and a recipe."""


def key_of(cell: Cell) -> Key:
    """What a cell's forecast is found under: cells that differ in their seed alone take the same."""
    return cell.model.name, cell.task.name, cell.recipe.name


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a cell of one model, task and recipe takes on the device it will run on.

    Args:
        load_seconds: From nothing to the first step, items encoded.
        step_seconds: One step.
        evaluation_seconds: Scoring all test items once, extrapolated from a sample.
        peak_memory_bytes: Of the GPU, or of the process; None where the system does not say.
        state_bytes: Of one saved state; two are kept while a cell runs.
        micro_batch: Items per forward pass that memory held, on the longest batch there can be; None where unknown.
    """

    model: str
    task: str
    recipe: str
    load_seconds: float
    step_seconds: float
    evaluation_seconds: float
    peak_memory_bytes: int | None
    state_bytes: int
    micro_batch: int | None = None

    @property
    def key(self) -> Key:
        """What it was measured for."""
        return self.model, self.task, self.recipe


@dataclass(frozen=True, kw_only=True)
class Unmeasured:
    """A model, task and recipe that could not be measured, and why."""

    model: str
    task: str
    recipe: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CellMemory:
    """Memory that a cell of one model, task and recipe needs at most, by its configuration, and what there is.

    Args:
        needed_bytes: At the worst moment; None where it could not be worked out.
        parts: The same by what it is for (``headstart.tune.memory.Needed``); they are not all held at once.
        available_bytes: That the cell may take of its device, or devices; None where the system does not say.
        advice: What to change in the plan, each with what the cell would need then; empty where memory suffices.
        reason: Why there is no number; None where there is.
    """

    model: str
    task: str
    recipe: str
    needed_bytes: int | None
    available_bytes: int | None
    parts: Mapping[str, int] = field(default_factory=dict[str, int])
    advice: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.model, self.task, self.recipe

    @property
    def share(self) -> float | None:
        """Needed of available memory; None where one of them is unknown."""
        if self.needed_bytes is None or not self.available_bytes:
            return None
        return self.needed_bytes / self.available_bytes

    @property
    def tight(self) -> bool:
        """Whether the cell may run out of memory."""
        return (self.share or 0.0) > TIGHT


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What the cells of a plan are expected to take.

    Args:
        plan_hash: Of the sealed plan.
        measured: Per model, task and recipe.
        unmeasured: What has no forecast.
        memory: Per model, task and recipe, worked out before anything was measured.
    """

    plan_hash: str
    measured: tuple[Measured, ...]
    unmeasured: tuple[Unmeasured, ...] = ()
    memory: tuple[CellMemory, ...] = ()

    def seconds(self, cell: Cell) -> float | None:
        """Seconds on its device of a whole cell; None where nothing could be measured."""
        return self.seconds_of(key_of(cell), steps=cell.steps, levels=len(cell.levels))

    def seconds_of(self, key: Key, *, steps: int, levels: int) -> float | None:
        """The same of a cell of so many steps and levels."""
        for measured in self.measured:
            if measured.key == key:
                return measured.load_seconds + steps * measured.step_seconds + levels * measured.evaluation_seconds
        return None

    def device_seconds(self, cells: Sequence[Cell]) -> float:
        """Seconds on all devices together, of the cells that have a forecast."""
        return sum(seconds * cell.model.devices for cell in cells if (seconds := self.seconds(cell)) is not None)

    def wall_seconds(self, cells: Sequence[Cell], *, workers: int) -> float:
        """Seconds until the last cell has ended when each worker takes the next one as it becomes free.

        Workers are thought to have their device, or their cores, to themselves.
        """
        free_at = [0.0] * workers
        for cell in cells:
            heapq.heapreplace(free_at, free_at[0] + (self.seconds(cell) or 0.0))
        return max(free_at)

    def cost_per_step(self, plan: Plan) -> dict[Key, float]:
        """Cost of one step: in the plan's currency where an hour has a price, else in seconds on all its devices."""
        devices = {model.name: model.devices for model in plan.models}
        unit = 1.0 if plan.price_per_gpu_hour is None else plan.price_per_gpu_hour / 3600
        return {
            measured.key: measured.step_seconds * devices.get(measured.model, 1) * unit for measured in self.measured
        }


def write_forecast(path: Path, forecast: Forecast) -> None:
    """Keep a forecast, schema ``headstart.forecast/1``.

    Raises:
        InputError: If the file cannot be written.
    """
    write_json(path, envelope(SCHEMA) | forecast_document(forecast))


def forecast_document(forecast: Forecast) -> dict[str, JsonValue]:
    """The forecast as JSON data."""
    return encode_fields(forecast)


def read_forecast(path: Path, *, plan_hash: str) -> Forecast | None:
    """The forecast that was kept for a sealed plan; None when there is none, it is damaged, or it is another plan's."""
    if not path.exists():
        return None
    try:
        document = cast("Mapping[str, Any]", read_json(path))
        if document["schema"] != SCHEMA or document["plan_hash"] != plan_hash:
            return None
        return Forecast(
            plan_hash=plan_hash,
            measured=tuple(Measured(**entry) for entry in document["measured"]),
            unmeasured=tuple(Unmeasured(**entry) for entry in document["unmeasured"]),
            # forecasts of earlier versions have none
            memory=tuple(_memory(entry) for entry in document.get("memory", ())),
        )
    except (InputError, KeyError, TypeError):
        return None


def _memory(entry: Mapping[str, Any]) -> CellMemory:
    fields: dict[str, Any] = {**entry, "advice": tuple(entry["advice"])}
    return CellMemory(**fields)
