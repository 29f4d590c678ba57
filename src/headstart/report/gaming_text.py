"""What gaming gains in a contest, and what holds in every equilibrium, as short sentences."""

from __future__ import annotations

from headstart.solve.gaming import DominanceAnswer, IncentiveAnswer, StrategicAnswer
from headstart.solve.solution import Solution


def gaming_lines(solution: Solution) -> list[str]:
    """Sentences on incentive, levels with a guarantee and strategic ranks, in this order."""
    lines = [incentive_line(solution.incentive, solution.level), _level(solution.incentive)]
    lines += [*_dominance(solution.dominance), _ranks(solution.strategic_ranks)]
    return [line for line in lines if line]


def _percent(share: float) -> str:
    """A share in per cent; what is above 0 is never shown as 0.

    >>> _percent(0.123), _percent(1e-7)
    ('12.3 %', '1e-05 %')
    """
    shown = 100 * share
    return f"{shown:.3g} %" if shown == 0 or shown >= 0.05 else f"{shown:.1g} %"


def incentive_line(found: IncentiveAnswer, level: float) -> str:
    """Who gains most by tuning while nobody else does, and how much."""
    where = "under direct evaluation" if level == 0 else f"at level {level:g}"
    if found.models is None:
        return f"What gaming gains was not computed: {found.reason}."
    best = max(found.models, key=lambda row: row.gain)
    if best.gain == 0:
        if not found.largest_share_upper:
            return f"Nobody gains by tuning {where} while nobody else does."
        return f"Nobody gains more than {_percent(found.largest_share_upper)} of the prize range {where}."
    effort = f"{best.effort:.4g} steps" if best.effort > 0 else "hardly any effort"
    return (
        f"{best.name} gains most by tuning {where} while nobody else does: {best.gain:.4g} net, "
        f"{_percent(best.share)} of first reward minus last, with {effort}."
    )


def _level(found: IncentiveAnswer) -> str:
    end, tolerance = found.level_for_tolerance, _percent(found.tolerance)
    if end is None or (found.noise_sd is None and end.status == "unknown"):
        return ""  # without noise the stabilising level answers
    if end.status == "zero":
        return f"At no level does anybody gain more than {tolerance} of first reward minus last."
    if end.status == "finite":
        below = "" if end.below is None else f"; at {end.below:.6g} somebody does"
        return f"From level {end.level:.6g} on nobody gains more than {tolerance}{below}."
    if end.status == "infinite":
        return f"At every level somebody gains more than {tolerance}: {end.reason}."
    return f"From which level on nobody gains more than {tolerance} is not known: {end.reason}."


def _dominance(found: DominanceAnswer) -> list[str]:
    inner = found.iterated
    lines: list[str] = []
    where = "here" if inner.unique else ""
    if inner.status == "finite":
        where += f"{' and ' if where else ''}at every level tried from {inner.level:.6g} on"
    if where:
        lines.append(f"Honesty is the only equilibrium {where}, mixed ones included (iterated dominance).")
    if found.status in ("zero", "finite"):
        start = "At every level" if found.level == 0 else f"From level {found.level:.6g} on"
        lines.append(f"{start} not tuning is best whatever the others do (dominance).")
    elif found.status == "infinite":
        lines.append(f"At no level is not tuning shown to be best whatever the others do: {found.reason}.")
    return lines


def _ranks(found: StrategicAnswer) -> str:
    if found.certain is None:
        return ""
    noise = "" if found.confidence == 1 else f" and beyond noise ({_percent(found.confidence)}, all at once)"
    return f"{_percent(found.certain)} of the pairs keep their order in every equilibrium{noise}."
