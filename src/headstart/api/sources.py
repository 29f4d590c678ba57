"""Measurements as callers have them: a file, a data frame, or trajectories."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_trajectories


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
    name = Path(given).name if isinstance(given, str | os.PathLike) else ""
    read = read_trajectories(
        given, benchmark=benchmark, cost_per_step=cost_per_step, cost_unit=cost_unit, score_range=score_range
    )
    return name, read
