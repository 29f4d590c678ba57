"""The figures of an audit or a design as polars frames, one row per thing; a number that does not exist is null."""

from __future__ import annotations

import polars as pl

from headstart.auditing.values import Audit
from headstart.designing.run import DesignResult
from headstart.errors import InputError
from headstart.report.wording import bill


def models_frame(audit: Audit) -> pl.DataFrame:
    """One row per model, best tuned rank first: scores, ranks with their rank sets, flags and the fitted law."""
    rows = [
        {
            "model": one.name,
            "tuned_rank": one.tuned_rank,
            "tuned_rank_best": None if one.tuned_rank_interval is None else one.tuned_rank_interval[0],
            "tuned_rank_worst": None if one.tuned_rank_interval is None else one.tuned_rank_interval[1],
            "tuned_score": one.tuned_score,
            "direct_rank": one.direct_rank,
            "direct_rank_best": None if one.direct_rank_interval is None else one.direct_rank_interval[0],
            "direct_rank_worst": None if one.direct_rank_interval is None else one.direct_rank_interval[1],
            "direct_score": one.direct_score,
            "measured_to": one.max_step,
            "flags": list(one.flags),
            **one.curve,
        }
        for one in audit.models
    ]
    whole = (
        "tuned_rank",
        "tuned_rank_best",
        "tuned_rank_worst",
        "direct_rank",
        "direct_rank_best",
        "direct_rank_worst",
    )
    types = {**dict.fromkeys(whole, pl.Int64), "flags": pl.List(pl.String)}
    return pl.DataFrame(rows, schema_overrides=types)


def levels_frame(audit: Audit) -> pl.DataFrame:
    """One row per level, rising: what gaming gains, agreement, ties, prices and the cost of the level."""
    rows = [
        {
            "level": one.level,
            "measured": one.measured,
            "recommended": one.level == audit.decision.level,
            "gain": one.incentive.share.value,
            "gain_low": one.incentive.share.low,
            "gain_high": one.incentive.share.high,
            "gains_most": one.incentive.model,
            "suffices": one.incentive.suffices,
            "kendall_tau": one.kendall_tau_to_reference,
            "kendall_tau_low": one.kendall_tau_interval.low,
            "kendall_tau_high": one.kendall_tau_interval.high,
            "certain": one.certain,
            "groups": len(one.ties),
            "median_price": one.median_price,
            "cost": bill(audit, one.level),
        }
        for one in audit.levels
    ]
    return pl.DataFrame(rows, schema_overrides={"gains_most": pl.String, "certain": pl.Float64})


def prices_frame(audit: Audit, level: float | None = None) -> pl.DataFrame:
    """What the next place costs, from the top of each level.

    Args:
        audit: The audit.
        level: One of the levels reported; None for all.

    Raises:
        InputError: If the level was not reported.
    """
    known = [one.level for one in audit.levels]
    if level is not None and level not in known:
        shown = ", ".join(f"{one:g}" for one in known)
        raise InputError(f"level must be one of those reported, {shown}, got {level:g}", field="level")
    rows = [
        {
            "level": one.level,
            "rank": place,
            "model": price.model,
            "overtakes": price.overtakes,
            "effort": price.effort,
            "effort_low": price.low,
            "effort_high": price.high,
            "price": price.cost,
            "tied": price.tied,
            "beyond_measured": price.extrapolated,
        }
        for one in audit.levels
        if level is None or one.level == level
        for place, price in enumerate(one.prices, start=2)
    ]
    numbers = ("effort", "effort_low", "effort_high", "price")
    return pl.DataFrame(rows, schema_overrides={**dict.fromkeys(numbers, pl.Float64)})


def protocols_frame(found: DesignResult) -> pl.DataFrame:
    """One row per protocol compared, in the order compared."""
    measured = found.measured
    rows = [
        {
            "protocol": one.protocol,
            "level": one.level,
            "gain": None if measured is None else measured.incentives[place].value,
            "gain_low": None if measured is None else measured.incentives[place].low,
            "gain_high": None if measured is None else measured.incentives[place].high,
            "suffices": one.stable_share,
            "nobody_tunes": one.nobody_tunes,
            "kendall_tau": one.kendall_tau,
            "best_first": one.best_first,
            "effort_burnt": one.effort_burnt,
            "bill": one.bill,
            "on_front": bool(found.design.on_front[place]),
        }
        for place, one in enumerate(found.design.answers)
    ]
    numbers = ("gain", "gain_low", "gain_high", "suffices", "kendall_tau", "best_first", "effort_burnt")
    return pl.DataFrame(rows, schema_overrides={**dict.fromkeys(numbers, pl.Float64), "nobody_tunes": pl.Boolean})
