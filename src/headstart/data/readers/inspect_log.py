"""Logs of Inspect, as archives (``.eval``) or as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from headstart.data.measurements import Measurements
from headstart.data.readers.checkpoints import arguments_of, step_in, without_step
from headstart.data.readers.folder import names_of
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.archives import Archive
from headstart.io.documents import json_of
from headstart.io.json_values import mapping, number, sequence, text

HEADER = "header.json"
"""Member of an archive that says what was evaluated, and how it went."""

_ERRORS = ("stderr", "bootstrap_stderr")
_NOT_SCORES = (*_ERRORS, "std", "var")


def _recognises(given: Given) -> str | None:
    if given.is_file and given.is_zip:
        # the list of members at the end of the archive names them in plain text
        return "it is an archive that holds header.json of Inspect" if HEADER.encode() in given.data else None
    fields = given.fields
    if not isinstance(fields.get("eval"), dict) or "status" not in fields or "model" not in mapping(fields["eval"]):
        return None
    return 'it has "status" and "eval" with a model, of Inspect'


def header_of(given: Given) -> Mapping[str, object]:
    """What a log says of the whole evaluation.

    Raises:
        InputError: If the archive or its header is damaged, or the evaluation did not end well.
    """
    header = mapping(_member(Archive(given.data, given.source), HEADER)) if given.is_zip else given.fields
    if not isinstance(header.get("eval"), dict):
        raise InputError("must be a log of Inspect, with eval in its header", file=given.source, field="eval")
    status = header.get("status")
    if status != "success":
        raise InputError(f"status must be success, got {str(status)[:40]!r}", file=given.source, field="status")
    return header


def _member(archive: Archive, name: str) -> object:
    return json_of(archive.read(name), f"{archive.source}: {name}", allow_nan=True)


def samples_of(given: Given) -> list[Mapping[str, object]]:
    """What a log says of each sample: id, epoch and scores.

    Raises:
        InputError: If the archive is damaged, or keeps no samples.
    """
    if given.is_zip:
        archive = Archive(given.data, given.source)
        found = sequence(_member(archive, "summaries.json")) if "summaries.json" in archive else ()
    else:
        found = sequence(given.fields.get("samples"))
    if not found:
        raise InputError("keeps no samples", file=given.source)
    return [mapping(one) for one in found]


def names_in(header: Mapping[str, object], given: Given, options: ReadOptions) -> tuple[str, str, float | None]:
    """Task, model and step of a log.

    Raises:
        InputError: If it says no task or no model.
    """
    told, said = mapping(header.get("eval")), names_of(given)
    task, model = text(told.get("task")), said.model or options.model or text(told.get("model"))
    if task is None or model is None:
        missing = "task" if task is None else "model"
        raise InputError(f"says no {missing}", file=given.source, field=f"eval.{missing}")
    arguments = arguments_of(told.get("model_args"))
    noted = number(mapping(told.get("metadata")).get("step"))
    named = (step for one in (arguments.get("revision"), model) if (step := step_in(one)) is not None)
    step = said.step if said.step is not None else noted if noted is not None else next(named, None)
    return said.task or task, without_step(model), step


def _scores(given: Given, options: ReadOptions) -> Iterator[Score]:
    header = header_of(given)
    task, model, step = names_in(header, given, options)
    results = mapping(header.get("results"))
    scorers = [mapping(one) for one in sequence(results.get("scores"))]
    for at, scorer in enumerate(scorers):
        metrics = {name: mapping(one) for name, one in mapping(scorer.get("metrics")).items()}
        stderr = next((found for name in _ERRORS if (found := number(mapping(metrics.get(name)).get("value")))), None)
        items = number(scorer.get("scored_samples")) or number(results.get("completed_samples"))
        epochs = number(mapping(mapping(header.get("eval")).get("config")).get("epochs")) or 1.0
        for name, metric in metrics.items():
            if name in _NOT_SCORES:
                continue
            yield Score(
                benchmark=task,
                metric=name if len(scorers) == 1 else f"{scorer.get('name')}/{name}",
                model=model,
                score=number(metric.get("value")),
                step=step,
                place=f"{given.source}: results.scores[{at}].metrics.{name}",
                stderr=stderr if name in ("accuracy", "mean") else None,
                n_items=int(items) if items and epochs == 1 and items.is_integer() else None,
                seed=names_of(given).seed,
                date=text(mapping(header.get("eval")).get("created")) or "",
            )


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    scores: list[Score] = []
    unfinished: list[str] = []
    for given in givens:
        try:
            scores += _scores(given, options)
        except InputError as error:
            if error.field != "status" or len(givens) == 1:
                raise
            unfinished.append(given.source)
    source = names_of(givens[0]).root
    some = "1 evaluation" if len(unfinished) == 1 else f"{len(unfinished)} evaluations"
    left = f"Left out {some} that did not end well, the first {next(iter(unfinished), '')}."
    return assemble(scores, options, source=source, notes=[left] if unfinished else (), direct=True)


def _example() -> Example:
    header = {
        "version": 2,
        "status": "success",
        "eval": {"created": "2026-01-01T10:00:00+00:00", "task": "sums", "model": "hf/alpha", "config": {"epochs": 1}},
        "results": {
            "total_samples": 4,
            "completed_samples": 4,
            "scores": [
                {
                    "name": "match",
                    "metrics": {"accuracy": {"value": 0.75}, "stderr": {"value": 0.25}},
                    "scored_samples": 4,
                }
            ],
        },
    }
    samples = [{"id": at, "epoch": 1, "scores": {"match": {"value": "I" if at == 3 else "C"}}} for at in range(1, 5)]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("summaries.json", samples), (HEADER, header)):
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), json.dumps(content))
    return Example(name="2026-01-01T10-00-00_sums.eval", data=stream.getvalue())


INSPECT = Reader(
    title="Inspect log",
    looks_for='an archive (.eval) that holds header.json, or JSON with "status" and "eval"; a folder of such files',
    recognises=_recognises,
    read=_read,
    example=_example,
    many=True,
)
