"""The decision of a comparison: one sentence that says which ranking to publish, or what to measure next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headstart.auditing.comparison_values import (
    AcrossBenchmarks,
    BenchmarkComparison,
    ComparisonDecision,
    Pairs,
    Shift,
    Verdict,
)
from headstart.auditing.level_values import TiedModels

AGREES = 0.9
"""A direct ranking stands where noise leaves no agreement with the tuned one below this."""

HARDLY = 100.0
"""Times the items beyond which more of them is no advice."""

ON_AGREEMENT_ALONE = "That rests on the agreement alone"
"""What a decision rests on where no change of order is beyond noise."""


def verdict_of(pairs: Pairs | None, least_tau: float) -> Verdict:
    """What one benchmark says of its direct ranking.

    ``misleads`` where a pair of models is in the other order after tuning, both orders beyond noise (95 %, all pairs
    at once). ``agrees`` where none is, and either no pair changes order as measured or noise leaves no tau below
    ``least_tau``. ``cannot say`` otherwise, and without standard errors.
    """
    if pairs is None:
        return "cannot say"
    if pairs.reversed:
        return "misleads"
    return "agrees" if not pairs.changed or pairs.tau_bounds[0] >= least_tau else "cannot say"


def decide_comparison(
    found: Sequence[BenchmarkComparison], across: AcrossBenchmarks | None, labels: tuple[str, str]
) -> ComparisonDecision:
    """Which ranking to publish, or what to measure.

    A change of order beyond noise decides for the tuned rankings, and so does an agreement of the benchmarks that
    rises by more than the choice of the models explains.

    Args:
        found: At least one benchmark.
        across: What they say together.
        labels: What the two columns are.
    """
    misleading = [one for one in found if one.verdict == "misleads"]
    open_ones = [one for one in found if one.verdict == "cannot say"]
    if misleading:
        sentence = _publish_tuned(found, misleading, across, labels)
        return ComparisonDecision(action="publish the tuned ranking", sentence=sentence, items_factor=None)
    if not open_ones:
        return ComparisonDecision(action="keep the direct ranking", sentence=_keep(found, labels), items_factor=None)
    factor = min((one.items_factor for one in open_ones if one.items_factor is not None), default=None)
    shift = None if across is None else across.tau_b
    if shift is not None and shift.difference.low > 0:
        sentence = (
            f"Publish the rankings {_after(labels)}: {len(found)} benchmarks agree with each other "
            f"{agreement_in_words(shift)}. {ON_AGREEMENT_ALONE}: {_no_change_certain(open_ones)}."
        )
        return ComparisonDecision(action="publish the tuned ranking", sentence=sentence, items_factor=factor)
    return ComparisonDecision(
        action="measure more", sentence=_cannot_say(found, open_ones, factor, labels), items_factor=factor
    )


def _publish_tuned(
    found: Sequence[BenchmarkComparison],
    misleading: Sequence[BenchmarkComparison],
    across: AcrossBenchmarks | None,
    labels: tuple[str, str],
) -> str:
    if len(found) == 1:
        one = found[0]
        pairs = one.pairs
        moved, total = (pairs.reversed, pairs.all) if pairs else (0, 0)
        return (
            f"Publish the ranking {_after(labels)}: {change_order(moved, total)} with the same tuning, beyond "
            f"noise{_agreement(one)}. {_publish_ties(one)}"
        )
    sentence = (
        f"Publish the rankings {_after(labels)}: on {len(misleading)} of {len(found)} benchmarks models change order "
        "with the same tuning, beyond noise"
    )
    taus = None if across is None else across.tau_b
    if taus is not None and (taus.difference.low > 0 or taus.difference.high < 0):
        more = "more" if taus.difference.value > 0 else "less"
        sentence += (
            f"; the benchmarks agree {more} with each other {_after(labels)} (mean tau-b {taus.tuned.value:.2f}, "
            f"{taus.direct.value:.2f} before)"
        )
    tied = sum(_tied(one.tuned_ties) > 0 for one in found)
    return f"{sentence}. Publish ties on {tied} of them." if tied else f"{sentence}."


def _keep(found: Sequence[BenchmarkComparison], labels: tuple[str, str]) -> str:
    if len(found) == 1:
        return (
            f"Keep the {_before(labels)} ranking: with the same tuning no pair of models changes order beyond "
            f"noise{_agreement(found[0])}. {_publish_ties(found[0], tuned=False)}"
        )
    return (
        f"Keep the {_before(labels)} rankings: on none of {len(found)} benchmarks does a pair of models change order "
        "beyond noise with the same tuning, and noise leaves little else open."
    )


def _cannot_say(
    found: Sequence[BenchmarkComparison],
    open_ones: Sequence[BenchmarkComparison],
    factor: float | None,
    labels: tuple[str, str],
) -> str:
    start = f"Your data cannot say whether the {_before(labels)} ranking misleads"
    if all(one.pairs is None for one in open_ones):
        one = open_ones[0]
        n = len(one.models)
        changes = f"{change_order(one.changed, n * (n - 1) // 2)} as measured{_agreement(one)}"
        where = "" if len(found) == 1 else f" On {one.benchmark}, {changes}."
        told = f": {changes}, but without" if len(found) == 1 else ": without"
        return (
            f"{start}{told} standard errors nobody knows which changes are noise.{where} Give a standard error or the "
            "number of items for every score."
        )
    where = "" if len(found) == 1 else f" on {len(open_ones)} of {len(found)} benchmarks"
    sentence = f"{start}{where}: {_no_change_certain(open_ones)}."
    if factor is None or factor > HARDLY:
        return f"{sentence} More items will hardly decide it: measure more models or more benchmarks."
    return f"{sentence} Measure on about {_rounded(factor):g} times the items, which would confirm the clearest change."


def _no_change_certain(open_ones: Sequence[BenchmarkComparison]) -> str:
    """How many pairs change order on the benchmarks that are open, and that none is known to do so beyond noise."""
    known = [one.pairs for one in open_ones if one.pairs is not None]
    if not known:
        return "without standard errors nobody knows which changes of order are noise"
    changed, every = sum(pairs.changed for pairs in known), sum(pairs.all for pairs in known)
    return f"{change_order(changed, every)} with the same tuning, none of them beyond noise"


def agreement_in_words(shift: Shift) -> str:
    """How far benchmarks agree before and after tuning, with the interval of the difference over the models."""
    change = shift.difference
    return (
        f"at a mean tau-b of {shift.tuned.value:.2f} after tuning and {shift.direct.value:.2f} before "
        f"(difference {change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}])"
    )


def change_order(count: int, total: int) -> str:
    """``7 of 45 pairs of models change order``."""
    pairs = "pair" if total == 1 else "pairs"
    return f"{count:,} of {total:,} {pairs} of models {'changes' if count == 1 else 'change'} order"


def _agreement(one: BenchmarkComparison) -> str:
    return "" if one.tau_b is None else f" (tau-b {one.tau_b:.2f} between the two rankings)"


def _publish_ties(one: BenchmarkComparison, *, tuned: bool = True) -> str:
    ties = one.tuned_ties if tuned else one.direct_ties
    groups = sum(len(group.names) > 1 for group in ties or ())
    if not groups:
        return "Every neighbour in it can be told apart."
    shown = "1 group" if groups == 1 else f"{groups} groups"
    return f"Publish {shown} of ties: {_tied(ties)} of the {len(one.models)} models cannot be told apart one by one."


def _tied(ties: Sequence[TiedModels] | None) -> int:
    return sum(len(group.names) for group in ties or () if len(group.names) > 1)


def _after(labels: tuple[str, str]) -> str:
    return "after tuning" if labels[1] == "tuned" else labels[1]


def _before(labels: tuple[str, str]) -> str:
    return "direct" if labels[0] == "direct" else "first"


def _rounded(factor: float) -> float:
    """Rounded up to two digits."""
    unit = 10.0 ** (math.floor(math.log10(factor)) - 1)
    return round(math.ceil(factor / unit - 1e-9) * unit, 6)
