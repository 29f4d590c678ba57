"""Results of the second Open LLM Leaderboard: files of lm-evaluation-harness with its six tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from headstart.data.measurements import Measurements
from headstart.data.readers.folder import names_of
from headstart.data.readers.lm_eval import is_leaderboard, is_lm_eval, model_and_step
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.json_values import mapping, number

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

NOTE = "Scores are as measured, between 0 and 1; the board itself shows them rescaled so that guessing is 0."


def _recognises(given: Given) -> str | None:
    if not (is_lm_eval(given) and is_leaderboard(given)):
        return None
    return "its tasks are called leaderboard_..."


def _scores(given: Given, options: ReadOptions) -> Iterator[Score]:
    model, step = model_and_step(given, options)
    said = names_of(given)
    results = mapping(given.fields.get("results"))
    counts = mapping(given.fields.get("n-samples"))
    for task, (name, metrics) in TASKS.items():
        entry = mapping(results.get(task))
        values = [number(entry.get(metric)) for metric in metrics]
        if not entry or all(value is None for value in values):
            continue
        known = [value for value in values if value is not None]
        single = len(metrics) == 1
        metric, _, chosen = metrics[0].partition(",")
        items = number(mapping(counts.get(task)).get("effective")) if single else None
        yield Score(
            benchmark=name,
            metric=metrics[0] if single else "strict_acc",
            model=said.model or model,
            score=sum(known) / len(metrics) if len(known) == len(metrics) else None,
            step=said.step if said.step is not None else step,
            place=f"{given.source}: results.{task}.{' and '.join(metrics)}",
            stderr=_known(number(entry.get(f"{metric}_stderr,{chosen}"))) if single else None,
            n_items=int(items) if items is not None and items > 0 and items.is_integer() else None,
            seed=said.seed,
            more_is_better=True,
            date=str(given.fields.get("date") or ""),
        )


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
