# pyright: basic
"""Seconds a device worked for this process: what forecasts, reports and bills count."""

from __future__ import annotations

import time

import torch


def device_seconds(device: str, *, threads: int) -> float:
    """A clock to take differences of.

    On a GPU it is the wall clock once every queued kernel has ended. On a CPU it is the processor time of this process
    per thread: a machine shared with others makes a run longer, not dearer.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` ...
        threads: CPU threads that share the work.
    """
    if device == "cpu":
        return time.process_time() / threads
    if device.startswith("cuda"):
        for index in range(torch.cuda.device_count()):  # all that hold a part of the model
            if torch.cuda.memory_allocated(index):
                torch.cuda.synchronize(index)
    elif device == "mps":
        torch.mps.synchronize()
    return time.perf_counter()
