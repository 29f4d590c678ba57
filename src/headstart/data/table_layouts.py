"""Tables of any layout as measurements in long form: one row for each score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from headstart.data.columns import Place, complaint
from headstart.data.measurements import FIELDS, OPTIONAL, REQUIRED, Measurement, Measurements
from headstart.data.metrics import check_more_is_better
from headstart.data.nested import nested_measurements
from headstart.data.protocol_words import level_column_of, level_of
from headstart.data.wide import StepColumn, step_columns
from headstart.errors import InputError, together
from headstart.io.table import Cell, Table
from headstart.io.text import suggestion

ALIASES = {"task": "benchmark", "protocol": "level"}
"""Other names that are understood where the file has no column of the usual name."""

LIKELY = {
    "model": ("name", "model_name", "model_id", "models", "contestant"),
    "step": ("steps", "checkpoint", "iteration", "iterations", "train_step", "global_step"),
    "score": ("acc", "accuracy", "value", "result", "metric_value", "acc_norm", "exact_match", "f1"),
}
"""What columns that are missing are often called: named in the message, never taken for granted."""


Layout = Literal["long", "wide", "two columns", "nested"]
"""How a table holds its scores; see ``measurements_of``."""


@dataclass(kw_only=True)
class _Named:
    """A table whose columns were recognised: the file's own name of each field."""

    table: Table
    own: dict[str, str]
    notes: list[str] = field(default_factory=list[str])

    def has(self, *fields: str) -> bool:
        return all(name in self.own for name in fields)

    def cells(self, row: Mapping[str, Cell], fields: Sequence[str]) -> dict[str, Cell]:
        return {name: row.get(self.own[name]) for name in fields if name in self.own}

    def fields(self, **more: str) -> dict[str, str]:
        return {**self.own, **more}


def layout_of(table: Table, columns: Mapping[str, str] | None = None) -> Layout | None:
    """Which layout ``measurements_of`` finds in a table; None where columns that are needed are missing."""
    try:
        if table.nested:
            nested_measurements(table)
            return "nested"
        named = _recognise(table, columns or {})
    except InputError:
        return None
    if not named.has("model"):
        return None
    if not named.has("score") and _two_columns(table):
        return "two columns"
    if not named.has("step") and not named.has("score"):
        return "wide" if step_columns(table.columns) else None
    if not named.has("score"):
        return None
    if _level_field(named) is not None:
        return "two columns"
    return "long" if named.has("step") else None


def _two_columns(table: Table) -> dict[str, StepColumn]:
    """The columns of a wide table that are called direct and tuned; none unless it has both."""
    wide = {name: column for name in table.columns if (column := level_column_of(name)) is not None}
    if not {("score", 0), ("score", 1)} <= set(wide.values()):
        return {}
    return {name: StepColumn(field=kind, step=float(at)) for name, (kind, at) in wide.items()}


def measurements_of(
    table: Table, columns: Mapping[str, str] | None = None, *, less_may_be_better: bool = False
) -> Measurements:
    """Recognise the layout of a table and list its scores.

    Long: a row for each score, with the columns ``model``, ``step`` (or ``level``) and ``score``. Wide: a row for each
    model, with a column for each step, or with the columns ``direct`` and ``tuned``. Nested: see ``data.nested``.

    Args:
        table: As it stands in the file.
        columns: The file's own name of a field, such as ``{"score": "acc"}``.
        less_may_be_better: Take a score column whose name says that less of it is better.

    Raises:
        InputError: If a column that is needed is missing or named twice, with every such problem.
    """
    if table.nested:
        if columns:
            raise InputError("columns can only be named in a table, got a nested document", file=table.source)
        return nested_measurements(table)
    named = _recognise(table, columns or {})
    score = named.own.get("score")
    if score is not None and not less_may_be_better:
        check_more_is_better(score, "the score", source=table.source, line=table.header, field=score)
    direct_and_tuned = _two_columns(table)
    if not named.has("score") and direct_and_tuned:
        return _wide(named, direct_and_tuned, True)
    steps = step_columns(table.columns)
    if not named.has("step") and not named.has("score") and steps:
        return _wide(named, steps, False)
    words = _level_field(named)
    if words is not None:
        _check_required(named, ("model", "score"))
        return _long(named, words)
    _check_required(named, REQUIRED)
    return _long(named, None)


def _recognise(table: Table, columns: Mapping[str, str]) -> _Named:
    """Which column is which field: those named, then those of the usual names in any case, then their aliases."""
    problems: list[InputError] = []

    def problem(message: str) -> None:
        problems.append(InputError(message, file=table.source, row=table.header))

    own: dict[str, str] = {}
    for name, column in columns.items():
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            problem(f'columns must name known fields ({known}), got "{name}"{suggestion(name, FIELDS)}')
        elif column not in table.columns:
            listed = ", ".join(table.columns)
            problem(
                f'{name} must be a column of the file ({listed}), got "{column}"{suggestion(column, table.columns)}'
            )
        else:
            own[name] = column
    free = [column for column in table.columns if column not in own.values()]
    by_name: dict[str, list[str]] = {}
    for column in free:
        by_name.setdefault(column.strip().lower(), []).append(column)
    for word, name in (*((name, name) for name in FIELDS), *ALIASES.items()):
        if name not in own and word in by_name and name not in columns:
            own[name] = by_name[word][0]
    for name, column in own.items():
        rivals = [other for other in table.columns if other == column or (other in free and _same(other, column))]
        if len(rivals) > 1:
            problem(f'the column "{name}" appears {len(rivals)} times')
    if problems:
        raise together(problems)
    return _Named(table=table, own=own)


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()


