"""The stable levels: known answers, unions, no level at all, and dense evaluation on contests of every family."""

import math

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Exponential, Linear, LogitPower, Points, PowerCost
from headstart.contest import rewards as schedules
from headstart.solve import candidates, cells, half_line
from headstart.solve import level as searching
from headstart.solve.level import stabilising_level
from headstart.solve.pure import solve_pure
from random_contests import compare_levels, crossing_contest, random_contest


def contest(curves, rewards, costs=None, **more) -> Contest:
    n = len(curves)
    return Contest(names=tuple("abcdefgh"[:n]), curves=CurveTable.of(curves), rewards=rewards,
                   costs=CostTable.of(costs or [PowerCost()] * n), **more)  # fmt: skip


def test_parallel_log_odds_by_hand() -> None:
    # prices grow as (e^(1/2) - 1)(1 + D)
    curves = [LogitPower(L=0.0, U=1.0, alpha=a, beta=1.0) for a in (0.5, 0.0)]
    found = stabilising_level(contest(curves, [3.0, 0.0]))
    assert found.status == "finite" and len(found.intervals) == 1 and found.intervals[0][1] is None
    assert found.level == pytest.approx(3 / math.expm1(0.5) - 1, rel=1e-8)


def test_the_papers_order_of_growth() -> None:
    # beta of the leader twice that of the follower: D grows like the square root of the stakes
    curves = [LogitPower(L=0.0, U=1.0, alpha=0.0, beta=b) for b in (1.0, 0.5)]
    levels = [stabilising_level(contest(curves, [stakes, 0.0])).level for stakes in (1e8, 1e10)]
    assert levels[1] / levels[0] == pytest.approx(10.0, rel=1e-3)


def test_nobody_tunes_at_any_level_where_places_are_dear() -> None:
    lines = [Linear(intercept=1.0, slope=1.0), Linear(intercept=0.0, slope=1.0)]
    found = stabilising_level(contest(lines, [0.9, 0.0]))
    assert (found.status, found.level, found.intervals) == ("zero", 0.0, ((0.0, None),))


@pytest.mark.parametrize("curves", [
    [Linear(intercept=1.0, slope=1.0), Linear(intercept=0.0, slope=1.0)],
    [Exponential(floor=0.2, ceiling=0.8, rate=0.5), Exponential(floor=0.1, ceiling=0.8, rate=0.5)],
    [LogitPower(L=0.2, U=0.8, alpha=0.5, beta=0.9)] * 2,
], ids=["parallel lines", "equal rates", "twins"])  # fmt: skip
def test_no_level_is_enough_where_the_catch_up_effort_never_grows(curves) -> None:
    found = stabilising_level(contest(curves, [5.0, 0.0]))
    assert (found.status, found.level, found.intervals) == ("infinite", None, ())


def test_crossing_curves_make_a_union_of_stable_levels() -> None:
    lines = [Linear(intercept=10.0, slope=1.0), Linear(intercept=0.0, slope=2.0)]
    found = stabilising_level(contest(lines, [2.0, 0.0]))
    # below the crossing at 10 the flatter line leads by 10 - D > 4; beyond it the steeper one by D - 10 > 2
    assert found.status == "union"
    np.testing.assert_allclose([found.intervals[0][0], found.intervals[0][1], found.intervals[1][0]], [0.0, 6.0, 12.0])
    assert found.level == found.intervals[-1][0] and found.intervals[-1][1] is None


def test_free_effort_counts_as_a_level_of_its_own() -> None:
    curves = [LogitPower(L=0.0, U=1.0, alpha=a, beta=1.0) for a in (0.5, 0.0)]
    without = stabilising_level(contest(curves, [3.0, 0.0]))
    free = stabilising_level(contest(curves, [3.0, 0.0], [PowerCost(free=1.5)] * 2))
    assert free.level == pytest.approx(without.level - 1.5, rel=1e-8)


