"""``trainer_state.json`` of the Hugging Face Trainer: what was evaluated while a model was trained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headstart.data.measurements import Measurements
from headstart.data.readers.checkpoints import step_in
from headstart.data.readers.folder import names_of
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.json_values import mapping, number, sequence

_NOT_SCORES = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time", "jit_compilation_time")
BENCHMARK = "eval"
"""What the benchmark is called: the file says only that it is the evaluation set."""


def _recognises(given: Given) -> str | None:
    if "log_history" not in given.fields or "global_step" not in given.fields:
        return None
    return 'it has "log_history" and "global_step" of the Hugging Face Trainer'


def _run_of(given: Given, options: ReadOptions) -> str:
    """Name of the run: the folder that holds its checkpoints.

    Raises:
        InputError: If no folder says it.
    """
    said = names_of(given)
    if said.model is not None:
        return said.model
    if given.path not in (None, "-"):
        folders = said.parts or Path(given.path or "").resolve().parts[:-1]
        named = [part for part in folders if step_in(part) is None and part.strip("/")]
        if said.parts and named:
            return "/".join(named)
        if named:
            return named[-1]
        if said.parts:
            return Path(said.root).resolve().name
    if options.model is None:
        raise InputError("says no model; model=NAME states it", file=given.source)
    return options.model


def _scores(given: Given, run: str) -> Iterator[Score]:
    """The evaluations of a run; of several at one step, such as one more at the end, the last."""
    last: dict[tuple[float | None, str], Score] = {}
    said = names_of(given)
    for at, entry in enumerate(sequence(given.fields.get("log_history"))):
        fields = mapping(entry)
        step = number(fields.get("step"))
        for key, value in fields.items():
            metric = key.removeprefix("eval_")
            if not key.startswith("eval_") or metric.endswith(_NOT_SCORES) or number(value) is None:
                continue
            last[step, metric] = Score(
                benchmark=BENCHMARK,
                metric=metric,
                model=run,
                score=number(value),
                step=step,
                place=f"{given.source}: log_history[{at}].{key}",
                seed=said.seed,
                date=f"{at:09d}",
                primary=metric != "loss",  # every run logs its loss
            )
    yield from last.values()


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    """The runs; of the states of one run, which each checkpoint holds up to itself, the longest."""
    source = names_of(givens[0]).root
    longest: dict[tuple[str, str | None], Given] = {}
    for given in givens:
        single = options.model if options.model is not None and len(givens) == 1 else None
        key = single or _run_of(given, options), names_of(given).seed
        if key not in longest or _length(given.fields) > _length(longest[key].fields):
            longest[key] = given
    scores = [score for (run, _), given in longest.items() for score in _scores(given, run)]
    if not scores:
        raise InputError("holds no evaluations (log_history[].eval_...)", file=source, field="log_history")
    left = len(givens) - len(longest)
    states = "1 earlier state" if left == 1 else f"{left} earlier states"
    notes = [f"Left out {states} of the same runs."] if left else []
    return assemble(scores, options, source=source, notes=notes)


def _length(fields: Mapping[str, object]) -> tuple[float, int]:
    return number(fields.get("global_step")) or 0.0, len(sequence(fields.get("log_history")))


def _example() -> Example:
    history = [
        {"epoch": 0.5, "loss": 1.9, "step": 250},
        {"epoch": 0.5, "eval_accuracy": 0.47, "eval_loss": 1.7, "eval_runtime": 3.1, "step": 250},
        {"epoch": 1.0, "eval_accuracy": 0.52, "eval_loss": 1.5, "eval_runtime": 3.0, "step": 500},
    ]
    document = {"best_metric": None, "epoch": 1.0, "global_step": 500, "log_history": history, "max_steps": 500}
    return Example(name="alpha/checkpoint-500/trainer_state.json", data=json.dumps(document, indent=1).encode())


TRAINER_STATE = Reader(
    title="Hugging Face Trainer state",
    looks_for='JSON with "log_history" and "global_step" (trainer_state.json); a folder of such files',
    recognises=_recognises,
    read=_read,
    example=_example,
    many=True,
)
