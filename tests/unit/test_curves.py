"""Score curves and their inverses, also where floating point or saturation makes them hard."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, Curve, CurveTable, Exponential, Linear, LogitPower, Points, PowerCost
from headstart.contest.compare import Standing, effort_to_beat, lead, lead_of
from headstart.contest.tables import twins
from headstart.errors import InputError
from headstart.solve.level import stabilising_level
from headstart.solve.prices import price_table
from headstart.solve.pure import solve_pure

LOGIT = LogitPower(L=0.2, U=0.8, alpha=-1.0, beta=0.7)
EXPONENTIAL = Exponential(floor=0.2, ceiling=0.8, rate=0.01)
LINE = Linear(intercept=0.2, slope=0.5)
FLAT = Linear(intercept=0.4, slope=0.0)
STEPS = Points(effort=[0.0, 10.0, 20.0, 40.0, 50.0], score=[0.1, 0.3, 0.3, 0.7, 0.7])
EVERY = [LOGIT, EXPONENTIAL, LINE, FLAT, STEPS]


def test_the_logit_power_law_by_hand() -> None:
    curve = LogitPower(L=0.0, U=1.0, alpha=0.0, beta=2.0)
    assert float(curve.score(0.0)) == 0.5
    assert float(curve.score(2.0)) == pytest.approx(0.9)  # odds (1 + 2) ** 2 = 9
    assert float(curve.effort_to_reach(0.9)) == pytest.approx(2.0)


@pytest.mark.parametrize("curve", EVERY, ids=lambda c: c.kind)
def test_reaching_the_score_of_an_effort_takes_at_most_that_effort(curve) -> None:
    efforts = np.array([0.0, 0.5, 5.0, 15.0, 30.0])
    scores = curve.score(efforts)
    reach, exceed = curve.effort_to_reach(scores), curve.effort_to_exceed(scores)
    assert (reach <= efforts * (1 + 1e-9) + 1e-9).all()
    assert (exceed >= efforts * (1 - 1e-9) - 1e-9).all()
    np.testing.assert_allclose(curve.score(reach), scores, rtol=1e-12)


@pytest.mark.parametrize("curve", EVERY, ids=lambda c: c.kind)
def test_a_score_below_the_untuned_one_takes_no_effort(curve) -> None:
    below = float(curve.score(0.0)) - 0.05
    assert float(curve.effort_to_reach(below)) == 0.0
    assert float(curve.effort_to_exceed(below)) == 0.0


@pytest.mark.parametrize("curve", [LOGIT, EXPONENTIAL, FLAT, STEPS], ids=lambda c: c.kind)
def test_nothing_exceeds_a_ceiling_or_reaches_beyond_it(curve) -> None:
    assert float(curve.effort_to_exceed(float(curve.ceiling))) == np.inf
    assert float(curve.effort_to_reach(float(curve.ceiling) + 1e-6)) == np.inf


def test_an_attained_ceiling_is_reached_and_one_only_approached_is_not() -> None:
    assert float(STEPS.effort_to_reach(0.7)) == 40.0
    assert float(FLAT.effort_to_reach(0.4)) == 0.0
    assert float(LOGIT.effort_to_reach(0.8)) == np.inf
    assert float(EXPONENTIAL.effort_to_reach(0.8)) == np.inf


def test_on_a_plateau_reaching_and_exceeding_differ() -> None:
    assert float(STEPS.effort_to_reach(0.3)) == 10.0
    assert float(STEPS.effort_to_exceed(0.3)) == 20.0
    assert float(STEPS.score(15.0)) == 0.3


NO_GAIN = [LogitPower(L=0.5, U=0.5, alpha=0.0, beta=1.0), Exponential(floor=0.5, ceiling=0.5, rate=1.0)]


@pytest.mark.parametrize("curve", NO_GAIN, ids=lambda c: c.kind)
def test_a_curve_whose_floor_is_its_ceiling_is_flat(curve) -> None:
    assert curve.score([0.0, 100.0]).tolist() == [0.5, 0.5]
    assert float(curve.effort_to_reach(0.5)) == 0.0
    assert float(curve.effort_to_exceed(0.5)) == np.inf
    assert not curve.rises_at(3.0)
    assert curve.stored_at(3.0)


def test_efforts_that_overflow_are_infinite_and_warn_of_nothing() -> None:
    slow = LogitPower(L=0.0, U=1.0, alpha=0.0, beta=0.001)
    assert float(slow.effort_to_reach(0.9)) == np.inf
    assert float(slow.score(1e308)) > 0.5
    assert float(Linear(intercept=0.0, slope=1e-320).effort_to_reach(1.0)) == np.inf


def test_infinite_effort_scores_the_ceiling() -> None:
    for curve in (LOGIT, EXPONENTIAL, FLAT, STEPS):
        assert float(curve.score(np.inf)) == float(curve.ceiling)
    assert float(LINE.score(np.inf)) == np.inf


@pytest.mark.parametrize("curve", [LOGIT, EXPONENTIAL], ids=lambda c: c.kind)
def test_a_shortfall_keeps_its_digits_where_the_score_has_rounded_to_the_ceiling(curve) -> None:
    far = 1e40 if curve is LOGIT else 5000.0
    assert float(curve.score(far)) == float(curve.ceiling)
    assert 0 < float(curve.shortfall(far)) < 1e-17
    back = float(curve.effort_to_reach(float(curve.ceiling), curve.shortfall(far)))
    assert back == pytest.approx(far, rel=1e-9)


def test_where_a_curve_rises() -> None:
    assert STEPS.rises_at([0.0, 10.0, 15.0, 20.0, 40.0, 60.0]).tolist() == [True, False, False, True, False, False]
    assert LINE.rises_at(3.0) and LOGIT.rises_at(1e9) and not FLAT.rises_at(0.0)


def test_where_a_score_is_one_of_the_curves_own_numbers() -> None:
    assert STEPS.stored_at([0.0, 5.0, 10.0, 15.0, 30.0, 40.0, 99.0]).tolist() == [
        True,
        False,
        True,
        True,
        False,
        True,
        True,
    ]
    assert LINE.stored_at([0.0, 1.0]).tolist() == EXPONENTIAL.stored_at([0.0, 1.0]).tolist() == [True, False]
    assert FLAT.stored_at(7.0) and not LOGIT.stored_at(0.0)


def test_a_single_point_is_a_flat_curve() -> None:
    point = Points(effort=[0.0], score=[0.4])
    assert point.score([0.0, 9.0]).tolist() == [0.4, 0.4]
    assert float(point.effort_to_exceed(0.4)) == np.inf


BAD = [
    (lambda: LogitPower(L=0.0, U=1.0, alpha=0.0, beta=0.0), "beta must be > 0, got 0.0"),
    (lambda: LogitPower(L=0.5, U=[0.6, 0.4], alpha=0.0, beta=1.0), "U must be >= L, got"),
    (lambda: LogitPower(L=0.0, U=1.0, alpha=np.nan, beta=1.0), "alpha must be finite, got nan"),
    (lambda: Exponential(floor=0.5, ceiling=0.4, rate=1.0), "ceiling must be >= floor, got 0.4"),
    (lambda: Exponential(floor=0.5, ceiling=0.6, rate=-1.0), "rate must be > 0, got -1.0"),
    (lambda: Linear(intercept=0.0, slope=-1.0), "slope must be >= 0, got -1.0"),
    (lambda: Linear(intercept=np.inf, slope=1.0), "intercept must be finite, got inf"),
    (lambda: Points(effort=[], score=[]), "effort must be a non-empty list"),
    (lambda: Points(effort=[0.0, 1.0], score=[0.1]), "score must be 2 numbers long"),
    (lambda: Points(effort=[1.0, 2.0], score=[0.1, 0.2]), "effort must be rising from 0"),
    (lambda: Points(effort=[0.0, 1.0, 1.0], score=[0.1, 0.2, 0.3]), "effort must be rising from 0"),
    (lambda: Points(effort=[0.0, 1.0], score=[0.2, 0.1]), "score must be non-decreasing"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[m for _, m in BAD])
def test_a_bad_field_is_named_with_what_it_must_be_and_what_it_is(make, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).split(": ", 1)[-1].startswith(message)


def test_fields_cannot_be_changed_through_the_callers_array() -> None:
    beta = np.array([1.0, 2.0])
    curve = LogitPower(L=0.0, U=1.0, alpha=0.0, beta=beta)
    beta[0] = 5.0
    assert curve.beta.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        curve.beta[0] = 5.0


def test_a_table_stacks_families_and_answers_in_the_order_given() -> None:
    curves = [STEPS, LINE, LOGIT, FLAT, EXPONENTIAL, STEPS, LOGIT]
    table = CurveTable.of(curves)
    efforts = np.array([12.0, 3.0, 7.0, 1.0, 50.0, 30.0, 0.0])
    each = [float(c.score(e)) for c, e in zip(curves, efforts, strict=True)]
    np.testing.assert_array_equal(table.score(efforts), each)
    np.testing.assert_array_equal(table.ceiling, [float(c.ceiling) for c in curves])
    assert len(table.families) == 4  # one per family and one per set of points
    for i, curve in enumerate(curves):
        assert float(table[i].score(5.0)) == float(curve.score(5.0))
    backwards = np.arange(7)[::-1]
    np.testing.assert_array_equal(table.take(backwards).score(efforts[backwards]), each[::-1])


def test_a_table_of_one_family_shares_its_scalars() -> None:
    table = CurveTable.batch(LogitPower(L=0.0, U=1.0, alpha=[0.0, 1.0, 2.0], beta=1.0), 3)
    assert table.take(np.array([2, 0])).score(0.0).tolist() == table.score(0.0)[[2, 0]].tolist()
    assert table.single_family() is table.families[0]
    assert CurveTable.of([LINE, LOGIT]).single_family() is None
    with pytest.raises(InputError, match="models must be a non-empty list"):
        CurveTable.of([])


def test_beating_a_rival_takes_more_than_drawing_level_on_a_plateau() -> None:
    rival = Linear(intercept=0.3, slope=0.0)
    assert float(effort_to_beat(STEPS, rival, 0.0)) == 20.0
    assert float(effort_to_beat(STEPS, rival, 0.0, draw_is_enough=True)) == 10.0


def test_a_lead_is_zero_exactly_where_rounding_hides_its_sign() -> None:
    a, b = LogitPower(L=0.0, U=1.0, alpha=1.0, beta=1.0), LogitPower(L=0.0, U=1.0, alpha=0.9, beta=1.0)
    assert float(a.score(1e30)) == float(b.score(1e30)) == 1.0
    assert float(lead(a, 1e30, b, 1e30)) > 0 > float(lead(b, 1e30, a, 1e30))
    assert float(lead(LINE, 1.0, LINE, 1.0 + 1e-15)) == 0.0
    assert float(lead(a, 1e300, b, 1e300)) == 0.0  # the shortfalls themselves have underflown
    assert float(lead_of(Standing.of(a, 5.0), Standing.of(b, 5.0))) == float(lead(a, 5.0, b, 5.0))


def test_twins_are_curves_with_the_same_parameters_and_not_merely_equal_scores() -> None:
    same = LogitPower(L=0.2, U=0.8, alpha=-1.0, beta=0.7)
    table = CurveTable.of([LOGIT, same, LINE, Linear(intercept=float(LOGIT.score(0.0)), slope=0.5), STEPS, STEPS])
    i, k = np.array([0, 0, 2, 4, 4]), np.array([1, 3, 3, 5, 0])
    assert twins(table, i, k).tolist() == [True, False, False, True, False]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bare(Curve):
    """An exponential that gives no more than a law must."""

    floor: np.ndarray
    rise: np.ndarray
    rate: np.ndarray
    kind: ClassVar[str] = "bare"

    def __init__(self, *, floor, rise, rate) -> None:
        self._set(floor=floor, rise=rise, rate=rate)

    @property
    def ceiling(self):
        return self.floor + self.rise

    def score(self, effort):
        return self.floor - self.rise * np.expm1(-self.rate * np.asarray(effort))

    def shortfall(self, effort):
        return self.rise * np.exp(-self.rate * np.asarray(effort))

    def effort_to_reach(self, score, shortfall=None):
        below = self.below_ceiling(score, shortfall)
        with np.errstate(divide="ignore", invalid="ignore"):
            effort = np.maximum(np.log(self.rise / below) / self.rate, 0.0)
        return np.where(below <= 0, np.inf, effort)


@pytest.mark.parametrize("seed", range(40))
def test_a_law_that_gives_only_what_it_must_gets_the_answers_of_headstarts_own(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    floor, rise, rate = rng.uniform(0.1, 0.5, n), rng.uniform(0.1, 0.5, n), rng.uniform(0.01, 0.1, n)
    rewards = np.sort(rng.uniform(0.0, 30.0, n))[::-1]
    bare, own = (
        Contest(
            names=[f"m{i}" for i in range(n)], curves=CurveTable.batch(law, n), costs=CostTable.batch(PowerCost(), n),
            rewards=rewards,
        )
        for law in (Bare(floor=floor, rise=rise, rate=rate), Exponential(floor=floor, ceiling=floor + rise, rate=rate))
    )  # fmt: skip
    assert solve_pure(bare).verdict == solve_pure(own).verdict
    for one, other in zip(price_table(bare), price_table(own), strict=True):
        assert (one.model, one.overtakes, one.reachable) == (other.model, other.overtakes, other.reachable)
        assert one.effort is other.effort is None or one.effort == pytest.approx(other.effort, rel=1e-9)
    found, known = stabilising_level(bare), stabilising_level(own)
    assert found.status in (known.status, "unknown")
    if found.status == "finite":
        assert found.level == pytest.approx(known.level, rel=1e-6)


def test_plain_sequences_make_a_contest() -> None:
    curves = CurveTable.of([Linear(intercept=b, slope=1.0) for b in (1.0, 0.5)])
    costs = CostTable.of([PowerCost(), PowerCost()])
    game = Contest(names=["a", "b"], curves=curves, costs=costs, rewards=(1, 0), max_effort=[2, 3], noise_sd=0)
    assert (game.names, game.rewards.tolist(), game.max_effort.tolist()) == (("a", "b"), [1.0, 0.0], [2.0, 3.0])
    with pytest.raises(InputError, match=r"max_effort must be a number or 2 long, got \(3,\)"):
        Contest(names=["a", "b"], curves=curves, costs=costs, rewards=[1, 0], max_effort=[1, 2, 3])


def test_a_score_within_rounding_of_a_point_is_reached_at_the_point() -> None:
    # the interpolant stops two units in the last place short of its last point
    curve = Points(effort=[0.0, 1.0, 2.0, 4.0], score=[0.2, 0.2, 0.4, 0.5])
    for just_below in (np.nextafter(0.5, 0.0), np.nextafter(np.nextafter(0.5, 0.0), 0.0)):
        assert curve.effort_to_exceed(just_below) == pytest.approx(4.0)
        assert curve.effort_to_reach(just_below) == pytest.approx(4.0)
