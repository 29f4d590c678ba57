"""Sealing: everything that decides a run's numbers, as one document with one hash.

Every row a run writes carries the hash, and a run is continued only under the same one. What a model or a file is
called on this machine, where the run folder lies and what an hour costs do not decide numbers: they are kept beside the
hash as information. No torch at import.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import headstart
from headstart.errors import InputError
from headstart.io.atomic import envelope, write_json
from headstart.io.documents import read_json
from headstart.tune.hardware import Hardware
from headstart.tune.items import Item, Task, item_fields
from headstart.tune.kinds import TASK_KINDS
from headstart.tune.plan import ModelSpec, Plan, TaskSpec

if TYPE_CHECKING:
    from headstart.io.atomic import JsonValue

__all__ = [
    "Seal",
    "differences",
    "plan_hash",
    "protocol_part",
    "read_seal",
    "resolve",
    "seal",
    "weights_digest",
    "write_seal",
]

SCHEMA = "headstart.sealed-plan/1"

# What belongs to a contestant: the rest is the protocol, which every contestant of a ranking shares.
_OF_CONTESTANTS = ("models", "untunable")
# Sealed only where a model needs it, so not part of a protocol.
_PACKAGES_OF_MODELS = ("gguf",)
_WEIGHTS = (".safetensors", ".gguf")

_PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy")
# Of a description of a model: where it came from.
_MODEL_INFORMATION = ("source", "commit")
# Of a task: where its files are, and rules that decide whether it runs but not what comes out.
_TASK_INFORMATION = ("train", "test", "validation", "include_path", "overlap_threshold", "allow_overlap", "n_train")
# Keys added to plans after their first version, with the value that says nothing.
_LATER: dict[str, object] = {
    "filter": None,
    "extract": (),
    "validation_limit": None,
    "hold_out": None,
    "sample_seed": None,
    "dropout": 0.0,
    "warmup_ratio": 0.0,
    "autocast": None,
    "epochs": None,
    "selection": None,
}


@dataclass(frozen=True, kw_only=True)
class Seal:
    """A plan with everything resolved that decides its numbers.

    Args:
        resolution: What is hashed, as ``resolve`` gives it.
        information: What is not: sources, paths, prices.
    """

    resolution: Mapping[str, JsonValue]
    information: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])

    @property
    def hash(self) -> str:
        """SHA-256 of the resolution, in hexadecimal."""
        return plan_hash(self.resolution)

    @property
    def protocol_hash(self) -> str:
        """SHA-256 of the protocol alone: runs of different models may be ranked together exactly when it is equal."""
        return plan_hash(protocol_part(self.resolution))


def seal(
    plan: Plan,
    tasks: Sequence[Task],
    *,
    models: Mapping[str, Mapping[str, JsonValue]],
    hardware: Hardware,
    overlaps: Mapping[str, Mapping[str, JsonValue]] | None = None,
) -> Seal:
    """Seal a plan; the arguments are those of ``resolve``."""
    return Seal(
        resolution=resolve(plan, tasks, models=models, hardware=hardware, overlaps=overlaps),
        information=_information(plan, tasks, models),
    )


def resolve(
    plan: Plan,
    tasks: Sequence[Task],
    *,
    models: Mapping[str, Mapping[str, JsonValue]],
    hardware: Hardware,
    overlaps: Mapping[str, Mapping[str, JsonValue]] | None = None,
) -> dict[str, JsonValue]:
    """Everything that decides the numbers of a plan.

    Args:
        plan: What is to run.
        tasks: The plan's tasks, loaded.
        models: For every model of the plan its description (``headstart.tune.models.describe``).
        hardware: What it runs on.
        overlaps: For tasks by name, what was measured of their splits' overlap.

    Raises:
        ValueError: If a number is not finite.
    """
    loaded = {task.name: task for task in tasks}
    resolution = {
        "models": {spec.name: _model(spec, models[spec.name]) for spec in plan.models},
        "tasks": {spec.name: _task(spec, loaded[spec.name], (overlaps or {}).get(spec.name)) for spec in plan.tasks},
        "recipes": {recipe.name: _said(_without(asdict(recipe), ("name",))) for recipe in plan.recipes},
        "levels": plan.levels if plan.epochs is None else None,
        **_said({"epochs": plan.epochs, "selection": asdict(plan.selection) if plan.selection else None}),
        "seeds": sorted(plan.seeds),
        "untunable": {
            model.name: {score.task: _without(asdict(score), ("task",)) for score in model.scores}
            for model in plan.untunable
        },
        "evaluation_batch_tokens": plan.evaluation_batch_tokens,
        "hardware": asdict(hardware),
        "versions": _versions(plan),
    }
    return json.loads(_canonical(resolution))


def plan_hash(resolution: Mapping[str, JsonValue]) -> str:
    """SHA-256 (hexadecimal) of the resolution as canonical JSON: sorted keys, no spaces, 1.0 written as 1.

    Raises:
        ValueError: If a number is not finite.

    >>> plan_hash({"b": 1.0, "a": [2]}) == plan_hash({"a": (2,), "b": 1})
    True
    """
    return hashlib.sha256(_canonical(resolution).encode()).hexdigest()


def protocol_part(resolution: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What of a resolution does not belong to a contestant: tasks, recipes, levels, seeds, hardware, versions.

    >>> protocol_part({"levels": [0], "models": {}, "versions": {"torch": "2", "gguf": "1"}})
    {'levels': [0], 'versions': {'torch': '2'}}
    """
    part = _without(resolution, _OF_CONTESTANTS)
    versions = part.get("versions")
    if isinstance(versions, Mapping):
        part["versions"] = _without(versions, _PACKAGES_OF_MODELS)
    return part


