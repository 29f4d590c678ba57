"""A small audit with every kind of entry a report must show: tied, extrapolated, out of reach, unbounded, flagged."""

from dataclasses import replace
from typing import Any

import numpy as np

from headstart.auditing.level_values import (
    Estimate,
    Incentive,
    Interval,
    Level,
    Price,
    RankBound,
    Standing,
    TiedModels,
)
from headstart.auditing.values import (
    Audit,
    Decision,
    Faller,
    IncentiveCurve,
    LastingLevel,
    ModelFit,
    NoiseUsed,
    StakesCurve,
    Untunable,
)
from headstart.contest.curves import LogitPower
from headstart.data.outcomes import Divergence, RunOutcome
from headstart.data.trajectories import Trajectories
from headstart.fitting.backtest import Backtest
from headstart.fitting.fit import Fit
from headstart.io.run import Run

NAMES = ("large", "medium", "small", "tiny")
REFERENCE = 1000.0
STEPS = (0.0, 10.0, 100.0, 1000.0)
BEYOND = "not within 2,000 further steps, as far as a forecast is made"


def synthetic_audit(names: tuple[str, str, str, str] = NAMES, **changes: Any) -> Audit:
    """Four models, three levels; every number is made up."""
    a, b, c, d = names
    levels = (
        level(
            0.0,
            (a, b, c, d),
            [
                price(b, a, effort=120.0, low=90.0, high=160.5),
                price(c, b, effort=2.5, low=0.0, high=9.0, tied=True),
                price(d, c),
            ],
            verdict="none",
            witness=f"{b} takes {a}'s place with 120 further steps: it costs 120 steps and gains 3,880 steps net",
            incentive=incentive(0.38, 0.32, 0.46, suffices=0.0, model=b, effort=240.0),
            critical_stakes={"winner": 120.0, "linear": 7.5},
            cheapest_price=2.5,
            median_price=120.0,
            kendall_tau_to_reference=0.667,
        ),
        level(
            100.0,
            (a, c, b, d),
            [
                price(c, a, effort=2400.0, low=800.0, extrapolated=True, measured_bound=900.0),
                price(b, c, effort=0.004, low=0.0, high=55.0, tied=True),
                price(d, b),
            ],
            verdict="none",
            witness=f"{c} takes {a}'s place with 2,400 further steps: it costs 2,400 steps and gains 1,600 steps net",
            incentive=incentive(0.19, 0.1, 0.25, suffices=0.0, model=c, effort=1200.0),
            critical_stakes={"winner": 2400.0, "linear": 0.012},
            cheapest_price=0.004,
            median_price=2400.0,
        ),
        level(
            REFERENCE,
            (a, c, b, d),
            [price(c, a), price(b, c, tied=True), price(d, b)],
            verdict="exists",
            critical_stakes={"winner": None, "linear": None},
            cheapest_price=None,
            median_price=None,
        ),
        level(
            5000.0,
            (a, c, b, d),
            [price(c, a), price(b, c), price(d, b)],
            measured=False,
            extrapolated=True,
            verdict="exists",
            measured_verdict="undecided",
            critical_stakes={"winner": None, "linear": None},
            cheapest_price=None,
            median_price=None,
        ),
    )
    whole = Audit(
        benchmark="made-up",
        source="made-up.csv",
        cost_unit="steps",
        rewards="winner:4000",
        rewards_assumed=True,
        decision=DECISION,
        incentive_curve=IncentiveCurve(
            levels=(0.0, 10.0, 100.0, 1000.0, 5000.0),
            share=(0.38, 0.31, 0.19, 0.003, 0.0),
            low=(0.32, 0.22, 0.1, 0.0, 0.0),
            high=(0.46, 0.39, 0.25, 0.008, 0.0),
            burnt=(900.0, 700.0, 300.0, 4.0, 0.0),
            suffices=(0.0, 0.0, 0.0, 0.98, 1.0),
        ),
        noise=NoiseUsed(stderr=0.005, stated=True),
        fit=made_up_fit(names),
        models=(
            model(a, 1, (1, 1), 1, (1, 1)),
            model(c, 3, (2, 3), 2, (2, 3), flags=("forgets", "poor fit"), treatment="all points fitted"),
            model(b, 2, (2, 3), 3, (2, 3), chi2_per_point=None),
            model(d, 4, (4, 4), 4, (4, 4), flags=("at chance",)),
        ),
        fallers=(
            Faller(name=c, peak_step=0.0, peak_score=0.61, last_step=1000.0, last_score=0.5, stderr=0.012),
            Faller(name=d, peak_step=10.0, peak_score=0.3, last_step=1000.0, last_score=0.26, stderr=None),
        ),
        excluded=(("unfitted", "only one step was measured"),),
        untunable=(
            untunable(f"{a} by API", (1, 2, 3, 3), tied=(a,)),
            untunable(f"{d} by API", (4, 4, 5, 5), score=0.31, stderr=None),
        ),
        diverged=(Divergence(model=d, seed="1", step=100.0),),
        outcomes=(
            RunOutcome(model=a, seed=None, outcome="complete"),
            RunOutcome(model=d, seed="0", outcome="no gain"),
            RunOutcome(model=d, seed="2", outcome="no gain"),
            RunOutcome(model=d, seed="1", outcome="diverged"),
        ),
        levels=levels,
        reference_level=REFERENCE,
        stabilising_level=STABLE,
        stakes=tuple(
            StakesCurve(
                shape=shape,
                levels=(0.0, 100.0, 1000.0, 10000.0),
                stakes=(120.0 * scale, 2400.0 * scale, np.inf, np.inf),
                low=(90.0 * scale, 800.0 * scale, 3000.0 * scale, np.inf),
                high=(160.0 * scale, np.inf, np.inf, np.inf),
            )
            for shape, scale in (("winner", 1.0), ("linear", 0.1))
        ),
        backtest=BACKTEST,
        backtest_reason=None,
        remarks=("The models of this audit are made up.",),
        notes=("Effort is counted in steps.",),
        run=Run(id="0123456789abcdef"),
    )
    return replace(whole, **changes)


