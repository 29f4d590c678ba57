"""TOML for the documents this package writes: tables of numbers, strings, lists and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard

TomlValue = bool | int | float | str | Sequence["TomlValue"] | Mapping[str, "TomlValue"]


def toml_text(document: Mapping[str, TomlValue]) -> str:
    """The document as TOML; lists of tables become ``[[name]]`` sections, which come last.

    Numbers are written so that they read back as the same floats. Keys must be plain words, and strings free of
    control characters (``check_name`` sees to that).

    >>> print(toml_text({"level": 0.0, "models": [{"name": "a", "cost": {"scale": 1.0}}]}), end="")
    level = 0.0
    <BLANKLINE>
    [[models]]
    name = "a"
    cost = { scale = 1.0 }
    """
    lines = [f"{key} = {_value(value)}" for key, value in document.items() if not _is_list_of_tables(value)]
    for key, value in document.items():
        if _is_list_of_tables(value):
            for table in value:
                lines += ["", f"[[{key}]]", *(f"{name} = {_value(item)}" for name, item in table.items())]
    return "\n".join(lines) + "\n"


def _is_list_of_tables(value: TomlValue) -> TypeGuard[list[Mapping[str, TomlValue]]]:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _value(value: TomlValue) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # the escapes of JSON are escapes of TOML
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value).lower()