def _level_field(named: _Named) -> str | None:
    """The field that says direct or tuned: ``level``, or ``step`` where it holds such words."""
    if named.has("level") and not named.has("step"):
        return "level"
    if named.has("step"):
        column = named.own["step"]
        words = [cell for _, row in named.table.rows if isinstance(cell := row.get(column), str)]
        if words and all(level_of(word) is not None for word in words):
            return "step"
    return None


def _check_required(named: _Named, needed: Sequence[str]) -> None:
    """Raise unless the columns needed are there, with what the file may call those that are not."""
    table = named.table
    missing = [name for name in needed if name not in named.own]
    if not missing:
        return
    hints: list[str] = []
    free = [column for column in table.columns if column not in named.own.values()]
    for name in missing:
        likely = next((c for word in LIKELY[name] for c in free if c.strip().lower() == word), None)
        if likely is None:
            near = suggestion(name, free)
            likely = near.split('"')[1] if near else None
        if likely is not None:
            hints.append(f"{name}={likely}")
    raise InputError(
        f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; got {', '.join(table.columns)}"
        + (f"; did you mean columns {','.join(hints)}?" if hints else "")
        + (
            "; headstart suite ranks over benchmarks without steps"
            if missing == ["step"] and named.has("benchmark")
            else ""
        ),
        file=table.source,
        row=table.header,
    )


def _long(named: _Named, words: str | None) -> Measurements:
    """One row is one score; ``words`` is the field that says direct or tuned."""
    table = named.table
    fields = named.fields(**({} if words is None else {"step": named.own[words]}))
    taken = [name for name in FIELDS if name in named.own and name != "level"]
    rows: list[Measurement] = []
    problems = list(table.problems)
    for number, row in table.rows:
        place = Place(row=number, fields=fields)
        cells = named.cells(row, taken)
        if words is not None:
            said = row.get(named.own[words])
            level = level_of(said)
            if level is None:
                must = f"{words} must be direct or tuned, got {'nothing' if said is None else repr(said)}"
                problems.append(complaint(must, source=table.source, line=place, field=words))
                continue
            cells["step"] = str(level) if table.text else level
        rows.append(Measurement(place=place, cells=cells))
    used = {named.own[name] for name in ([*taken, words] if words else taken)}
    return Measurements(
        source=table.source,
        text=table.text,
        rows=tuple(rows),
        two_columns=words is not None,
        notes=(*named.notes, *_ignored(table, used)),
        problems=tuple(problems),
    )


def _wide(named: _Named, columns: Mapping[str, StepColumn], two_columns: bool) -> Measurements:
    """One row is one model (of one benchmark); a cell without a score is no measurement."""
    table = named.table
    _check_required(named, ("model",))
    if two_columns and named.has("step"):
        named.own.pop("step")
    common = [name for name in ("model", *OPTIONAL) if name in named.own and name != "stderr"]
    errors = {column.step: name for name, column in columns.items() if column.field == "stderr"}
    scores = {name: column.step for name, column in columns.items() if column.field == "score"}
    rows: list[Measurement] = []
    for number, row in table.rows:
        shared = named.cells(row, common)
        for name, step in scores.items():
            fields = named.fields(score=name, step=name, stderr=errors.get(step, "stderr"))
            cells = {**shared, "step": f"{step!r}" if table.text else step, "score": row.get(name)}
            if step in errors:
                cells["stderr"] = row.get(errors[step])
            rows.append(Measurement(place=Place(row=number, fields=fields), cells=cells))
    used = {*(named.own[name] for name in common), *columns}
    return Measurements(
        source=table.source,
        text=table.text,
        rows=tuple(rows),
        two_columns=two_columns,
        notes=(*named.notes, *_ignored(table, used)),
        problems=table.problems,
    )


# Columns of headstart's own that are for readers: of which run and step a chosen checkpoint is.
_INFORMATION = ("chosen_recipe", "chosen_step")


def _ignored(table: Table, used: set[str]) -> list[str]:
    """A sentence that names the columns nothing was read from."""
    left = [name for name in dict.fromkeys(table.columns) if name and name not in used and name not in _INFORMATION]
    if not left:
        return []
    named = ", ".join(f'"{name}"{_meant(name)}' for name in left[:20])
    more = f" and {len(left) - 20} more" if len(left) > 20 else ""
    return [f"Ignored column{'s' if len(left) > 1 else ''}: {named}{more}."]


def _meant(name: str) -> str:
    """``(did you mean "stderr"?)`` for a column that is nearly an optional one."""
    near = suggestion(name, OPTIONAL).removeprefix("; ")
    return f" ({near})" if near else ""
