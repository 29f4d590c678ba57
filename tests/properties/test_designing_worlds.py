"""Stability in many posterior draws at once is the solver's verdict, world by world."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headstart.contest import Contest, CostTable, CurveTable, LogitPower, PowerCost
from headstart.contest.advanced import advanced
from headstart.designing.reward_design import nearest_rewards, steepest_rewards
from headstart.designing.worlds import stable_worlds
from headstart.solve.prices import critical_stakes
from headstart.solve.pure import solve_pure


def shapes(random: np.random.Generator, n: int) -> np.ndarray:
    """Rewards with plateaus now and then, as tiers make them."""
    steps = random.uniform(0, 1, n - 1) * (random.random(n - 1) < 0.6)
    return np.r_[np.cumsum(steps[::-1])[::-1], 0.0] * 10 ** random.uniform(-1, 4)


@given(st.integers(0, 10**6))
def test_every_world_is_decided_as_the_solvers_decide_it(seed):
    random = np.random.default_rng(seed)
    n, worlds = int(random.integers(2, 9)), 12
    curves = LogitPower(
        L=np.full((worlds, n), 0.2), U=random.uniform(0.5, 0.9, (worlds, n)),
        alpha=random.normal(-2, 1, (worlds, n)), beta=random.uniform(0.3, 1.5, (worlds, n)),
    )  # fmt: skip
    cost = random.uniform(0.5, 2.0, n)
    levels = np.full(n, 10 ** random.uniform(0, 3)) * (random.random(n) < 0.8)
    rewards = shapes(random, n)
    stable = stable_worlds(curves, cost, levels, rewards)
    assert (stable == (critical_stakes(curves, cost, levels[None], rewards) >= 1.0)).all()
    for w in range(worlds):
        one = LogitPower(L=curves.L[w], U=curves.U[w], alpha=curves.alpha[w], beta=curves.beta[w])
        contest = Contest(
            names=tuple("abcdefgh"[:n]), curves=advanced(CurveTable.batch(one, n), levels),
            costs=CostTable.batch(PowerCost(scale=cost), n), rewards=rewards,
        )  # fmt: skip
        verdict = solve_pure(contest).verdict
        assert verdict in ({"exists", "undecided"} if stable[w] else {"none", "undecided"})


@given(st.integers(0, 10**6))
def test_designed_rewards_are_never_gamed(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 8))
    curves = LogitPower(
        L=0.2, U=random.uniform(0.5, 0.9, n), alpha=random.normal(-2, 1, n), beta=random.uniform(0.3, 1.5, n)
    )
    contest = Contest(
        names=tuple("abcdefgh"[:n]), curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(exponent=random.uniform(1, 2)), n), rewards=np.zeros(n),
        level=float(random.choice([0.0, 10.0, 1000.0])),
    )  # fmt: skip
    wanted = shapes(random, n)
    for found in (steepest_rewards(contest, largest=500.0), nearest_rewards(contest, wanted)):
        assert (np.diff(found.rewards) <= 0).all()
        assert found.rewards[-1] == 0
        assert solve_pure(contest.with_rewards(found.rewards)).verdict != "none"
