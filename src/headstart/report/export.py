"""The audit as JSON data, schema ``headstart.audit/1`` (docs, file formats).

Every number is finite: one that does not exist is null, and a field named ``..._reason`` beside it says why.
"""

from __future__ import annotations

import math
from typing import cast

from headstart.auditing.level_values import (
    Estimate,
    Incentive,
    Interval,
    Level,
    Price,
    Standing,
)
from headstart.auditing.values import (
    Audit,
    Decision,
    Faller,
    IncentiveCurve,
    LastingLevel,
    ModelFit,
    StakesCurve,
    Untunable,
)
from headstart.fitting.backtest import Backtest
from headstart.io.atomic import JsonValue, envelope
from headstart.report.wording_runs import ASSUMPTION

SCHEMA = "headstart.audit/1"

Json = dict[str, JsonValue]

UNREACHABLE = "not within the forecast horizon"
NO_PLACE_FOR_SALE = "no neighbouring pair is within reach"
MEDIAN_INFINITE = "at least half of the neighbouring pairs are out of reach"
NOT_RANKED = "the level lies beyond the model's forecast horizon"
UNBOUNDED_STAKES = "unbounded: nobody tuning is an equilibrium whatever first place is worth"
TIED_RANKINGS = "tau does not exist: all scores of a ranking are equal"
NO_STDERR = "the scores have no standard errors"
NO_DIRECT_STDERR = "the score has no standard error, and the intervals leave its noise out"
NO_CASES = "the backtest met no such case"


def audit_document(audit: Audit) -> dict[str, JsonValue]:
    """The audit as JSON data, with the envelope of every document of this package."""
    backtest = audit.backtest
    return {
        **envelope(SCHEMA, audit.run),
        "benchmark": audit.benchmark,
        "source": audit.source,
        "cost_unit": audit.cost_unit,
        "rewards": audit.rewards,
        "rewards_assumed": audit.rewards_assumed,
        "decision": _decision(audit.decision),
        "incentive_curve": _incentive_curve(audit.incentive_curve),
        "noise": {"stderr": audit.noise.stderr, "stated": audit.noise.stated},
        "fallers": [_faller(one) for one in audit.fallers],
        "models": [_model(model) for model in audit.models],
        "excluded": [{"name": name, "reason": reason} for name, reason in audit.excluded],
        "untunable": [_untunable(one) for one in audit.untunable],
        "untunable_assumption": ASSUMPTION if audit.untunable else None,
        "diverged": [{"model": run.model, "seed": run.seed, "step": run.step} for run in audit.diverged],
        "outcomes": [{"model": run.model, "seed": run.seed, "outcome": run.outcome} for run in audit.outcomes],
        "levels": [_level(level) for level in audit.levels],
        "reference_level": audit.reference_level,
        "stabilising_level": _stabilising(audit.stabilising_level),
        "stability_map": [_stakes(curve) for curve in audit.stakes],
        "backtest": None if backtest is None else _backtest(backtest),
        "backtest_reason": audit.backtest_reason,
        "remarks": list(audit.remarks),
        "notes": list(audit.notes),
    }


def _number(key: str, value: float | None, reason: str | None) -> Json:
    """``{key: value, key_reason: None}``, or a null with its reason where the value is no finite number."""
    known = value is not None and math.isfinite(value)
    return {key: value if known else None, f"{key}_reason": None if known else reason}


def _interval(bounds: Interval) -> list[JsonValue]:
    return [value if value is not None and math.isfinite(value) else None for value in (bounds.low, bounds.high)]


def _estimate(found: Estimate) -> list[JsonValue]:
    """Value, lower end and upper end of its interval."""
    return [found.value, found.low, found.high]


def _decision(decision: Decision) -> Json:
    enough = "no measured level meets every requirement"
    tau = decision.kendall_tau
    return {
        "action": decision.action,
        "headline": decision.headline,
        "reasons": list(decision.reasons),
        **_number("level", decision.level, enough),
        "tolerance": decision.tolerance,
        "confidence": decision.confidence,
        "incentive": _estimate(decision.incentive),
        "incentive_before": _estimate(decision.incentive_before),
        "first_level": decision.first_level,
        "suffices": decision.suffices,
        "kendall_tau": None if tau is None else _estimate(tau),
        "kendall_tau_reason": "the level is the reference level, or tau does not exist" if tau is None else None,
        **_number("cost", decision.cost, enough),
        "ties": decision.ties,
        "binding": decision.binding,
        **_number("measure_to", decision.measure_to, "measuring further is not what is missing"),
    }


