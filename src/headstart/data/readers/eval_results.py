"""Results that a model's repository on the Hugging Face hub holds in its folder ``.eval_results``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headstart.data.measurements import Measurements
from headstart.data.readers.folder import names_of
from headstart.data.readers.reader import Example, Given, Reader, ReadOptions
from headstart.data.readers.scores import Score, assemble
from headstart.errors import InputError
from headstart.io.json_values import mapping, number, sequence, text
from headstart.io.yaml_documents import parse_yaml

FOLDER = ".eval_results"
_NOTED = re.compile(r"(?:^|[;,]\s*)(?P<name>step|seed|standard error) (?P<value>[^;,]+)")
_ENTRY = re.compile(rb"^\s*(?:-\s+)?(?:dataset|\"dataset\"|'dataset')\s*:", re.MULTILINE)


def _recognises(given: Given) -> str | None:
    if not given.is_file or given.is_zip or given.document is not None or not _ENTRY.search(given.data[:65536]):
        return None
    is_yaml = (given.path or "").lower().endswith((".yaml", ".yml")) or given.path == "-"
    return "it lists results by dataset and value, as .eval_results of a model's repository" if is_yaml else None


def _model_of(given: Given, options: ReadOptions) -> str:
    """The model: what stands above ``.eval_results``.

    Raises:
        InputError: If no folder says it.
    """
    said = names_of(given)
    if said.model is not None:
        return said.model
    if FOLDER in said.parts:
        above = said.parts[: said.parts.index(FOLDER)]
        return "/".join(above) or options.model or Path(said.root).resolve().name
    if options.model is not None:
        return options.model
    folders = Path(given.path or "").resolve().parts[:-1] if given.path not in (None, "-") else ()
    if FOLDER in folders and folders.index(FOLDER) > 0:
        return folders[folders.index(FOLDER) - 1]
    raise InputError("says no model; model=NAME states it", file=given.source)


def _scores(given: Given, options: ReadOptions) -> Iterator[Score]:
    model, said = _model_of(given, options), names_of(given)
    entries = sequence(parse_yaml(given.data, given.source))
    if not entries:
        raise InputError("must be a list of results", file=given.source)
    for at, one in enumerate(entries):
        entry, place = mapping(one), f"{given.source}: [{at}]"
        dataset = mapping(entry.get("dataset"))
        name = text(dataset.get("id"))
        if name is None:
            raise InputError("dataset.id must be text that is not empty", file=given.source, field=f"[{at}].dataset.id")
        value = number(entry.get("value"))
        if value is None:
            shown = repr(entry.get("value"))[:60]
            raise InputError(f"value must be a number, got {shown}", file=given.source, field=f"[{at}].value")
        part = next((found for key in ("task_id", "config") if (found := text(dataset.get(key)))), "default")
        noted = _noted(entry)
        yield Score(
            benchmark=name if part == "default" else f"{name}:{part}",
            metric="value",
            model=model,
            score=value,
            step=said.step if said.step is not None else _number(noted.get("step"), given, at),
            place=f"{place}.value",
            stderr=_number(noted.get("standard error"), given, at),
            seed=said.seed or noted.get("seed"),
            date=text(entry.get("date")) or "",
        )


def _noted(entry: Mapping[str, object]) -> dict[str, str]:
    """What headstart notes of a score: step, seed and standard error."""
    return {match["name"]: match["value"].strip() for match in _NOTED.finditer(text(entry.get("notes")) or "")}


def _number(noted: str | None, given: Given, at: int) -> float | None:
    if noted is None:
        return None
    try:
        return float(noted)
    except ValueError:
        raise InputError(f"must note a number, got {noted!r}", file=given.source, field=f"[{at}].notes") from None


def _read(givens: Sequence[Given], options: ReadOptions) -> Measurements:
    scores = [score for given in givens for score in _scores(given, options)]
    return assemble(scores, options, source=names_of(givens[0]).root, direct=True)


def _example() -> Example:
    text_ = "- dataset:\n    id: cais/hle\n    task_id: hle\n  value: 0.209\n  date: '2026-01-15'\n  notes: step 500\n"
    return Example(name="alpha/.eval_results/hle.yaml", data=text_.encode())


EVAL_RESULTS = Reader(
    title=".eval_results of a model's repository",
    looks_for="YAML (.yaml, .yml) that lists dataset and value; a folder with .eval_results below it",
    recognises=_recognises,
    read=_read,
    example=_example,
    many=True,
)
