"""Tables with a row for each score, which they call primary_score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.data.columns import Place
from headstart.data.measurements import Measurement, Measurements
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.tables import own_name, table_of
from headstart.errors import InputError
from headstart.io.table import Cell


def _recognises_primary(given: Given) -> str | None:
    header = {name.strip().lower() for name in given.header}
    if not {"model", "task", "step", "primary_score"} <= header or "score" in header:
        return None
    return "it has the columns model, task, step and primary_score"


def _read_primary(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    table = table_of(givens)
    own: dict[str, str | None] = {
        "model": own_name(table.columns, ("model",)),
        "benchmark": own_name(table.columns, ("task",)),
        "step": own_name(table.columns, ("step",)),
        "score": own_name(table.columns, ("primary_score",)),
        "seed": own_name(table.columns, ("seed",)),
        "stderr": own_name(table.columns, ("stderr", "primary_score_stderr")),
        "n_items": own_name(table.columns, ("n_items", "num_instances")),
    }
    fields = {field: name for field, name in own.items() if name is not None}
    rows = [
        Measurement(place=Place(row=number, fields=fields), cells=_cells(row, fields))
        for number, row in table.rows
        if not options.tasks or row.get(fields["benchmark"]) in options.tasks
    ]
    if not rows and not table.problems:
        raise InputError(f"holds none of the tasks {', '.join(options.tasks)}", file=table.source)
    return Measurements(source=table.source, text=table.text, rows=tuple(rows), problems=table.problems)


def _cells(row: Mapping[str, Cell], fields: Mapping[str, str]) -> dict[str, Cell]:
    return {field: row.get(name) for field, name in fields.items()}


def _primary_example() -> Example:
    text = (
        "model,task,step,seed,primary_score\nalpha,mmlu,0,6198,0.41\nalpha,mmlu,500,6198,0.52\nbeta,mmlu,0,6198,0.44\n"
    )
    return Example(name="scores.csv", data=text.encode())


PRIMARY_SCORE = Reader(
    title="table of primary scores",
    looks_for="the columns model, task, step and primary_score",
    recognises=_recognises_primary,
    read=_read_primary,
    example=_primary_example,
)
