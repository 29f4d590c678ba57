"""From the cells' files to the tables of the whole run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np
import polars as pl

from headstart.io.atomic import JsonValue, envelope, write_bytes, write_json
from headstart.tune.folder import CellFolder, RunFolder, disk_errors, parquet_bytes, stack
from headstart.tune.forecast import Key
from headstart.tune.outcomes import DIVERGED, UNTUNABLE
from headstart.tune.plan import Cell, Plan
from headstart.tune.selection import SCHEMA as SELECTION_SCHEMA
from headstart.tune.selection import Choice, choices, selection_document

_SCHEMA = pl.Schema(
    {
        "benchmark": pl.String(),
        "model": pl.String(),
        "step": pl.Int64(),
        "score": pl.Float64(),
        "stderr": pl.Float64(),
        "n_items": pl.Int64(),
        "seed": pl.String(),
        "cost_per_step": pl.Float64(),
        "outcome": pl.String(),
        "plan_hash": pl.String(),
    }
)

Row = Mapping[str, str | float | int | None]


def collect(
    folder: RunFolder, plan: Plan, *, plan_hash: str, cost_per_step: Mapping[tuple[str, str, str], float] | None = None
) -> None:
    """Write ``trajectories.parquet`` and ``items.parquet`` from every cell that has ended.

    The files are functions of the cells' files alone: the same cells give the same bytes. Where something is chosen on
    validation items, a row of the trajectories is what was chosen at its level, and ``selection.json`` says among what.

    Args:
        cost_per_step: Forecast cost of one step by names of model, task and recipe; the column is empty without it.
    """
    rows: list[Row] = []
    items: list[pl.DataFrame] = []
    for cell in plan.cells():
        files = folder.cell(cell, plan_hash=plan_hash)
        ended = files.read_outcome()
        if ended is None:
            continue
        cost = (cost_per_step or {}).get((cell.model.name, cell.task.name, cell.recipe.name))
        frames = {step: frame for step in cell.levels if (frame := files.read_level(step)) is not None}
        items += frames.values()
        if plan.selection is None:
            rows += _rows(plan, cell, frames, ended, cost, files)
    schema = _SCHEMA
    if plan.selection is not None:
        made = tuple(choices(folder, plan, plan_hash=plan_hash))
        rows += [_chosen(folder, one, plan_hash, cost_per_step or {}) for one in made]
        schema = pl.Schema({**_SCHEMA, "chosen_recipe": pl.String(), "chosen_step": pl.Int64()})
        with disk_errors(folder.selection_path):
            write_json(folder.selection_path, envelope(SELECTION_SCHEMA) | selection_document(made, plan))
    rows += [{**row, **{key: None for key in schema if key not in row}} for row in _untunable(plan, plan_hash)]
    with disk_errors(folder.path):
        write_bytes(folder.items_path, parquet_bytes(stack(items)))
        write_bytes(folder.trajectories_path, parquet_bytes(pl.DataFrame(rows, schema=schema)))


def seed_label(plan: Plan, cell: Cell) -> str:
    """What tells the replicates of one model apart: the seed, and the recipe where there are several."""
    return str(cell.seed) if len(plan.recipes) == 1 else f"{cell.recipe.name}:{cell.seed}"


def _rows(
    plan: Plan,
    cell: Cell,
    frames: Mapping[int, pl.DataFrame],
    ended: Mapping[str, JsonValue],
    cost: float | None,
    files: CellFolder,
) -> Iterator[Row]:
    outcome = cast("str", ended["outcome"])
    for step in cell.levels:
        frame = frames.get(step)
        if frame is None and outcome != DIVERGED:
            continue  # damaged after the cell ended: the run repeats it before it collects
        values = None if frame is None else frame[cell.task.metric].to_numpy()
        yield {
            "benchmark": cell.task.name,
            "model": cell.model.name,
            "step": step,
            "score": None if values is None else float(np.mean(values)),
            "stderr": None if values is None else _stderr(values),
            "n_items": None if values is None else len(values),
            "seed": seed_label(plan, cell),
            "cost_per_step": cost,
            "outcome": outcome,
            "plan_hash": files.plan_hash,
        }


def _chosen(folder: RunFolder, choice: Choice, plan_hash: str, cost_per_step: Mapping[Key, float]) -> Row:
    """The test score of what was chosen on validation items; a step costs one step of every run it is chosen among."""
    cell = choice.cell
    files = folder.cell(cell, plan_hash=plan_hash)
    frame = None if choice.chosen is None else files.read_level(choice.chosen.step)
    values = None if frame is None else frame[cell.task.metric].to_numpy()
    costs = [cost_per_step.get((one.model.name, one.task.name, one.recipe.name)) for one in choice.cells]
    known = [cost for cost in costs if cost is not None]
    return {
        "benchmark": cell.task.name,
        "model": cell.model.name,
        "step": choice.level,
        "score": None if values is None else float(np.mean(values)),
        "stderr": None if values is None else _stderr(values),
        "n_items": None if values is None else len(values),
        "seed": str(cell.seed),
        "cost_per_step": sum(known) if len(known) == len(costs) else None,
        "outcome": DIVERGED if choice.chosen is None else cast("str", (files.read_outcome() or {})["outcome"]),
        "plan_hash": plan_hash,
        "chosen_recipe": None if choice.chosen is None else choice.chosen.recipe,
        "chosen_step": None if choice.chosen is None else choice.chosen.step,
    }


def _stderr(values: np.ndarray) -> float | None:
    """Standard error of a mean over items; unknown where all agree, and then left to the reader of ``n_items``."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return spread / float(np.sqrt(len(values))) if spread > 0 else None


def _untunable(plan: Plan, plan_hash: str) -> Iterator[Row]:
    """Supplied scores of contestants that cannot be tuned, marked as such."""
    for model in plan.untunable:
        for supplied in model.scores:
            yield {
                "benchmark": supplied.task,
                "model": model.name,
                "step": 0,
                "score": supplied.score,
                "stderr": supplied.stderr,
                "n_items": supplied.n_items,
                "seed": None,
                "cost_per_step": None,
                "outcome": UNTUNABLE,
                "plan_hash": plan_hash,
            }
