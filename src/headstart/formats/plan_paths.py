"""The files and folders a plan names: there, readable, and of a kind that holds no code."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from headstart.errors import InputError
from headstart.formats.text import suggestion

ITEM_SUFFIXES = (".jsonl", ".ndjson", ".parquet")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZERS = ("tokenizer*", "vocab*", "*.tiktoken")
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
        InputError: If it does not exist or lacks a configuration, a tokenizer or weights that hold no code.
    """
    folder = _folder(base, given, "path")
    ggufs = sorted(file.name for file in folder.glob("*.gguf"))
    if gguf_file is None and any(folder.glob("*.safetensors")):
        _complete(folder, given)
        return str(folder), None
    if gguf_file is None and len(ggufs) == 1:
        return str(folder), ggufs[0]
    if gguf_file is not None:
        if gguf_file not in ggufs:
            there = f"has {', '.join(ggufs)}" if ggufs else "has none"
            raise InputError(
                f"gguf_file must be a .gguf file in {given!r}, which {there}, got {gguf_file!r}"
                f"{suggestion(gguf_file, ggufs)}",
                field="gguf_file",
            )
        return str(folder), gguf_file
    if ggufs:
        raise InputError(f"gguf_file must say which of {', '.join(ggufs)} in {given!r} to read", field="gguf_file")
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"path must hold weights as safetensors or GGUF, got only {pickles[0]} in {given!r}; a pickle can run code "
            "when it is read: convert it to safetensors first",
            field="path",
        )
    raise InputError(f"path must hold weights (*.safetensors or *.gguf), got none in {given!r}", field="path")


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


def _complete(folder: Path, given: str) -> None:
    if not (folder / "config.json").is_file():
        hint = (
            "; it holds an adapter: merge it into its base model first"
            if (folder / "adapter_config.json").is_file()
            else ""
        )
        raise InputError(f"path must hold a config.json beside the weights, got none in {given!r}{hint}", field="path")
    if not any(any(folder.glob(pattern)) for pattern in _TOKENIZERS):
        raise InputError(f"path must hold the model's tokenizer, got none in {given!r}", field="path")


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
    return (base / os.path.expanduser(given)).resolve()