DECISION = Decision(
    action="tune before the test",
    level=REFERENCE,
    headline="Give every model 1,000 steps of the same tuning before the test.",
    reasons=(
        "No developer then gains more than 0.3 % [0–0.8 %] of first prize by gaming (38 % under direct evaluation).",
        "It costs 4,000 steps.",
    ),
    tolerance=0.01,
    confidence=0.95,
    incentive=Estimate(value=0.003, low=0.0, high=0.008),
    incentive_before=Estimate(value=0.38, low=0.32, high=0.46),
    first_level=0.0,
    suffices=0.98,
    kendall_tau=None,
    cost=4000.0,
    ties=1,
    binding=None,
    measure_to=None,
)

STABLE = LastingLevel(
    status="finite",
    level=1250.0,
    low=700.0,
    high=None,
    reason="stable exactly from this level on",
    proof="numeric",
    intervals=((1250.0, None),),
    extrapolated=True,
    measured_level=640.0,
    share_within_measured=0.31,
)

BACKTEST = Backtest(
    fraction=0.6,
    models=("large", "medium", "small"),
    skipped=("tiny",),
    scores=9,
    mean_absolute_error=0.012,
    root_mean_squared_error=0.02,
    mean_error=-0.004,
    typical_noise=0.005,
    carried_forward_error=0.03,
    score_coverage=0.78,
    pairs=12,
    pair_coverage=0.92,
    catch_ups=4,
    median_effort_ratio=1.4,
    typical_effort_factor=1.9,
    effort_coverage=0.75,
    called_unreachable=3,
    missed=1,
    predicted_efforts=1,
)


def price(model: str, overtakes: str, *, effort: float | None = None, **changes: Any) -> Price:
    """A price in steps; out of reach without an effort."""
    plain = Price(
        model=model,
        overtakes=overtakes,
        effort=effort,
        low=None,
        high=None,
        cost=effort,
        reachable=effort is not None,
        reason=None if effort is not None else BEYOND,
        tied=False,
        extrapolated=effort is None,
        measured_bound=1000.0 if effort is None else None,
    )
    return replace(plain, **changes)


def incentive(share: float, low: float, high: float, **changes: Any) -> Incentive:
    """What gaming gains when first prize is worth 4,000 steps."""
    plain = Incentive(
        share=Estimate(value=share, low=low, high=high),
        gain=Estimate(value=4000 * share, low=4000 * low, high=4000 * high),
        model=None,
        effort=None,
        burnt=Estimate(value=2000 * share, low=2000 * low, high=2000 * high),
        suffices=1.0,
    )
    return replace(plain, **changes)


def standings(ranking: tuple[str, ...]) -> tuple[Standing, ...]:
    """Scores that fall by a tenth from place to place; the models in the middle are tied."""
    last = len(ranking)
    return tuple(
        Standing(
            name=name,
            score=0.8 - 0.1 * place,
            stderr=0.005,
            measured=True,
            rank=place,
            best_rank=place if place in (1, last) else 2,
            worst_rank=place if place in (1, last) else last - 1,
        )
        for place, name in enumerate(ranking, start=1)
    )


