# pyright: basic
"""Keeping a tuning state on disk so that a damaged file is noticed, never used."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headstart.io.atomic import sync_folder
from headstart.tune.folder import CellFolder, disk_errors
from headstart.tune.training import TuningState

_KEPT = 2  # the last one may turn out damaged


def save_state(folder: CellFolder, state: TuningState) -> None:
    """Keep ``state``; older ones beyond the last two are deleted.

    Raises:
        ComputationError: If the disk is full or the folder cannot be written; the states kept before are untouched.
    """
    target = folder.state_path(state.steps_done)
    temporary = target.with_name(f".{target.name}.tmp")
    metadata = {
        "plan_hash": folder.plan_hash,
        "steps_done": str(state.steps_done),
        "micro_batch": str(state.micro_batch),
        "digest": _digest(state.tensors),
    }
    with disk_errors(target):
        try:
            try:
                save_file(state.tensors, temporary, metadata=metadata)
            except SafetensorError as error:  # how safetensors says that the disk is full
                raise OSError(0, str(error)) from error
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(target.parent)
    for old in folder.state_paths()[_KEPT:]:
        old.unlink()


def load_state(folder: CellFolder, *, at_most: int) -> TuningState | None:
    """The latest sound state after at most ``at_most`` steps; None when the run must start anew."""
    for path in folder.state_paths():
        state = _read(path, folder.plan_hash)
        if state is not None and state.steps_done <= at_most:
            return state
    return None


def _read(path: Path, plan_hash: str) -> TuningState | None:
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError):
        return None
    if metadata.get("plan_hash") != plan_hash or metadata.get("digest") != _digest(tensors):
        return None
    return TuningState(
        tensors=tensors, steps_done=int(metadata["steps_done"]), micro_batch=int(metadata["micro_batch"])
    )


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))  # pyright: ignore[reportArgumentType]
    return digest.hexdigest()
