"""The files of a model: where they are, which of them are read, and that none of them can run code.

Weights come from safetensors or GGUF only. Everything else that is read is JSON, a template that the tokenizer
renders in a sandbox, or a vocabulary. No torch here: a plan can be checked without it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from headstart.errors import InputError
from headstart.tune.hub import COMPANIONS, cached, fetch, to_fetch
from headstart.tune.plan import ModelSpec

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
TEMPLATES = "additional_chat_templates/*.jinja"

# Keys by which a file of the folder would have transformers run code, read other files than those that are digested,
# or replace the weights by something that cannot be tuned.
_REFUSED_KEYS = {
    "auto_map": "asks for code of its own, which is never run",
    "transformers_weights": "chooses the weights by a name of its own; call them model.safetensors",
    "fusion_config": "asks transformers to rewrite the model's modules",
    "quantization_config": "says that the weights are quantised, which cannot be tuned; use unquantised ones or GGUF",
    "fast_tokenizer_files": "chooses the tokenizer by the version of transformers; keep one tokenizer.json",
}


@dataclass(frozen=True, kw_only=True)
class FileStamp:
    """Content, size and time of last change of a file."""

    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """The files of a model that are read.

    Args:
        folder: Where they are.
        commit: Of the hub; None for a local folder.
        weights: Safetensors files, or one GGUF file.
        companions: Configuration, tokenizer and templates.
    """

    folder: Path
    commit: str | None
    weights: tuple[Path, ...]
    companions: tuple[Path, ...]

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file that is read, by its name in the folder, in sorted order."""
        return {
            path.relative_to(self.folder).as_posix(): sha256(path) for path in sorted((*self.weights, *self.companions))
        }

    def stamp(self) -> dict[str, FileStamp]:
        """What tells later whether a file that is read is still the same, by its name in the folder."""
        found: dict[str, FileStamp] = {}
        for path in sorted((*self.weights, *self.companions)):
            status = path.stat()
            found[path.relative_to(self.folder).as_posix()] = FileStamp(
                sha256=sha256(path), size=status.st_size, mtime_ns=status.st_mtime_ns
            )
        return found

    def json(self, name: str) -> dict[str, Any]:
        """Content of a JSON companion; empty when there is none of that name."""
        path = self.folder / name
        return _read_object(path) if path in self.companions else {}


def check_unchanged(spec: ModelSpec, sealed: Mapping[str, FileStamp]) -> None:
    """Raise if a file of a model is not what it was when the plan was sealed.

    Size and time of a file are compared first, as reading gigabytes takes minutes; if they differ, its content decides.

    Raises:
        InputError: Naming the files.
    """
    files = find_files(spec)
    there = {path.relative_to(files.folder).as_posix(): path for path in (*files.weights, *files.companions)}
    changed = sorted(sealed.keys() ^ there.keys())
    for name in sealed.keys() & there.keys():
        status = there[name].stat()
        if (status.st_size, status.st_mtime_ns) == (sealed[name].size, sealed[name].mtime_ns):
            continue
        if sha256(there[name]) != sealed[name].sha256:
            changed.append(name)
    if changed:
        raise InputError(
            f"model {spec.name}: {', '.join(sorted(changed))} changed since the plan was sealed; put the files "
            "back, or run the plan in another folder",
            file=str(files.folder),
        )


def find_files(spec: ModelSpec) -> ModelFiles:
    """Find the files of a model, fetching them from the hub if they are not on this machine.

    Raises:
        InputError: If the model is not there, has no weights in safetensors or GGUF, or would need code of its own.
    """
    if not spec.is_local:
        return _cached(spec) or _files_in(fetch(spec), spec)
    folder = Path(spec.source)
    if not folder.is_dir():
        raise InputError(f"model {spec.name}: no such folder", file=spec.source)
    return _files_in(folder, spec)


def missing(spec: ModelSpec) -> list[str]:
    """What is not on this machine: readable lines, empty when everything is. Fetches nothing."""
    if spec.is_local:
        return [] if Path(spec.source).is_dir() else [f"model {spec.name}: no folder {spec.source}"]
    return [] if _cached(spec) else to_fetch(spec)


