"""Tables with a row for each model and item, of which only the rows that are asked for are checked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from headstart.contest.arrays import FloatArray
from headstart.errors import InputError
from headstart.io.json_tables import JSON_LINES
from headstart.io.text import read_bytes, suggestion

if TYPE_CHECKING:
    import polars as pl

FIELDS: dict[str, tuple[str, ...]] = {
    "model": ("name", "system"),
    "item": ("item_id", "question", "question_id", "doc_id", "sample", "id"),
    "score": ("correct", "acc", "acc_norm", "exact_match", "accuracy"),
    "cluster": ("group", "passage"),
    "benchmark": ("task", "dataset"),
    "step": (),
}
"""What a column may be, and other names under which it is understood."""

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
"""Ends of the names of files that hold such tables."""

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_WORDS = {"": None, "true": "1", "false": "0"}
"""Words that stand for numbers, or for none."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where the rows stand, for messages.

    Args:
        path: Of the file.
        data: Its bytes.
        own: Its own name of every field that it has.
    """

    path: str
    data: bytes = field(repr=False)
    own: Mapping[str, str]

    def refuse(self, message: str, name: str, record: int) -> NoReturn:
        """Raise a complaint about one cell; records are counted from 0 below the header."""
        raise InputError(message, file=self.path, row=self._line(record), field=self.own[name])

    def _line(self, record: int) -> int | None:
        """Line of the file in which a record ends; in Parquet the row from 1."""
        suffix = Path(self.path).suffix.lower()
        if suffix == ".parquet":
            return record + 1
        lines = self.data.decode("utf-8-sig", errors="replace")
        if suffix not in _SEPARATORS:
            full = [at for at, line in enumerate(lines.split("\n"), 1) if line.strip()]
            return full[record]
        reader = csv.reader(io.StringIO(lines, newline=""), delimiter=_SEPARATORS[suffix])
        try:
            next(cells for cells in reader if cells)
            for at, _ in enumerate(reader):
                if at == record:
                    return reader.line_num
        except csv.Error:  # polars reads some files that this reader does not
            return None
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemMatrix:
    """Scores of models on items.

    Args:
        models: Distinct names.
        items: Their names; one name may stand in several clusters.
        scores: Mean over the repetitions, models by items; nan where there is none.
        clusters: Cluster of each item; None where nothing names it.
    """

    models: tuple[str, ...]
    items: tuple[str, ...]
    scores: FloatArray
    clusters: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemRows:
    """The rows of one benchmark as they stand in the file.

    Args:
        benchmark: Name; empty where nothing names it.
        rows: Columns called as in ``FIELDS``, and ``record``, which counts the rows from 0.
        source: Where they stand.
        left_out: Notes on rows of the file that name no benchmark.
    """

    benchmark: str
    rows: pl.DataFrame
    source: _Source
    left_out: tuple[str, ...] = ()

    @cached_property
    def _steps(self) -> tuple[dict[float, pl.DataFrame], tuple[str, ...]]:
        import polars as pl

        if "step" not in self.rows.columns:
            return {0.0: self.rows}, ()
        rows = _with_numbers(self.rows, "step", self.source).with_columns(pl.col("step").fill_nan(None))
        if rows["step"].null_count() == len(rows):
            return {0.0: rows}, ()
        some = rows.filter(pl.col("step").is_not_null())
        left = len(rows) - len(some)
        parts = some.partition_by("step", as_dict=True, maintain_order=True)
        note = f"{_rows(left)} without a step beside others with one {_are(left)} left out."
        return {float(step): part for (step,), part in parts.items()}, (note,) if left else ()

    @property
    def steps(self) -> tuple[float, ...]:
        """The steps in the rows; 0 where none says one.

        Raises:
            InputError: If a step is no number.
        """
        return tuple(self._steps[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, a sentence each."""
        return (*self.left_out, *self._steps[1])

    def at(self, step: float) -> ItemMatrix:
        """The scores at one of the steps; repetitions are averaged.

        Raises:
            InputError: If a name is empty or a score no finite number, with its row.
        """
        import polars as pl

        rows = self._steps[0][step]
        keys = ["item"]
        if "cluster" in rows.columns and rows["cluster"].null_count() < len(rows):
            keys.append("cluster")
        for name in ("model", *keys):
            rows = _with_texts(rows, name, self.source)
            empty = rows.filter(pl.col(name).is_null())
            if len(empty):
                self.source.refuse("must not be empty", name, empty["record"][0])
        rows = _with_numbers(rows, "score", self.source)
        means = rows.group_by(["model", *keys], maintain_order=True).agg(pl.col("score").fill_nan(None).mean())
        models = means.select("model").unique(maintain_order=True).with_row_index("at model")
        items = means.select(keys).unique().sort(keys).with_row_index("at item")
        placed = means.join(models, on="model").join(items, on=keys)
        scores = np.full((len(models), len(items)), np.nan)
        scores[placed["at model"].to_numpy(), placed["at item"].to_numpy()] = placed["score"].to_numpy()
        return ItemMatrix(
            models=tuple(models["model"].to_list()),
            items=tuple(items["item"].to_list()),
            scores=scores,
            clusters=tuple(items["cluster"].to_list()) if "cluster" in keys else None,
        )


