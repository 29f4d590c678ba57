"""One result file of lm-evaluation-harness: which tasks it holds and what they scored."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from headstart.data.metrics import check_more_is_better
from headstart.errors import InputError
from headstart.io.documents import parse_json
from headstart.io.json_values import mapping, number
from headstart.io.text import decode, read_bytes, suggestion

Entry = Mapping[str, object]

# What stands beside the metrics in an entry of "results", in the harness's versions from 0.3 to 0.4.
_NOT_METRICS = {"alias", "name", "samples", "sample_len", "sample_count", "task", " "}
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class TaskScore:
    """What a file says about one task or group.

    Args:
        metric: Key of the score, with its filter where the file has filters.
        score: Its value; may be nan, as the harness writes what it could not compute.
        stderr: Its standard error; None where the file says "N/A", NaN or nothing.
        n_items: Items scored; None for a group, whose score need not be a mean over items.
        limited: Whether only a part of the test set was scored.
        conditions: What must agree between files that are compared: task version and number of shots.
        more_is_better: Whether more of it is better; None where the file does not say.
    """

    metric: str
    score: float
    stderr: float | None
    n_items: int | None
    limited: bool
    conditions: Mapping[str, str]
    more_is_better: bool | None


class LmEvalFile:
    """A parsed result file.

    Args:
        path: A file in the shape of version 0.4 (``"acc,none"``) or 0.3 (``"acc"``).
        document: What it holds, where it was parsed before.

    Raises:
        InputError: If it is not such a file.
    """

    def __init__(self, path: str | os.PathLike[str], document: object = None) -> None:
        self.source = os.fspath(path)
        document = self._parsed(path) if document is None else document
        self._document = mapping(document)
        if not mapping(self._document.get("results")):
            raise InputError(
                'must be a result of lm-evaluation-harness, with a table "results"', file=self.source, field="results"
            )
        # some versions list groups apart as well, with the same content
        self._entries: dict[str, Entry] = {}
        for part in ("groups", "results"):
            for name, entry in mapping(self._document.get(part)).items():
                self._entries[name] = {**self._entries.get(name, {}), **mapping(entry)}
        self.date = number(self._document.get("date"))
        stamp = _STAMP.search(Path(self.source).name)
        self.stamp = stamp.group() if stamp else None

    def _parsed(self, path: str | os.PathLike[str]) -> object:
        text = decode(read_bytes(path), self.source)
        try:
            # the harness writes NaN for what it could not compute
            return parse_json(text, allow_nan=True)
        except RecursionError:
            raise InputError("is nested too deeply", file=self.source) from None
        except ValueError as error:
            raise InputError(f"is not well-formed JSON: {error}", file=self.source) from None

    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks and groups in the file."""
        return tuple(self._entries)

    def top_tasks(self) -> list[str]:
        """Tasks and groups with a score that are part of no other group."""
        parts: set[str] = set()
        for name, children in mapping(self._document.get("group_subtasks")).items():
            if isinstance(children, list):
                parts.update(str(child) for child in cast("list[object]", children) if child != name)
        return [name for name, entry in self._entries.items() if name not in parts and _metrics(entry)]

    def only_task(self) -> str:
        """The file's single task, or its single group that is part of no other.

        Raises:
            InputError: If there are several.
        """
        top = self.top_tasks()
        if len(top) == 1:
            return top[0]
        if not any(_metrics(entry) for entry in self._entries.values()):
            raise InputError("must hold a task with a score", file=self.source, field="results")
        names = ", ".join(top or self._entries)
        raise InputError(f"holds several tasks ({names}); the task must name one", file=self.source, field="results")

    def score(self, task: str, metric: str | None) -> TaskScore:
        """What the file says about ``task``.

        Args:
            task: One of ``tasks()``.
            metric: ``"acc"``, or with its filter ``"acc,none"``; may be None where the task has only one.

        Raises:
            InputError: If the metric is not there or not the only one that fits, or less of it is better.
        """
        key = self._metric(self._entries[task], metric, f"results.{task}")
        name = key.partition(",")[0]
        found = self._score(task, key)
        if found.more_is_better is False:
            raise InputError(
                f"metric must be one of which more is better, got {name!r}",
                file=self.source,
                field=f"higher_is_better.{task}",
            )
        if found.more_is_better is None:  # older versions do not say, so its name must
            check_more_is_better(name, "metric", source=self.source, field=f"results.{task}.{key}")
        return found

    def scores(self, task: str) -> list[TaskScore]:
        """Everything the file says about ``task``, one entry for each metric, whichever way it points."""
        return [self._score(task, key) for key in _metrics(self._entries[task])]

    def _score(self, task: str, key: str) -> TaskScore:
        entry = self._entries[task]
        name, comma, filter_name = key.partition(",")
        told = mapping(mapping(self._document.get("higher_is_better")).get(task)).get(name)
        score, stderr = number(entry[key]), number(entry.get(f"{name}_stderr{comma}{filter_name}"))
        n_items, limited = self._items(task)
        conditions = {name: str(mapping(self._document.get(name)).get(task)) for name in ("versions", "n-shot")}
        return TaskScore(
            metric=key,
            score=math.nan if score is None else score,
            stderr=None if stderr is None or math.isnan(stderr) else stderr,
            n_items=n_items,
            limited=limited,
            conditions=conditions,
            more_is_better=told if isinstance(told, bool) else None,
        )

    def _metric(self, entry: Entry, wanted: str | None, place: str) -> str:
        metrics = _metrics(entry)
        if not metrics:
            raise InputError("holds no score", file=self.source, field=place)
        fitting: Sequence[str] = metrics
        if wanted is not None:
            exact = [key for key in metrics if key == wanted]
            fitting = exact or [key for key in metrics if key.partition(",")[0] == wanted]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise InputError(
                f"holds several metrics ({'; '.join(fitting)}); the metric must name one", file=self.source, field=place
            )
        raise InputError(
            f"metric must be one of {'; '.join(metrics)}, got {wanted!r}{suggestion(wanted or '', metrics)}",
            file=self.source,
            field=place,
        )

    def _items(self, task: str) -> tuple[int | None, bool]:
        """Number of scored items, and whether these are only a part of the test set."""
        if mapping(self._document.get("group_subtasks")).get(task):
            return None, False
        counts = mapping(mapping(self._document.get("n-samples")).get(task))
        effective, original = counts.get("effective"), counts.get("original")
        if isinstance(effective, int) and effective > 0:
            return effective, isinstance(original, int) and effective < original
        for key in ("sample_len", "samples"):
            count = self._entries[task].get(key)
            if isinstance(count, int) and count > 0:
                return count, False
        return None, False


def _metrics(entry: Entry) -> list[str]:
    """Keys of an entry that hold scores."""
    numbers = [key for key, value in entry.items() if key not in _NOT_METRICS and number(value) is not None]
    scores = [key for key in numbers if not key.partition(",")[0].endswith("_stderr")]
    return [key for key in scores if "," in key] or scores
