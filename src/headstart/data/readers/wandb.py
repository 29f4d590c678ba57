"""The CSV file of a chart of Weights & Biases: the step, and for each run its value, its smallest and its largest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.data.columns import Place
from headstart.data.measurements import FIELDS, Measurement, Measurements
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import choose_metric, flip_note, inverted
from headstart.data.readers.tables import is_empty, own_name, table_of, turned_cell, turns_round
from headstart.errors import InputError
from headstart.io.table import Cell

_STEPS = ("step", "_step", "global_step", "train/global_step", "trainer/global_step")


def _wandb_columns(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Run and metric of every column ``<run> - <metric>``."""
    found: dict[str, tuple[str, str]] = {}
    for name in header:
        run, dash, metric = name.rpartition(" - ")
        ends = ("__MIN", "__MAX")
        if dash and run.strip() and metric.strip() and not metric.endswith(ends) and metric.strip() != "_step":
            found[name] = (run.strip(), metric.strip())
    return found


def _step_column(header: Sequence[str], columns: Mapping[str, str]) -> str | None:
    """The column with the steps: the one that was named, as for charts over epochs, else one of the usual names."""
    named = columns.get("step")
    return own_name(header, _STEPS) if named is None else named if named in header else None


def _recognises_wandb(given: Given) -> str | None:
    header = given.header
    step = _step_column(header, given.columns)
    if step is None or not _wandb_columns(header):
        return None
    return f"it has a column {step} and columns called <run> - <metric>"


def _read_wandb(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    table = table_of(givens)
    step, columns = _step_column(table.columns, options.columns), _wandb_columns(table.columns)
    metrics = tuple(dict.fromkeys(metric for _, metric in columns.values()))
    try:
        metric = choose_metric(metrics, options)
    except InputError as error:
        raise error.located(file=table.source, row=table.header) from None
    chosen = {name: run for name, (run, of) in columns.items() if of == metric}
    turn = turns_round(metric, options, table, next(iter(chosen)))
    rows: list[Measurement] = []
    empty = 0
    for number, row in table.rows:
        for name, run in chosen.items():
            cell = row.get(name)
            if is_empty(cell):
                empty += 1
                continue
            cells: dict[str, Cell] = {
                "benchmark": inverted(metric) if turn else metric,
                "model": run,
                "step": row.get(step or ""),
                "score": turned_cell(cell, options, table.text) if turn else cell,
            }
            fields = {**dict.fromkeys(FIELDS, name), "step": step or ""}
            rows.append(Measurement(place=Place(row=number, fields=fields), cells=cells))
    notes = [flip_note(options, [metric])] if turn else []
    if empty:
        several = f"{empty} cells are empty: these runs logged nothing at these steps."
        notes.append("1 cell is empty: its run logged nothing at that step." if empty == 1 else several)
    if not rows and not table.problems:
        raise InputError(f"holds no score of {metric}", file=table.source)
    return Measurements(
        source=table.source, text=table.text, rows=tuple(rows), notes=tuple(notes), problems=table.problems
    )


def _wandb_example() -> Example:
    text = (
        '"Step","alpha - eval/accuracy","alpha - eval/accuracy__MIN","alpha - eval/accuracy__MAX",'
        '"beta - eval/accuracy","beta - eval/accuracy__MIN","beta - eval/accuracy__MAX"\n'
        '"0","0.41","0.41","0.41","0.44","0.44","0.44"\n"500","0.52","0.52","0.52","0.47","0.47","0.47"\n'
    )
    return Example(name="wandb_export.csv", data=text.encode())


WANDB = Reader(
    title="Weights & Biases export",
    looks_for="a column Step and columns called <run> - <metric>",
    recognises=_recognises_wandb,
    read=_read_wandb,
    example=_wandb_example,
)
