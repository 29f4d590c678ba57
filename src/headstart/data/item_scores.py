"""The score of every model on every item, for comparisons that pair the items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require
from headstart.data.readers import recognise
from headstart.data.readers.inspect_log import header_of, names_in, samples_of
from headstart.data.readers.reader import Given, ReadOptions
from headstart.errors import InputError
from headstart.io.json_values import mapping, number

_WORDS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partly correct and no answer, as Inspect writes and counts them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemScores:
    """Scores by item of one benchmark at one step.

    Args:
        benchmark: Name.
        step: Tuning steps before the scores were measured.
        models: Distinct names.
        items: Distinct names.
        scores: Score of each model on each item, the mean over its repetitions; nan where it has none.

    Raises:
        InputError: If the shape does not fit.
    """

    benchmark: str
    step: float
    models: tuple[str, ...]
    items: tuple[str, ...]
    scores: Float[FloatArray, "models items"]

    def __post_init__(self) -> None:
        shape = (len(self.models), len(self.items))
        require(self.scores.shape == shape, "scores", f"of shape {shape}", self.scores.shape)
        self.scores.setflags(write=False)

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Model and item of every score that is not there."""
        return tuple((self.models[m], self.items[k]) for m, k in np.argwhere(np.isnan(self.scores)).tolist())

    def complete(self) -> ItemScores:
        """The items that every model has a score on.

        Raises:
            InputError: If there is none.
        """
        gaps = {k for _, k in np.argwhere(np.isnan(self.scores)).tolist()}
        kept = [at for at in range(len(self.items)) if at not in gaps]
        if not kept:
            must = "items must hold at least one that every model has a score on"
            raise InputError(f"{must}, got none of {len(self.items)}")
        return replace(self, items=tuple(self.items[at] for at in kept), scores=self.scores[:, kept])


def read_items(given: object, *, options: ReadOptions | None = None) -> tuple[ItemScores, ...]:
    """The scores by item in logs of Inspect, one value for each task and step.

    Args:
        given: A log, or a folder of logs.
        options: ``metric`` names the scorer where there are several; ``step`` states the step that no log says.

    Raises:
        InputError: If it holds no such logs, one keeps no samples, a model is there twice, which scorer is meant is
            open, or a value is none that counts as a score.
    """
    options = options or ReadOptions()
    source = given if isinstance(given, Given) else Given(given)
    found = recognise(source, options)
    if found is None or found.name != "inspect":
        raise InputError("must be logs of Inspect, which keep the score on every item", file=source.source)
    tables: dict[tuple[str, float], dict[str, dict[str, float]]] = {}
    for log in found.files:
        task, model, step = names_in(header_of(log), log, options)
        rows = tables.setdefault((task, options.step or 0.0 if step is None else step), {})
        if model in rows:
            raise InputError(f"every model must be there once, got {model} on {task} twice", file=log.source)
        rows[model] = _by_item(samples_of(log), log, options)
    return tuple(_table(task, step, rows) for (task, step), rows in tables.items())


def _table(task: str, step: float, rows: Mapping[str, Mapping[str, float]]) -> ItemScores:
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
