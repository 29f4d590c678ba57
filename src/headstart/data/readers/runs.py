"""Tables with a row for each run, seed and step, and a column for each task and metric."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.data.columns import Place
from headstart.data.measurements import Measurement, Measurements
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import choose_metric, flip_note, inverted
from headstart.data.readers.tables import is_empty, own_name, table_of, turned_cell, turns_round
from headstart.errors import InputError

_RUN_NAMES = ("runname", "run_name", "run")
_STEPS = ("steps", "step")


def _run_columns(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Task and metric of every column ``task/metric``."""
    pairs = {name: name.strip().rpartition("/") for name in header}
    return {name: (task, metric) for name, (task, slash, metric) in pairs.items() if slash and task and metric}


def _recognises_runs(given: Given) -> str | None:
    header = given.header
    if own_name(header, _RUN_NAMES) is None or own_name(header, _STEPS) is None or not _run_columns(header):
        return None
    return "it has the columns runname, steps and <task>/<metric>"


def _read_runs(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    table = table_of(givens)
    own = {"model": own_name(table.columns, _RUN_NAMES), "step": own_name(table.columns, _STEPS)}
    own["seed"] = own_name(table.columns, ("seed",))
    metrics_of: dict[str, dict[str, str]] = {}
    for name, (task, metric) in _run_columns(table.columns).items():
        if not options.tasks or task in options.tasks:
            metrics_of.setdefault(task, {})[metric] = name
    if not metrics_of:
        raise InputError(f"holds none of the tasks {', '.join(options.tasks)}", file=table.source, row=table.header)
    chosen: dict[str, tuple[str, bool]] = {}
    for task, metrics in metrics_of.items():
        try:
            metric = choose_metric(tuple(metrics), options)
        except InputError as error:
            raise InputError(f"{task}: {error.message}", file=table.source, row=table.header) from None
        chosen[task] = metrics[metric], turns_round(metric, options, table, metrics[metric])
    rows: list[Measurement] = []
    for number, row in table.rows:
        shared = {field: row.get(name) for field, name in own.items() if name is not None}
        for task, (name, turn) in chosen.items():
            cell = row.get(name)
            cells = {**shared, "benchmark": inverted(task) if turn else task}
            cells["score"] = turned_cell(cell, options, table.text) if turn and not is_empty(cell) else cell
            fields = {**{field: name for field, name in own.items() if name is not None}, "score": name}
            rows.append(Measurement(place=Place(row=number, fields=fields), cells=cells))
    turned = [task for task, (_, turn) in chosen.items() if turn]
    return Measurements(
        source=table.source,
        text=table.text,
        rows=tuple(rows),
        notes=(flip_note(options, turned),) if turned else (),
        problems=table.problems,
    )


def _runs_example() -> Example:
    text = (
        "runname,seed,steps,mmlu/acc,gsm8k/exact_match\nalpha,1,0,0.41,0.1\nalpha,1,500,0.52,0.2\nbeta,1,0,0.44,0.1\n"
    )
    return Example(name="runs.csv", data=text.encode())


RUNS = Reader(
    title="table of runs",
    looks_for="the columns runname, steps and <task>/<metric>",
    recognises=_recognises_runs,
    read=_read_runs,
    example=_runs_example,
)
