"""Small games by brute force: every profile of a grid of efforts, and all correlated equilibria by linear programs."""

import itertools

import numpy as np
from scipy.optimize import linprog

from headstart.solve.incentive import ScoreNoise
from headstart.solve.incentive.field import reward_field


def profiles(efforts):
    """All profiles of a grid, shape (profiles, models): indices into each developer's efforts."""
    return np.array(list(itertools.product(*(range(len(own)) for own in efforts))))


def payoffs_without_noise(contest, efforts, table):
    """Payoffs and ranks of every profile, each of shape (profiles, models)."""
    spent = np.array([[efforts[i][at] for i, at in enumerate(row)] for row in table])
    ranks = np.array([contest.ranks(row) for row in spent])
    costs = np.array([contest.costs.cost(row) for row in spent])
    return contest.rewards[ranks - 1] - costs, ranks


def payoffs_with_noise(contest, efforts, table, noise: ScoreNoise):
    """Expected payoffs of every profile, shape (profiles, models)."""
    result = np.empty(table.shape)
    for p, row in enumerate(table):
        spent = np.array([efforts[i][at] for i, at in enumerate(row)])
        scores = contest.scores(spent)
        field = reward_field(scores, contest.rewards, noise, contest.tie_break)
        earned = field.value(np.arange(contest.n), scores) + contest.rewards[-1]
        result[p] = earned - contest.costs.cost(spent)
    return result


def largest_mass(payoffs, table, wanted):
    """Largest probability that a correlated equilibrium of the grid game gives to the profiles wanted."""
    count, n = table.shape
    place = {tuple(row): p for p, row in enumerate(table.tolist())}
    rows = []
    for i in range(n):
        choices = int(table[:, i].max()) + 1
        for told in range(choices):
            for instead in range(choices):
                if told == instead:
                    continue
                row = np.zeros(count)
                for p in np.flatnonzero(table[:, i] == told):
                    other = table[p].tolist()
                    other[i] = instead
                    row[p] = payoffs[place[tuple(other)], i] - payoffs[p, i]  # following must be at least as good
                rows.append(row)
    found = linprog(
        -np.asarray(wanted, dtype=float), A_ub=np.array(rows), b_ub=np.zeros(len(rows)), A_eq=np.ones((1, count)),
        b_eq=[1.0], bounds=(0, 1), method="highs",
    )  # fmt: skip
    assert found.status == 0, found.message
    return -found.fun
