"""What a site shows of benchmarks with two columns only: scores before and after the same tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.auditing.comparison_values import BenchmarkComparison, ComparedModel, Comparison
from headstart.auditing.level_values import TiedModels
from headstart.board.site.values import Benchmark, Entry, Fall, Place, Point

NO_LEVELS = (
    "Only scores before and after tuning are known, so the level is not told in steps, and nothing is said of prices "
    "or of what gaming gains."
)


def benchmarks_from(comparison: Comparison) -> tuple[Benchmark, ...]:
    """What a site shows of a comparison, one benchmark each."""
    return tuple(_benchmark(comparison, one) for one in comparison.benchmarks)


def _benchmark(comparison: Comparison, found: BenchmarkComparison) -> Benchmark:
    direct, tuned = _groups(found.direct_ties), _groups(found.tuned_ties)
    return Benchmark(
        name=found.benchmark,
        level=None,
        headline=comparison.decision.sentence if len(comparison.benchmarks) == 1 else "",
        entries=tuple(
            Entry(
                model=one.name,
                direct=_place(one.direct, one.direct_stderr, one.direct_rank, one.direct_ranks, direct.get(one.name)),
                tuned=_place(one.tuned, one.tuned_stderr, one.tuned_rank, one.tuned_ranks, tuned.get(one.name)),
                trajectory=(
                    Point(step=0.0, score=one.direct, stderr=one.direct_stderr),
                    Point(step=1.0, score=one.tuned, stderr=one.tuned_stderr),
                ),
                fall=_fall(one),
            )
            for one in found.models
        ),
        left_out=tuple((name, f"no {' and no '.join(columns)} score") for name, columns in found.incomplete),
        notes=(NO_LEVELS, *comparison.notes),
        source=comparison.source,
    )


def _fall(one: ComparedModel) -> Fall | None:
    if not one.falls:
        return None
    return Fall(peak_step=0.0, peak_score=one.direct, last_step=1.0, last_score=one.tuned, stderr=one.change_stderr)


def _groups(ties: Sequence[TiedModels] | None) -> Mapping[str, TiedModels]:
    return {name: group for group in ties or () for name in group.names}


def _place(
    score: float, stderr: float | None, rank: int, ranks: tuple[int, int] | None, group: TiedModels | None
) -> Place:
    best, worst = ranks if ranks is not None else (None, None)
    return Place(
        score=score,
        stderr=stderr,
        rank=rank,
        best_rank=None if best is None else min(best, rank),
        worst_rank=None if worst is None else max(worst, rank),
        shared_rank=rank if group is None else group.rank,
        last_place=rank if group is None else group.last_place,
    )
