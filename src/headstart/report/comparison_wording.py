"""A comparison of two columns in words and short numbers, shared by the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headstart.auditing.comparison_values import BenchmarkComparison, ComparedModel, Comparison, Shift
from headstart.auditing.level_values import Estimate, TiedModels
from headstart.report.wording import count, ranks

BRACKETS = {"within": "within the tuning given", "more": "more than it", "not known": "not known"}
VERDICTS = {"misleads": "misleads", "agrees": "stands", "cannot say": "open"}


@dataclass(frozen=True, kw_only=True)
class Move:
    """One model on one benchmark, for lists over all benchmarks."""

    benchmark: str
    row: ComparedModel


def moves(found: Comparison) -> list[Move]:
    """Every model on every benchmark."""
    return [Move(benchmark=one.benchmark, row=row) for one in found.benchmarks for row in one.models]


def risers(found: Comparison, most: int) -> list[Move]:
    """Those that rank most places higher after tuning; whose rank sets move apart first."""
    won = [move for move in moves(found) if move.row.places_won > 0]
    return sorted(won, key=lambda move: (not move.row.moves, -move.row.places_won))[:most]


def sinkers(found: Comparison, most: int) -> list[Move]:
    """Those that rank most places lower after tuning; whose rank sets move apart first."""
    lost = [move for move in moves(found) if move.row.places_won < 0]
    return sorted(lost, key=lambda move: (not move.row.moves, move.row.places_won))[:most]


def fallers(found: Comparison) -> list[Move]:
    """Those whose score falls beyond noise, largest fall first."""
    return sorted((move for move in moves(found) if move.row.falls), key=lambda move: move.row.change)


def score(value: float) -> str:
    """A score to three places, or to one where scores are large.

    >>> score(0.51234), score(61.27)
    ('0.512', '61.3')
    """
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def change_in_words(row: ComparedModel) -> str:
    """``+0.041 ± 0.010``: the change and its standard error."""
    shown = f"{'+' if row.change >= 0 else '−'}{score(abs(row.change))}"
    return shown if row.change_stderr is None else f"{shown} ± {score(row.change_stderr)}"


def rank_in_words(rank: int, bounds: tuple[int, int] | None) -> str:
    """``3 (1–5)``: the rank and what noise leaves of it."""
    return str(rank) if bounds is None else f"{rank} ({ranks(bounds)})"


def move_in_words(move: Move, *, named: bool, width: int | None = None) -> str:
    """One line on one model; with its benchmark where there are several; names no longer than ``width``."""
    row = move.row
    where = f" on {fit(move.benchmark, width)}" if named else ""
    name = fit(row.name, width)
    sure = "" if row.moves or row.direct_ranks is None else ", within noise"
    if row.direct_rank == row.tuned_rank:
        return f"{name}{where}: score {change_in_words(row)}"
    return f"{name}{where}: rank {row.direct_rank} to {row.tuned_rank}{sure}, score {change_in_words(row)}"


def estimate_in_words(found: Estimate) -> str:
    """``0.71 [0.65, 0.77]``."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def shift_in_words(found: Shift) -> tuple[str, str, str]:
    """Before, after and the difference."""
    return estimate_in_words(found.direct), estimate_in_words(found.tuned), estimate_in_words(found.difference)


def subject(found: Comparison, width: int | None = None) -> str:
    """What was compared: models, benchmarks and what is missing; a name no longer than ``width``."""
    models = {row.name for one in found.benchmarks for row in one.models}
    several = len(found.benchmarks) > 1
    where = count(len(found.benchmarks), "benchmark") if several else fit(found.benchmarks[0].benchmark, width)
    missing = ""
    if found.missing:
        scores = count(len(found.missing), "score")
        verb = "is" if len(found.missing) == 1 else "are"
        missing = f" {scores} {verb} missing: a model counts where it has both scores."
    return f"{count(len(models), 'model')} on {where}; columns: {found.labels[0]} and {found.labels[1]}.{missing}"


def first_place(one: BenchmarkComparison) -> int:
    """How many models not first would take first place by the tuning given, while all others stay untuned."""
    return sum(row.first_place == "within" for row in one.models if row.direct_rank > 1)


def first_place_in_words(one: BenchmarkComparison) -> str:
    """How many models could take first place with the tuning given."""
    others = sum(row.direct_rank > 1 for row in one.models)
    sure = sum(row.first_place == "within" and row.first_place_certain for row in one.models if row.direct_rank > 1)
    beyond = f" ({sure} beyond noise)" if one.pairs is not None else ""
    return (
        f"Price of first place: for {first_place(one)} of {count(others, 'other model')}{beyond} it lies within the "
        "tuning given, if only that model tunes."
    )


def prices_in_words(one: BenchmarkComparison) -> str:
    """How many neighbours of the direct ranking pass each other within the tuning given."""
    within, more, unknown = (
        sum(price.bracket == bracket for price in one.prices) for bracket in ("within", "more", "not known")
    )
    return (
        f"Price of the next place: within the tuning given for {within} of "
        f"{count(len(one.prices), 'neighbouring pair')}, "
        f"more than it for {more}, not known for {unknown}."
    )


def groups_in_words(groups: Sequence[TiedModels] | None) -> list[str]:
    """The ties to publish: places and names."""
    return [
        f"{ranks((group.rank, group.last_place))}: {', '.join(group.names)}"
        for group in groups or ()
        if len(group.names) > 1
    ]


def fit(text: str, width: int | None) -> str:
    """The text, cut in the middle where it is too long.

    >>> fit("a-very-long-name", 9)
    'a-ve…name'
    """
    if width is None or len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"