def ties(ranking: tuple[str, ...]) -> tuple[TiedModels, ...]:
    """The first and the last alone, the others together."""
    n = len(ranking)
    groups = (ranking[:1], ranking[1:-1], ranking[-1:]) if n > 2 else tuple((name,) for name in ranking)
    place, found = 1, []
    for names in groups:
        found.append(TiedModels(names=names, rank=place, last_place=place + len(names) - 1))
        place += len(names)
    return tuple(found)


def untunable(name: str, worst: tuple[int, ...], **changes: Any) -> Untunable:
    """A contestant that cannot be tuned, with its worst rank at each level of ``synthetic_audit``."""
    tied: tuple[str, ...] = changes.pop("tied", ())
    plain = Untunable(
        name=name,
        score=0.712,
        stderr=0.0101,
        direct_rank=worst[0],
        direct_rank_interval=(worst[0], worst[0] + 1),
        direct_tied=tied,
        bounds=tuple(
            RankBound(
                level=level,
                extrapolated=level > REFERENCE,
                best_rank=rank if level == 0 else 1,
                worst_rank=rank,
                worst_rank_interval=(rank, min(rank + 1, len(NAMES) + 1)),
                tied=tied,
            )
            for level, rank in zip((0.0, 100.0, REFERENCE, 5000.0), worst, strict=True)
        ),
    )
    return replace(plain, **changes)


def level(steps: float, ranking: tuple[str, ...], prices: list[Price], **changes: Any) -> Level:
    """A level with the prices of its neighbouring pairs."""
    plain = Level(
        level=steps,
        measured=True,
        extrapolated=False,
        estimated=(),
        absent=(),
        standings=standings(ranking),
        ties=ties(ranking),
        incentive=incentive(0.003, 0.0, 0.008, suffices=0.98),
        certain=0.9,
        prices=tuple(prices),
        cheapest_price=None,
        median_price=None,
        quartiles=Interval(low=min((p.cost for p in prices if p.cost is not None), default=None), high=None),
        unreachable=sum(not p.reachable for p in prices),
        tied=sum(p.tied for p in prices),
        verdict="exists",
        witness=None,
        measured_verdict="exists",
        critical_stakes={},
        critical_stakes_interval={
            "winner": Interval(low=90.0, high=None),
            "linear": Interval(low=5.0, high=11.0),
        },
        kendall_tau_to_reference=1.0,
        kendall_tau_interval=Interval(low=0.33, high=1.0),
    )
    return replace(plain, **{"measured_verdict": changes.get("verdict", "exists"), **changes})


def model(
    name: str,
    direct: int,
    direct_interval: tuple[int, int],
    tuned: int,
    tuned_interval: tuple[int, int],
    **changes: Any,
) -> ModelFit:
    """One row of the table of models."""
    plain = ModelFit(
        name=name,
        curve={"L": 0.25, "U": 0.75, "alpha": -4.0, "beta": 1.1},
        standard_errors={"L": 0.004, "U": 0.02, "alpha": 0.3, "beta": 0.12},
        rmse=0.0061,
        chi2_per_point=1.2,
        max_step=REFERENCE,
        flags=(),
        treatment=None,
        direct_score=0.7 - 0.1 * direct,
        direct_rank=direct,
        direct_rank_interval=direct_interval,
        tuned_score=0.8 - 0.1 * tuned,
        tuned_rank=tuned,
        tuned_rank_interval=tuned_interval,
    )
    return replace(plain, **changes)


def made_up_fit(names: tuple[str, ...]) -> Fit:
    """Curves through exact points, with two posterior draws around them."""
    n = len(names)
    ceilings = 0.8 - 0.1 * np.arange(n)
    curves = LogitPower(L=np.full(n, 0.25), U=ceilings, alpha=np.full(n, -3.0), beta=np.full(n, 1.0))
    draws = LogitPower(
        L=np.full((2, n), 0.25),
        U=np.stack([ceilings - 0.02, ceilings + 0.02]),
        alpha=np.full((2, n), -3.0),
        beta=np.full((2, n), 1.0),
    )
    rows = [(name, step, float(curves.score(step)[at])) for at, name in enumerate(names) for step in STEPS]
    trajectories = Trajectories.from_rows(
        benchmark="made-up",
        model=[name for name, _, _ in rows],
        step=[step for _, step, _ in rows],
        score=[score for _, _, score in rows],
        stderr=[0.005] * len(rows),
    )
    return Fit(
        trajectories=trajectories,
        models=names,
        curves=curves,
        draws=draws,
        standard_errors={key: np.full(n, 0.01) for key in ("L", "U", "alpha", "beta")},
        rmse=np.full(n, 0.006),
        chi2_per_point=np.full(n, 1.2),
        noise_scale=np.ones(n),
        max_step=np.full(n, REFERENCE),
        points=np.full(n, len(STEPS)),
        flags=((),) * n,
        treatment=(None,) * n,
        excluded=(),
        chance=None,
    )
