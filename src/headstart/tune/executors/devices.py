# pyright: basic
"""The devices of this machine."""

from __future__ import annotations

import os

from headstart.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")


def check_device(wanted: str) -> None:
    """Raise unless there is such a kind of device; no look at this machine.

    Raises:
        InputError: If there is not.
    """
    if wanted not in DEVICES:
        raise InputError(f"device must be one of {', '.join(DEVICES)}, got {wanted!r}", field="device")


def choose_device(wanted: str) -> str:
    """``wanted``, or for ``auto`` the best there is.

    Raises:
        InputError: If this machine has no such device.
    """
    check_device(wanted)
    if wanted == "cpu":
        return wanted
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(device for device, found in there.items() if found)
    if not there[wanted]:
        raise InputError(f"device {wanted} is not on this machine", field="device")
    return wanted


def count_devices(device: str) -> int:
    """How many devices of a kind this machine has."""
    import torch

    return torch.cuda.device_count() if device == "cuda" else 1


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",") if visible else [str(gpu) for gpu in range(count_devices("cuda"))]


def usable_cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
