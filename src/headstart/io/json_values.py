"""Values out of documents that other tools wrote: what is not of the expected kind counts as not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast


def mapping(value: object) -> Mapping[str, object]:
    """The value where it is an object of a document, else an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[object]:
    """The value where it is a list of a document, else an empty one."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def number(value: object) -> float | None:
    """The value where it is a number, else None; NaN is a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def text(value: object) -> str | None:
    """The value where it is text that is not blank, else None."""
    return value.strip() if isinstance(value, str) and value.strip() else None
