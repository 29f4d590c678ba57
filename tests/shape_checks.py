"""The check that array shapes hold at every call, switched on for the numerical packages by ``conftest``.

Only annotations that hold an array shape are checked at run time; the other types are the type checker's.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray

PACKAGE = Path(__file__).parents[1] / "src" / "headstart"
CHECKED = ("contest", "rank", "solve", "designing", "fitting", "auditing", "data", "suite")
_SHAPES = re.compile(r"\b(jaxtyping|Scores|Efforts|PerModel|Rewards|Positions)\b")
_BEARTYPE = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with every annotation enforced that is an array shape, or holds one."""
    known = {**vars(builtins), **getattr(function, "__globals__", {})}
    shapes = {name: hint for name, given in function.__annotations__.items() if _has_shape(hint := _hint(given, known))}
    if not shapes:
        return function
    function.__annotations__ = shapes
    return _BEARTYPE(function)


def _hint(given: Any, known: dict[str, Any]) -> Any:
    try:
        return eval(given, known) if isinstance(given, str) else given
    except Exception:  # names of later classes, and of imports for the type checker alone: no shapes
        return None


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return hint.array_type in (np.ndarray, np.generic)
    return any(_has_shape(part) for part in get_args(hint))


def checked_modules() -> list[str]:
    """The modules with shapes; those with compiled code are left out, because numba compiles what it is given."""
    paths = [path for package in CHECKED for path in sorted((PACKAGE / package).rglob("*.py"))]
    return [
        ".".join(("headstart", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in paths
        if _SHAPES.search(text := path.read_text()) and "numba" not in text and path.name != "__init__.py"
    ]