def test_the_contests_own_level_does_not_matter() -> None:
    curves = [LogitPower(L=0.0, U=1.0, alpha=a, beta=1.0) for a in (0.5, 0.0)]
    game = contest(curves, [3.0, 0.0])
    assert stabilising_level(game.at_level(100.0)) == stabilising_level(game)


def test_an_exponential_leaves_a_power_law_behind_near_a_common_ceiling() -> None:
    curves = [LogitPower(L=0.0, U=1.0, alpha=0.5, beta=1.0), Exponential(floor=0.1, ceiling=1.0, rate=0.1)]
    game = contest(curves, [3.0, 0.0])
    found = stabilising_level(game)
    # they cross twice; beyond 42.46 the power law would need more than 3 steps, ever more of them
    assert found.status == "union" and found.level == pytest.approx(42.4625603)
    assert [solve_pure(game.at_level(level)).verdict for level in (42.46, 42.47, 1e3)] == ["none", "exists", "exists"]


def some_curves(rng: np.random.Generator, family: int, n: int) -> list:
    def one():
        if family == 0:
            return LogitPower(L=0.2, U=0.9, alpha=rng.normal(), beta=0.3 + rng.random())
        if family == 1:
            return LogitPower(L=0.2 + 0.1 * rng.random(), U=0.6 + 0.3 * rng.random(), alpha=rng.normal() - 1,
                              beta=0.3 + rng.random())  # fmt: skip
        if family == 2:
            ceiling = 0.9 if rng.random() < 0.5 else 0.5 + 0.5 * rng.random()
            return Exponential(floor=0.5 * rng.random(), ceiling=ceiling, rate=0.001 + 0.05 * rng.random())
        if family == 3:
            return Linear(intercept=rng.random(), slope=float(rng.choice([0.0, 0.5, 1.0, rng.random()])))
        size = int(rng.integers(1, 6))
        efforts = np.r_[0.0, np.cumsum(rng.integers(1, 9, size))]
        return Points(effort=efforts, score=np.sort(rng.integers(0, 9, size + 1)) / 10)

    return [one() for _ in range(n)]


@pytest.mark.parametrize("family", range(5), ids=["one ceiling", "logit power", "exponential", "linear", "points"])
def test_the_stable_levels_agree_with_the_decision_at_every_level_tried(family: int, shapes_unchecked) -> None:
    rng = np.random.default_rng([7, family])
    statuses: list[str] = []
    for _ in range(12):
        n = int(rng.integers(2, 5))
        rewards = [schedules.winner(n, 10 * rng.random()), schedules.linear(n, 10 * rng.random()),
                   schedules.geometric(n, 5.0, ratio=0.5), schedules.top(n, 3.0, k=2)][rng.integers(0, 4)]  # fmt: skip
        costs = [PowerCost(scale=0.1 + rng.random(), exponent=float(rng.choice([1, 2])), free=0.0) for _ in range(n)]
        caps = np.where(rng.random(n) < 0.2, 5 * rng.random(n), np.inf)
        rule = str(rng.choice(["capability", "listed"]))
        game = contest(some_curves(rng, family, n), rewards, costs, max_effort=caps, tie_break=rule)
        found = stabilising_level(game, resolution=1e-8)
        statuses.append(found.status)
        if found.status == "unknown":
            continue
        ends = np.array([end for pair in found.intervals for end in pair if end is not None])
        for level in np.r_[0.0, np.expm1(rng.uniform(0, 10, 12))]:
            if (np.abs(np.log1p(level) - np.log1p(ends)) < 1e-6).any():
                continue
            stable = any(low <= level and (high is None or level <= high) for low, high in found.intervals)
            here = solve_pure(game.at_level(level))
            assert here.witness is None if stable else here.verdict != "exists", (game, level, found, here)
    assert statuses.count("unknown") <= 4  # plateaus that meet in many places
    assert len(set(statuses)) > 1


