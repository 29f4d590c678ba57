"""Columns of a trajectory file: numbers read and checked, naming file, row and field of every mistake."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where in a file a measurement stands.

    Args:
        row: Line or row; None where the file has none.
        fields: What the file calls the fields, where it has other names.
    """

    row: int | None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"row {self.row}" if self.row is not None else self.fields.get("score", "the document")


Line = int | Place
"""A row's number, or all that is known of its place."""


def complaint(message: str, *, source: str | None, line: Line | None, field: str | None) -> InputError:
    """The error of one value, with its place as the file has it."""
    if isinstance(line, Place):
        own = None if field is None else line.fields.get(field, field)
        return InputError(message, file=source, row=line.row, field=own)
    return InputError(message, file=source, row=line, field=field)


def line_name(line: Line) -> str:
    """What a message calls the place: ``row 7``."""
    return str(line) if isinstance(line, Place) else f"row {line}"


def find_bad_rows(
    models: tuple[str, ...],
    model: IntArray,
    step: FloatArray,
    score: FloatArray,
    stderr: FloatArray,
    seed: Sequence[str | None],
    score_range: tuple[float, float],
    lines: Sequence[Line],
    unscored: BoolArray | None = None,
) -> list[tuple[int, str, str]]:
    """Position, field and complaint of every bad row, by position; nothing when all are sound.

    A row marked in ``unscored`` needs no score.
    """
    low, high = score_range
    outside = (score < low) | (score > high)
    widest = (high - low) / 2  # no variable within the range varies by more, and so no mean of it
    checks = (
        ("step", ~(np.isfinite(step) & (step >= 0)), step, "a number >= 0"),
        (
            "score",
            ~np.isfinite(score) if unscored is None else ~(np.isfinite(score) | unscored),
            score,
            "a finite number",
        ),
        ("score", outside & np.isfinite(score), score, f"within the score range [{low:g}, {high:g}]"),
        ("stderr", np.isinf(stderr) | (stderr < 0), stderr, "a number >= 0 or empty"),
        (
            "stderr",
            np.isfinite(stderr) & (stderr > widest),
            stderr,
            f"at most half of the width of the score range [{low:g}, {high:g}], which nothing within it can exceed",
        ),
    )
    found: list[tuple[int, str, str]] = []
    for name, bad, values, must in checks:
        for at in np.flatnonzero(bad).tolist():
            found.append((at, name, f"{name} must be {must}, got {_shown(float(values[at]))}"))
    seen: dict[tuple[int, float, str | None], int] = {}
    for at, key in enumerate(zip(model.tolist(), step.tolist(), seed, strict=True)):
        if key in seen:
            replicate = "no seed" if key[2] is None else f"seed {key[2]!r}"
            again = f"{models[key[0]]!r}, {key[1]:g}, {replicate} again (first in {line_name(lines[seen[key]])})"
            found.append((at, "step", f"(model, step, seed) must be unique, got {again}"))
        else:
            seen[key] = at
    return sorted(found, key=lambda place: place[0])


def _shown(value: float) -> str:
    return "nothing" if math.isnan(value) else f"{value:g}"


def read_numbers(
    column: Column | None, field: str, lines: Sequence[Line], source: str, problems: list[InputError]
) -> FloatArray:
    """The column as floats, nan where an entry is missing (None or an empty cell) or no number.

    What is no number is added to ``problems``.
    """
    if column is None:
        return np.full(len(lines), np.nan)
    out = np.full(len(lines), np.nan)
    for at, value in enumerate(column):
        try:
            out[at] = np.nan if value is None or value == "" else float(value)
        except (TypeError, ValueError):
            message = f"{field} must be a number, got {value!r}"
            problems.append(complaint(message, source=source, line=lines[at], field=field))
    return out


def read_costs(
    cost: Column | float | None,
    model: IntArray,
    models: tuple[str, ...],
    needed: BoolArray,
    lines: Sequence[Line],
    source: str,
    problems: list[InputError],
) -> FloatArray:
    """One cost per model from a number, a column, or nothing (then a step costs 1); nan where it is bad or unknown.

    Only the rows marked in ``needed`` must have one; a model without such a row may be left with nan. What is no cost,
    or not the same for all rows of a model, is added to ``problems``.
    """
    if cost is None or isinstance(cost, (int, float)):
        single = 1.0 if cost is None else float(cost)
        if not (math.isfinite(single) and single > 0):
            message = f"cost_per_step must be a positive number, got {_shown(single)}"
            problems.append(complaint(message, source=source, line=lines[0], field="cost_per_step"))
        return np.full(len(models), single)
    if len(cost) != len(lines):
        raise InputError(f"cost_per_step must be {len(lines)} values long, got {len(cost)}", file=source)
    given = read_numbers(cost, "cost_per_step", lines, source, problems)
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
        message = f"cost_per_step must be {must}, got {got}"
        problems.append(complaint(message, source=source, line=lines[at], field="cost_per_step"))
    return out
