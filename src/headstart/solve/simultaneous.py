"""How far measurement noise can move scores apart or together, for all pairs of a field at once."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from headstart.contest.arrays import FloatArray, require
from headstart.solve.incentive.noise import ScoreNoise

_POINTS = 4001
_REACH = 9.0
_OUTWARD = 1 + 1e-7  # more than the integral and the root can be wrong by


def pair_radii(noise: ScoreNoise, n: int, missing: float) -> Float[FloatArray, "*batch models"]:
    """Radii r with ``P(|noise_i - noise_k| <= r_i + r_k for all pairs) >= 1 - missing``.

    One standard deviation for all differences: half the quantile of the range of n normals (exact). Independent noises:
    each noise within its own bound, which holds for all at once by independence. Other normal noise: each difference
    within its own bound, which holds for all at once by Sidak's inequality, and then the larger bounds of each model.

    Args:
        noise: Of one field, or of a batch.
        n: Number of models.
        missing: Probability left out, in (0, 1).

    Raises:
        InputError: If ``missing`` is out of range.

    Source: Sidak (1967), Rectangular confidence regions for the means of multivariate normal distributions.

    >>> pair_radii(ScoreNoise.independent([0.01, 0.01]), 2, 0.05).round(5)  # 1.96 standard deviations of the difference
    array([0.01386, 0.01386])
    """
    require(0 < missing < 1, "missing", "between 0 and 1", missing)
    if n < 2:
        return np.zeros(n)  # no pairs
    shared = noise.common_sd(n)
    if shared is not None:
        half = 0.5 * range_quantile(n, missing) / np.sqrt(2.0)
        return np.repeat((half * shared)[..., None], n, axis=-1)
    if noise.kind == "independent":
        return noise.sd * two_sided(n, missing)
    widest = np.where(np.eye(n, dtype=bool), 0.0, noise.difference_sd(n)).max(axis=-1)
    return 0.5 * two_sided(n * (n - 1) // 2, missing) * widest


def two_sided(count: int, missing: float) -> float:
    """Z with ``P(count independent standard normals all lie in [-z, z]) = 1 - missing``.

    >>> round(two_sided(1, 0.05), 4)
    1.96
    """
    each = -math.expm1(math.log1p(-missing) / count)
    return float(-ndtri(each / 2))


@lru_cache(maxsize=256)
def range_quantile(n: int, missing: float) -> float:
    """Q with ``P(range of n independent standard normals > q) = missing``.

    >>> round(range_quantile(10, 0.05), 3)  # the studentized range with known standard deviation
    4.474
    """
    from scipy.optimize import brentq  # imported where used: it takes longer to load than the rest

    least = np.linspace(-_REACH, _REACH, _POINTS)
    density = np.exp(-0.5 * least * least) / np.sqrt(2 * np.pi) * (least[1] - least[0])

    def beyond(q: float) -> float:
        # P(range > q | least = x) = 1 - (P(x < Z <= x + q) / P(Z > x)) ** (n - 1), averaged over the least of n
        above, within = ndtr(-least), ndtr(-least) - ndtr(-least - q)
        return float((n * density * (above ** (n - 1) - within ** (n - 1))).sum())

    top = 2.0 * two_sided(n, missing) + 1.0
    return float(brentq(lambda q: beyond(q) - missing, 1e-6, top, xtol=1e-10)) * _OUTWARD
