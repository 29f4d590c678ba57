"""What a runner says about its runs beside their scores: how each ended, and where it has no score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from headstart.errors import InputError

Outcome = Literal["complete", "diverged", "no gain", "forgets", "untunable"]
"""How a run ended; ``untunable`` marks a score that was supplied because its contestant cannot be tuned."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, kw_only=True)
class Unscored:
    """A step without a score, because the run diverged before it."""

    model: str
    step: float
    seed: str | None = None
    plan_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """A run that diverged; ``step`` is its first step without a score."""

    model: str
    seed: str | None
    step: float


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What the file says about one run."""

    model: str
    seed: str | None
    outcome: Outcome


def as_outcome(value: object) -> Outcome | None:
    """The outcome itself; None for nothing or an empty text, the mark of a run that nothing was said about.

    Raises:
        InputError: If it is none of ``OUTCOMES``.
    """
    if value is None or value == "":
        return None
    if value not in OUTCOMES:
        raise InputError(f"outcome must be one of {', '.join(OUTCOMES)}, or empty, got {value!r}", field="outcome")
    return value


def check_untunable_step(outcome: Outcome | None, step: float) -> None:
    """Raise if a contestant that cannot be tuned has a score after tuning."""
    if outcome == "untunable" and step > 0:
        raise InputError(f"step must be 0 where the outcome is untunable, got {step:g}", field="step")


def read_outcomes(
    column: Sequence[Any] | None, models: Sequence[str], steps: Sequence[float], lines: Sequence[int], source: str
) -> tuple[Outcome | None, ...]:
    """The outcome of every row, naming the row of the first that cannot be.

    Raises:
        InputError: If an outcome is unknown, or a model is untunable in one row and tuned in another.
    """
    found: list[Outcome | None] = []
    tuned: dict[str, tuple[bool, int]] = {}
    for at, value in enumerate(column if column is not None else [None] * len(lines)):
        try:
            outcome = as_outcome(value)
            check_untunable_step(outcome, steps[at])
            is_tuned = outcome != "untunable"
            before, line = tuned.setdefault(models[at], (is_tuned, lines[at]))
            if before != is_tuned:
                this, that = ("tuned", "untunable") if is_tuned else ("untunable", "tuned")
                raise InputError(
                    f"outcome must say of {models[at]!r} either that it is untunable or how its tuning went, "
                    f"got {this} here and {that} in row {line}",
                    field="outcome",
                )
        except InputError as error:
            raise error.located(file=source, row=lines[at]) from None
        found.append(outcome)
    return tuple(found)


def find_divergences(unscored: Iterable[Unscored]) -> tuple[Divergence, ...]:
    """One entry for each run with steps without a score, in order of appearance."""
    first: dict[tuple[str, str | None], float] = {}
    for row in unscored:
        key = (row.model, row.seed)
        first[key] = min(row.step, first.get(key, row.step))
    return tuple(Divergence(model=model, seed=seed, step=step) for (model, seed), step in first.items())