def _incentive_curve(curve: IncentiveCurve) -> Json:
    return {
        "levels": list(curve.levels),
        "share": list(curve.share),
        "low": list(curve.low),
        "high": list(curve.high),
        "burnt": list(curve.burnt),
        "suffices": list(curve.suffices),
    }


def _incentive(found: Incentive) -> Json:
    nobody = "nobody gains by gaming"
    return {
        "share": _estimate(found.share),
        "gain": _estimate(found.gain),
        "model": found.model,
        **_number("effort", found.effort, nobody),
        "burnt": _estimate(found.burnt),
        "suffices": found.suffices,
        "developers": [
            {"model": one.model, "share": _estimate(one.share), **_number("effort", one.effort, "it gains nothing")}
            for one in found.developers
        ],
    }


def _faller(one: Faller) -> Json:
    return {
        "name": one.name,
        "peak_step": one.peak_step,
        "peak_score": one.peak_score,
        "last_step": one.last_step,
        "last_score": one.last_score,
        **_number("stderr", one.stderr, NO_STDERR),
    }


def _standing(one: Standing) -> Json:
    return {
        "name": one.name,
        "score": one.score,
        **_number("stderr", one.stderr, NO_STDERR),
        "measured": one.measured,
        "rank": one.rank,
        "best_rank": one.best_rank,
        "worst_rank": one.worst_rank,
    }


def _rank(key: str, score: float | None, rank: int | None, bounds: tuple[int, int] | None) -> Json:
    return {
        f"{key}_score": score,
        f"{key}_rank": rank,
        f"{key}_rank_interval": None if bounds is None else list(bounds),
        f"{key}_rank_reason": NOT_RANKED if rank is None else None,
    }


def _model(model: ModelFit) -> Json:
    errors = {key: value if math.isfinite(value) else None for key, value in model.standard_errors.items()}
    unknown = [key for key, value in errors.items() if value is None]
    return {
        "name": model.name,
        "curve": {"kind": "logit_power", **model.curve},
        "standard_errors": cast(JsonValue, errors),
        "standard_errors_reason": f"not estimable: {', '.join(unknown)}" if unknown else None,
        "rmse": model.rmse,
        **_number("chi2_per_point", model.chi2_per_point, NO_STDERR),
        "max_step": model.max_step,
        "flags": list(model.flags),
        "treatment": model.treatment,
        **_rank("direct", model.direct_score, model.direct_rank, model.direct_rank_interval),
        **_rank("tuned", model.tuned_score, model.tuned_rank, model.tuned_rank_interval),
    }


def _untunable(one: Untunable) -> Json:
    return {
        "name": one.name,
        "score": one.score,
        **_number("stderr", one.stderr, NO_DIRECT_STDERR),
        "direct_rank": one.direct_rank,
        "direct_rank_interval": list(one.direct_rank_interval),
        "direct_tied": list(one.direct_tied),
        "bounds": [
            {
                "level": bound.level,
                "extrapolated": bound.extrapolated,
                "best_rank": bound.best_rank,
                "worst_rank": bound.worst_rank,
                "worst_rank_interval": list(bound.worst_rank_interval),
                "tied": list(bound.tied),
            }
            for bound in one.bounds
        ],
    }