def test_points_with_plateaus_are_stable_from_where_the_leader_has_reached_its_ceiling() -> None:
    leader = Points(effort=[0.0, 10.0, 20.0], score=[0.5, 0.5, 0.9])
    follower = Points(effort=[0.0, 10.0, 20.0], score=[0.1, 0.8, 0.9])
    found = stabilising_level(contest([leader, follower], [100.0, 0.0]))
    assert found.level == pytest.approx(20.0) and found.status == "finite"


@pytest.mark.parametrize("start", range(0, 60, 30))
def test_levels_agree_with_the_verdict_at_each_of_many_levels(start, shapes_unchecked):
    settled = 0
    for seed in range(start, start + 30):
        compared = compare_levels(random_contest(seed), seed)
        assert (compared.unsafe, compared.missed) == ([], []), f"seed {seed}: {compared.found}"
        settled += compared.found.status != "unknown"
    assert settled >= 28


def test_a_lower_model_that_wins_ties_after_its_free_effort_is_seen_to_draw_level():
    # untuned the climber is ahead, so it wins ties; the rival's free effort puts it ahead, on a plateau
    curves = CurveTable.of(
        [Points(effort=[0.0, 1.0], score=[0.4, 0.6]), Points(effort=[0.0, 2.0, 4.0], score=[0.2, 0.6, 0.6])]
    )
    costs = CostTable.of([PowerCost(scale=0.1), PowerCost(scale=0.1, free=2.0)])
    game = Contest(names=("climber", "rival"), curves=curves, costs=costs, rewards=[1.0, 0.0])
    assert solve_pure(game).witness.model == "climber"
    found = stabilising_level(game)
    assert not any(low <= 0.0 for low, _ in found.intervals)


def test_models_that_tie_on_a_plateau_are_ranked_by_their_scores_at_the_level():
    # its free step lifts the first to the other's plateau, no higher; the other is ahead at the level and wins ties
    curves = [
        Points(effort=[0.0, 1.0], score=[0.2, 0.4]),
        Points(effort=[0.0, 1.0, 2.0, 4.0], score=[0.4, 0.4, 0.6, 0.8]),
    ]
    game = contest(curves, [0.25, 0.125], [PowerCost(free=1.0), PowerCost(scale=0.25)])
    for level in (0.2, 0.6, 0.8):
        assert solve_pure(game.at_level(level)).verdict == "exists"
    found = stabilising_level(game)
    assert any(low == 0.0 and (high is None or high >= 0.999) for low, high in found.intervals)


@pytest.mark.parametrize("smallest", [0, 12], ids=["pairs that matter", "all pairs"])
def test_crossing_curves_agree_with_the_verdict_at_each_of_many_levels(smallest, monkeypatch, shapes_unchecked):
    monkeypatch.setattr(cells, "SMALL_FIELD", smallest)
    monkeypatch.setattr(candidates, "TANGLED", 1)  # so that wide cells are judged by a sample
    settled = 0
    for seed in range(10):
        compared = compare_levels(crossing_contest(seed), seed)
        assert (compared.unsafe, compared.missed) == ([], []), f"seed {seed}: {compared.found}"
        settled += compared.found.status != "unknown"
    assert settled >= 8


def test_the_last_stable_half_line_is_found_even_when_lower_levels_are_not_all_searched(monkeypatch, shapes_unchecked):
    game = crossing_contest(0)
    whole = stabilising_level(game)
    assert whole.status == "union"
    monkeypatch.setattr(searching, "MOST_WORK", 20_000)
    monkeypatch.setattr(searching, "MODELS_AT_ONCE", 1)
    monkeypatch.setattr(searching, "MOST_AT_ONCE", 1)
    part = stabilising_level(game)
    assert part.status == "partial" and part.level == pytest.approx(whole.level, rel=1e-6)
    assert "not just below it" in part.reason and len(part.intervals) < len(whole.intervals)
    monkeypatch.setattr(searching, "MOST_WORK", 500)
    less = stabilising_level(game)
    assert less.status == "partial" and less.level >= whole.level
    assert "whether lower levels are stable is not known" in less.reason


