"""Columns of a trajectory file: numbers read and checked, naming file, row and field of the first mistake."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.errors import InputError

Column = Sequence[Any]


def binomial_stderr(score: FloatArray, n_items: FloatArray) -> FloatArray:
    """Standard error of a share of ``n_items`` right answers; ``score`` lies in [0, 1].

    One success and one failure are added before the variance is taken, so that a model with no right (or no wrong)
    answer keeps a positive standard error (Agresti and Coull 1998 with half their correction).
    """
    share = (score * n_items + 1.0) / (n_items + 2.0)
    return np.sqrt(share * (1.0 - share) / n_items)


def find_bad_row(
    models: tuple[str, ...],
    model: IntArray,
    step: FloatArray,
    score: FloatArray,
    stderr: FloatArray,
    seed: Sequence[str | None],
    score_range: tuple[float, float],
    lines: Sequence[int],
    unscored: BoolArray | None = None,
) -> tuple[int, str, str] | None:
    """Position, field and complaint of the first bad row; None when all are sound.

    A row marked in ``unscored`` needs no score.
    """
    low, high = score_range
    outside = (score < low) | (score > high)
    checks = (
        ("step", ~(np.isfinite(step) & (step >= 0)), step, "a number >= 0"),
        (
            "score",
            ~np.isfinite(score) if unscored is None else ~(np.isfinite(score) | unscored),
            score,
            "a finite number",
        ),
        ("score", outside, score, f"within the score range [{low:g}, {high:g}]"),
        ("stderr", np.isinf(stderr) | (stderr < 0), stderr, "a number >= 0 or empty"),
    )
    found: list[tuple[int, str, str]] = []
    for field, bad, values, must in checks:
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            found.append((at, field, f"{field} must be {must}, got {_shown(float(values[at]))}"))
    seen: dict[tuple[int, float, str | None], int] = {}
    for at, key in enumerate(zip(model.tolist(), step.tolist(), seed, strict=True)):
        if key in seen:
            replicate = "no seed" if key[2] is None else f"seed {key[2]!r}"
            again = f"{models[key[0]]!r}, {key[1]:g}, {replicate} again (first in row {lines[seen[key]]})"
            found.append((at, "step", f"(model, step, seed) must be unique, got {again}"))
            break
        seen[key] = at
    return min(found, key=lambda place: place[0], default=None)


def _shown(value: float) -> str:
    return "nothing" if math.isnan(value) else f"{value:g}"


def read_numbers(column: Column | None, field: str, lines: Sequence[int], source: str) -> FloatArray:
    """The column as floats, nan where an entry is missing (None or an empty cell)."""
    if column is None:
        return np.full(len(lines), np.nan)
    out = np.empty(len(lines))
    for at, value in enumerate(column):
        try:
            out[at] = np.nan if value is None or value == "" else float(value)
        except (TypeError, ValueError):
            message = f"{field} must be a number, got {value!r}"
            raise InputError(message, file=source, row=lines[at], field=field) from None
    return out


def read_costs(
    cost: Column | float | None,
    model: IntArray,
    models: tuple[str, ...],
    needed: BoolArray,
    lines: Sequence[int],
    source: str,
) -> FloatArray:
    """One cost per model from a number, a column, or nothing (then a step costs 1).

    Only the rows marked in ``needed`` must have one; a model without such a row may be left with nan.
    """
    if cost is None or isinstance(cost, (int, float)):
        given = np.full(len(lines), 1.0 if cost is None else float(cost))
    else:
        if len(cost) != len(lines):
            raise InputError(f"cost_per_step must be {len(lines)} values long, got {len(cost)}", file=source)
        given = read_numbers(cost, "cost_per_step", lines, source)
    out = np.full(len(models), np.nan)
    for at, (owner, value) in enumerate(zip(model.tolist(), given.tolist(), strict=True)):
        if math.isnan(value) and not needed[at]:
            continue
        if not (math.isfinite(value) and value > 0):
            must, got = "a positive number", _shown(value)
        elif not np.isnan(out[owner]) and out[owner] != value:
            must, got = f"the same for all rows of {models[owner]!r}", f"{out[owner]:g} and {value:g}"
        else:
            out[owner] = value
            continue
        raise InputError(f"cost_per_step must be {must}, got {got}", file=source, row=lines[at], field="cost_per_step")
    return out
