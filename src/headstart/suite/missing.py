"""Suites with every cell there: what is left out for that is counted and named, and nothing is ever filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from headstart.errors import InputError
from headstart.suite.reading import SuiteCells
from headstart.suite.table import ScoreTable

MissingRule = Literal["drop-models", "drop-tasks", "refuse"]
"""Where a cell is missing: leave out its model, leave out its task, or refuse the suite."""

RULES: tuple[MissingRule, ...] = get_args(MissingRule)

NAMED = 8
"""Names that a message lists; of the others it tells the number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CompleteSuite:
    """A suite of which every cell is there.

    Args:
        direct: Scores of direct evaluation.
        tuned: Scores of the same models and tasks after tuning; None where the files have none.
        rule: What was done about missing cells.
        missing: Task, model and column of every missing cell.
        models_left_out: Models left out for that.
        tasks_left_out: Tasks left out for that.
    """

    direct: ScoreTable
    tuned: ScoreTable | None
    rule: MissingRule
    missing: tuple[tuple[str, str, str], ...]
    models_left_out: tuple[str, ...]
    tasks_left_out: tuple[str, ...]


def complete(cells: SuiteCells, rule: MissingRule = "drop-models") -> CompleteSuite:
    """Leave out what is incomplete, by a rule.

    Args:
        cells: As they were read.
        rule: ``drop-models`` keeps the models with every score (complete cases), ``drop-tasks`` the tasks on which
            every model has its scores, ``refuse`` nothing less than all.

    Raises:
        InputError: If fewer than two models or two tasks are left, or a score is missing under ``refuse``.
    """
    gaps = np.isnan(cells.scores)
    anywhere = np.logical_or.reduce(gaps, axis=0)
    missing = tuple((cells.tasks[k], cells.models[m], cells.labels[c]) for c, m, k in np.argwhere(gaps).tolist())
    if missing and rule == "refuse":
        raise InputError(
            f"{_counted(cells, len(missing))}; leave out models or tasks with --missing", file=cells.source
        )
    models = np.flatnonzero(~anywhere.any(axis=1) if rule == "drop-models" else np.ones(len(cells.models), dtype=bool))
    tasks = np.flatnonzero(~anywhere.any(axis=0) if rule == "drop-tasks" else np.ones(len(cells.tasks), dtype=bool))
    if len(cells.tasks) < 2:
        raise InputError(
            f"a suite needs at least 2 tasks, got {', '.join(cells.tasks)} (headstart audit is for one)",
            file=cells.source,
        )
    if len(cells.models) < 2:
        raise InputError(f"a suite needs at least 2 models, got {', '.join(cells.models)}", file=cells.source)
    if len(models) < 2 or len(tasks) < 2:
        raise _too_few(cells, len(missing), rule, len(models), len(tasks))
    tables = [_table(cells, c, models.tolist(), tasks.tolist()) for c in range(len(cells.labels))]
    kept_models, kept_tasks = set(models.tolist()), set(tasks.tolist())
    return CompleteSuite(
        direct=tables[0],
        tuned=tables[1] if len(tables) > 1 else None,
        rule=rule,
        missing=missing,
        models_left_out=tuple(name for m, name in enumerate(cells.models) if m not in kept_models),
        tasks_left_out=tuple(name for k, name in enumerate(cells.tasks) if k not in kept_tasks),
    )


def _table(cells: SuiteCells, column: int, models: list[int], tasks: list[int]) -> ScoreTable:
    chosen = np.ix_(models, tasks)
    errors = cells.stderr[column][chosen]
    return ScoreTable(
        models=tuple(cells.models[m] for m in models),
        tasks=tuple(cells.tasks[k] for k in tasks),
        scores=cells.scores[column][chosen],
        stderr=None if np.isnan(errors).all() else errors,
        ranges=tuple(cells.ranges[k] for k in tasks),
    )


def named(names: list[str] | tuple[str, ...]) -> str:
    """The names, the first few of many.

    >>> named([str(at) for at in range(10)])
    '0, 1, 2, 3, 4, 5, 6, 7 and 2 more'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _counted(cells: SuiteCells, missing: int) -> str:
    """How many cells are missing, and on which tasks."""
    gaps = np.isnan(cells.scores).any(axis=0).sum(axis=0)
    worst = [k for k in np.argsort(-gaps, kind="stable").tolist() if gaps[k]]
    lacking = [f"{cells.tasks[k]} ({int(gaps[k])} of {len(cells.models)} models)" for k in worst]
    return f"{missing:,} of {cells.scores.size:,} scores are missing: {named(lacking)}"


def _too_few(cells: SuiteCells, missing: int, rule: MissingRule, models: int, tasks: int) -> InputError:
    left = f"{models} models" if models < 2 else f"{tasks} tasks"
    other = "drop-tasks" if rule == "drop-models" else "drop-models"
    return InputError(
        f"a suite needs at least 2 models with scores on the same 2 tasks, got {left} after {rule}; "
        f"{_counted(cells, missing)}; another rule is --missing {other}, or name tasks with --tasks",
        file=cells.source,
    )
