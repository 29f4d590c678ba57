"""Tables of the layouts that headstart itself writes: long, wide, direct and tuned, nested documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from headstart.data.measurements import Measurement, Measurements
from headstart.data.metrics import less_is_better
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import FLIP_NOTHING, flip_note, inverted
from headstart.data.table_layouts import Layout, layout_of, measurements_of
from headstart.errors import InputError
from headstart.io.table import Cell


def read_layout(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    """The measurements of a table in any of the layouts.

    Raises:
        InputError: If it is no table, or columns are missing.
    """
    (given,) = givens
    if given.table is None:
        raise given.table_error or InputError("must be a table of results", file=given.source)
    columns = options.columns or None
    if not options.flip:
        return measurements_of(given.table, columns)
    return _turned(measurements_of(given.table, columns, less_may_be_better=True), options)


def _turned(found: Measurements, options: ReadOptions) -> Measurements:
    names: dict[str, None] = {}
    rows: list[Measurement] = []
    for one in found.rows:
        column, benchmark = one.place.fields.get("score", "score"), one.cells.get("benchmark")
        by_column = one.place.row is not None and less_is_better(column)
        by_benchmark = isinstance(benchmark, str) and less_is_better(benchmark, whole=False)
        if not (by_column or by_benchmark):
            rows.append(one)
            continue
        names[column if by_column else str(benchmark)] = None
        cells = {**one.cells, "score": _turned_cell(one.cells.get("score"), options, found.text)}
        if isinstance(benchmark, str):
            cells["benchmark"] = inverted(benchmark)
        rows.append(Measurement(place=one.place, cells=cells))
    if not names:
        raise InputError(FLIP_NOTHING, file=found.source)
    return replace(found, rows=tuple(rows), notes=(*found.notes, flip_note(options, names)))


def _turned_cell(cell: Cell, options: ReadOptions, as_text: bool) -> Cell:
    """A number turned round; what is no number is left for the row's own complaint."""
    try:
        if as_text and isinstance(cell, str) and cell.isascii() and "_" not in cell:
            return repr(options.turned(float(cell)))
        if not as_text and isinstance(cell, (int, float)) and not isinstance(cell, bool):
            return options.turned(float(cell))
    except (ValueError, OverflowError):
        pass
    return cell


def _recognises(layout: Layout, words: str) -> Callable[[Given], str | None]:
    def recognises(given: Given) -> str | None:
        return words if given.table is not None and layout_of(given.table, given.columns) == layout else None

    return recognises


def _example(name: str, data: str) -> Callable[[], Example]:
    return lambda: Example(name=name, data=data.encode())


LONG = Reader(
    title="long table",
    looks_for="the columns model, step and score",
    recognises=_recognises("long", "it has the columns model, step and score"),
    read=read_layout,
    example=_example(
        "long.csv", "benchmark,model,step,score,stderr\nm,a,0,0.4,0.01\nm,a,50,0.5,0.01\nm,b,0,0.3,0.01\n"
    ),
)
WIDE = Reader(
    title="wide table",
    looks_for="the column model and columns named after steps (0, step_50, score@50)",
    recognises=_recognises("wide", "it has the column model and columns named after steps"),
    read=read_layout,
    example=_example("wide.csv", "model,0,50,500\na,0.4,0.5,0.55\nb,0.3,0.35,0.5\n"),
)
TWO_COLUMNS = Reader(
    title="direct and tuned",
    looks_for="the columns model, direct and tuned; or score beside a column that says direct or tuned",
    recognises=_recognises("two columns", "it has a direct and a tuned score for each model"),
    read=read_layout,
    example=_example("two.csv", "model,direct,tuned,n_items\na,0.3,0.6,1000\nb,0.5,0.55,1000\nc,0.4,0.5,1000\n"),
)
NESTED = Reader(
    title="nested JSON",
    looks_for="JSON numbers under the keys benchmark, model and step, or direct and tuned, in any order",
    recognises=_recognises("nested", "its numbers are nested under models and steps, or direct and tuned"),
    read=read_layout,
    example=_example(
        "nested.json", json.dumps({"direct": {"m": {"a": 0.3, "b": 0.4}}, "tuned": {"m": {"a": 0.5, "b": 0.45}}})
    ),
)
