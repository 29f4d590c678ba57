"""What a runner says about its runs beside their scores: how each ended, and where it has no score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from headstart.data.columns import Line, complaint, line_name
from headstart.errors import InputError

OutcomeName = Literal["complete", "diverged", "no gain", "forgets", "untunable"]
"""How a run ended; ``untunable`` marks a score that was supplied because its contestant cannot be tuned."""

OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)


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
    outcome: OutcomeName


def as_outcome(value: object) -> OutcomeName | None:
    """The outcome itself; None for nothing or an empty text, the mark of a run that nothing was said about.

    Raises:
        InputError: If it is none of ``OUTCOMES``.
    """
    if value is None or value == "":
        return None
    if value not in OUTCOMES:
        raise InputError(f"outcome must be one of {', '.join(OUTCOMES)}, or empty, got {value!r}", field="outcome")
    return value


def untunable_step(step: float) -> InputError:
    """The complaint about a contestant that cannot be tuned and has a score after tuning."""
    return InputError(f"step must be 0 where the outcome is untunable, got {step:g}", field="step")


def read_outcomes(
    column: Sequence[Any] | None,
    models: Sequence[str],
    steps: Sequence[float],
    lines: Sequence[Line],
    source: str,
    problems: list[InputError],
) -> tuple[OutcomeName | None, ...]:
    """The outcome of every row; None where it is not said, or cannot be.

    Added to ``problems`` are outcomes that are unknown, and models untunable in one row and tuned in another.
    """
    found: list[OutcomeName | None] = []
    tuned: dict[str, tuple[bool, int]] = {}
    for at, value in enumerate(column if column is not None else [None] * len(lines)):
        outcome = None
        try:
            outcome = as_outcome(value)
            if outcome == "untunable" and steps[at] > 0:
                raise untunable_step(steps[at])
            is_tuned = outcome != "untunable"
            before, first = tuned.setdefault(models[at], (is_tuned, at))
            if before != is_tuned:
                this, that = ("tuned", "untunable") if is_tuned else ("untunable", "tuned")
                raise InputError(
                    f"outcome must say of {models[at]!r} either that it is untunable or how its tuning went, "
                    f"got {this} here and {that} in {line_name(lines[first])}",
                    field="outcome",
                )
        except InputError as error:
            problems.append(complaint(error.message, source=source, line=lines[at], field=error.field))
        found.append(outcome)
    return tuple(found)


def find_divergences(unscored: Iterable[Unscored]) -> tuple[Divergence, ...]:
    """One entry for each run with steps without a score, in order of appearance."""
    first: dict[tuple[str, str | None], float] = {}
    for row in unscored:
        key = (row.model, row.seed)
        first[key] = min(row.step, first.get(key, row.step))
    return tuple(Divergence(model=model, seed=seed, step=step) for (model, seed), step in first.items())
