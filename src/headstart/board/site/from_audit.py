"""What a site shows of one benchmark, from the document of its audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headstart.auditing.level_values import Estimate
from headstart.auditing.values import Audit
from headstart.board.site.audit_file import AuditForm, LevelForm, StandingForm, UntunableForm
from headstart.board.site.values import (
    Benchmark,
    Bound,
    Entry,
    Fall,
    LevelRow,
    NextRank,
    Place,
    Point,
    Seal,
    Untuned,
)
from headstart.contest.arrays import require
from headstart.data.trajectories import Trajectories
from headstart.io.forms import checked
from headstart.report.export import NOT_RANKED, UNREACHABLE, audit_document
from headstart.report.wording import number, rewards_in_words

Points = Mapping[str, tuple[Point, ...]]
"""Measured scores by model."""


def benchmark_from(audit: Audit, *, level: float | None = None, seals: Sequence[Seal] = ()) -> Benchmark:
    """What a site shows of an audit.

    Args:
        audit: The audit.
        level: Published level, one of those reported; by default the recommended one, or else the reference level.
        seals: What the scores were measured under.

    Raises:
        InputError: If the level was not reported.
    """
    form = checked(AuditForm, audit_document(audit))
    return benchmark_of_document(form, points=measured_points(audit.fit.trajectories), level=level, seals=seals)


def benchmark_of_document(
    form: AuditForm, *, points: Points | None = None, level: float | None = None, seals: Sequence[Seal] = ()
) -> Benchmark:
    """What a site shows of the document of an audit; ``points`` default to the measured scores of its levels."""
    first, chosen = form.levels[0], _published(form, level)
    shown = _points_of_levels(form.levels) if points is None else points
    return Benchmark(
        name=form.benchmark,
        level=chosen.level,
        direct_level=first.level,
        cost_unit=form.cost_unit,
        rewards=rewards_in_words(form.rewards, form.cost_unit) + (" (assumed)" if form.rewards_assumed else ""),
        headline=form.decision.headline,
        reasons=tuple(form.decision.reasons),
        entries=_entries(form, first, chosen, shown),
        untuned=tuple(_untuned(one) for one in form.untunable),
        left_out=tuple((one.name, one.reason) for one in form.excluded),
        levels=tuple(_level_row(one) for one in form.levels),
        notes=(*form.remarks, *form.notes),
        source=form.source,
        seals=tuple(seals),
    )


def measured_points(trajectories: Trajectories) -> Points:
    """The measured scores of every model, averaged over replicates."""
    table = trajectories.per_model()
    return {
        name: tuple(
            Point(step=float(step), score=float(score), stderr=None if stderr != stderr else float(stderr))
            for step, score, stderr, present in zip(
                table.step[m], table.score[m], table.stderr[m], table.present[m], strict=True
            )
            if present
        )
        for m, name in enumerate(trajectories.models)
    }


def _published(form: AuditForm, wanted: float | None) -> LevelForm:
    levels = {one.level: one for one in form.levels}
    if wanted is not None:
        known = ", ".join(f"{one:g}" for one in levels)
        require(wanted in levels, "level", f"one of those reported for {form.benchmark} ({known})", f"{wanted:g}")
        return levels[wanted]
    recommended = form.decision.level
    if recommended in levels and recommended > form.levels[0].level:
        return levels[recommended]
    return levels.get(form.reference_level, form.levels[-1])


def _points_of_levels(levels: Sequence[LevelForm]) -> Points:
    found: dict[str, list[Point]] = {}
    for level in levels:
        for one in level.standings:
            if one.measured:
                point = Point(step=level.level, score=one.score, stderr=one.stderr)
                found.setdefault(one.name, []).append(point)
    return {name: tuple(points) for name, points in found.items()}


def _entries(form: AuditForm, first: LevelForm, chosen: LevelForm, points: Points) -> tuple[Entry, ...]:
    direct, tuned = _places(first), _places(chosen)
    gains = {one.model: one for one in chosen.incentive.developers}
    prices = {one.model: one for one in chosen.prices}
    falls = {one.name: one for one in form.fallers}
    order = {one.name: at for at, one in enumerate(chosen.standings)}
    entries: list[Entry] = []
    for model in sorted(form.models, key=lambda one: order.get(one.name, len(order))):
        name = model.name
        price, gain, fall = prices.get(name), gains.get(name), falls.get(name)
        entries.append(
            Entry(
                model=name,
                direct=direct.get(name),
                tuned=tuned.get(name),
                missing=_missing(name, first, chosen),
                next_rank=None if price is None else _next_rank(price),
                gain=None if gain is None else Estimate(value=gain.share[0], low=gain.share[1], high=gain.share[2]),
                gain_effort=None if gain is None else gain.effort,
                trajectory=points.get(name, ()),
                flags=tuple(model.flags),
                fall=None if fall is None else Fall(**fall.model_dump(exclude={"name"})),
                remarks=_remarks(form, name),
            )
        )
    return tuple(entries)


def _remarks(form: AuditForm, name: str) -> tuple[str, ...]:
    return tuple(
        f"A run{'' if run.seed is None else f' (seed {run.seed})'} diverged before step {number(run.step)}."
        for run in form.diverged
        if run.model == name
    )


def _missing(name: str, *levels: LevelForm) -> str | None:
    return NOT_RANKED if any(name in level.absent for level in levels) else None


def _places(level: LevelForm) -> Mapping[str, Place]:
    shared = {name: group for group in level.ties for name in group.names}
    return {one.name: _place(one, shared[one.name].rank, shared[one.name].last_place) for one in level.standings}


def _place(one: StandingForm, shared_rank: int, last_place: int) -> Place:
    return Place(**one.model_dump(exclude={"name"}), shared_rank=shared_rank, last_place=last_place)


def _next_rank(price: Any) -> NextRank:
    reason = price.reason if price.effort is not None else price.reason or UNREACHABLE
    return NextRank(
        overtakes=price.overtakes,
        effort=price.effort,
        low=price.low,
        high=price.high,
        cost=price.cost,
        tied=price.tied,
        beyond_measured=price.extrapolated,
        reason=reason,
    )


def _untuned(one: UntunableForm) -> Untuned:
    low, high = one.direct_rank_interval
    return Untuned(
        model=one.name,
        score=one.score,
        stderr=one.stderr,
        direct_rank=one.direct_rank,
        direct_low=low,
        direct_high=high,
        bounds=tuple(
            Bound(
                level=bound.level,
                best_rank=bound.best_rank,
                worst_rank=bound.worst_rank,
                worst_low=bound.worst_rank_interval[0],
                worst_high=bound.worst_rank_interval[1],
            )
            for bound in one.bounds
        ),
    )


def _level_row(level: LevelForm) -> LevelRow:
    low, high = level.kendall_tau_interval
    value, least, most = level.incentive.share
    return LevelRow(
        level=level.level,
        gain=Estimate(value=value, low=least, high=most),
        suffices=level.incentive.suffices,
        kendall_tau=level.kendall_tau_to_reference,
        tau_low=low,
        tau_high=high,
        shared=sum(len(group.names) for group in level.ties if len(group.names) > 1),
        median_price=level.median_price,
    )
