"""Measurements as checked rows, with every complaint about a single row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from headstart.data.columns import Place, complaint, line_name
from headstart.data.measurements import Measurement, Measurements
from headstart.data.outcomes import OutcomeName, as_outcome
from headstart.data.rows import TrajectoryRow
from headstart.errors import InputError
from headstart.io.table import Cell
from headstart.io.text import check_name

T = TypeVar("T")
Reader = Callable[[Cell, str, bool], T]
"""Reads a cell of a field, of a text table or not; raises InputError."""

Names = dict[tuple[str, str], dict[str, Place]]
"""Field and name without its case and blanks; how it is written, and where first."""

MISSING = frozenset(("", "n/a", "na", "-", "–", "—"))
"""How a cell says, in any case, that there is no number."""

NAMED = 10
"""Missing scores that a note names; of the others it tells the number."""


@dataclass(frozen=True, kw_only=True)
class ParsedRows:
    """The rows of a file.

    Args:
        source: What to call the file in messages.
        rows: All with a score, and those of runs that diverged before it.
        places: Where each stands.
        unscored: Benchmark, model and step of the rows without a score, which are not among ``rows``.
        two_columns: Whether step 0 stands for direct evaluation and step 1 for any tuning.
        notes: What was left out or taken for granted, a sentence each.
        problems: All complaints about single rows.
    """

    source: str
    rows: tuple[TrajectoryRow, ...]
    places: tuple[Place, ...]
    unscored: tuple[tuple[str | None, str, float], ...]
    two_columns: bool
    notes: tuple[str, ...]
    problems: tuple[InputError, ...]


def parse_rows(given: Measurements) -> ParsedRows:
    """Read every measurement; complaints are collected, not raised.

    A row without a score and without an outcome is no measurement and is named in a note.
    """
    rows: list[TrajectoryRow] = []
    places: list[Place] = []
    unscored: list[tuple[str | None, str, float]] = []
    problems = list(given.problems)
    names: Names = {}
    for one in given.rows:
        row = _row(one, text=given.text, source=given.source, problems=problems)
        if row is None:
            continue
        problems += _lookalikes(one, names, given.source)
        if isinstance(row, TrajectoryRow):
            rows.append(row)
            places.append(one.place)
        else:
            unscored.append(row)
    if given.rows and not rows and not problems:
        field = given.rows[0].place.fields.get("score", "score")
        where = None if given.rows[0].place.row is None else field
        problems.append(InputError(f"all {len(unscored)} scores are missing", file=given.source, field=where))
    notes = given.notes if given.two_columns else (*given.notes, *_missing_note(unscored))
    return ParsedRows(
        source=given.source,
        rows=tuple(rows),
        places=tuple(places),
        unscored=tuple(unscored),
        two_columns=given.two_columns,
        notes=notes,
        problems=tuple(problems),
    )


def is_missing(cell: Cell) -> bool:
    """Whether a cell says that there is nothing: empty, ``N/A``, ``NA`` or a dash."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING)


def _row(
    one: Measurement, *, text: bool, source: str, problems: list[InputError]
) -> TrajectoryRow | tuple[str | None, str, float] | None:
    """The row; benchmark, model and step where it has no score; None where it is bad."""
    cells, before = one.cells, len(problems)

    def read(parse: Reader[T], field: str, empty: T) -> T:
        try:
            return parse(cells.get(field), field, text)
        except InputError as error:
            problems.append(complaint(error.message, source=source, line=one.place, field=error.field or field))
            return empty

    benchmark = read(_name, "benchmark", None)
    model = read(_name, "model", None)
    if model is None and len(problems) == before:
        problems.append(complaint("model must not be empty", source=source, line=one.place, field="model"))
    step = read(_needed, "step", 0.0)
    outcome: OutcomeName | None = read(_outcome, "outcome", None)
    score = read(_number, "score", None)
    values = {name: read(_number, name, None) for name in ("stderr", "cost_per_step")}
    n_items, seed, plan_hash = read(_whole, "n_items", None), read(_seed, "seed", None), read(_label, "plan_hash", None)
    if len(problems) > before or model is None:
        return None
    if score is None and outcome is None:
        return benchmark, model, step
    try:
        return TrajectoryRow(
            benchmark=benchmark,
            model=model,
            step=step,
            score=score,
            stderr=values["stderr"],
            n_items=n_items,
            seed=seed,
            cost_per_step=values["cost_per_step"],
            outcome=outcome,
            plan_hash=plan_hash,
        )
    except InputError as error:
        problems.extend(
            complaint(single.message, source=source, line=one.place, field=single.field) for single in error.problems
        )
        return None


