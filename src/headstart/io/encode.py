"""Frozen values as JSON data: one encoder, told the exceptions by the metadata of the fields.

A number that does not exist (None, infinite or NaN) is null, and where its field says why the document says it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from os import PathLike, fspath
from typing import Any, cast

from headstart.io.atomic import JsonValue

_METADATA = "headstart.json"
Reason = str | Callable[[Any], str | None]


def as_json(
    *, key: str | None = None, null_because: Reason | None = None, optional: bool = False, hidden: bool = False
) -> dict[str, Any]:
    """Metadata of a field that is not simply written under its name.

    Args:
        key: Name in the document, where it differs.
        null_because: Why the value may be missing, or a function of the whole value that tells; written as
            ``KEY_reason``, null where the value is there.
        optional: Whether the key is left out where the value is None.
        hidden: Whether the field is never written.

    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Price:
    ...     effort: float = field(metadata=as_json(null_because="no effort is enough"))
    >>> encode(Price(effort=math.inf))
    {'effort': None, 'effort_reason': 'no effort is enough'}
    """
    return {_METADATA: {"key": key, "null_because": null_because, "optional": optional, "hidden": hidden}}


def encode(value: object) -> JsonValue:
    """Frozen dataclasses, mappings, sequences, arrays and plain values as JSON data.

    Raises:
        TypeError: If a value has no form in JSON.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, type):
        raise TypeError(f"a class has no form in JSON, got {value.__name__}")
    if is_dataclass(value):
        return encode_fields(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, PathLike):
        return fspath(cast("PathLike[str]", value))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [encode(item) for item in cast("Sequence[object]", value)]
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return encode(cast(Any, value).tolist())
    raise TypeError(f"a value must have a form in JSON, got {type(value).__name__}")


def encode_fields(value: object) -> dict[str, JsonValue]:
    """``encode`` of a dataclass, as the object it always is."""
    document: dict[str, JsonValue] = {}
    for field in fields(cast(Any, value)):
        told: dict[str, Any] = field.metadata.get(_METADATA, {})
        key = told.get("key") or field.name
        item: object = getattr(value, field.name)
        if told.get("hidden") or (told.get("optional") and item is None):
            continue
        document[key] = encode(item)
        because: Reason | None = told.get("null_because")
        if because is not None:
            reason = because(value) if callable(because) else because
            document[f"{key}_reason"] = reason if document[key] is None else None
    return document
