"""A suite in words and short numbers, shared by the terminal and the page."""

from __future__ import annotations

import math

from headstart.auditing.level_values import Estimate
from headstart.suite.rigging import RiggingCount
from headstart.suite.values import Suite, SuiteColumn

ASSUMPTIONS = {
    "perfect": "a trained task gets the best possible score",
    "measured": "a trained task gets its measured tuned score",
}


def subject(found: Suite) -> str:
    """What was ranked, and what was left out for that."""
    scores = found.scores
    columns = "direct and tuned scores" if len(found.columns) > 1 else "direct scores"
    start = f"{len(found.models):,} models on {len(found.tasks)} tasks, {columns}, ranked by {found.aggregation}"
    return f"{start}{left_out(found)}." if scores.missing else f"{start}; no score is missing."


def left_out(found: Suite) -> str:
    """Missing cells counted, and what they cost, named."""
    scores = found.scores
    left = scores.models_left_out or scores.tasks_left_out
    kind = ("model" if scores.models_left_out else "task") + ("" if len(left) == 1 else "s")
    shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    missing = f"{len(scores.missing):,} {'score is' if len(scores.missing) == 1 else 'scores are'} missing"
    return f"; {missing}, and so {len(left)} {kind} {'is' if len(left) == 1 else 'are'} left out ({shown})"


def rank_of(found: Suite, column: SuiteColumn, m: int) -> tuple[int, tuple[int, int] | None]:
    """Rank of a model under the chosen rule, and the ranks that noise leaves possible."""
    rank = int(column.rankings[found.aggregation].ranks[m])
    sets = column.rank_sets
    return rank, None if sets is None else (int(sets[m, 0]), int(sets[m, 1]))


def other_ranks(found: Suite, column: SuiteColumn, m: int) -> tuple[int, int]:
    """Best and worst rank of a model over all rules."""
    ranks = [int(ranking.ranks[m]) for ranking in column.rankings.values()]
    return min(ranks), max(ranks)


def count_in_words(count: int | None) -> str:
    """``7``, or ``never``."""
    return "never" if count is None else str(count)


def rigging_in_words(one: RiggingCount) -> str:
    """The count of one rule in a sentence."""
    first = sum(count == 0 for count in one.counts)
    others = sorted(math.inf if count is None else count for count in one.counts)[first:]
    if not others:
        return f"{one.aggregation}: every model is first already."
    middle, least = others[(len(others) - 1) // 2], others[0]
    never = f"; {one.never} of {len(one.counts)} never reach it" if one.never else ""
    if least == math.inf:
        return f"{one.aggregation}: no other model reaches the first rank, whatever it trains on."
    half = "more than half of the others never do" if middle == math.inf else f"half of the others with {middle:.0f}"
    start = (
        f"{one.aggregation}: the first other model reaches the first rank with {least:.0f} of {len(one.tasks)} tasks"
    )
    return f"{start}, {half}{never}."


def least_and_half(one: RiggingCount) -> tuple[str, str, str]:
    """Tasks that bring the first of the others, and half of them, to the first rank; how many never reach it."""
    others = sorted(math.inf if count is None else count for count in one.counts if count != 0)
    if not others:
        return "–", "–", "0"
    least, middle = others[0], others[(len(others) - 1) // 2]
    shown = ["never" if count == math.inf else f"{count:.0f}" for count in (least, middle)]
    return shown[0], shown[1], str(one.never)


def interval(found: Estimate | None) -> str:
    """``0.713 [0.65, 0.77]``, or a dash."""
    return "–" if found is None else f"{found.value:.3f} [{found.low:.2f}, {found.high:.2f}]"


def agreements(found: Suite) -> list[tuple[str, ...]]:
    """How far the tasks agree: name, then one cell a column, then the difference where there are two."""
    rows: list[tuple[str, ...]] = []
    for name, field in (
        ("mean tau-b", "mean_tau_b"),
        ("mean tau-a", "mean_tau_a"),
        ("component 1", "first_component"),
    ):
        cells = [interval(getattr(column.agreement, field)) for column in found.columns]
        if found.shifts is not None:
            shift = getattr(found.shifts, field.removeprefix("mean_"))
            cells.append("–" if shift is None else interval(shift.difference))
        rows.append((name, *cells))
    return rows