def weights_digest(description: Mapping[str, JsonValue]) -> str:
    """SHA-256 over the digests of a model's weight files, whatever they are called: the same for the same weights.

    Args:
        description: Of the model, as it is sealed or as ``headstart.tune.models.describe`` gives it.
    """
    files = cast("Mapping[str, str]", description["files"])
    return plan_hash({"weights": sorted(digest for name, digest in files.items() if name.endswith(_WEIGHTS))})


def differences(sealed: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> list[str]:
    """What two resolutions differ in, one readable line each; empty exactly when their hashes are the same.

    >>> differences({"levels": [0, 5], "seeds": [0]}, {"levels": [0, 10], "seeds": [0]})
    ['levels: [0, 5] -> [0, 10]']
    """
    return list(_differences("", sealed, now))


def write_seal(path: str | os.PathLike[str], seal: Seal) -> None:
    """Write a seal as JSON (schema ``headstart.sealed-plan/1``).

    Raises:
        InputError: If the file cannot be written.
    """
    write_json(
        path,
        {
            **envelope(SCHEMA),
            "hash": seal.hash,
            "protocol_hash": seal.protocol_hash,
            "resolution": seal.resolution,
            "information": seal.information,
        },
    )


def read_seal(path: str | os.PathLike[str]) -> Seal:
    """Read a seal and check its hash.

    Raises:
        InputError: If there is no such file, or it is not a seal, or it was changed after it was written.
    """
    file = os.fspath(path)
    document = read_json(path)
    fields = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    if fields.get("schema") != SCHEMA:
        raise InputError(f"must be {SCHEMA!r}, got {fields.get('schema')!r}", file=file, field="schema")
    for name in ("resolution", "information"):
        if not isinstance(fields.get(name), dict):
            raise InputError("must be an object", file=file, field=name)
    seal = Seal(
        resolution=cast("dict[str, JsonValue]", fields["resolution"]),
        information=cast("dict[str, JsonValue]", fields["information"]),
    )
    # Seals of version 0.1.0 do not say the hash of their protocol; it follows from their content.
    for name, found in (("hash", seal.hash), ("protocol_hash", seal.protocol_hash)):
        if fields.get(name, found if name == "protocol_hash" else None) != found:
            raise InputError(
                f"the seal is broken: its content was changed after it was written (it hashes to {found})",
                file=file,
                field=name,
            )
    return seal


def _model(spec: ModelSpec, description: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    chosen: dict[str, JsonValue] = {
        "dtype": spec.dtype,
        "attention": spec.attention,
        "chat_template": spec.chat_template,
    }
    if spec.template_date is not None:
        chosen["template_date"] = spec.template_date
    # Of the model, not of the protocol: a large model needs more GPUs than a small one it is ranked with, and each
    # layer computes what it would on one. Libraries may still choose other kernels, so a run keeps its number.
    if spec.devices != 1:
        chosen["devices"] = spec.devices
    return {**_without(description, _MODEL_INFORMATION), **chosen}


def _task(spec: TaskSpec, task: Task, overlap: Mapping[str, JsonValue] | None) -> dict[str, object]:
    splits = {"train": task.train, "validation": task.validation, "test": task.test}
    return {
        **_said(_without(asdict(spec), ("name", *_TASK_INFORMATION))),
        "metric": task.metric,
        "exact_match": _said(asdict(task.exact_match)),
        "splits": {name: {"items": len(items), "sha256": _items_digest(items)} for name, items in splits.items()},
        "overlap": overlap,
    }


def _items_digest(items: Sequence[Item]) -> str:
    """SHA-256 of the items as they are scored and tuned on, whatever file or library they came from."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(_canonical(item_fields(item)).encode() + b"\n")
    return digest.hexdigest()


def _information(
    plan: Plan, tasks: Sequence[Task], models: Mapping[str, Mapping[str, JsonValue]]
) -> dict[str, JsonValue]:
    """What a reader of the seal may want to know although no number depends on it."""
    loaded = {task.name: task for task in tasks}
    information = {
        "plan": plan.name,
        "price_per_gpu_hour": plan.price_per_gpu_hour,
        "currency": plan.currency,
        "models": {spec.name: {key: models[spec.name].get(key) for key in _MODEL_INFORMATION} for spec in plan.models},
        "tasks": {
            spec.name: {key: asdict(spec)[key] for key in _TASK_INFORMATION} | {"sha256": loaded[spec.name].sources}
            for spec in plan.tasks
        },
        "headstart_code": _code_digest(),
    }
    return json.loads(_canonical(information))


def _versions(plan: Plan) -> dict[str, str | None]:
    names = [*_PACKAGES]
    if any(spec.gguf_file for spec in plan.models):
        names.append("gguf")
    for kind in sorted({spec.kind for spec in plan.tasks}):
        names += TASK_KINDS[kind].packages
        provider = TASK_KINDS.provider(kind)
        names += [provider] if provider else []
    versions = {name: _version(name) for name in names}
    return {"headstart": headstart.__version__, "python": platform.python_version(), **versions}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _code_digest() -> str:
    """SHA-256 of the code that runs plans: shows that a development checkout was not the version it says it was."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _without(fields: Mapping[str, JsonValue], names: Sequence[str]) -> dict[str, JsonValue]:
    return {key: value for key, value in fields.items() if key not in names}


def _said(fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Without the keys that came later and say nothing, so that a plan that does not use them keeps its hash."""
    return {key: value for key, value in fields.items() if key not in _LATER or value != _LATER[key]}


def _canonical(value: object) -> str:
    """JSON in which equal values are equal texts."""
    return json.dumps(_integral(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _integral(value: object) -> object:
    """Whole floats become integers: a plan that says 16 and one that says 16.0 are the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _integral(entry) for key, entry in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_integral(entry) for entry in cast("Sequence[object]", value)]
    return value


def _differences(place: str, sealed: JsonValue, now: JsonValue) -> Iterator[str]:
    if not isinstance(sealed, Mapping) or not isinstance(now, Mapping):
        if _canonical(sealed) != _canonical(now):
            yield f"{place}: {_shown(sealed)} -> {_shown(now)}"
        return
    for key in sorted({*sealed, *now}):
        at = f"{place}.{key}" if place else key
        if key not in now:
            yield f"{at}: sealed, but not there now"
        elif key not in sealed:
            yield f"{at}: there now, but not sealed"
        else:
            yield from _differences(at, sealed[key], now[key])


def _shown(value: JsonValue) -> str:
    """A value as a reader wants it: digests are cut, other texts bare, the rest as JSON."""
    if isinstance(value, str) and value:
        is_digest = len(value) == 64 and set(value) <= set("0123456789abcdef")
        return f"{value[:12]}..." if is_digest else value
    return json.dumps(value)
