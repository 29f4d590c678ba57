"""What a benchmark's numbers depend on: the machine, the versions, the date, and medians of many repeats."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, object]:
    """Cores, processor, versions and date, as JSON data."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "cpu": cpu,
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "headstart")},
    }


def timed(prepare: Callable[[], Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median and least milliseconds of a call, by the clock and of this process's processor time.

    Args:
        prepare: Called before every repeat, outside the clock; returns what is timed.
        repeats: How often.
    """
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(repeats):
        call = prepare()
        clock, processor = time.perf_counter(), time.process_time()
        call()
        wall.append(1e3 * (time.perf_counter() - clock))
        cpu.append(1e3 * (time.process_time() - processor))
    return {
        "wall_ms_median": round(statistics.median(wall), 3),
        "wall_ms_least": round(min(wall), 3),
        "cpu_ms_median": round(statistics.median(cpu), 3),
        "cpu_ms_least": round(min(cpu), 3),
        "repeats": repeats,
    }
