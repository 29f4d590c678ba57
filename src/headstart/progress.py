"""How a long computation tells where it stands: one type for all of them."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called now and then with what is being done and the share of the whole that is finished, in [0, 1]."""


def silent(what: str, share: float) -> None:
    """Progress that nobody follows."""
