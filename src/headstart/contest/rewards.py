"""Reward schedules: what each rank is worth, best first, in the contest's cost unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, frozen, require, require_finite
from headstart.errors import InputError

Rewards = Float[FloatArray, " models"]


def explicit(rewards: ArrayLike) -> Rewards:
    """Check a schedule given rank by rank.

    Args:
        rewards: Shape (models,), best rank first.

    Raises:
        InputError: If a reward is not finite or rises with rank.
    """
    values = frozen(rewards)
    require(values.ndim == 1 and values.size > 0, "rewards", "a non-empty list", values)
    require_finite("rewards", values)
    rises = np.flatnonzero(np.diff(values) > 0)
    if rises.size:
        rank = int(rises[0]) + 1
        got = f"{values[rank]} for rank {rank + 1} after {values[rank - 1]} for rank {rank}"
        require(False, "rewards", "non-increasing with rank", got)
    return values


def winner(n: int, value: float = 1.0) -> Rewards:
    """``value`` to the first, nothing to the others."""
    return top(n, value, k=1)


def top(n: int, value: float = 1.0, *, k: int) -> Rewards:
    """``value`` to each of the first ``k`` ranks, nothing below."""
    require(k >= 1, "k", ">= 1", k)
    return explicit(_positive(value) * (np.arange(n) < k))


def linear(n: int, value: float = 1.0) -> Rewards:
    """Evenly spaced from ``value`` for the first down to 0 for the last."""
    return explicit(_positive(value) * (np.arange(n)[::-1] / max(n - 1, 1) if n > 1 else np.ones(1)))


def geometric(n: int, value: float = 1.0, *, ratio: float) -> Rewards:
    """``value * ratio ** (rank - 1)``, ``0 < ratio < 1``."""
    require(0 < ratio < 1, "ratio", "between 0 and 1", ratio)
    return explicit(_positive(value) * ratio ** np.arange(n))


SHAPES: dict[str, Callable[..., Rewards]] = {"winner": winner, "top": top, "linear": linear, "geometric": geometric}


def _positive(value: float) -> float:
    require(bool(np.isfinite(value)) and value >= 0, "value", "a finite number >= 0", value)
    return float(value)


def parse(text: str, n: int) -> Rewards:
    """Read the command line's short form.

    Args:
        text: ``winner:VALUE``, ``top:K:VALUE``, ``linear:VALUE`` or ``geometric:RATIO:VALUE``.
        n: Number of models.

    Raises:
        InputError: If the text has another form or a number is out of range.

    >>> parse("top:2:30", 4).tolist()
    [30.0, 30.0, 0.0, 0.0]
    """
    kind, *numbers = text.split(":")
    form = "winner:VALUE, top:K:VALUE, linear:VALUE or geometric:RATIO:VALUE"
    require(kind in SHAPES and len(numbers) == (1 if kind in {"winner", "linear"} else 2), "rewards", form, text)
    try:
        value = float(numbers[-1])
        if kind == "top":
            k = int(numbers[0])
            require(k <= n, "k", f"at most the number of models, {n}", k)
            return top(n, value, k=k)
        if kind == "geometric":
            return geometric(n, value, ratio=float(numbers[0]))
        return SHAPES[kind](n, value)
    except InputError as error:
        raise InputError(f"rewards {text!r}: {error.message}", field="rewards") from None
    except ValueError:  # float() or int(): not a number
        raise InputError(f"rewards must be {form}, got {text!r}", field="rewards") from None
