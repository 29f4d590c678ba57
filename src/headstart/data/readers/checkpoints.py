"""Steps as the names of checkpoints say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

_STEP = re.compile(
    r"(?<![a-z])(?:global[_-]?step|checkpoint|ckpt|step|iter)[_-]?(?P<number>\d{1,18})(?![\d.]*\d?[a-z])", re.IGNORECASE
)


def step_in(name: str | None) -> float | None:
    """The step that a revision or the last part of a path says; None where it says none.

    >>> step_in("step1000"), step_in("stage1-step140000-tokens294B"), step_in("checkpoint-500"), step_in("main")
    (1000.0, 140000.0, 500.0, None)
    """
    if not name:
        return None
    found = {match["number"] for match in _STEP.finditer(name.rstrip("/").rpartition("/")[2])}
    return float(found.pop()) if len(found) == 1 else None


def without_step(path: str) -> str:
    """The path of a model without a last part that only says the step.

    >>> without_step("runs/alpha/checkpoint-500"), without_step("org/step-model")
    ('runs/alpha', 'org/step-model')
    """
    trimmed = path.rstrip("/")
    folder, _, last = trimmed.rpartition("/")
    return folder if folder and _STEP.fullmatch(last) else trimmed


def arguments_of(given: object) -> dict[str, str]:
    """The arguments of a model, written ``name=value,...`` or as an object.

    >>> arguments_of("pretrained=org/m,revision=step1000")
    {'pretrained': 'org/m', 'revision': 'step1000'}
    """
    if isinstance(given, dict):
        return {str(key): str(value) for key, value in cast("Mapping[object, object]", given).items()}
    if not isinstance(given, str):
        return {}
    pairs = (part.partition("=") for part in given.split(","))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}
