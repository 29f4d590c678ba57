"""The table of the second Open LLM Leaderboard, as its page and its data set "contents" hold it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from headstart.data.columns import Place
from headstart.data.measurements import Measurement, Measurements
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import NO_STEPS
from headstart.data.readers.tables import table_of
from headstart.errors import InputError
from headstart.io.table import Cell, Table

TASKS = ("IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO")
_NAMES = ("fullname", "Model", "model", "eval_name")
_LINK = re.compile(r"<a\b[^>]*>(.*?)</a>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def _model_column(header: Sequence[str]) -> str | None:
    return next((name for name in _NAMES if name in header), None)


def _recognises(given: Given) -> str | None:
    header = given.header
    boards = [task for task in TASKS if task in header or f"{task} Raw" in header]
    has_average = any(name.startswith("Average") for name in header)
    if _model_column(header) is None or len(boards) < 2 or not (has_average or f"{boards[0]} Raw" in header):
        return None
    return f"it has the columns {boards[0]}, {boards[1]} and the average of the Open LLM Leaderboard"


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    table = table_of(givens)
    column = _model_column(table.columns) or ""
    raw = all(f"{task} Raw" in table.columns for task in TASKS if task in table.columns)
    columns = {task: f"{task} Raw" if raw else task for task in TASKS}
    columns = {task: name for task, name in columns.items() if name in table.columns}
    unknown = [task for task in options.tasks if task not in columns]
    if unknown:
        raise InputError(f"task must be one of {', '.join(columns)}, got {unknown[0]!r}", file=table.source)
    chosen = {task: name for task, name in columns.items() if not options.tasks or task in options.tasks}
    names = _models(table, column)
    step = 0.0 if options.step is None else options.step
    rows = [
        Measurement(
            place=Place(row=number, fields={"model": column, "score": name, "step": name, "benchmark": name}),
            cells={
                "benchmark": task,
                "model": names[at],
                "step": repr(step) if table.text else step,
                "score": _score(row.get(name), raw, table.text),
            },
        )
        for at, (number, row) in enumerate(table.rows)
        for task, name in chosen.items()
    ]
    notes = ["Scores are as measured, between 0 and 1." if raw else "Scores of the board, 0 to 100, divided by 100."]
    if options.step is None:
        notes.append(NO_STEPS)
    return Measurements(
        source=table.source, text=table.text, rows=tuple(rows), notes=tuple(notes), problems=table.problems
    )


def _models(table: Table, column: str) -> list[Cell]:
    """Names of the models; where one was evaluated several times, with what tells the evaluations apart."""
    plain = [_without_tags(row.get(column)) for _, row in table.rows]
    often = {name for name, count in Counter(plain).items() if count > 1}
    return [_apart(name, row) if name in often else name for name, (_, row) in zip(plain, table.rows, strict=True)]


def _apart(name: Cell, row: Mapping[str, Cell]) -> Cell:
    told = [str(row.get(key)) for key in ("Precision", "Model sha") if row.get(key) not in (None, "")]
    return f"{name} ({', '.join(told)})" if isinstance(name, str) and told else name


def _without_tags(cell: Cell) -> Cell:
    """The name inside the link that the page shows."""
    if not isinstance(cell, str):
        return cell
    link = _LINK.search(cell)
    return _TAG.sub("", link.group(1)).strip() if link else cell


def _score(cell: Cell, raw: bool, as_text: bool) -> Cell:
    if raw or cell is None:
        return cell
    try:
        share = float(str(cell)) / 100.0
    except ValueError:
        return cell  # the row complains
    return repr(share) if as_text else share


def _example() -> Example:
    text = (
        "fullname,Precision,Average ⬆️,IFEval Raw,IFEval,BBH Raw,BBH\n"
        "org/alpha,bfloat16,21.5,0.28,28.0,0.35,15.0\norg/beta,bfloat16,24.0,0.31,31.0,0.37,17.0\n"
    )
    return Example(name="contents.csv", data=text.encode())


LEADERBOARD_TABLE = Reader(
    title="Open LLM Leaderboard table",
    looks_for="the columns fullname (or Model), Average ⬆️ and two of IFEval, BBH, MATH Lvl 5, GPQA, MUSR, MMLU-PRO",
    recognises=_recognises,
    read=_read,
    example=_example,
)