def read_item_rows(path: str, columns: Mapping[str, str]) -> tuple[ItemRows, ...]:
    """The rows of each benchmark in a table, at least one.

    Args:
        path: Name of the file, which ends in one of ``SUFFIXES``.
        columns: The file's own name of a field of ``FIELDS``.

    Raises:
        InputError: If it cannot be read, holds no rows, lacks a column, or the name of a benchmark is no text.
    """
    import polars as pl  # here, because it takes longer to import than most commands run

    data = read_bytes(path)
    frame = _frame(path, data, columns)
    own = _recognise(frame.columns, columns, path)
    frame = frame.select([pl.col(column).alias(name) for name, column in own.items()]).with_row_index("record")
    frame = frame.filter(~pl.all_horizontal(pl.exclude("record").is_null()))  # blank lines
    if frame.is_empty():
        raise InputError("holds a header but no rows", file=path)
    source = _Source(path=path, data=data, own=own)
    frame = _with_texts(frame, "benchmark", source) if "benchmark" in own else frame.with_columns(benchmark=None)
    names = frame["benchmark"].drop_nulls().unique(maintain_order=True).to_list()
    left = frame["benchmark"].null_count()
    if not names:
        return (ItemRows(benchmark="", rows=frame, source=source),)
    if len(names) == 1:
        taken = (f"{_rows(left)} without a benchmark {_are(left)} taken as of {names[0]}, the only one named.",)
        return (ItemRows(benchmark=names[0], rows=frame, source=source, left_out=taken if left else ()),)
    notes = (f"{_rows(left)} without a benchmark beside others with one {_are(left)} left out.",) if left else ()
    parts = frame.drop_nulls("benchmark").partition_by("benchmark", as_dict=True, maintain_order=True)
    return tuple(
        ItemRows(benchmark=str(name), rows=part, source=source, left_out=notes) for (name,), part in parts.items()
    )


def _rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"


def _are(count: int) -> str:
    return "are" if count > 1 else "is"


def _with_texts(rows: pl.DataFrame, name: str, source: _Source) -> pl.DataFrame:
    """The rows with one column as text; null where it is blank."""
    import polars as pl

    kind = rows[name].dtype
    if kind.is_nested() or kind == pl.Binary:
        wrong = rows.filter(pl.col(name).is_not_null())
        if len(wrong):
            got = str(wrong.row(0, named=True)[name])[:40]
            source.refuse(f"must be text or a number, got {got}", name, wrong["record"][0])
        return rows.with_columns(pl.lit(None, pl.String).alias(name))
    text = pl.col(name).cast(pl.String)
    return rows.with_columns(pl.when(text.str.strip_chars() != "").then(text).alias(name))


def _with_numbers(rows: pl.DataFrame, name: str, source: _Source) -> pl.DataFrame:
    """The rows with one column as numbers; null where it is empty."""
    import polars as pl

    given = pl.col(name)
    kind = rows[name].dtype
    if kind == pl.String:
        given = given.str.strip_chars().str.to_lowercase().replace(_WORDS)
    known = kind == pl.String or kind.is_numeric() or kind == pl.Boolean or kind == pl.Null
    value = given.cast(pl.Float64, strict=False) if known else pl.lit(None, pl.Float64)
    found = rows.with_columns(value.alias(name))
    wrong = rows.filter(given.is_not_null() & (found[name].is_null() | found[name].is_infinite()))
    if len(wrong):
        got = wrong.row(0, named=True)[name]
        must = "finite" if known and found.filter(pl.col("record") == wrong["record"][0])[name][0] else "a number"
        source.refuse(f"must be {must}, got {str(got)[:40]!r}", name, wrong["record"][0])
    return found


def _frame(path: str, data: bytes, columns: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".parquet":
            return pl.read_parquet(io.BytesIO(data))
        if suffix in _SEPARATORS:  # as text, so that the models 07 and 7 are two
            return pl.read_csv(io.BytesIO(data), separator=_SEPARATORS[suffix], infer_schema=False)
    # polars reports some damaged files by a panic, which is not an Exception
    except (Exception, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"cannot be read as {suffix[1:]}: {reason}", file=path) from None
    try:
        return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except (Exception, pl.exceptions.PanicException):
        return _of_json_lines(path, data, columns)


def _of_json_lines(path: str, data: bytes, columns: Mapping[str, str]) -> pl.DataFrame:
    """Objects whose values are of several kinds in one field, which polars does not read: every value as text."""
    import polars as pl

    table = JSON_LINES.read(data, path)
    own = _recognise(table.columns, columns, path)
    texts: dict[str, list[str | None]] = {name: [] for name in own.values()}
    for line, row in table.rows:
        for name, cells in texts.items():
            value = row.get(name)
            if isinstance(value, (dict, list)):
                got = json.dumps(value)[:40]
                raise InputError(f"must be text or a number, got {got}", file=path, row=line, field=name)
            cells.append(value if value is None or isinstance(value, str) else json.dumps(value))
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))


def _recognise(names: Sequence[str], columns: Mapping[str, str], source: str) -> dict[str, str]:
    by_name = {name.strip().lower(): name for name in reversed(names)}
    own: dict[str, str] = {}
    for key, aliases in FIELDS.items():
        if key in columns:
            if columns[key] not in names:
                near = suggestion(columns[key], names)
                raise InputError(
                    f'{key} must be a column ({", ".join(names)}), got "{columns[key]}"{near}', file=source
                )
            own[key] = columns[key]
        elif (word := next((word for word in (key, *aliases) if word in by_name), None)) is not None:
            own[key] = by_name[word]
    missing = [key for key in ("model", "item", "score") if key not in own]
    if missing:
        message = f"must have the columns model, item and score, got {', '.join(names)}; --item-columns names others"
        raise InputError(message, file=source, field=missing[0])
    return own
