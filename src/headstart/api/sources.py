"""Measurements as callers have them: a file, a data frame, or trajectories."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_trajectories
from headstart.errors import InputError


@runtime_checkable
class Frame(Protocol):
    """What polars and pandas data frames have in common, as far as it is used here."""

    @property
    def columns(self) -> Iterable[Any]: ...

    def __getitem__(self, column: Any, /) -> Any: ...


def measurements_of(
    given: str | os.PathLike[str] | Frame | Trajectories,
    *,
    benchmark: str | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
    score_range: tuple[float, float] | None = None,
) -> tuple[str, Trajectories]:
    """The name of the source, empty for a value, and its trajectories.

    Raises:
        InputError: If the measurements or an option are bad, naming file, row and field.
    """
    if isinstance(given, Trajectories):
        return "", given
    options: dict[str, Any] = {
        "benchmark": benchmark,
        "cost_per_step": cost_per_step,
        "cost_unit": cost_unit,
        "score_range": score_range,
    }
    if isinstance(given, str | os.PathLike):
        return Path(given).name, read_trajectories(given, **options)
    if not isinstance(given, Frame) or isinstance(given, Mapping):
        raise InputError(f"measurements must be a file, a data frame or trajectories, got {type(given).__name__}")
    return "", read_trajectories(_table_of(given), **options)


def _table_of(frame: Frame) -> Any:
    """The frame as a polars frame; missing values of pandas become nulls."""
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    columns: dict[str, list[Any]] = {str(name): list(frame[name]) for name in frame.columns}
    known = {name: [None if value != value else value for value in values] for name, values in columns.items()}
    return pl.DataFrame(known, strict=False)
