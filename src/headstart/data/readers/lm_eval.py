"""Results of lm-evaluation-harness: the model and, in its revision or its path, the step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from headstart.data.lm_eval_file import LmEvalFile
from headstart.data.measurements import Measurements
from headstart.data.readers.checkpoints import arguments_of, step_in, without_step
from headstart.data.readers.folder import names_of
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.json_values import mapping, text


def is_lm_eval(given: Given) -> bool:
    """Whether a document has the results and the configuration that the harness writes."""
    results = mapping(given.fields.get("results"))
    written = ("config", "configs", "versions", "config_general", "lm_eval_version")
    return bool(results) and all(isinstance(one, dict) for one in results.values()) and _any(given, written)


def _any(given: Given, keys: Sequence[str]) -> bool:
    return any(isinstance(given.fields.get(key), (dict, str)) for key in keys)


def is_leaderboard(given: Given) -> bool:
    """Whether its tasks are those of the second Open LLM Leaderboard."""
    return any(name.startswith("leaderboard") for name in mapping(given.fields.get("results")))


def model_and_step(given: Given, options: ReadOptions) -> tuple[str, float | None]:
    """The model of a result file and the step of its checkpoint, from its revision or its path.

    Raises:
        InputError: If nothing says the model.
    """
    fields = given.fields
    config = mapping(fields.get("config")) or mapping(fields.get("config_general"))
    arguments = arguments_of(config.get("model_args"))
    name = text(arguments.get("peft")) or text(arguments.get("pretrained")) or text(fields.get("model_name"))
    name = name or text(config.get("model_name")) or text(arguments.get("model"))
    revisions = (arguments.get("revision"), text(config.get("model_revision")), text(config.get("model_sha")))
    step = next((found for one in (*revisions[:2], name) if (found := step_in(one)) is not None), None)
    if name is None and options.model is None:
        raise InputError("says no model; model=NAME states it", file=given.source, field="config.model_args")
    return options.model or without_step(name or ""), step


def _recognises(given: Given) -> str | None:
    if not is_lm_eval(given) or is_leaderboard(given):
        return None
    return 'it has "results" by task beside the configuration of lm-evaluation-harness'


def _scores(given: Given, options: ReadOptions) -> Iterator[Score]:
    file = LmEvalFile(given.source, given.document)
    model, step = model_and_step(given, options)
    said = names_of(given)
    wanted = [said.task] if said.task in file.tasks() else [one for one in options.tasks if one in file.tasks()]
    for task in wanted or file.top_tasks():
        for found in file.scores(task):
            yield Score(
                benchmark=task,
                metric=found.metric,
                model=said.model or model,
                score=found.score,
                step=said.step if said.step is not None else step,
                place=f"{given.source}: results.{task}.{found.metric}",
                stderr=found.stderr,
                n_items=found.n_items,
                seed=said.seed,
                more_is_better=found.more_is_better,
                date="" if file.date is None else f"{file.date:020.6f}",
            )


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    scores = [score for given in givens for score in _scores(given, options)]
    return assemble(scores, options, source=names_of(givens[0]).root, direct=True)


def _example() -> Example:
    document = {
        "results": {"mmlu": {"alias": "mmlu", "acc,none": 0.52, "acc_stderr,none": 0.01}},
        "higher_is_better": {"mmlu": {"acc": True}},
        "n-samples": {"mmlu": {"original": 100, "effective": 100}},
        "config": {"model": "hf", "model_args": "pretrained=org/alpha,revision=step500"},
    }
    return Example(name="results_2026-01-01T10-00-00.json", data=json.dumps(document, indent=1).encode())


LM_EVAL = Reader(
    title="lm-evaluation-harness",
    looks_for='JSON with "results" by task beside "config" or "versions"; a folder of such files',
    recognises=_recognises,
    read=_read,
    example=_example,
    many=True,
)
