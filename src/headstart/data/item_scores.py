"""Scores by item: of every model on every item, for comparisons that pair the items."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from headstart.contest.arrays import FloatArray, require
from headstart.data.readers import recognise
from headstart.data.readers.inspect_log import header_of, names_in, samples_of
from headstart.data.readers.reader import Given, ReadOptions
from headstart.errors import InputError
from headstart.io.json_values import mapping, number
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


_WORDS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partly correct and no answer, as Inspect writes and counts them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemScores:
    """Scores by item of one benchmark at one step.

    Args:
        benchmark: Name; empty where nothing names it.
        step: Tuning steps before the scores were measured; 0 where nothing says so.
        models: Distinct names.
        items: Their names; one name may stand in several clusters.
        scores: Score of each model on each item, the mean over its repetitions; nan where it has none.
        clusters: Cluster of each item; None where nothing names it.
        notes: What was left out, a sentence each.

    Raises:
        InputError: If the shape does not fit.
    """

    benchmark: str
    step: float
    models: tuple[str, ...]
    items: tuple[str, ...]
    scores: Float[FloatArray, "models items"]
    clusters: Shaped[NDArray[Any], " items"] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.models), len(self.items))
        require(self.scores.shape == shape, "scores", f"of shape {shape}", self.scores.shape)
        if self.clusters is not None:
            require(self.clusters.shape == shape[1:], "clusters", f"of shape {shape[1:]}", self.clusters.shape)
        self.scores.setflags(write=False)

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Model and item of every score that is not there."""
        return tuple((self.models[m], self.items[k]) for m, k in np.argwhere(np.isnan(self.scores)).tolist())

    def of_models(self, models: Sequence[str]) -> ItemScores:
        """Some of the models, in the order asked for, on the items that one of them answered.

        Raises:
            InputError: If one is not there.
        """
        at = {name: m for m, name in enumerate(self.models)}
        absent = next((name for name in models if name not in at), None)
        if absent is not None:
            near = suggestion(absent, sorted(at))
            raise InputError(f"every model must have scores on the items, got none of {absent!r}{near}")
        scores = self.scores[[at[name] for name in models]]
        chosen = replace(self, models=tuple(models), scores=scores)
        return chosen._only(np.flatnonzero(~np.isnan(scores).all(axis=0)).tolist())

    def complete(self, *, least: int = 1) -> ItemScores:
        """The items that every model has a score on, with a note where others are left out.

        Args:
            least: Items that must remain, at least 1.

        Raises:
            InputError: If fewer remain.
        """
        kept = np.flatnonzero(~np.isnan(self.scores).any(axis=0)).tolist()
        if len(kept) < least:
            must = f"at least {least} item{'s' if least > 1 else ''} must have a score of every model"
            raise InputError(f"{must}, got {len(kept)} of {len(self.items)}")
        left = len(self.items) - len(kept)
        note = f"{left} of {len(self.items)} items lack the score of a model and are left out."
        return replace(self._only(kept), notes=(*self.notes, note) if left else self.notes)

    def negated(self) -> ItemScores:
        """The same where smaller scores are better."""
        return replace(self, scores=-self.scores)

    def _only(self, items: Sequence[int]) -> ItemScores:
        return replace(
            self,
            items=tuple(self.items[k] for k in items),
            scores=np.ascontiguousarray(self.scores[:, items]),
            clusters=None if self.clusters is None else self.clusters[items],
        )


def read_items(given: object, *, options: ReadOptions | None = None) -> tuple[ItemScores, ...]:
    """The scores by item in a table in long form or in logs of Inspect, one value for each benchmark and step.

    Args:
        given: Parquet, CSV, TSV or JSON lines with the columns model, item and score, and optionally cluster, benchmark
            and step; or a log of Inspect, or a folder of logs.
        options: ``columns`` says the table's own name of a field of ``FIELDS``; of logs, ``metric`` names the scorer
            where there are several and ``step`` states the step that none says.

    Raises:
        InputError: If it holds no scores by item, a log keeps no samples, a model is there twice, which scorer is meant
            is open, or a value is none that counts as a score.
    """
    options = options or ReadOptions()
    source = given if isinstance(given, Given) else Given(given)
    if source.is_file and source.path is not None and Path(source.path).suffix.lower() in _TABLES:
        return _of_table(source.path, options)
    found = recognise(source, options)
    if found is None or found.name != "inspect":
        listed = ", ".join(_TABLES)
        raise InputError(
            f"must be a table of items ({listed}) or logs of Inspect, which keep the score on every item",
            file=source.source,
        )
    tables: dict[tuple[str, float], dict[str, dict[str, float]]] = {}
    for log in found.files:
        task, model, step = names_in(header_of(log), log, options)
        rows = tables.setdefault((task, options.step or 0.0 if step is None else step), {})
        if model in rows:
            raise InputError(f"every model must be there once, got {model} on {task} twice", file=log.source)
        rows[model] = _by_item(samples_of(log), log, options)
    return tuple(_of_logs(task, step, rows) for (task, step), rows in tables.items())


def read_ranked_items(
    path: str | os.PathLike[str],
    models: Sequence[str],
    *,
    benchmark: str = "",
    columns: Mapping[str, str] | None = None,
    step: float | None = None,
) -> ItemScores:
    """The scores of the models of one ranking, on the items that all of them answered.

    Args:
        path: What ``read_items`` reads.
        models: Those of the ranking.
        benchmark: Which one, where the file holds several.
        columns: The file's own name of a field of ``FIELDS``.
        step: Tuning steps at which the ranking was measured; needed where the file holds several.

    Raises:
        InputError: If it holds no scores by item, a model has none, or fewer than two items are shared by all models.
    """
    source = os.fspath(path)
    try:
        found = read_items(path, options=ReadOptions(columns=columns or {}))
        names = sorted({one.benchmark for one in found})
        if names != [""] and (len(names) > 1 or benchmark not in ("", *names)):
            found = tuple(one for one in found if one.benchmark == _chosen_benchmark(benchmark, names))
        at = _chosen_step(sorted({one.step for one in found}), step)
        (items,) = (one for one in found if one.step == at)
        return items.of_models(models).complete(least=2)
    except InputError as error:
        raise error.located(file=source) from None


