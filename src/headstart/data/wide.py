"""Columns of a wide table that are named after steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_STEP = re.compile(
    r"(?P<before>(?:score|stderr|step|steps)?)[ _@]*"
    r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)[ _]*(?P<after>(?:stderr|steps?)?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class StepColumn:
    """What one column holds.

    Args:
        field: Scores, or their standard errors.
        step: Of which step.
    """

    field: Literal["score", "stderr"]
    step: float


def step_columns(names: Sequence[str]) -> dict[str, StepColumn]:
    """The columns whose names are steps: ``500``, ``step_500``, ``score@500``; ``500_stderr`` or ``stderr_500``.

    >>> step_columns(["model", "0", "step 500", "500_stderr"])["500_stderr"]
    StepColumn(field='stderr', step=500.0)
    """
    found: dict[str, StepColumn] = {}
    for name in names:
        match = _STEP.fullmatch(name.strip())
        if match is not None:
            error = "stderr" in (match["before"].lower(), match["after"].lower())
            found[name] = StepColumn(field="stderr" if error else "score", step=float(match["number"]))
    return found if any(column.field == "score" for column in found.values()) else {}
