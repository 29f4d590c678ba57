"""Prices of a suite as JSON data: the key ``prices`` of a suite's document."""

from __future__ import annotations

import math
from typing import Any, cast

from headstart.contest.arrays import FloatArray
from headstart.io.encode import encode_fields
from headstart.suite.price.pricing import SuitePricing
from headstart.suite.price.scale import TasksOrTuning

UNBOUNDED = "first place is out of reach in some set of tasks"


def prices_document(found: SuitePricing) -> dict[str, Any]:
    """Everything found, as JSON data; a number that does not exist is null beside a reason."""
    document = cast("dict[str, Any]", encode_fields(found))
    scale = found.tasks_or_tuning
    return document | {
        "left_out": [{"model": name, "reason": reason} for name, reason in found.left_out],
        "tasks_or_tuning": None if scale is None else _scale(scale),
        "tasks_or_tuning_reason": "it takes two tasks" if scale is None else None,
    }


def _scale(found: TasksOrTuning) -> dict[str, Any]:
    """One entry for each size and level; ``cheapest`` and ``middle`` over the sets of tasks."""
    cells: list[dict[str, Any]] = []
    tables = {"cheapest": found.summary(found.cheapest), "middle": found.summary(found.middle)}
    for s, size in enumerate(found.sizes.tolist()):
        for d, level in enumerate(found.levels.tolist()):
            cell: dict[str, Any] = {"tasks": size, "level": level}
            for name, table in tables.items():
                cell[name] = {key: _number(values, s, d) for key, values in table.items()}
                cell[f"{name}_reason"] = None
                cell[name] |= {
                    f"{key}_reason": (UNBOUNDED if key != "sd" else "one set of tasks, or some price out of reach")
                    if cell[name][key] is None
                    else None
                    for key in table
                }
            cells.append(cell)
    return {"rule": found.rule, "cost_unit": found.cost_unit, "seed": found.seed, "cells": cells}


def _number(values: FloatArray, s: int, d: int) -> float | None:
    value = float(values[s, d])
    return value if math.isfinite(value) else None
