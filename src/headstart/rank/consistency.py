"""How far the rankings of several benchmarks agree with each other, with standard errors over the models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require


@dataclass(frozen=True, kw_only=True, eq=False)
class Jackknife:
    """A figure over models and what it would be without each of them.

    Args:
        value: With all models; nan where it does not exist.
        left_out: Without one model, one value a model; nan where it does not exist.
    """

    value: float
    left_out: Float[FloatArray, " models"]

    @property
    def stderr(self) -> float:
        """Standard error over the models; nan where a value without one model does not exist.

        Source: Efron and Stein (1981), The Jackknife Estimate of Variance, Annals of Statistics 9.
        """
        n = len(self.left_out)
        return float(np.sqrt((n - 1) / n * np.sum((self.left_out - self.left_out.mean()) ** 2)))

    def minus(self, other: Jackknife) -> Jackknife:
        """The difference of two figures over the same models."""
        return Jackknife(value=self.value - other.value, left_out=self.left_out - other.left_out)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairwiseTau:
    """Agreement of every two benchmarks with each other.

    Args:
        tau_b: Kendall's tau-b of each pair; nan where it does not exist.
        tau_a: Kendall's tau-a.
        mean_tau_b: Mean over the pairs of different benchmarks of which it exists.
        mean_tau_a: The same of tau-a.
    """

    tau_b: Float[FloatArray, "benchmarks benchmarks"]
    tau_a: Float[FloatArray, "benchmarks benchmarks"]
    mean_tau_b: Jackknife
    mean_tau_a: Jackknife


def pairwise_tau(scores: Float[FloatArray, "benchmarks models"]) -> PairwiseTau:
    """Kendall's tau-b and tau-a of all pairs of benchmarks, each over the models that both have scores of.

    Args:
        scores: Higher is better; nan where missing.

    Raises:
        InputError: If there are fewer than two benchmarks.

    >>> agreement = pairwise_tau(np.array([[0.9, 0.5, 0.4], [0.8, 0.3, 0.3]]))
    >>> [round(float(tau[0, 1]), 3) for tau in (agreement.tau_b, agreement.tau_a)]
    [0.816, 0.667]
    """
    benchmarks, models = scores.shape
    require(benchmarks >= 2, "benchmarks", "at least 2", benchmarks)
    balance = np.empty((models, benchmarks, benchmarks))
    untied, common = np.empty_like(balance), np.empty_like(balance)
    present = ~np.isnan(scores)
    for m in range(models):
        signs = np.nan_to_num(np.sign(scores[:, m : m + 1] - scores))
        both = (present[:, m : m + 1] & present).astype(np.float64)
        both[:, m] = 0.0  # no model is a pair with itself
        balance[m], untied[m], common[m] = signs @ signs.T, np.abs(signs) @ both.T, both @ both.T
    # every pair of models was counted twice
    whole, pairs, shared = (counts.sum(axis=0) / 2 for counts in (balance, untied, common))
    return PairwiseTau(
        tau_b=_ratio(whole, np.sqrt(pairs * pairs.T)),
        tau_a=_ratio(whole, shared),
        mean_tau_b=_over_pairs(whole, pairs, whole - balance, pairs - untied),
        mean_tau_a=_over_pairs(whole, shared, whole - balance, shared - common),
    )


def mean_pairwise_tau_b(scores: Float[FloatArray, "benchmarks models"]) -> Jackknife:
    """Mean of Kendall's tau-b over all pairs of benchmarks, each over the models that both have scores of.

    Pairs of benchmarks whose tau-b does not exist (fewer than two common models, or all tied) are left out of the mean.

    Args:
        scores: Higher is better; nan where missing.

    Raises:
        InputError: If there are fewer than two benchmarks.

    >>> agreement = mean_pairwise_tau_b(np.array([[0.9, 0.5, 0.4], [0.8, 0.3, 0.6], [0.7, 0.6, 0.5]]))
    >>> round(agreement.value, 3)
    0.556
    """
    return pairwise_tau(scores).mean_tau_b


def _over_pairs(
    whole: Float[FloatArray, "benchmarks benchmarks"],
    scale: Float[FloatArray, "benchmarks benchmarks"],
    balance: Float[FloatArray, "models benchmarks benchmarks"],
    scales: Float[FloatArray, "models benchmarks benchmarks"],
) -> Jackknife:
    return Jackknife(value=float(_mean_tau(whole[None], scale[None])[0]), left_out=_mean_tau(balance, scales))


def _ratio(
    balance: Float[FloatArray, "benchmarks benchmarks"], scale: Float[FloatArray, "benchmarks benchmarks"]
) -> Float[FloatArray, "benchmarks benchmarks"]:
    return np.where(scale > 0, balance / np.where(scale > 0, scale, 1.0), np.nan)


def _mean_tau(
    balance: Float[FloatArray, "sets benchmarks benchmarks"], untied: Float[FloatArray, "sets benchmarks benchmarks"]
) -> Float[FloatArray, " sets"]:
    first, second = np.triu_indices(balance.shape[-1], 1)
    scale = np.sqrt(untied[:, first, second] * untied[:, second, first])
    known = scale > 0
    tau = np.where(known, balance[:, first, second] / np.where(known, scale, 1.0), 0.0)
    count = known.sum(axis=1)
    return np.where(count > 0, tau.sum(axis=1) / np.maximum(count, 1), np.nan)


def first_component_share(scores: Float[FloatArray, "benchmarks models"]) -> Jackknife:
    """Share of the variance of standardised scores that their first principal component holds.

    The largest eigenvalue of the correlation matrix of the benchmarks, divided by their number: 1 where all benchmarks
    say the same of every model up to scale, 1 / benchmarks where they are uncorrelated. Noise and few models both move
    it up or down from the value for exact scores; its standard error is over the models only.

    Args:
        scores: Of every model on every benchmark.

    Returns:
        nan where a benchmark's scores are all equal.

    Raises:
        InputError: If there are fewer than two benchmarks or three models, or a score is missing.

    >>> round(first_component_share(np.array([[0.9, 0.5, 0.4], [0.8, 0.3, 0.2]])).value, 3)
    1.0
    """
    benchmarks, models = scores.shape
    require(benchmarks >= 2, "benchmarks", "at least 2", benchmarks)
    require(models >= 3, "models", "at least 3", models)
    require(bool(np.isfinite(scores).all()), "scores", "finite", "a missing one")
    left_out = np.array([_share(np.delete(scores, m, axis=1)) for m in range(models)])
    return Jackknife(value=_share(scores), left_out=left_out)


def _share(scores: Float[FloatArray, "benchmarks models"]) -> float:
    centred = scores - scores.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    if (scale <= 1e-12 * np.abs(scores).max(axis=1, keepdims=True)).any():
        return float("nan")
    unit = centred / scale
    return float(np.linalg.eigvalsh(unit @ unit.T)[-1] / len(scores))
