"""What a site says, in plain words and readable numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from headstart.auditing.decision import share_with_interval
from headstart.auditing.level_values import Estimate
from headstart.board.site.values import Benchmark, Bound, Entry, Fall, NextRank, Place, Untuned
from headstart.report.wording import FLAG_WORDS, amount, count, number, ranks

SHOWN_FLAGS = ("forgets", "collapses", "at chance", "no gain")
"""Flags that tell a reader something about the model rather than about its fitted curve."""

MOST_NAMES = 12
"""Names in one sentence."""


def can_tell(benchmark: Benchmark) -> str:
    """The one sentence above a ranking: what it can and what it cannot tell."""
    places = [entry.tuned for entry in benchmark.entries if entry.tuned is not None]
    limits = "nothing about models that are not listed, other tasks or other tuning"
    pairs = len(places) * (len(places) - 1) // 2
    if not pairs:
        return (
            f"This page shows scores and cannot rank, because fewer than two models have one {when(benchmark)}; it "
            f"tells {limits}."
        )
    apart = pairs_apart(places)
    if apart is None:
        return (
            f"This ranking orders {count(len(places), 'model')} by the score {when(benchmark)} and cannot tell which "
            f"differences are noise, because the scores have no standard errors; it tells {limits}."
        )
    return (
        f"This ranking can tell {_told(apart, pairs)} of models apart {when(benchmark)} (95 %, all at once); it cannot "
        f"order models that share a rank, and it tells {limits}."
    )


def _told(apart: int, pairs: int) -> str:
    if pairs == 1:
        return "the one pair" if apart else "no pair"
    if apart == pairs:
        return f"all {pairs:,} pairs"
    return f"{f'{apart:,}' if apart else 'none'} of the {pairs:,} pairs"


def pairs_apart(places: Sequence[Place]) -> int | None:
    """Pairs whose rank sets have no rank in common; None where a rank set is unknown.

    >>> sets = [(1, 1), (2, 3), (2, 3)]
    >>> pairs_apart([
    ...     Place(score=0.5, rank=b, best_rank=b, worst_rank=w, shared_rank=b, last_place=w) for b, w in sets
    ... ])
    2
    """
    best = sorted(place.best_rank for place in places if place.best_rank is not None)
    if len(best) < len(places):
        return None
    worst = [place.worst_rank for place in places if place.worst_rank is not None]
    return sum(len(best) - bisect_right(best, last) for last in worst)


def when(benchmark: Benchmark) -> str:
    """``after 1,000 steps of the same tuning``."""
    if benchmark.level is None:
        return "after the same tuning"
    if benchmark.level == 0:
        return "under direct evaluation"
    return f"after {amount(benchmark.level, 'steps')} of the same tuning"


def before(benchmark: Benchmark) -> str:
    """What the direct column is: ``untuned``, or the first level measured."""
    return "untuned" if benchmark.direct_level == 0 else f"after {amount(benchmark.direct_level, 'steps')}"


def rank_words(place: Place | None) -> str:
    """``=3`` where others share the published rank, ``3`` where none does."""
    if place is None:
        return "–"
    return f"={place.shared_rank}" if place.tied else str(place.shared_rank)


def set_words(place: Place | None) -> str:
    """The ranks that noise leaves possible, ``2–9``; empty where they are unknown."""
    if place is None or place.best_rank is None or place.worst_rank is None:
        return ""
    return ranks((place.best_rank, place.worst_rank))


def other_ranks(place: Place | None) -> str:
    """The rank set where it holds more than the rank itself; empty else."""
    found = set_words(place)
    return "" if place is None or found == str(place.rank) else found


def score_words(place: Place | None) -> str:
    """``0.652``; an estimate is marked."""
    return "–" if place is None else f"{place.score:.3f}{'' if place.measured else '†'}"


def error_words(stderr: float | None) -> str:
    """``±0.021``: a standard error; empty where unknown."""
    return "" if stderr is None else f"±{stderr:.3f}" if stderr >= 0.0005 else f"±{stderr:.1g}"


def change(entry: Entry) -> int | None:
    """Places that tuning moves a model up; negative down."""
    if entry.direct is None or entry.tuned is None:
        return None
    return entry.direct.rank - entry.tuned.rank


def change_words(entry: Entry) -> str:
    """``▲ 3``, ``▼ 2`` or ``0``."""
    moved = change(entry)
    if moved is None:
        return "–"
    return f"▲ {moved}" if moved > 0 else f"▼ {-moved}" if moved < 0 else "0"


def price_words(price: NextRank | None, benchmark: Benchmark) -> str:
    """What the next rank costs, short enough for a cell."""
    if price is None:
        return "–"
    if price.effort is None:
        return "out of reach"
    if price.effort == 0 or (price.tied and price.effort < 1):
        return "none: tied"
    beyond = "†" if price.beyond_measured else ""
    steps = amount(price.effort, "steps")
    if benchmark.cost_unit == "steps" or price.cost is None:
        return steps + beyond
    return f"{amount(price.cost, benchmark.cost_unit)}{beyond}"


def price_range(price: NextRank | None, benchmark: Benchmark) -> str:
    """``90–160``, in steps, which are named beside a price in another unit; empty where there is no price."""
    if price is None or price.effort is None or price.effort == 0 or price.low is None:
        return ""
    unit = "" if benchmark.cost_unit == "steps" else " steps"
    return f"{number(price.low)}–{'beyond' if price.high is None else number(price.high)}{unit}"


def price_sentence(price: NextRank | None, benchmark: Benchmark) -> str:
    """The price of the next rank in a sentence."""
    if price is None:
        return "Nobody ranks above it, so there is no next rank to buy."
    ahead = price.overtakes
    tied = " Noise leaves the two tied, so their order is open as it is." if price.tied else ""
    if price.effort is None:
        return f"No further tuning is known to pass {ahead}: {price.reason or 'out of reach'}.{tied}"
    if price.effort == 0:
        return f"None: it and {ahead} are tied already.{tied}"
    cost = (
        "" if benchmark.cost_unit == "steps" or price.cost is None else f", {amount(price.cost, benchmark.cost_unit)}"
    )
    bounds = price_range(price, benchmark)
    beyond = " This rests on a forecast beyond the measured steps." if price.beyond_measured else ""
    return (
        f"{amount(price.effort, 'further steps') if price.effort != 1 else '1 further step'}"
        f"{f' (95 % interval {bounds})' if bounds else ''}{cost} to pass {ahead}.{tied}{beyond}"
    )


def gain_words(gain: Estimate | None) -> str:
    """``12 % [8–17 %]``."""
    return "–" if gain is None else share_with_interval(gain)


def fall_words(fall: Fall, benchmark: Benchmark) -> str:
    """``.629 untuned, .275 after 4,000 steps``."""
    if benchmark.level is None:
        return f"{fall.peak_score:.3f} before tuning, {fall.last_score:.3f} after"
    start = "untuned" if fall.peak_step == 0 else f"after {amount(fall.peak_step, 'steps')}"
    return f"{fall.peak_score:.3f} {start}, {fall.last_score:.3f} after {amount(fall.last_step, 'steps')}"


def marks(entry: Entry) -> list[tuple[str, str]]:
    """Short marks of an entry, each with its meaning."""
    found = [("falls", "its score falls beyond noise under the same tuning as everybody's")] if entry.fall else []
    hidden = ("forgets",) if entry.fall else ()
    found += [(flag, FLAG_WORDS[flag]) for flag in entry.flags if flag in SHOWN_FLAGS and flag not in hidden]
    if entry.tuned is not None and not entry.tuned.measured:
        found.append(("estimated", "not measured at the published level: its score there is an estimate"))
    return found


def used_marks(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """The marks of all entries, each once, with their meanings."""
    return list(dict.fromkeys(mark for entry in entries for mark in marks(entry)))


def flags_in_words(entry: Entry) -> list[str]:
    """Everything odd about a trajectory, one sentence each."""
    return [f"{flag[:1].upper()}{flag[1:]}: {FLAG_WORDS[flag]}." for flag in entry.flags if flag in FLAG_WORDS]


def bound_at(one: Untuned, level: float | None) -> Bound | None:
    """What is known of a contestant that cannot be tuned, at a level."""
    return next((bound for bound in one.bounds if bound.level == level), None)


def sharing(benchmark: Benchmark) -> Mapping[str, tuple[str, ...]]:
    """For every model that shares its published rank, the others that do."""
    groups: dict[int, list[str]] = {}
    for entry in benchmark.entries:
        if entry.tuned is not None and entry.tuned.tied:
            groups.setdefault(entry.tuned.shared_rank, []).append(entry.model)
    return {name: tuple(other for other in names if other != name) for names in groups.values() for name in names}


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; of many the first, and how many more.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part) if names else ""
