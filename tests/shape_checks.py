"""The check that array shapes hold at every call, switched on for the numerical packages by ``conftest``.

Only annotations that hold an array shape are checked at run time; the other types are the type checker's.
"""

from __future__ import annotations

import builtins
import functools
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jaxtyping
import numpy as np
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, config, install_import_hook

PACKAGE = Path(__file__).parents[1] / "src" / "headstart"
CHECKED = ("contest", "rank", "solve", "designing", "fitting", "auditing", "data", "suite")
_SHAPES = re.compile(r"\b(jaxtyping|Scores|Efforts|PerModel|Rewards|Positions)\b")
_BEARTYPE = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeError))
_ONE_CALL = jaxtyping.jaxtyped("context")


def switch_on() -> None:
    """Have shapes checked in all modules imported from now on.

    The hook of jaxtyping decorates every function and class with ``jaxtyping.jaxtyped(typechecker=check)``. That wraps
    functions without any shape as well and checks arguments twice where a function returns a shape, which took half the
    time of the numerical tests. So what it calls is ``check`` itself.
    """
    whole = jaxtyping.jaxtyped
    jaxtyping.jaxtyped = lambda *given, typechecker=None: typechecker or whole(*given)
    install_import_hook(checked_modules(), "shape_checks.check")


def check(given: Any) -> Any:
    """The function, or the class with its ``__init__``, with every annotation enforced that is a shape or holds one."""
    if not isinstance(given, type):
        return _enforced(given)
    if "__init__" in vars(given) and not hasattr(given.__init__, "__wrapped__"):  # not written by hand and checked
        given.__init__ = _enforced(given.__init__)
    return given


def _enforced(function: Callable[..., Any]) -> Callable[..., Any]:
    known = {**vars(builtins), **getattr(function, "__globals__", {})}
    shapes = {name: hint for name, given in function.__annotations__.items() if _has_shape(hint := _hint(given, known))}
    if not shapes:
        return function
    enforced = _BEARTYPE(_annotated(function, shapes))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if config.jaxtyping_disable:
            return function(*args, **kwargs)
        with _ONE_CALL:  # in which a name of an axis has one length
            return enforced(*args, **kwargs)

    return call


def _annotated(function: Any, annotations: dict[str, Any]) -> Callable[..., Any]:
    """The same function with other annotations; its own stay, because registries read them."""
    same = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    same.__kwdefaults__ = function.__kwdefaults__
    same.__module__, same.__qualname__ = function.__module__, function.__qualname__
    same.__annotations__ = annotations
    return same


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
