"""The server's clock: it never goes backwards and never jumps while the process runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970, read once from the system and then counted by a clock that nobody can set.

    Leases and deadlines are compared with it, so a system clock that is set forwards does not end every lease at once,
    and one that is set backwards does not make them last. What a restart finds is mended by the sweep.

    Args:
        wall: The system's clock.
        steady: A clock that only counts.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._offset = wall() - steady()

    def now(self) -> float:
        """Seconds since 1970, in UTC."""
        return self._offset + self._steady()


def iso(seconds: float | None) -> str | None:
    """A time as text, in UTC to the second; None stays None.

    >>> iso(0.0)
    '1970-01-01T00:00:00Z'
    """
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