def _chosen_benchmark(benchmark: str, names: Sequence[str]) -> str:
    if benchmark not in names:
        got = f"{benchmark!r}" if benchmark else "a ranking that names none"
        raise InputError(f"benchmark must be one of {', '.join(names)}, got {got}", field="benchmark")
    return benchmark


def _chosen_step(steps: Sequence[float], step: float | None) -> float:
    """The step asked for, or the only one."""
    listed = ", ".join(f"{one:g}" for one in steps)
    if step is None and len(steps) > 1:
        raise InputError(f"--step must say at which of {listed} the ranking was measured", field="step")
    if step is not None and step not in steps:
        raise InputError(f"step must be one of {listed}, got {step:g}", field="step")
    return steps[0] if step is None else step


def _of_table(source: str, options: ReadOptions) -> tuple[ItemScores, ...]:
    import polars as pl  # here, because it takes longer to import than most commands run

    frame = _frame(source)
    own = _recognise(frame.columns, options.columns, source)
    frame = frame.select([pl.col(column).alias(name) for name, column in own.items()])
    named = [name for name in ("model", "item", "cluster") if name in own]
    texts = [*named, *(["benchmark"] if "benchmark" in own else [])]
    frame = frame.with_columns(pl.col(name).cast(pl.String) for name in texts)
    for name in named:
        if frame[name].null_count():
            raise InputError("must not be empty", file=source, field=own[name])
    for name in ("score", "step") if "step" in own else ("score",):
        try:
            frame = frame.with_columns(pl.col(name).cast(pl.Float64))
        except pl.exceptions.PolarsError:
            raise InputError("must be numbers", file=source, field=own[name]) from None
        if frame[name].is_infinite().any():
            raise InputError("must be finite", file=source, field=own[name])
    if "benchmark" not in own:
        frame = frame.with_columns(benchmark=pl.lit(""))
    elif frame["benchmark"].drop_nulls().n_unique() == 1:
        frame = frame.with_columns(pl.col("benchmark").fill_null(frame["benchmark"].drop_nulls()[0]))
    if "step" not in own:
        frame = frame.with_columns(step=pl.lit(0.0))
    frame = frame.filter(pl.col("benchmark").is_not_null() & pl.col("step").is_not_null())
    keys = ["item", *(["cluster"] if "cluster" in own else [])]
    parts = frame.partition_by("benchmark", "step", as_dict=True, maintain_order=True)
    return tuple(_pivoted(str(name), float(step), part, keys) for (name, step), part in parts.items())


def _pivoted(benchmark: str, step: float, rows: pl.DataFrame, keys: Sequence[str]) -> ItemScores:
    """The rows of one benchmark at one step; repetitions averaged."""
    import polars as pl

    means = rows.group_by(["model", *keys], maintain_order=True).agg(pl.col("score").fill_nan(None).mean())
    models = means.select("model").unique(maintain_order=True).with_row_index("at model")
    items = means.select(keys).unique().sort(keys).with_row_index("at item")
    placed = means.join(models, on="model").join(items, on=keys)
    scores = np.full((len(models), len(items)), np.nan)
    scores[placed["at model"].to_numpy(), placed["at item"].to_numpy()] = placed["score"].to_numpy()
    return ItemScores(
        benchmark=benchmark,
        step=step,
        models=tuple(models["model"].to_list()),
        items=tuple(items["item"].to_list()),
        scores=scores,
        clusters=np.asarray(items["cluster"].to_list()) if "cluster" in keys else None,
    )


def _frame(source: str) -> pl.DataFrame:
    import polars as pl

    suffix, data = Path(source).suffix.lower(), read_bytes(source)
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


def _of_logs(task: str, step: float, rows: Mapping[str, Mapping[str, float]]) -> ItemScores:
    items = tuple(dict.fromkeys(item for row in rows.values() for item in row))
    scores = np.array([[row.get(item, math.nan) for item in items] for row in rows.values()])
    return ItemScores(benchmark=task, step=step, models=tuple(rows), items=items, scores=scores)


def _by_item(samples: Sequence[Mapping[str, object]], log: Given, options: ReadOptions) -> dict[str, float]:
    """The mean score of each item over its epochs; nan where an epoch has none."""
    values: dict[str, list[float]] = {}
    for at, sample in enumerate(samples):
        scores = mapping(sample.get("scores"))
        item = str(sample.get("id"))
        asked = next((name for name in options.metrics if name in scores), next(iter(options.metrics), None))
        scorer = asked if asked in scores or len(scores) != 1 else next(iter(scores))
        if scorer is None and scores:
            raise InputError(f"holds several scorers ({', '.join(scores)}); metric=NAME must name one", file=log.source)
        value = mapping(scores.get(scorer or "")).get("value")
        values.setdefault(item, []).append(_as_number(value, f"{log.source}: sample {at}, {item}"))
    return {item: sum(found) / len(found) for item, found in values.items()}


def _as_number(value: object, place: str) -> float:
    """A value of a scorer as a number; nan where there is none.

    Raises:
        InputError: If it is something else.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    found = number(value)
    if found is None:
        raise InputError(f"value must be a number or one of {', '.join(_WORDS)}, got {str(value)[:40]!r}", file=place)
    return found