def test_a_model_that_wins_ties_gains_by_drawing_level_with_a_plateau():
    # the free effort of the first puts it on its ceiling; the second, ahead at the level, ties it there and wins
    curves = [
        Points(effort=[0.0, 1.0, 2.0], score=[0.2, 0.6, 0.8]),
        Points(effort=[0.0, 1.0, 2.0], score=[0.6, 0.8, 0.8]),
    ]
    game = contest(curves, [0.5, 0.0], [PowerCost(free=2.0), PowerCost()])
    assert solve_pure(game.at_level(0.75)).witness.model == "b"
    found = stabilising_level(game)
    assert found.status == "union"
    np.testing.assert_allclose([end for pair in found.intervals for end in pair if end is not None],
                               [0.0, 0.5, 1.0, 2.0, 2.0], atol=1e-8)  # fmt: skip


def test_where_very_high_levels_are_not_settled_the_pair_and_a_bound_are_named():
    same_end = [LogitPower(L=floor, U=1.0, alpha=a, beta=1.0) for floor, a in ((0.5, -0.6931471805599453), (0.0, 0.0))]
    found = stabilising_level(contest(same_end, [2.0, 0.0]))
    assert found.status == "unknown"
    assert "for b and a, whose curves end alike; no level up to " in found.reason
    assert "is enough, because b then still gains by passing a" in found.reason
    assert bound_in(found) > 1e5
    assert solve_pure(contest(same_end, [2.0, 0.0]).at_level(bound_in(found) / 2)).witness.model == "b"
    close = [LogitPower(L=0.0, U=1.0, alpha=a, beta=b) for a, b in ((1.0, 1.0), (0.0, 1.001))]
    found = stabilising_level(contest(close, [2.0, 0.0]))
    assert "whose order changes beyond floating point" in found.reason
    assert "because b then still gains by passing a" in found.reason and 0.166 < bound_in(found) < 0.167
    assert found.reason.endswith(" to 2.35385e+17 is stable") and found.intervals[-1][1] == pytest.approx(math.exp(40))


def bound_in(found) -> float:
    return float(found.reason.partition("no level up to ")[2].split()[0])


def test_rewards_that_change_hands_at_a_very_high_level_bound_the_level_from_below(shapes_unchecked):
    # c passes b at log(1 + D) = 2/.008 and a at 3/.009; b passes a beyond floating point, at 1/.001
    curves = [LogitPower(L=0.0, U=1.0, alpha=a, beta=b) for a, b in ((1.0, 0.5), (0.0, 0.501), (-2.0, 0.509))]
    found = stabilising_level(contest(curves, [4.0, 2.0, 0.0]))
    assert found.status == "unknown" and "above it c passes a and the rewards change hands" in found.reason
    assert 3 / 0.009 - 1e-3 < math.log(bound_in(found)) <= 3 / 0.009
    # where the first two earn the same, nothing changes hands when c passes a
    alike = stabilising_level(contest(curves, [4.0, 4.0, 0.0]))
    assert alike.status == "unknown" and "above it c passes b" in alike.reason
    assert 250 - 1e-3 < math.log(bound_in(alike)) <= 250
    # and where one of them may not tune, it is not claimed that whoever is behind passes
    capped = stabilising_level(contest(curves, [4.0, 2.0, 0.0], max_effort=[np.inf, np.inf, 0.0]))
    assert "change hands" not in capped.reason