def _lookalikes(one: Measurement, seen: Names, source: str) -> list[InputError]:
    """A complaint where a model or benchmark is written in another way than before, by case or blanks only."""
    found: list[InputError] = []
    for field in ("model", "benchmark"):
        name = one.cells.get(field)
        if not isinstance(name, str):
            continue
        spellings = seen.setdefault((field, " ".join(name.split()).casefold()), {})
        if spellings and name not in spellings:  # each is told once
            first, place = next(iter(spellings.items()))
            message = (
                f"{field} must be written in one way, got {name!r} here and {first!r} in {line_name(place)}, which "
                "differ only by case or blanks"
            )
            found.append(complaint(message, source=source, line=one.place, field=field))
        spellings.setdefault(name, one.place)
    return found


def _missing_note(unscored: Sequence[tuple[str | None, str, float]]) -> list[str]:
    if not unscored:
        return []
    shown = [f"{'' if b is None else f'{b}, '}{model} at {step:,.6g}" for b, model, step in unscored[:NAMED]]
    more = f" and {len(unscored) - NAMED} more" if len(unscored) > NAMED else ""
    rows = "1 score is missing and is" if len(unscored) == 1 else f"{len(unscored)} scores are missing and are"
    return [f"{rows} no measurement: {'; '.join(shown)}{more}."]


def _name(cell: Cell, field: str, text: bool) -> str | None:
    if text and isinstance(cell, str):
        cell = cell.strip() or None
    return None if cell is None else check_name(cell, field)


def _label(cell: Cell, field: str, text: bool) -> str | None:
    return None if cell == "" else _name(cell, field, text)


def _seed(cell: Cell, field: str, text: bool) -> str | None:
    """A seed is a label: 1, 1.0 (how some tools write a column with gaps) and "1" are the same one."""
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return _label(cell, field, text)
    return str(int(cell)) if float(cell).is_integer() else repr(cell)


def _outcome(cell: Cell, _field: str, _text: bool) -> OutcomeName | None:
    return as_outcome(cell.strip() if isinstance(cell, str) else cell)


def _number(cell: Cell, field: str, text: bool) -> float | None:
    return None if is_missing(cell) else _needed(cell, field, text)


def _needed(cell: Cell, field: str, text: bool) -> float:
    # float() also takes "1_000" and digits of other scripts, which no other reader of the file would
    if text and isinstance(cell, str) and cell.isascii() and "_" not in cell:
        try:
            return float(cell)
        except ValueError:
            pass
    elif not text and isinstance(cell, (int, float)) and not isinstance(cell, bool):
        try:
            return float(cell)
        except OverflowError:
            pass
    shown = "nothing" if cell is None else repr(cell.strip() if text and isinstance(cell, str) else cell)
    raise InputError(f"{field} must be a number, got {shown[:60]}", field=field)


def _whole(cell: Cell, field: str, text: bool) -> int | None:
    value = _number(cell, field, text)
    if value is None:
        return None
    if not (math.isfinite(value) and value.is_integer()):
        raise InputError(f"{field} must be a positive whole number, got {value!r}", field=field)
    return int(value)
