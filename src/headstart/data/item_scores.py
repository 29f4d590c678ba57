"""Scores by item: of every model on every item, for comparisons that pair the items."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from headstart.contest.arrays import FloatArray, require
from headstart.data.item_tables import SUFFIXES, ItemRows, read_item_rows
from headstart.data.readers import recognise
from headstart.data.readers.inspect_log import header_of, names_in, samples_of
from headstart.data.readers.reader import Given, ReadOptions
from headstart.errors import InputError
from headstart.io.json_values import mapping, number
from headstart.io.text import suggestion

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


class _Part(Protocol):
    """Scores by item of one benchmark, which are checked when they are asked for."""

    @property
    def steps(self) -> tuple[float, ...]: ...

    def scores(self, step: float) -> ItemScores: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemFile:
    """A file or folder with scores by item, read once; a benchmark is checked only when it is asked for.

    Args:
        source: What to call it in messages.
        parts: What it holds of each benchmark, at least one.
    """

    source: str
    parts: Mapping[str, _Part]

    def all(self) -> tuple[ItemScores, ...]:
        """Every benchmark at every step.

        Raises:
            InputError: If a value is none that counts as a score.
        """
        with _located(self.source):
            return tuple(part.scores(step) for part in self.parts.values() for step in part.steps)

    def of_ranking(self, models: Sequence[str], *, benchmark: str = "", step: float | None = None) -> ItemScores:
        """The scores of the models of one ranking, on the items that all of them answered.

        Args:
            models: Those of the ranking.
            benchmark: Which one, where the file holds several.
            step: Tuning steps at which the ranking was measured; needed where the file holds several.

        Raises:
            InputError: If a value of that benchmark is no score, a model has none, or fewer than two items are shared
                by all models.
        """
        with _located(self.source):
            names = sorted(self.parts)
            only = names == [""] or (len(names) == 1 and not benchmark)
            part = self.parts[names[0] if only else _chosen_benchmark(benchmark, names)]
            return part.scores(_chosen_step(sorted(part.steps), step)).of_models(models).complete(least=2)


def open_items(given: object, *, options: ReadOptions | None = None) -> ItemFile:
    """A table in long form or logs of Inspect with scores by item.

    Args:
        given: Parquet, CSV, TSV or JSON lines with the columns model, item and score, and optionally cluster, benchmark
            and step; or a log of Inspect, or a folder of logs.
        options: ``columns`` says the table's own name of a field of ``item_tables.FIELDS``; of logs, ``metric`` names
            the scorer where there are several and ``step`` states the step that none says.

    Raises:
        InputError: If it holds no scores by item, or of logs a model is there twice.
    """
    options = options or ReadOptions()
    source = given if isinstance(given, Given) else Given(given)
    if source.is_file and source.path is not None and Path(source.path).suffix.lower() in SUFFIXES:
        rows = read_item_rows(source.path, options.columns)
        return ItemFile(source=source.source, parts={one.benchmark: _TablePart(rows=one) for one in rows})
    found = recognise(source, options)
    if found is None or found.name != "inspect":
        listed = ", ".join(SUFFIXES)
        raise InputError(
            f"must be a table of items ({listed}) or logs of Inspect, which keep the score on every item",
            file=source.source,
        )
    tasks: dict[str, dict[float, dict[str, Given]]] = {}
    for log in found.files:
        task, model, step = names_in(header_of(log), log, options)
        logs = tasks.setdefault(task, {}).setdefault(options.step or 0.0 if step is None else step, {})
        if model in logs:
            raise InputError(f"every model must be there once, got {model} on {task} twice", file=log.source)
        logs[model] = log
    parts = {task: _LogsPart(task=task, logs=logs, options=options) for task, logs in tasks.items()}
    return ItemFile(source=source.source, parts=parts)


def read_items(given: object, *, options: ReadOptions | None = None) -> tuple[ItemScores, ...]:
    """The scores by item in a table in long form or in logs of Inspect, one value for each benchmark and step.

    Args:
        given: What ``open_items`` takes.
        options: As there.

    Raises:
        InputError: If it holds no scores by item, a log keeps no samples, a model is there twice, which scorer is meant
            is open, or a value is none that counts as a score.
    """
    return open_items(given, options=options).all()


@contextmanager
def _located(source: str) -> Generator[None]:
    """Complaints inside name the file."""
    try:
        yield
    except InputError as error:
        raise error.located(file=source) from None


def _chosen_benchmark(benchmark: str, names: Sequence[str]) -> str:
    if benchmark not in names:
        got = f"{benchmark!r}" if benchmark else "a ranking that names none"
        raise InputError(f"benchmark must be one of {', '.join(names)}, got {got}", field="benchmark")
    return benchmark


def _chosen_step(steps: Sequence[float], step: float | None) -> float:
    """The step asked for, or the only one."""
    if not steps:
        raise InputError("must hold scores at one step at least, got none", field="step")
    listed = ", ".join(f"{one:g}" for one in steps)
    if step is None and len(steps) > 1:
        raise InputError(f"--step must say at which of {listed} the ranking was measured", field="step")
    if step is not None and step not in steps:
        raise InputError(f"step must be one of {listed}, got {step:g}", field="step")
    return steps[0] if step is None else step


@dataclass(frozen=True, kw_only=True, eq=False)
class _TablePart:
    rows: ItemRows

    @property
    def steps(self) -> tuple[float, ...]:
        return self.rows.steps

    def scores(self, step: float) -> ItemScores:
        found = self.rows.at(step)
        return ItemScores(
            benchmark=self.rows.benchmark,
            step=step,
            models=found.models,
            items=found.items,
            scores=found.scores,
            clusters=None if found.clusters is None else np.asarray(found.clusters),
            notes=self.rows.notes,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _LogsPart:
    task: str
    logs: Mapping[float, Mapping[str, Given]]
    options: ReadOptions

    @property
    def steps(self) -> tuple[float, ...]:
        return tuple(self.logs)

    def scores(self, step: float) -> ItemScores:
        logs = self.logs[step].items()
        return _of_logs(self.task, step, {name: _by_item(samples_of(log), log, self.options) for name, log in logs})


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
