"""What readers of a site may know of a sealed plan: what it fixes, and the models it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from headstart.board.site.values import Model, Seal
from headstart.io.documents import read_json
from headstart.tune.seal import Seal as SealedPlan
from headstart.tune.seal import read_seal

SEAL_FILE = "sealed.json"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_RECIPE = ("method", "rank", "alpha", "learning_rate", "batch_size", "schedule", "warmup_steps", "weight_decay", "loss")

Facts = tuple[tuple[str, str], ...]


def read_sealed(path: Path) -> tuple[Seal, tuple[Model, ...]]:
    """The seal of a run and the facts of its models.

    Raises:
        InputError: If the file is no seal, or was changed after it was written.
    """
    sealed = read_seal(path)
    document = cast("dict[str, Any]", read_json(path))
    created_at = document.get("created_at")
    seal = Seal(
        hash=sealed.hash,
        created_at=created_at if isinstance(created_at, str) else None,
        facts=tuple(_facts(sealed.resolution)),
    )
    return seal, tuple(_models(sealed))


def _facts(resolution: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield "Levels", f"{_listed(resolution.get('levels'))} steps"
    yield "Seeds", _listed(resolution.get("seeds"))
    for name, recipe in _tables(resolution.get("recipes")):
        known = [f"{key.replace('_', ' ')} {recipe[key]}" for key in _RECIPE if recipe.get(key) is not None]
        yield f"Recipe {name}", ", ".join(known)
    for name, task in _tables(resolution.get("tasks")):
        yield f"Task {name}", ", ".join(_task(task))
    hardware = resolution.get("hardware")
    if isinstance(hardware, Mapping):
        yield "Hardware", _listed(list(cast("Mapping[str, object]", hardware).values()))
    versions = resolution.get("versions")
    if isinstance(versions, Mapping):
        yield "Versions", ", ".join(f"{key} {value}" for key, value in cast("Mapping[str, object]", versions).items())


def _task(task: Mapping[str, Any]) -> Iterable[str]:
    yield f"metric {task.get('metric')}"
    for split, content in _tables(task.get("splits")):
        if content.get("items"):
            yield f"{split} {content['items']} items (SHA-256 {str(content.get('sha256'))[:12]}…)"


def _models(sealed: SealedPlan) -> Iterable[Model]:
    information = dict(_tables(sealed.information.get("models")))
    for name, described in _tables(sealed.resolution.get("models")):
        yield Model(name=name, facts=tuple(_model_facts(described, information.get(name, {}))))


def _model_facts(described: Mapping[str, Any], information: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """No source of a model: it may be a path of the organiser's machine."""
    if isinstance(described.get("architecture"), str):
        yield "Architecture", described["architecture"]
    if isinstance(described.get("parameters"), int):
        yield "Parameters", f"{described['parameters']:,}"
    commit = information.get("commit")
    if isinstance(commit, str) and _COMMIT.fullmatch(commit):
        yield "Commit", commit
    files = described.get("files")
    if isinstance(files, Mapping):
        for file, digest in sorted(cast("Mapping[str, object]", files).items()):
            if file.endswith((".safetensors", ".gguf", ".bin")):
                yield f"SHA-256 of {file}", str(digest)


def _tables(value: object) -> list[tuple[str, Mapping[str, Any]]]:
    """The tables in a table, by name; nothing where there is none: a seal of another version says less, not more."""
    if not isinstance(value, Mapping):
        return []
    inner = cast("Mapping[str, object]", value).items()
    return sorted((name, cast("Mapping[str, Any]", table)) for name, table in inner if isinstance(table, Mapping))


def _listed(values: object) -> str:
    return ", ".join(str(value) for value in cast("Sequence[object]", values)) if isinstance(values, list) else "–"
