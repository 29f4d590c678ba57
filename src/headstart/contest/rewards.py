"""Reward rules: what each rank is worth, best first, in the contest's cost unit."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, frozen, require, require_finite
from headstart.errors import InputError
from headstart.registry import Registry, callable_complaint, numbers_taken

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


def _complaint(rule: object) -> str | None:
    if not callable(rule):
        return callable_complaint(rule)
    first = list(inspect.signature(rule).parameters)[:2]
    return None if first == ["n", "value"] else f"must take n and value first, got {', '.join(first) or 'nothing'}"


REWARDS: Registry[Callable[..., Rewards]] = Registry(
    "reward rule",
    group="headstart.rewards",
    members={"winner": winner, "top": top, "linear": linear, "geometric": geometric},
    complaint=_complaint,
)
"""Rules by name: functions of the number of models, the value of first place, and numbers of their own by keyword.

Packages add theirs under the entry-point group ``headstart.rewards``.
"""


def _positive(value: float) -> float:
    require(bool(np.isfinite(value)) and value >= 0, "value", "a finite number >= 0", value)
    return float(value)


def own_numbers(rule: str) -> dict[str, type]:
    """The numbers that a rule takes beside the value of first place: ``int`` or ``float`` by name."""
    return numbers_taken(REWARDS[rule], beside=("n", "value"))


def short_form(rule: str) -> str:
    """How the rule is written on the command line.

    >>> short_form("geometric")
    'geometric:RATIO:VALUE'
    """
    return ":".join([rule, *(name.upper() for name in own_numbers(rule)), "VALUE"])


def parse(text: str, n: int) -> Rewards:
    """Read the short form of a schedule.

    Args:
        text: ``winner:VALUE``, ``top:K:VALUE``, ``linear:VALUE``, ``geometric:RATIO:VALUE``, or any other rule with its
            own numbers before the value.
        n: Number of models.

    Raises:
        InputError: If the text has another form or a number is out of range.

    >>> parse("top:2:30", 4).tolist()
    [30.0, 30.0, 0.0, 0.0]
    """
    kind, *numbers = text.split(":")
    own = own_numbers(kind) if kind in REWARDS else {}
    must = _short_forms()
    require(kind in REWARDS and len(numbers) == len(own) + 1, "rewards", must, text)
    try:
        value = float(numbers[-1])
        given = {name: own[name](number) for name, number in zip(own, numbers, strict=False)}
    except ValueError:  # not a number
        raise InputError(f"rewards must be {must}, got {text!r}", field="rewards") from None
    try:
        require(kind != "top" or given["k"] <= n, "k", f"at most the number of models, {n}", given.get("k"))
        return explicit(REWARDS[kind](n, value, **given))
    except InputError as error:
        raise InputError(f"rewards {text!r}: {error.message}", field="rewards") from None


def _short_forms() -> str:
    """All of them; rules of packages are only named, because telling their numbers would import the packages."""
    forms = [short_form(name) if name in REWARDS.own else f"{name}:...:VALUE" for name in REWARDS.names()]
    return f"{', '.join(forms[:-1])} or {forms[-1]}"
