"""The registry of curve models: one line for each of this package, an entry point for each of another."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from headstart.contest.arrays import require
from headstart.errors import InputError
from headstart.fitting.curve_model import CurveModel

GROUP = "headstart.curve_models"
"""Entry points of other packages: the name is the model's, the object is a ``CurveModel``."""

DEFAULT = "pool"
"""The model used where the file says too little to choose."""

_OWN = {
    "pool": "headstart.fitting.models.pool",
    "logit-power": "headstart.fitting.models.logit_power",
    "logit-power-discrepancy": "headstart.fitting.models.discrepancy",
    "learning-clock": "headstart.fitting.models.learning_clock",
    "last-value": "headstart.fitting.models.last_value",
}


def curve_model_names() -> tuple[str, ...]:
    """Names of all registered models, those of this package first; nothing is loaded."""
    return (*_OWN, *sorted(_others()))


def curve_model(name: str) -> CurveModel:
    """The model registered under a name.

    Raises:
        InputError: If there is none, or its entry point cannot be loaded or is not a curve model.

    >>> curve_model("last-value").candidate
    False
    """
    if name in _OWN:
        return cast("CurveModel", import_module(_OWN[name]).MODEL)
    others = _others()
    require(name in others, "curve_model", f"one of {', '.join(curve_model_names())}", name)
    return _load(others[name])


def candidates() -> tuple[CurveModel, ...]:
    """The models a forecast chooses from, the default first.

    Raises:
        InputError: If an entry point cannot be loaded or is not a curve model.
    """
    return tuple(model for model in map(curve_model, curve_model_names()) if model.candidate)


def _others() -> dict[str, EntryPoint]:
    found = {point.name: point for point in entry_points(group=GROUP)}
    for name in _OWN.keys() & found.keys():
        raise InputError(f"entry point {found[name].value} must have a name of its own in {GROUP}, got {name!r}")
    return found


def _load(point: EntryPoint) -> CurveModel:
    source = f"entry point {point.name} = {point.value} of {point.dist.name if point.dist else 'an unknown package'}"
    try:
        model = point.load()
    except Exception as error:  # whatever another package does on import
        raise InputError(f"{source} must load as a curve model, got {type(error).__name__}: {error}") from error
    missing = [name for name in ("name", "candidate", "draw") if not hasattr(model, name)]
    if missing:
        raise InputError(f"{source} must be a curve model, got one without {', '.join(missing)}")
    return cast("CurveModel", model)
