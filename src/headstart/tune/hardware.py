"""What a run computes on: part of what decides its numbers. No torch at import."""

from __future__ import annotations

import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What a run computes on.

    Args:
        device: ``cpu``, ``cuda`` or ``mps``.
        name: Of the processor or the graphics card.
        threads: Of one cell, ``>= 1``: the order in which sums are formed depends on it.
        instructions: The instruction set that torch uses on the processor; None on other devices.
    """

    device: str
    name: str
    threads: int
    instructions: str | None = None

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InputError(f"threads must be at least 1, got {self.threads}", field="threads")


def this_machine(device: str, threads: int) -> Hardware:
    """The hardware behind a device of torch (``cpu``, ``cuda``, ``cuda:1``, ``mps``).

    Raises:
        InputError: If this machine has no such device, or torch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise InputError('headstart tune needs the extra: pip install "headstart[tune]"') from None
    kind, _, number = device.partition(":")
    if device == "cpu":
        capability = torch.backends.cpu.get_cpu_capability()
        return Hardware(device=kind, name=_processor(), threads=threads, instructions=capability)
    if kind == "cuda" and (number or "0").isdecimal() and int(number or "0") < torch.cuda.device_count():
        return Hardware(device=kind, name=torch.cuda.get_device_name(device), threads=threads)
    if device == "mps" and torch.backends.mps.is_available():
        return Hardware(device=kind, name=_processor(), threads=threads)
    raise InputError(f"device must be cpu, cuda or mps and on this machine, got {device!r}", field="device")


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
