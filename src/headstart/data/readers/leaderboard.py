"""Results of the second Open LLM Leaderboard: files of lm-evaluation-harness with its six tasks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from headstart.data.measurements import Measurements
from headstart.data.readers.folder import names_of
from headstart.data.readers.lm_eval import is_leaderboard, is_lm_eval, model_and_step
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.json_values import mapping, number, sequence

TASKS = {
    "leaderboard_ifeval": ("IFEval", ("inst_level_strict_acc,none", "prompt_level_strict_acc,none")),
    "leaderboard_bbh": ("BBH", ("acc_norm,none",)),
    "leaderboard_math_hard": ("MATH Lvl 5", ("exact_match,none",)),
    "leaderboard_gpqa": ("GPQA", ("acc_norm,none",)),
    "leaderboard_musr": ("MUSR", ("acc_norm,none",)),
    "leaderboard_mmlu_pro": ("MMLU-PRO", ("acc,none",)),
}
"""Name on the board and metrics of each task; the score is the mean of its metrics, as it was measured (0 to 1).

Source: "About" of the Open LLM Leaderboard, Task Evaluations and Parameters.
"""

Found = tuple[float, float | None, int | None]
"""Score, standard error and number of items."""

NOTE = "Scores are as measured, between 0 and 1; the board itself shows them rescaled so that guessing is 0."


def _recognises(given: Given) -> str | None:
    if not (is_lm_eval(given) and is_leaderboard(given)):
        return None
    return "its tasks are called leaderboard_..."


def _scores(given: Given, options: ReadOptions) -> Iterator[Score]:
    model, step = model_and_step(given, options)
    said = names_of(given)
    results = mapping(given.fields.get("results"))
    for task, (name, metrics) in TASKS.items():
        parts = sequence(mapping(given.fields.get("group_subtasks")).get(task))
        if not (mapping(results.get(task)) or parts):
            continue
        found = _whole(given, task, metrics)
        if found is None and parts:
            found = _of_parts(given, [str(part) for part in parts], metrics[0])
        score, stderr, items = found or (None, None, None)
        yield Score(
            benchmark=name,
            metric=metrics[0] if len(metrics) == 1 else "strict_acc",
            model=said.model or model,
            score=score,
            step=said.step if said.step is not None else step,
            place=f"{given.source}: results.{task}.{' and '.join(metrics)}",
            stderr=stderr,
            n_items=items,
            seed=said.seed,
            more_is_better=True,
            date=str(given.fields.get("date") or ""),
        )


def _whole(given: Given, task: str, metrics: Sequence[str]) -> Found | None:
    """What the file says of a task as a whole; None where it leaves out a metric."""
    entry = mapping(mapping(given.fields.get("results")).get(task))
    values = [value for metric in metrics if (value := number(entry.get(metric))) is not None]
    if len(values) < len(metrics):
        return None
    if len(metrics) > 1:
        return sum(values) / len(values), None, None
    return values[0], _stderr(entry, metrics[0]), _items(given, task)


def _of_parts(given: Given, parts: Sequence[str], metric: str) -> Found | None:
    """The mean over the items of all parts of a group, of which the harness itself says only the parts.

    Its standard error is that of a mean over strata: ``sqrt(sum of (items * stderr)^2) / all items``. None where a part
    lacks its score or its number of items.
    """
    entries = [mapping(mapping(given.fields.get("results")).get(part)) for part in parts]
    scores, items = [number(entry.get(metric)) for entry in entries], [_items(given, part) for part in parts]
    known = [(score, n) for score, n in zip(scores, items, strict=True) if score is not None and n is not None]
    if len(known) < len(parts):
        return None
    total = sum(n for _, n in known)
    errors = [_stderr(entry, metric) for entry in entries]
    weighted = [n * error for (_, n), error in zip(known, errors, strict=True) if error is not None]
    stderr = math.hypot(*weighted) / total if len(weighted) == len(parts) else None
    return sum(score * n for score, n in known) / total, stderr, total


def _stderr(entry: Mapping[str, object], metric: str) -> float | None:
    name, _, chosen = metric.partition(",")
    return _known(number(entry.get(f"{name}_stderr,{chosen}")))


def _items(given: Given, task: str) -> int | None:
    items = number(mapping(mapping(given.fields.get("n-samples")).get(task)).get("effective"))
    return int(items) if items is not None and 0 < items < 2**53 and items.is_integer() else None


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else value


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    root = names_of(givens[0]).root
    scores = [score for given in givens for score in _scores(given, options)]
    if not scores:
        raise InputError(f"holds none of the board's tasks ({', '.join(TASKS)})", file=root, field="results")
    return assemble(scores, options, source=root, notes=[NOTE], direct=True)


def _example() -> Example:
    document = {
        "results": {
            "leaderboard_bbh": {"acc_norm,none": 0.31, "acc_norm_stderr,none": 0.006, "alias": " - leaderboard_bbh"},
            "leaderboard_ifeval": {
                "prompt_level_strict_acc,none": 0.16,
                "prompt_level_strict_acc_stderr,none": 0.016,
                "inst_level_strict_acc,none": 0.28,
                "inst_level_strict_acc_stderr,none": "N/A",
            },
        },
        "config": {"model": "hf", "model_args": "pretrained=org/alpha,revision=main"},
    }
    return Example(name="results_2024-09-16T10-00-00.json", data=json.dumps(document, indent=1).encode())


LEADERBOARD = Reader(
    title="Open LLM Leaderboard results",
    looks_for='results of lm-evaluation-harness whose tasks are called "leaderboard_..."; a folder of such files',
    recognises=_recognises,
    read=_read,
    example=_example,
    many=True,
)
