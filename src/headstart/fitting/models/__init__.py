"""The registry of curve models: one line for each of this package, an entry point for each of another."""

from __future__ import annotations

from headstart.fitting.curve_model import CurveModel
from headstart.registry import Registry

DEFAULT = "pool"
"""The model used where the file says too little to choose."""


def _complaint(found: object) -> str | None:
    missing = [name for name in ("name", "candidate", "draw") if not hasattr(found, name)]
    return f"must have {', '.join(missing)}, got {type(found).__name__} without" if missing else None


CURVE_MODELS: Registry[CurveModel] = Registry(
    "curve model",
    group="headstart.curve_models",
    lazy={
        "pool": "headstart.fitting.models.pool:MODEL",
        "logit-power": "headstart.fitting.models.logit_power:MODEL",
        "logit-power-discrepancy": "headstart.fitting.models.discrepancy:MODEL",
        "learning-clock": "headstart.fitting.models.learning_clock:MODEL",
        "last-value": "headstart.fitting.models.last_value:MODEL",
    },
    complaint=_complaint,
)
"""The members are ``CurveModel`` values.

>>> CURVE_MODELS["last-value"].candidate
False
"""


def candidates() -> tuple[CurveModel, ...]:
    """The models a forecast chooses from, the default first.

    Raises:
        InputError: If the model of another package cannot be loaded or is not a curve model.
    """
    return tuple(model for model in (CURVE_MODELS[name] for name in CURVE_MODELS) if model.candidate)