def _cached(spec: ModelSpec) -> ModelFiles | None:
    """The files of a commit that was fetched before; the hub, which may be down, is not asked."""
    folder = cached(spec)
    if folder is not None:
        with suppress(InputError):  # a fetch that was interrupted: the hub has the rest
            return _files_in(folder, spec)
    return None


def _files_in(folder: Path, spec: ModelSpec) -> ModelFiles:
    if (folder / "adapter_config.json").exists():
        raise InputError(
            "the folder holds an adapter, not a model: merge it into its base model and save that", file=str(folder)
        )
    weights = (_gguf(folder, spec.gguf_file),) if spec.gguf_file else _safetensors(folder)
    companions = tuple(sorted({path for pattern in (*COMPANIONS, TEMPLATES) for path in folder.glob(pattern)}))
    required = () if spec.gguf_file else ("config.json", "tokenizer.json")
    for name in required:
        if folder / name not in companions:
            raise InputError(f"the folder has no {name}", file=str(folder))
    for path in companions:
        if path.suffix == ".json" and not path.name.startswith(("tokenizer.", "vocab.")):
            _refuse_keys(path, _read_object(path))
    commit = None if spec.is_local else folder.name
    return ModelFiles(folder=folder, commit=commit, weights=weights, companions=companions)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes; computed once in a process as long as its size and time stay."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _gguf(folder: Path, name: str) -> Path:
    path = folder / name
    if path.name != name or path.suffix != ".gguf":
        raise InputError(f"gguf_file must be the name of a .gguf file in {folder}, got {name!r}", field="gguf_file")
    if not path.is_file():
        raise InputError("no such file", file=str(path))
    with path.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise InputError("is not a GGUF file", file=str(path))
    return path


def _safetensors(folder: Path) -> tuple[Path, ...]:
    """The weights transformers would read: one file, or the parts an index names."""
    if any(folder.glob("shard-*.safetensors")):  # transformers would take these before all others
        raise InputError("the folder holds a distributed checkpoint: save it as model.safetensors", file=str(folder))
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    index = folder / WEIGHTS_INDEX
    if not index.is_file():
        raise InputError(_no_weights(folder), file=str(folder))
    weight_map = _read_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise InputError("must name the file of every weight", file=str(index), field="weight_map")
    parts: list[Path] = []
    for name in sorted({str(part) for part in cast("dict[str, object]", weight_map).values()}):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise InputError(
                f"must name .safetensors files of this folder, got {name!r}", file=str(index), field="weight_map"
            )
        if not (folder / name).is_file():
            raise InputError(f"names {name}, which is not in the folder", file=str(index), field="weight_map")
        parts.append(folder / name)
    return (index, *parts)


def _no_weights(folder: Path) -> str:
    found = sorted(
        {path.suffix for path in folder.iterdir()} & {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5"}
    )
    if any(folder.glob("*.gguf")):
        return f"the folder has no {WEIGHTS}; to read its GGUF file, name it as gguf_file"
    if found:
        return (
            f"the folder has weights as {', '.join(found)} only, which can run code when they are read: "
            "convert them to safetensors"
        )
    return f"the folder has no {WEIGHTS}"


def _read_object(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}", file=str(path)) from None
    if not isinstance(data, dict):
        raise InputError("must hold a JSON object", file=str(path))
    return cast("dict[str, Any]", data)


def _refuse_keys(path: Path, data: Mapping[str, Any]) -> None:
    for key in _keys(data):
        if key in _REFUSED_KEYS:
            raise InputError(_REFUSED_KEYS[key], file=str(path), field=key)


def _keys(data: object) -> Iterator[str]:
    """Every key of a JSON value, at any depth: parts of a model have configurations of their own."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from cast("dict[str, object]", value)
            waiting.extend(cast("dict[str, object]", value).values())
        elif isinstance(value, list):
            waiting.extend(cast("list[object]", value))
