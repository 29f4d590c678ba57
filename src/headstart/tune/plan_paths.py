"""The files and folders a plan names: there, and of a kind that holds no code."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from headstart.errors import InputError
from headstart.tune.model_files import find_files
from headstart.tune.plan import ModelSpec

ITEM_SUFFIXES = (".jsonl", ".ndjson", ".parquet")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def hub_name(name: str) -> str:
    """``name`` itself when it can be one on the hub.

    Raises:
        InputError: If it cannot.
    """
    if not _HUB_NAME.fullmatch(name) or ".." in name:
        raise InputError(f"hub must be a name like owner/model, got {name!r}", field="hub")
    return name


def model_folder(base: Path, given: str, gguf_file: str | None) -> tuple[str, str | None]:
    """Absolute path of a folder with a model, and the GGUF file to read in it (None for safetensors).

    Raises:
        InputError: If there is no such folder.
    """
    folder = _folder(base, given, "path")
    ggufs = [file.name for file in folder.glob("*.gguf")]
    if gguf_file is None and len(ggufs) == 1 and not any(folder.glob("*.safetensors")):
        return str(folder), ggufs[0]
    return str(folder), gguf_file


def check_model(spec: ModelSpec) -> None:
    """Raise unless a local folder holds all of a model, with weights that hold no code.

    Raises:
        InputError: If it does not.
    """
    try:
        find_files(spec)
    except InputError as error:
        raise InputError(str(error), field="gguf_file" if spec.gguf_file else "path") from None


def item_file(base: Path, given: str, field: str) -> str:
    """Absolute path of a file of items.

    Raises:
        InputError: If it does not exist, is a folder, or its name says it is another format.
    """
    path = _absolute(base, given, field)
    if path.suffix.lower() not in ITEM_SUFFIXES:
        raise InputError(f"{field} must end in one of {', '.join(ITEM_SUFFIXES)}, got {given!r}", field=field)
    if path.is_dir():
        raise InputError(f"{field} must be a file, got the folder {given!r}", field=field)
    if not path.is_file():
        raise InputError(f"{field} names a file that does not exist, got {given!r} ({path})", field=field)
    return str(path)


def lm_eval_folder(base: Path, given: str) -> str:
    """Absolute path of a folder with task files for lm-evaluation-harness.

    Raises:
        InputError: If it does not exist.
    """
    return str(_folder(base, given, "include_path"))


def splits_apart(files: Mapping[str, str]) -> None:
    """Raise unless the splits are read from different files, whatever they are called.

    Raises:
        InputError: If two are the same file.
    """
    for one, other in (("test", "train"), ("validation", "test"), ("validation", "train")):
        if one in files and other in files and Path(files[one]).samefile(files[other]):
            raise InputError(f"{one} must be another file than {other}, got {files[one]!r} for both", field=one)


def _folder(base: Path, given: str, field: str) -> Path:
    folder = _absolute(base, given, field)
    if not folder.exists():
        raise InputError(f"{field} names a folder that does not exist, got {given!r} ({folder})", field=field)
    if not folder.is_dir():
        raise InputError(f"{field} must be a folder, got the file {given!r}", field=field)
    return folder


def _absolute(base: Path, given: str, field: str) -> Path:
    if not given or not given.isprintable():
        raise InputError(f"{field} must be a path without control characters, got {given!r}", field=field)
    try:
        path = (base / os.path.expanduser(given)).resolve()
        path.exists()  # what the system cannot look up at all, such as too long a name
    except OSError as error:
        must = f"{field} must be a path that can be looked up, got {given!r}"
        raise InputError(f"{must}: {error.strerror}", field=field) from None
    return path
