"""Scores per item behind a published ranking: a table with one row for each model and item, or logs of Inspect."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from headstart.contest.arrays import FloatArray
from headstart.data.item_scores import read_items
from headstart.data.readers.reader import Given
from headstart.errors import InputError
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

_TABLES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")


@dataclass(frozen=True, kw_only=True, eq=False)
class RankedItems:
    """Scores per item of the models of one ranking, on the items that all of them answered.

    Args:
        scores: In the order of the models asked for; repetitions of one item are averaged.
        clusters: Cluster of each item; None where the file names none.
        notes: What was left out, a sentence each.
    """

    scores: Float[FloatArray, "models items"]
    clusters: Shaped[NDArray[Any], " items"] | None
    notes: tuple[str, ...] = field(default=())

    def negated(self) -> RankedItems:
        """The same where smaller scores are better."""
        return replace(self, scores=-self.scores)


def read_ranked_items(
    path: str | os.PathLike[str],
    models: Sequence[str],
    *,
    benchmark: str = "",
    columns: Mapping[str, str] | None = None,
    step: float | None = None,
) -> RankedItems:
    """Read the scores of some models on every item: a table in long form, or what ``read_items`` reads.

    Args:
        path: Parquet, CSV, TSV or JSON lines with the columns model, item and score, and optionally cluster, benchmark
            and step; or a log of Inspect, or a folder of logs.
        models: Those of the ranking.
        benchmark: Which one, where the file holds several.
        columns: The file's own name of a field of ``FIELDS``.
        step: Tuning steps at which the ranking was measured; needed where the file holds several.

    Raises:
        InputError: If it is no such table, a model has no rows, or fewer than two items are shared by all models.
    """
    source = os.fspath(path)
    if Path(path).suffix.lower() not in _TABLES:
        return _of_logs(path, models, benchmark, step, source)
    import polars as pl  # here, because it takes longer to import than most commands run

    frame = _frame(path, source)
    own = _recognise(frame.columns, columns or {}, source)
    frame = frame.select([pl.col(column).alias(name) for name, column in own.items()])
    if "benchmark" in own:
        frame = _of_benchmark(frame, benchmark, source)
    if "step" in own:
        frame = _at_step(frame, step, source)
    frame = frame.with_columns(pl.col("model").cast(pl.String), pl.col("item").cast(pl.String))
    _check_models(models, set(frame["model"].unique().to_list()), source)
    try:
        frame = frame.with_columns(pl.col("score").cast(pl.Float64))
    except pl.exceptions.PolarsError:
        raise InputError("must be numbers", file=source, field=own["score"]) from None
    if frame["score"].is_infinite().any():
        raise InputError("must be finite", file=source, field=own["score"])
    keys = ["item", *(["cluster"] if "cluster" in own else [])]
    wanted = frame.filter(
        pl.col("model").is_in(list(models)) & pl.col("score").is_not_null() & ~pl.col("score").is_nan()
    )
    means = wanted.group_by(["model", *keys]).agg(pl.col("score").mean())
    wide = means.pivot(on="model", index=keys, values="score").sort(keys)
    whole = wide.drop_nulls(list(models)) if set(models) <= set(wide.columns) else wide.clear()
    return RankedItems(
        scores=np.ascontiguousarray(whole.select(list(models)).to_numpy().T, dtype=np.float64),
        clusters=np.asarray(whole["cluster"].cast(pl.String).to_list()) if "cluster" in own else None,
        notes=_left_out(len(wide), len(whole), source),
    )


def _of_logs(
    path: str | os.PathLike[str], models: Sequence[str], benchmark: str, step: float | None, source: str
) -> RankedItems:
    """The items of the logs of one task at one step."""
    given = Given(path)
    if not given.is_folder and not given.is_zip and Path(path).suffix.lower() != ".json":
        listed = ", ".join(_TABLES)
        raise InputError(f"the name must end in {listed}, or be of logs of Inspect, got {source!r}", file=source)
    found = read_items(given)
    names = sorted({one.benchmark for one in found})
    if len(names) > 1 or benchmark not in ("", *names):
        _check_benchmark(benchmark, names, source)
        found = tuple(one for one in found if one.benchmark == benchmark)
    at = _chosen_step(sorted({one.step for one in found}), step, source)
    (items,) = (one for one in found if one.step == at)
    _check_models(models, set(items.models), source)
    scores = items.scores[[items.models.index(name) for name in models]]
    whole = ~np.isnan(scores).any(axis=0)
    return RankedItems(
        scores=np.ascontiguousarray(scores[:, whole]),
        clusters=None,
        notes=_left_out(whole.size, int(whole.sum()), source),
    )


def _check_models(models: Sequence[str], there: set[str], source: str) -> None:
    absent = [name for name in models if name not in there]
    if absent:
        near = suggestion(absent[0], sorted(there))
        raise InputError(f"every model must have scores on the items, got none of {absent[0]!r}{near}", file=source)


def _left_out(items: int, kept: int, source: str) -> tuple[str, ...]:
    """A note where items lack scores."""
    if kept < 2:
        raise InputError(f"at least 2 items must have a score of every model, got {kept}", file=source)
    return (f"{items - kept} of {items} items lack the score of a model and are left out.",) if items > kept else ()


def _frame(path: str | os.PathLike[str], source: str) -> pl.DataFrame:
    import polars as pl

    suffix, data = Path(path).suffix.lower(), read_bytes(path)
    readers = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson, ".ndjson": pl.read_ndjson}
    try:
        if suffix in readers:
            return readers[suffix](io.BytesIO(data))
        return pl.read_csv(io.BytesIO(data), separator="\t" if suffix == ".tsv" else ",", infer_schema_length=None)
    # polars reports some damaged files by a panic, which is not an Exception
    except (Exception, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"cannot be read as {suffix[1:]}: {reason}", file=source) from None


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


def _of_benchmark(frame: pl.DataFrame, benchmark: str, source: str) -> pl.DataFrame:
    import polars as pl

    names: list[str] = frame["benchmark"].cast(pl.String).unique().drop_nulls().sort().to_list()
    if len(names) < 2 and benchmark in ("", *names):
        return frame
    _check_benchmark(benchmark, names, source)
    return frame.filter(pl.col("benchmark").cast(pl.String) == benchmark)


def _at_step(frame: pl.DataFrame, step: float | None, source: str) -> pl.DataFrame:
    import polars as pl

    steps: list[float] = frame["step"].cast(pl.Float64).unique().sort().to_list()
    return frame.filter(pl.col("step").cast(pl.Float64) == _chosen_step(steps, step, source))


def _check_benchmark(benchmark: str, names: Sequence[str], source: str) -> None:
    if benchmark not in names:
        got = f"{benchmark!r}" if benchmark else "a ranking that names none"
        raise InputError(f"benchmark must be one of {', '.join(names)}, got {got}", file=source, field="benchmark")


def _chosen_step(steps: Sequence[float], step: float | None, source: str) -> float:
    """The step asked for, or the only one."""
    listed = ", ".join(f"{one:g}" for one in steps)
    if step is None and len(steps) > 1:
        raise InputError(f"--step must say at which of {listed} the ranking was measured", file=source, field="step")
    if step is not None and step not in steps:
        raise InputError(f"step must be one of {listed}, got {step:g}", file=source, field="step")
    return steps[0] if step is None else step
