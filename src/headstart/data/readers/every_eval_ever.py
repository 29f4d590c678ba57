"""Records of Every Eval Ever, a shared schema for results of evaluations (versions 0.2 and 0.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from headstart.data.measurements import Measurements
from headstart.data.readers.checkpoints import step_in
from headstart.data.readers.folder import names_of
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.json_values import mapping, number, sequence, text

VERSIONS = ("0.2", "0.3")


def _recognises(given: Given) -> str | None:
    fields = given.fields
    if not all(isinstance(fields.get(key), str) for key in ("schema_version", "evaluation_id")):
        return None
    if not isinstance(fields.get("evaluation_results"), list) or not isinstance(fields.get("model_info"), dict):
        return None
    return 'it has "evaluation_id", "model_info" and "evaluation_results" of Every Eval Ever'


def _scores(given: Given, options: ReadOptions) -> Iterator[Score]:
    fields, said = given.fields, names_of(given)
    version = str(fields["schema_version"])
    if not version.startswith(tuple(f"{known}." for known in VERSIONS)):
        raise InputError(
            f"schema_version must be {' or '.join(f'{known}.x' for known in VERSIONS)}, got {version!r}",
            file=given.source,
            field="schema_version",
        )
    info = mapping(fields.get("model_info"))
    details = mapping(info.get("additional_details"))
    model = said.model or text(info.get("id")) or text(info.get("name")) or options.model
    if model is None:
        raise InputError("says no model; model=NAME states it", file=given.source, field="model_info.id")
    step = said.step if said.step is not None else _step(details, given)
    for at, entry in enumerate(sequence(fields.get("evaluation_results"))):
        result, place = mapping(entry), f"{given.source}: evaluation_results[{at}]"
        metric, score = mapping(result.get("metric_config")), mapping(result.get("score_details"))
        name = text(result.get("evaluation_name"))
        if name is None:
            raise InputError("evaluation_name must be text that is not empty", file=given.source, field=place)
        doubt = mapping(score.get("uncertainty"))
        lower = metric.get("lower_is_better")
        items = number(doubt.get("num_samples"))
        yield Score(
            benchmark=name,
            metric=text(metric.get("metric_id")) or text(metric.get("metric_name")) or "score",
            model=model,
            score=number(score.get("score")),
            step=step,
            place=f"{place}.score_details.score",
            stderr=number(mapping(doubt.get("standard_error")).get("value")),
            n_items=int(items) if items is not None and items > 0 and items.is_integer() else None,
            seed=said.seed or text(details.get("seed")),
            more_is_better=not lower if isinstance(lower, bool) else None,
            date=_date(fields),
        )


def _step(details: object, given: Given) -> float | None:
    """The step that the record's details or its id say.

    Raises:
        InputError: If the details say a step that is no number.
    """
    said = mapping(details).get("step")
    if said is None:
        return next(
            (step for part in str(given.fields["evaluation_id"]).split("/") if (step := step_in(part)) is not None),
            None,
        )
    try:
        return float(str(said))
    except ValueError:
        raise InputError(
            f"step must be a number, got {said!r}", file=given.source, field="model_info.additional_details.step"
        ) from None


def _date(fields: object) -> str:
    """Seconds since 1970, which is how records say when they were made, as text that sorts."""
    said = mapping(fields).get("retrieved_timestamp")
    try:
        return f"{float(str(said)):020.6f}"
    except ValueError:
        return str(said or "")


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    scores = [score for given in givens for score in _scores(given, options)]
    return assemble(scores, options, source=names_of(givens[0]).root, direct=True)


def _example() -> Example:
    document = {
        "schema_version": "0.3.0",
        "evaluation_id": "board/org/alpha/step-500/1767225600",
        "retrieved_timestamp": "1767225600",
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": "board",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {"name": "headstart", "version": "0.1.0"},
        "model_info": {
            "name": "alpha",
            "id": "org/alpha",
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown", "step": "500"},
        },
        "evaluation_results": [
            {
                "evaluation_name": "mmlu",
                "source_data": {"dataset_name": "mmlu", "source_type": "other"},
                "metric_config": {"lower_is_better": False, "score_type": "continuous", "min_score": 0, "max_score": 1},
                "score_details": {"score": 0.52, "uncertainty": {"standard_error": {"value": 0.007}}},
            }
        ],
    }
    return Example(name="record.json", data=json.dumps(document, indent=1).encode())


EVERY_EVAL_EVER = Reader(
    title="Every Eval Ever",
    looks_for='JSON with "evaluation_id", "model_info" and "evaluation_results"; a folder of such files',
    recognises=_recognises,
    read=_read,
    example=_example,
    many=True,
)
