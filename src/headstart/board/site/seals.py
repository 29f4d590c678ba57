"""What readers of a site may know of a sealed plan: what it fixes, and the models it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headstart.board.site.values import Model, Seal
from headstart.errors import InputError
from headstart.io.documents import read_json
from headstart.tune.seal import SCHEMA, plan_hash, protocol_part

SEAL_FILE = "sealed.json"
MERGED_FILE = "merged.json"
MERGED_SCHEMA = "headstart.merged-runs/1"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_RECIPE = ("method", "rank", "alpha", "learning_rate", "batch_size", "schedule", "warmup_steps", "weight_decay", "loss")

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class SealedRun:
    """What the documents of a run's folder say.

    Args:
        seal: The seal.
        protocol: Hash of its protocol: scores may be ranked together exactly when it is equal.
        models: Facts of its models.
    """

    seal: Seal
    protocol: str
    models: tuple[Model, ...] = ()


def read_sealed(folder: Path) -> SealedRun | None:
    """The seal of a run, or of several that were put together; None where the folder has none.

    Raises:
        InputError: If its file is no seal, or was changed after it was written.
    """
    path = folder / SEAL_FILE
    if path.is_file():
        fields, resolution = _sealed(path, SCHEMA, "resolution", "hash")
        created_at = fields.get("created_at")
        return SealedRun(
            seal=Seal(
                hash=fields["hash"],
                created_at=created_at if isinstance(created_at, str) else None,
                facts=tuple(_facts(resolution)),
            ),
            protocol=plan_hash(protocol_part(resolution)),
            models=tuple(_models(resolution, fields.get("information"))),
        )
    path = folder / MERGED_FILE
    if path.is_file():
        fields, protocol = _sealed(path, MERGED_SCHEMA, "protocol", "protocol_hash")
        return SealedRun(
            seal=Seal(hash=fields["protocol_hash"], facts=tuple(_facts(protocol))),
            protocol=plan_hash(protocol_part(protocol)),
        )
    return None


def _sealed(path: Path, schema: str, content: str, digest: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A document, and what its hash is of."""
    document = read_json(path)
    fields = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    sealed = fields.get(content)
    if fields.get("schema") != schema or not isinstance(sealed, dict):
        raise InputError(f"must be a document of schema {schema!r}", file=str(path), field="schema")
    sealed = cast("dict[str, Any]", sealed)
    if fields.get(digest) != plan_hash(sealed):
        message = "the seal is broken: its content was changed after it was written"
        raise InputError(message, file=str(path), field=digest)
    return fields, sealed


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
        yield "Hardware", ", ".join(f"{key} {value}" for key, value in cast("Mapping[str, object]", hardware).items())
    versions = resolution.get("versions")
    if isinstance(versions, Mapping):
        yield "Versions", ", ".join(f"{key} {value}" for key, value in cast("Mapping[str, object]", versions).items())


def _task(task: Mapping[str, Any]) -> Iterable[str]:
    yield f"metric {task.get('metric')}"
    for split, content in _tables(task.get("splits")):
        if content.get("items"):
            yield f"{split} {content['items']} items (SHA-256 {str(content.get('sha256'))[:12]}…)"


def _models(resolution: Mapping[str, Any], information: object) -> Iterable[Model]:
    """The information of a seal, where models came from, is left out of published copies."""
    known = dict(_tables(cast("dict[str, Any]", information).get("models"))) if isinstance(information, dict) else {}
    for name, described in _tables(resolution.get("models")):
        yield Model(name=name, facts=tuple(_model_facts(described, known.get(name, {}))))


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
