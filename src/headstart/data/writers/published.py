"""Results to be published: scores with their places, whatever file they go into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headstart.errors import InputError
from headstart.io.run import now
from headstart.io.text import check_name


@dataclass(frozen=True, kw_only=True)
class PublishedScore:
    """The score of one model on one benchmark after a number of tuning steps, and its place.

    Args:
        benchmark: Name.
        model: Name.
        step: Tuning steps, ``>= 0``.
        score: The score.
        stderr: Its standard error; None where unknown.
        n_items: Number of test items; None where unknown.
        seed: Which replicate; None where there is one.
        rank: Among the models of the benchmark at this step, 1 is best; None where it was not ranked.
        best_rank: Smallest rank that noise leaves possible; None where unknown.
        worst_rank: Largest.
    """

    benchmark: str
    model: str
    step: float
    score: float
    stderr: float | None = None
    n_items: int | None = None
    seed: str | None = None
    rank: int | None = None
    best_rank: int | None = None
    worst_rank: int | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """What is published at once.

    Args:
        title: What it is called, such as the name of the board.
        scores: At least one; best first within a benchmark and step where they are ranked.
        score_range: Smallest and largest possible score.
        created_at: When the results were put together, in UTC, as ISO 8601.
        datasets: Data set on the Hugging Face hub of each benchmark, where it has one: ``{"mmlu": "cais/mmlu"}``.

    Raises:
        InputError: If there are no scores, a score is given twice, or a name would not survive.
    """

    title: str
    scores: tuple[PublishedScore, ...]
    score_range: tuple[float, float] = (0.0, 1.0)
    created_at: str = field(default_factory=now)
    datasets: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        check_name(self.title, "title")
        if not self.scores:
            raise InputError("scores must hold at least one score, got none", field="scores")
        seen: set[tuple[str, str, float, str | None]] = set()
        for one in self.scores:
            key = (one.benchmark, one.model, one.step, one.seed)
            if key in seen:
                raise InputError(f"scores must be unique, got {one.benchmark} of {one.model} at {one.step:g} twice")
            seen.add(key)


Files = Mapping[str, bytes]
"""Files of a folder: bytes by path below it, with forward slashes."""


@dataclass(frozen=True, kw_only=True)
class Writer:
    """One format in which results are published; see ``data.writers`` for how to register another.

    Args:
        title: What messages and documentation call it.
        render: The bytes of the file, or of each file of the folder.
        folder: Whether it is a folder of files.
    """

    title: str
    render: Callable[[Published], bytes | Files]
    folder: bool = False


def plain_step(step: float) -> str:
    """A step as text, without ``.0``, exactly.

    >>> plain_step(500.0), plain_step(0.1)
    ('500', '0.1')
    """
    exact = float(step)
    return str(int(exact)) if exact.is_integer() and abs(exact) < 2**53 else repr(exact)


def by_model(scores: Sequence[PublishedScore]) -> dict[tuple[str, float, str | None], list[PublishedScore]]:
    """The scores of each model at each step and seed, in the order of the first of them."""
    found: dict[tuple[str, float, str | None], list[PublishedScore]] = {}
    for one in scores:
        found.setdefault((one.model, one.step, one.seed), []).append(one)
    return found
