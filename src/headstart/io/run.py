"""One run of a command: its name and its time, the same in every file that it writes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What tells the files of one run from those of another; a new one by default.

    Args:
        id: 16 hexadecimal digits.
        created_at: When it was started, in UTC, as ISO 8601.

    >>> Run().id == Run().id
    False
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    created_at: str = field(default_factory=now)
