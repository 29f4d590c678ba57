"""The propositions of docs/theory against games solved by definition: 10,000 random contests for each.

The games here are written a second time in plain Python (scores, costs, their inverses, the ranking), and share
nothing with the package: a deviation pays if the score bought for the reward gap beats the rival's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from headstart.contest import (
    Contest,
    CostTable,
    CurveTable,
    Exponential,
    Linear,
    LogitPower,
    Points,
    PointsCost,
    PowerCost,
)
from headstart.contest.conditions import conditions
from headstart.solve.level import stabilising_level
from headstart.solve.pure import solve_pure

CHUNKS, CHUNK = 10, 1000
"""10,000 contests per proposition, in parts that can run side by side."""

SURE = 1e-7
"""A plain verdict counts when it survives rewards changed by this share."""

chunks = pytest.mark.parametrize("chunk", range(CHUNKS))


@pytest.fixture(autouse=True)
def shapes_checked_on_the_first_chunk_only(request: pytest.FixtureRequest) -> None:
    """The other chunks make the same calls with other numbers."""
    callspec = getattr(request.node, "callspec", None)
    if callspec is not None and callspec.params.get("chunk", 0) > 0:
        request.getfixturevalue("shapes_unchecked")


@dataclass(frozen=True)
class Model:
    """One developer, by definition: score and cost, and the inverses of both as suprema of efforts."""

    score: Callable[[float], float]
    reach: Callable[[float], float]  # least effort whose score is at least s
    cost: Callable[[float], float]
    worth: Callable[[float], float]  # largest effort that costs at most c
    cap: float
    free: float


@dataclass(frozen=True)
class Game:
    models: list[Model]
    rewards: list[float]
    level: float
    listed: bool

    def priority(self) -> list[int]:
        if self.listed:
            return list(range(len(self.models)))
        scores = [m.score(self.level) for m in self.models]
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        return [order.index(i) for i in range(len(scores))]

    def order(self, efforts: list[float]) -> list[int]:
        scores = [m.score(self.level + e) for m, e in zip(self.models, efforts, strict=True)]
        priority = self.priority()
        return sorted(range(len(scores)), key=lambda i: (-scores[i], priority[i]))

    def payoff(self, i: int, efforts: list[float]) -> float:
        return self.rewards[self.order(efforts).index(i)] - self.models[i].cost(efforts[i])

    def buys(self, i: int, k: int, gap: float, efforts: list[float], wins_ties: bool) -> bool | None:
        """Whether ``gap`` buys i a score that beats what k scores at its effort; None where rounding hides it."""
        own, rival = self.models[i], self.models[k]
        effort = min(own.worth(gap), own.cap)
        ahead = own.score(self.level + effort) - rival.score(self.level + efforts[k])
        if ahead == 0 and wins_ties:
            on_plateau = own.score(self.level + 0.999 * effort) == own.score(self.level + effort)
            return True if on_plateau else None
        return None if 0 < abs(ahead) < 1e-12 else bool(ahead > 0)


def verdict(game: Game, efforts: list[float], *, neighbours: bool = False) -> bool | None:
    """Whether no deviation from a profile without costs pays; None where the margin is too small to say."""
    order, priority, answer = game.order(efforts), game.priority(), True
    for low in range(1, len(order)):
        for high in range(low - 1 if neighbours else 0, low):
            i, k = order[low], order[high]
            gap = game.rewards[high] - game.rewards[low]
            wins = priority[i] < priority[k]
            if gap > 0 and game.buys(i, k, gap * (1 - SURE), efforts, wins):
                return False
            if gap > 0 and game.buys(i, k, gap * (1 + SURE), efforts, wins) is not False:
                answer = None
    return answer


def inverse_of(score: Callable[[float], float], invert: Callable[[float], float], ceiling: float) -> Callable:
    def reach(s: float) -> float:
        if s <= score(0.0):
            return 0.0
        return math.inf if s >= ceiling else max(invert(s), 0.0)

    return reach


def logit_power(L: float, U: float, alpha: float, beta: float):
    def score(e: float) -> float:
        return L + (U - L) / (1 + math.exp(-alpha - beta * math.log1p(e)))

    def invert(s: float) -> float:
        return math.expm1((math.log((s - L) / (U - s)) - alpha) / beta)

    return LogitPower(L=L, U=U, alpha=alpha, beta=beta), score, inverse_of(score, invert, U)


def exponential(floor: float, ceiling: float, rate: float):
    def score(e: float) -> float:
        return floor - (ceiling - floor) * math.expm1(-rate * e)  # exact at 0, where ties are common

    def invert(s: float) -> float:
        return -math.log((ceiling - s) / (ceiling - floor)) / rate

    return Exponential(floor=floor, ceiling=ceiling, rate=rate), score, inverse_of(score, invert, ceiling)


def linear(intercept: float, slope: float):
    def score(e: float) -> float:
        return intercept + (slope * e if slope else 0.0)

    ceiling = math.inf if slope else intercept
    curve = Linear(intercept=intercept, slope=slope)
    return curve, score, inverse_of(score, lambda s: (s - intercept) / slope, ceiling)


def points(effort: list[float], values: list[float]):
    pchip = PchipInterpolator(effort, values) if len(effort) > 1 else None

    def score(e: float) -> float:
        return values[-1] if e >= effort[-1] or pchip is None else float(pchip(e))

    return Points(effort=effort, score=values), score, None


def power_cost(scale: float, exponent: float, free: float):
    def cost(e: float) -> float:
        return scale * max(e - free, 0.0) ** exponent

    return PowerCost(scale=scale, exponent=exponent, free=free), cost, lambda c: free + (c / scale) ** (1 / exponent)


def points_cost(slopes: list[float], corner: float):
    def cost(e: float) -> float:
        return slopes[0] * e if e <= corner else slopes[0] * corner + slopes[1] * (e - corner)

    def worth(c: float) -> float:
        at_corner = slopes[0] * corner
        return c / slopes[0] if c <= at_corner else corner + (c - at_corner) / slopes[1]

    curve = PointsCost(effort=[0.0, corner, 2 * corner], cost=[0.0, cost(corner), cost(2 * corner)])
    return curve, cost, worth


def build(curves, costs, caps, rewards, level, listed) -> tuple[Contest, Game]:
    models = [
        Model(score=s, reach=r, cost=c, worth=w, cap=cap, free=w(0.0))
        for (_, s, r), (_, c, w), cap in zip(curves, costs, caps, strict=True)
    ]
    contest = Contest(
        names=tuple("abcdefgh"[: len(models)]),
        curves=CurveTable.of([c for c, _, _ in curves]),
        costs=CostTable.of([c for c, _, _ in costs]),
        rewards=rewards,
        level=level,
        max_effort=caps,
        tie_break="listed" if listed else "capability",
    )
    return contest, Game(models=models, rewards=list(rewards), level=level, listed=listed)


def some_curve(rng: np.random.Generator, kind: int):
    """A random curve of a family; round numbers in half of them, so that ties and plateaus are common."""
    u = rng.integers(0, 5, 4) / 4 if rng.random() < 0.5 else rng.random(4)
    if kind == 0:
        return logit_power(0.3 * u[0], 0.4 + 0.6 * u[1], 2 * u[2] - 1, 0.3 + u[3])
    if kind == 1:
        return exponential(0.4 * u[0], 0.4 + 0.6 * u[1], 0.05 + u[2])
    if kind == 2:
        return linear(u[0], float(rng.choice([0.0, 0.25, u[1]])))
    size = int(rng.integers(1, 5))
    return points(
        [0.0, *np.cumsum(rng.integers(1, 5, size)).tolist()], np.sort(rng.integers(0, 9, size + 1) / 8).tolist()
    )


def some_rewards(rng: np.random.Generator, n: int) -> list[float]:
    scale = float(rng.choice([0.1, 1.0, 10.0]))
    kind = rng.integers(0, 5)
    if kind == 0:
        values = np.r_[1.0, np.zeros(n - 1)]
    elif kind == 1:
        values = np.linspace(1.0, 0.0, n)
    elif kind == 2:
        values = 0.5 ** np.arange(n)
    elif kind == 3:
        values = np.sort(rng.integers(0, 3, n))[::-1] / 2  # plateaus, at times all equal
    else:
        values = np.sort(rng.random(n))[::-1]
    return (scale * values).tolist()


def some_caps(rng: np.random.Generator, n: int) -> list[float]:
    return np.where(rng.random(n) < 0.2, rng.choice([0.0, 0.5, 2.0, rng.random()], n), np.inf).tolist()


def anything(rng: np.random.Generator) -> tuple[Contest, Game]:
    """A contest of any kind: families alone or mixed, tied twins, own costs, caps, levels, both tie rules."""
    n = int(rng.integers(1, 7))
    kinds = np.full(n, rng.integers(0, 4)) if rng.random() < 0.5 else rng.integers(0, 4, n)
    curves = [some_curve(rng, int(kind)) for kind in kinds]
    if n > 1 and rng.random() < 0.2:
        curves[1] = curves[0]
    costs = [power_cost(0.1 + rng.random(), float(rng.choice([1.0, 1.5, 2.0])), 0.0) for _ in range(n)]
    if rng.random() < 0.2:
        low = 0.1 + rng.random()
        costs[0] = points_cost([low, low + rng.random()], 0.5 + rng.random())
    level = float(rng.choice([0.0, rng.random() * 3, np.expm1(rng.random() * 2.5)]))  # higher, plain scores saturate
    return build(curves, costs, some_caps(rng, n), some_rewards(rng, n), level, rng.random() < 0.4)


@chunks
def test_prop_c_prime_one_holder_per_reward_agrees_with_all_pairs(chunk: int) -> None:
    rng = np.random.default_rng([1, chunk])
    seen = {"exists": 0, "none": 0, "undecided": 0}
    for _ in range(CHUNK):
        contest, game = anything(rng)
        found, expected = solve_pure(contest), verdict(game, [0.0] * contest.n)
        seen[found.verdict] += 1
        if expected is True:
            assert found.witness is None, (contest, found)
        if expected is False:
            assert found.verdict != "exists", (contest, found)
        if found.witness is not None:
            i, k = contest.names.index(found.witness.model), contest.names.index(found.witness.overtakes)
            nobody = [0.0] * contest.n
            own, gain = game.models[i], found.witness.gain
            # the witness's effort is an infimum: a developer who spends a third of the gain on top still gains
            efforts = [*nobody[:i], min(own.worth(found.witness.cost + gain / 3), own.cap), *nobody[i + 1 :]]
            assert game.payoff(i, efforts) - game.payoff(i, nobody) >= gain / 2
            assert game.order(efforts).index(i) < game.order(efforts).index(k)
    assert seen["exists"] > CHUNK / 5 and seen["none"] > CHUNK / 5
    assert seen["undecided"] < CHUNK / 5  # ties that a tied model cannot break, and flat tied models


def ordered(rng: np.random.Generator, n: int) -> list:
    """Curves that meet C1-C3: one family, one floor and ceiling, slopes that fall with rank."""
    kind = rng.integers(0, 3)
    steep = np.sort(0.2 + rng.random(n))[::-1] if rng.random() < 0.7 else np.full(n, 0.5)
    high = np.sort(rng.random(n))[::-1]
    if kind == 0:
        return [logit_power(0.2, 0.9, 3 * a - 1, b) for a, b in zip(high, steep, strict=True)]
    if kind == 1:
        return [exponential(0.8 * a, 0.9, b) for a, b in zip(high, steep, strict=True)]
    return [linear(a, b) for a, b in zip(high, steep, strict=True)]


@chunks
def test_prop_c_neighbours_are_enough_where_its_conditions_hold(chunk: int) -> None:
    rng = np.random.default_rng([2, chunk])
    seen: list[bool | None] = []
    for _ in range(CHUNK):
        n = int(rng.integers(3, 7))
        cost = power_cost(0.2 + rng.random(), float(rng.choice([1.0, 1.5, 2.0])), 0.0)
        level = float(rng.choice([0.0, rng.random() * 5]))
        contest, game = build(ordered(rng, n), [cost] * n, [math.inf] * n, some_rewards(rng, n), level, False)
        holds = {c.name: c.holds for c in conditions(contest)}
        assert holds["C3 growing catch-up effort"] and holds["common convex cost"]
        pairs, next_to = verdict(game, [0.0] * n), verdict(game, [0.0] * n, neighbours=True)
        if pairs is not None and next_to is not None:
            assert pairs == next_to
            assert solve_pure(contest).verdict == ("exists" if pairs else "none")
            seen.append(pairs)
    assert len(seen) > 0.95 * CHUNK and CHUNK / 10 < sum(map(bool, seen)) < 0.6 * CHUNK


def test_without_c3_a_jump_over_two_places_can_pay_although_no_neighbour_jump_does() -> None:
    # the middle line is nearly flat, the last one steep: it passes both for 0.5
    curves = [linear(1.0, 1.0), linear(0.9, 0.01), linear(0.5, 1.0)]
    cost = power_cost(1.0, 1.0, 0.0)
    contest, game = build(curves, [cost] * 3, [math.inf] * 3, [1.0, 0.3, 0.0], 0.0, False)
    assert verdict(game, [0.0] * 3, neighbours=True) is True
    assert verdict(game, [0.0] * 3) is False
    found = solve_pure(contest)
    assert found.verdict == "none" and found.witness is not None
    assert (found.witness.model, found.witness.overtakes) == ("c", "a")
    assert not {c.name: c.holds for c in found.conditions}["C3 growing catch-up effort"]


def test_a_cap_on_the_model_between_makes_a_jump_over_it_pay() -> None:
    cost = power_cost(1.0, 1.0, 0.0)
    curves = [linear(1.0, 1.0), linear(0.9, 1.0), linear(0.5, 1.0)]
    contest, game = build(curves, [cost] * 3, [math.inf, 0.0, math.inf], [1.0, 0.3, 0.0], 0.0, False)
    assert verdict(game, [0.0] * 3, neighbours=True) is True
    assert solve_pure(contest).verdict == "none"


@pytest.mark.usefixtures("shapes_unchecked")
@chunks
def test_prop_d_where_c3_holds_catching_up_never_gets_shorter_and_stability_lasts(chunk: int) -> None:
    rng = np.random.default_rng([3, chunk])
    statuses = {"zero": 0, "finite": 0, "infinite": 0, "unknown": 0}
    for number in range(CHUNK):
        n = int(rng.integers(2, 6))
        costs = [power_cost(0.2 + rng.random(), float(rng.choice([1.0, 2.0])), 0.0) for _ in range(n)]
        contest, game = build(ordered(rng, n), costs, some_caps(rng, n), some_rewards(rng, n), 0.0, False)
        levels = np.r_[0.0, np.sort(np.expm1(rng.uniform(0, 2.5, 5)))]  # higher, plain scores saturate
        below = np.arange(1, n)
        efforts = np.array([contest.at_level(d).catch_up_effort(below, 0 * below) for d in levels])
        assert (np.diff(efforts, axis=0) >= -1e-9 * (1 + levels[1:, None])).all()
        by_level = [verdict(replace(game, level=float(d)), [0.0] * n) for d in levels]
        decided = [v for v in by_level if v is not None]
        assert decided == sorted(decided)  # unstable below, stable above
        if number % 20:
            continue  # the search is dearer than the check
        found = stabilising_level(contest)
        assert found.status in statuses
        statuses[found.status] += 1
        if found.status == "unknown":  # shortfalls that vanish exponentially underflow before the horizon
            assert isinstance(contest.curves.families[0], Exponential)
            continue
        for d, stable in zip(levels, by_level, strict=True):
            clear = found.level is None or abs(d - found.level) > 1e-5 * (1 + d)
            if stable is not None and clear:
                assert stable == (found.level is not None and d >= found.level), (contest, found, d)
    assert min(statuses["zero"], statuses["finite"], statuses["infinite"]) > 0 and statuses["unknown"] <= 3


def broken(game: Game, efforts: list[float]) -> bool:
    """Whether somebody gains by free effort, by its cap, or by just beating what a rival scores now."""
    scores = [m.score(game.level + e) for m, e in zip(game.models, efforts, strict=True)]
    for i, model in enumerate(game.models):
        targets = [max(model.reach(s) - game.level, 0.0) for k, s in enumerate(scores) if k != i]
        tries = [0.0, model.free, model.cap, *targets, *(t * (1 + 1e-10) + 1e-10 * (1 + game.level) for t in targets)]
        here = game.payoff(i, efforts)
        for effort in tries:
            if effort <= model.cap and math.isfinite(effort):
                there = game.payoff(i, [*efforts[:i], effort, *efforts[i + 1 :]])
                if there > here + 1e-12 * (1 + abs(here)):
                    return True
    return False


def profiles(rng: np.random.Generator, game: Game, number: int) -> list[list[float]]:
    """Nobody tunes, everybody uses its free effort, caps, catch-up efforts and random efforts, in any mixture."""
    zero, free = [0.0] * len(game.models), [min(m.free, m.cap) for m in game.models]
    found = [zero, free]
    for _ in range(number):
        profile: list[float] = []
        for m in game.models:
            rival = game.models[rng.integers(len(game.models))]
            choices = [0.0, m.free, m.cap, m.reach(rival.score(game.level)) - game.level, rng.random() * 3]
            wanted = choices[rng.integers(len(choices))]
            profile.append(min(wanted, m.cap) if 1e-9 < wanted < math.inf else 0.0)  # no effort of a rounding error
        found.append(profile)
    return found


@chunks
def test_prop_e_free_effort_against_profiles(chunk: int) -> None:
    """None: every profile is broken. Exists: the one returned is not, and unique means that every other one is."""
    rng = np.random.default_rng([4, chunk])
    seen = {"exists": 0, "none": 0, "undecided": 0}
    for _ in range(CHUNK):
        n = int(rng.integers(2, 5))
        common = float(rng.choice([0.0, 0.5, 2.0, rng.random()]))
        same = rng.random() < 0.8
        frees = [common] * n if same else (common + rng.random(n)).tolist()
        costs = [power_cost(0.2 + rng.random(), float(rng.choice([1.0, 2.0])), free) for free in frees]
        curves = ordered(rng, n) if rng.random() < 0.7 else [some_curve(rng, int(rng.integers(0, 3))) for _ in range(n)]
        listed = rng.random() < 0.3
        contest, game = build(curves, costs, [math.inf] * n, some_rewards(rng, n), float(rng.choice([0, 1])), listed)
        found, expected = solve_pure(contest), verdict(game, frees)
        seen[found.verdict] += 1
        if expected is True:
            assert found.witness is None
        if expected is False:
            assert found.verdict != "exists"
        if found.verdict == "none":
            assert all(broken(game, profile) for profile in profiles(rng, game, 6)), contest
        if found.verdict == "exists":
            assert found.efforts is not None and found.efforts.tolist() == frees
            assert not broken(game, frees)
            if found.unique:
                others = [p for p in profiles(rng, game, 6) if any(p)]
                assert all(broken(game, profile) for profile in others)
            if found.unique is False:  # the model ranked last may as well stop short
                other = found.efforts.tolist()
                other[game.order(other)[-1]] /= 2
                assert other != frees and not broken(game, other)
    assert min(seen.values()) > 0