def _level(level: Level) -> Json:
    pairs = len(level.prices)
    return {
        "level": level.level,
        "measured": level.measured,
        "extrapolated": level.extrapolated,
        "ranking": list(level.ranking),
        "standings": [_standing(one) for one in level.standings],
        "ties": [{"names": list(one.names), "rank": one.rank, "last_place": one.last_place} for one in level.ties],
        "estimated": list(level.estimated),
        "absent": list(level.absent),
        "incentive": _incentive(level.incentive),
        **_number("certain", level.certain, "there are no two models to compare"),
        **_number("unique", level.unique, "iterated dominance is for evenly spaced rewards and two or more models"),
        "prices": [_price(price) for price in level.prices],
        **_number("cheapest_price", level.cheapest_price, NO_PLACE_FOR_SALE),
        **_number("median_price", level.median_price, MEDIAN_INFINITE),
        "quartiles": _interval(level.quartiles),
        "quartiles_reason": None if level.quartiles.high is not None else "a null quartile is out of reach",
        "pairs": pairs,
        "unreachable": level.unreachable,
        "tied": level.tied,
        "verdict": level.verdict,
        "witness": level.witness,
        "measured_verdict": level.measured_verdict,
        "critical_stakes": cast(JsonValue, level.critical_stakes),
        "critical_stakes_reason": UNBOUNDED_STAKES if None in level.critical_stakes.values() else None,
        "critical_stakes_interval": {shape: _interval(b) for shape, b in level.critical_stakes_interval.items()},
        **_number("kendall_tau_to_reference", level.kendall_tau_to_reference, TIED_RANKINGS),
        "kendall_tau_interval": _interval(level.kendall_tau_interval),
    }


def _price(price: Price) -> Json:
    reason = price.reason or UNREACHABLE
    return {
        "model": price.model,
        "overtakes": price.overtakes,
        **_number("effort", price.effort, reason),
        **_number("low", price.low, "beyond the forecast horizon in nearly all posterior draws"),
        **_number("high", price.high, "beyond the forecast horizon in some posterior draws"),
        **_number("cost", price.cost, reason),
        "reachable": price.reachable,
        "reason": price.reason,
        "tied": price.tied,
        "extrapolated": price.extrapolated,
        "measured_bound": price.measured_bound,
    }


def _stabilising(stable: LastingLevel) -> Json:
    return {
        "status": stable.status,
        **_number("level", stable.level, stable.reason),
        **_number("low", stable.low, "no posterior draw gives one within the levels examined"),
        **_number("high", stable.high, "some posterior draws have no such level among those examined"),
        "reason": stable.reason,
        "proof": stable.proof,
        "intervals": [[low, high] for low, high in stable.intervals],
        "extrapolated": stable.extrapolated,
        **_number("measured_level", stable.measured_level, "gaming pays up to the last measured step"),
        "share_within_measured": stable.share_within_measured,
    }


def _stakes(curve: StakesCurve) -> Json:
    columns = {"stakes": curve.stakes, "low": curve.low, "high": curve.high}
    shown = {key: [v if math.isfinite(v) else None for v in values] for key, values in columns.items()}
    holes = any(value is None for values in shown.values() for value in values)
    return {
        "shape": curve.shape,
        "levels": list(curve.levels),
        **cast(Json, shown),
        "null_reason": UNBOUNDED_STAKES if holes else None,
    }


def _backtest(test: Backtest) -> Json:
    return {
        "fraction": test.fraction,
        "models": list(test.models),
        "skipped": list(test.skipped),
        "scores": test.scores,
        **_number("mean_absolute_error", test.mean_absolute_error, NO_CASES),
        **_number("root_mean_squared_error", test.root_mean_squared_error, NO_CASES),
        **_number("mean_error", test.mean_error, NO_CASES),
        **_number("typical_noise", test.typical_noise, NO_CASES),
        **_number("carried_forward_error", test.carried_forward_error, NO_CASES),
        **_number("score_coverage", test.score_coverage, NO_CASES),
        "pairs": test.pairs,
        **_number("pair_coverage", test.pair_coverage, NO_CASES),
        "catch_ups": test.catch_ups,
        **_number("median_effort_ratio", test.median_effort_ratio, NO_CASES),
        **_number("typical_effort_factor", test.typical_effort_factor, NO_CASES),
        **_number("effort_coverage", test.effort_coverage, NO_CASES),
        "called_unreachable": test.called_unreachable,
        "predicted_efforts": test.predicted_efforts,
        "missed": test.missed,
        "curve_model": test.curve_model,
        **_number("mean_crps", test.mean_crps, NO_CASES),
        "horizon_scores": test.horizon_scores,
        **_number("horizon_coverage", test.horizon_coverage, NO_CASES),
    }