@pytest.mark.parametrize("kind", ["logit power", "exponential", "linear"])
def test_one_half_line_is_found_by_halving_as_by_the_search(kind, monkeypatch, shapes_unchecked):
    rng = np.random.default_rng(11)
    found = []
    for _ in range(8):
        n = int(rng.integers(2, 7))
        slope = np.sort(rng.choice([0.5, 0.7, 1.1], n))[::-1]
        start = np.sort(rng.uniform(0.0, 0.5, n))[::-1]
        lines = list(zip(start, slope, strict=True))
        curves = {
            "logit power": [LogitPower(L=0.2, U=0.9, alpha=4 * a - 3, beta=b) for a, b in lines],
            "exponential": [Exponential(floor=a, ceiling=0.9, rate=b / 20) for a, b in lines],
            "linear": [Linear(intercept=a, slope=b) for a, b in lines],
        }[kind]
        costs = [PowerCost(scale=0.3 + rng.random(), free=1.5)] * n
        game = Contest(names=tuple("abcdefgh"[:n]), curves=CurveTable.of(curves), costs=CostTable.of(costs),
                        rewards=schedules.linear(n, 10 ** rng.uniform(-1, 2)),
                        max_effort=np.where(rng.random(n) < 0.2, 3.0, np.inf))  # fmt: skip
        assert half_line.is_half_line(cells.Game.of(game))
        quick = stabilising_level(game)
        with monkeypatch.context() as patch:
            patch.setattr(searching, "is_half_line", lambda game: False)
            slow = stabilising_level(game)
        found.append(quick.status)
        assert quick.status == slow.status and len(quick.intervals) == len(slow.intervals)
        if quick.level is not None:
            assert quick.level == pytest.approx(slow.level, rel=1e-6, abs=1e-8)
            assert quick.intervals == ((quick.level, None),)
    assert len(set(found)) > 1


def test_a_half_line_is_not_taken_for_granted():
    def applies(*curves, **more) -> bool:
        return half_line.is_half_line(cells.Game.of(contest(list(curves), [2.0, 0.0], **more)))

    steep, flat = (LogitPower(L=0.0, U=1.0, alpha=a, beta=b) for a, b in ((1.0, 1.0), (0.0, 0.5)))
    assert applies(steep, flat) and applies(flat, steep)
    assert not applies(steep, flat, tie_break="listed")
    assert not applies(steep, LogitPower(L=0.0, U=1.0, alpha=0.0, beta=1.5))  # they cross
    assert not applies(steep, LogitPower(L=0.1, U=1.0, alpha=0.0, beta=0.5))  # other floors
    assert not applies(steep, flat, costs=[PowerCost(free=1.0), PowerCost()])
    # at level 0 both score .5 in floating point, but the flatter is ahead: they cross
    hidden = [LogitPower(L=0.5, U=1.0, alpha=a, beta=b) for a, b in ((-50.0, 1.0), (-49.9, 0.9))]
    assert not applies(*hidden)
    assert stabilising_level(contest(hidden, [2.0, 0.0])).level > math.expm1(1.0)


@pytest.mark.parametrize("curve", [
    LogitPower(L=[0.2, 0.0], U=[0.9, 0.5], alpha=[-3.0, 1.0], beta=[1.5, 0.4]),
    Exponential(floor=[0.2, 0.0], ceiling=[0.9, 0.5], rate=[0.01, 2.0]),
    Linear(intercept=[0.0, 1.0], slope=[0.0, 3.0]),
], ids=["logit power", "exponential", "linear"])  # fmt: skip
def test_steepness_bounds_every_slope_in_the_range(curve):
    rng = np.random.default_rng(3)
    for _ in range(100):
        low, width = np.expm1(rng.uniform(0, 8)), rng.uniform(0, 2)
        high = np.expm1(np.log1p(low) + width)
        at = np.expm1(np.linspace(np.log1p(low), np.log1p(high), 50))[:, None]
        slope = curve.gradient(at) * (1 + at)
        least, most = curve.steepness(low, high)
        assert (least <= slope.min(axis=0) * (1 + 1e-9)).all() and (most >= slope.max(axis=0) * (1 - 1e-9)).all()
        assert (most <= slope.max(axis=0) * 1.01 + 1e-12).all()  # and not by much
