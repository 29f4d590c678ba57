"""Scores as they stand in a file, whatever its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headstart.data.columns import Place
from headstart.errors import InputError
from headstart.io.table import Cell

REQUIRED = ("model", "step", "score")
OPTIONAL = ("benchmark", "stderr", "n_items", "seed", "cost_per_step", "outcome", "plan_hash")
FIELDS = (*REQUIRED, "level", *OPTIONAL)
"""What a column may be; ``level`` says whether a score is of direct evaluation or after tuning."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One score as it stands in a file.

    Args:
        place: Where.
        cells: By field; ``step`` is 0 for direct evaluation and 1 after tuning where the file says no steps.
    """

    place: Place
    cells: Mapping[str, Cell]


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Every score of a file.

    Args:
        source: What to call the file in messages.
        text: Whether cells are text, so that numbers are still to be read from them.
        rows: The scores.
        two_columns: Whether the file says ``direct`` and ``tuned`` and no steps.
        notes: What was left out or taken for granted, a sentence each.
        problems: Rows that could not be read.
    """

    source: str
    text: bool
    rows: tuple[Measurement, ...]
    two_columns: bool = False
    notes: tuple[str, ...] = ()
    problems: tuple[InputError, ...] = ()
